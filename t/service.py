"""What the tests of the whole service share: TAP, HTTP, the job's way, the stack's processes.

    under_stack(__file__)   starts the test again under t/with-stack, with the lines of NAME.conf
                            next to NAME.t; returns where that is done, or where EXPORT_URL names a
                            running stack (own=True: never somebody else's). Then run/env is in the
                            environment.
    ok(good, name, why)     is_(got, want, name)     skip(name, why)     note(text)
    done()                  -> exit status
    section(name, f, ...)   f(...), or None with a failed test where that raises: the rest of the
                            file still runs
    wait_for(what, probe, seconds) -> the first true result of probe(); raises Late after that
                            long, on a busy() machine accordingly later
    call(method, url, body, headers, user) -> Answer: one request, nothing added, no redirect
                            followed
    problem(name, answer, statuses, pointer): the answer is one of these errors, as RFC 9457 and
                            docs/API.md have it
    create, job_of, finish, fetch: POST to 202, GET, until the final state, what exportUri leads to

Times are Unix ms. `user` is the name of HTTP Basic, which the stack's nginx believes: the job's
owner.
"""
import base64
import contextlib
import glob
import hashlib
import http.client
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.parse
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import fleet     # noqa: E402
import oracle    # noqa: E402

HOUR, DAY = 3600000, 86400000
START = 1543536000000                   # 2018-11-30, where all test data begins
FINAL = ("FINISHED", "FAILED", "CANCELLED", "EXPIRED")
ORDER = ("NOT_STARTED", "STARTED") + FINAL
POLL_S = 0.05
HTTP_TIMEOUT_S = 60
JSON_TYPE = {"Content-Type": "application/json"}
# The beginning of an nginx.conf, up to its servers, with all files in nginx's own folder; %s: lines
# before it.
NGINX_HEAD = """%sdaemon off;
pid nginx.pid;
error_log error.log info;
events {}
http {
access_log off;
client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
uwsgi_temp_path tmp; scgi_temp_path tmp;
"""


class Late(Exception):
    """Something did not happen before its deadline."""


# ---- TAP ----------------------------------------------------------------------------------

RESULTS = []


def note(text, to=None):
    print("# " + str(text).replace("\n", "\n# "), file=to, flush=True)


def ok(good, name, why=""):
    RESULTS.append(bool(good))
    print("%sok %d - %s" % ("" if good else "not ", len(RESULTS), name), flush=True)
    if not good and why != "":
        note(str(why)[:2000], sys.stderr)       # which prove passes on
    return bool(good)


def is_(got, want, name):
    return ok(got == want, name, "want %r\ngot  %r" % (want, got))


def skip(name, why):
    """Where all must run, what is missing is a failure."""
    if os.environ.get("EXPORT_TEST_ALL") == "1":
        return ok(False, name, "lacking: " + why)
    RESULTS.append(True)
    print("ok %d - %s # SKIP %s" % (len(RESULTS), name, why), flush=True)
    return True


def seed_of(variable, fixed=1):
    """The seed of what a test draws: the environment's, else a fixed one; printed."""
    seed = int(os.environ.get(variable) or fixed)
    note("%s=%d" % (variable, seed))
    return seed


def section(name, f, *args):
    try:
        return f(*args)
    except Exception as e:              # reported for the section; the next ones run
        ok(False, "%s: %s" % (name, type(e).__name__), "%s\n%s" % (e, traceback.format_exc()))
        return None


def done():
    print("1..%d" % len(RESULTS), flush=True)
    return 0 if RESULTS and all(RESULTS) else 1


# ---- the stack ----------------------------------------------------------------------------

def skip_all(why):
    if os.environ.get("EXPORT_TEST_ALL") == "1":
        print("not ok 1 - lacking: %s\n1..1" % why)
        sys.exit(1)
    print("1..0 # SKIP lacking: %s" % why)
    sys.exit(0)


def under_stack(file, own=False):
    file = os.path.abspath(file)
    if os.environ.get("WITH_STACK") == file or ("EXPORT_URL" in os.environ and not own):
        return
    try:
        import boto3            # noqa: F401
        import pika             # noqa: F401
        import pymongo          # noqa: F401
    except ImportError as e:
        skip_all("%s; run scripts/deps" % e)
    conf = os.path.splitext(file)[0] + ".conf"
    os.environ["WITH_STACK"] = file
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.chdir(ROOT)
    os.execv(wrapper, [wrapper] + (["--conf", conf] if os.path.exists(conf) else [])
             + [sys.executable, file])


def stack(*args):
    """scripts/stack on this stack; raises with its output."""
    run = subprocess.run([os.path.join(ROOT, "scripts", "stack"), *args], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=300,
                         check=False)
    if run.returncode != 0:
        raise RuntimeError("scripts/stack %s: exit %d\n%s" % (" ".join(args), run.returncode,
                run.stdout[-1500:]))


def generate(*args):
    """scripts/dev/generate into this stack; raises with its output."""
    run = subprocess.run([os.path.join(ROOT, "scripts", "dev", "generate"), *args],
                         stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError("scripts/dev/generate: exit %d\n%s" % (run.returncode,
                run.stdout[-1500:]))


def catalogued(vehicles):
    """Have the stack's worker catalogue this many vehicles: it looks at new ones as it starts. It
    then does not look at them again for catalogue_s."""
    stack("down", "worker")
    stack("up", "worker")
    wait_for("the catalogue", lambda: mongo().exports.vehicles.count_documents(
        {"checkedAt": {"$exists": True}}) >= vehicles, 60)


def setting(key, default):
    """A value of the stack's export.conf, of the type of its default."""
    with open(os.environ["EXPORT_CONF"], encoding="utf-8") as f:
        for line in f:
            name, eq, value = line.partition("=")
            if eq and name.strip() == key:
                return type(default)(value.strip())
    return default


def configuration(path, **changes):
    """Writes the stack's export.conf, but for these keys, to path; None: without the key. path."""
    with open(os.environ["EXPORT_CONF"], encoding="utf-8") as f, open(path, "w",
            encoding="utf-8") as to:
        to.writelines(line for line in f if line.partition("=")[0].strip() not in changes)
        to.writelines("%s = %s\n" % item for item in changes.items() if item[1] is not None)
    return path


class Relay:
    """build/t/relay: a distance between a client and a server of this host. counts(): what came
    through since the last call; asked(): MongoDB's requests in order, without heartbeats."""
    def __init__(self, port, target, *options):
        self.port = port
        program = os.path.join(ROOT, os.environ.get("B", "build"), "t", "relay")
        self.process = subprocess.Popen([program, str(port), str(target), *map(str, options)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True)
        wait_for("the relay", self.listens, 10)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def counts(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def asked(self):
        return [name for name in self.counts()["requests"]
                if name.lower() not in ("hello", "ismaster", "other")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def pid_of(variable):
    """The pid in the file that this variable names, if it lives; else None."""
    try:
        with open(os.environ[variable], encoding="ascii") as f:
            pid = int(f.read())
        os.readlink("/proc/%d/exe" % pid)       # a zombie has none
        return pid
    except (OSError, ValueError):
        return None


def freeze(pid):
    """SIGSTOP, and until it holds: busy threads go on for some milliseconds after kill()."""
    os.kill(pid, signal.SIGSTOP)
    wait_for("pid %d to stand still" % pid, lambda: set(thread_states(pid)) == {"T"}, 10)


def thread_states(pid):
    for path in glob.glob("/proc/%d/task/*/stat" % pid):
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as f:
            yield f.read().rpartition(")")[2].split()[0]


def alive(pid):
    try:
        os.readlink("/proc/%d/exe" % pid)
        return True
    except OSError:
        return False


def end(variable, number=signal.SIGKILL, seconds=60):
    """Ends the process of a pid file; returns its pid when it is gone."""
    pid = pid_of(variable)
    if pid is None:
        raise RuntimeError("%s: nothing runs" % variable)
    os.kill(pid, number)
    wait_for("the end of %s" % variable, lambda: not alive(pid), seconds)
    return pid


def worker_anew(number=signal.SIGTERM):
    """Ends the worker and waits for the one that supervisord puts in its place; its pid."""
    old = end("WORKER_PIDFILE", number)
    return wait_for("the next worker", lambda: pid_of("WORKER_PIDFILE") not in (None, old) and
                    pid_of("WORKER_PIDFILE"), 30)


@contextlib.contextmanager
def another_worker(stopped=("WORKER_PIDFILE",), program=None, env=None, **changes):
    """A worker of the test's own with these settings changed, the only one: those of the stack are
    stopped meanwhile.

    program: another build of it. It is killed in the end, if it still runs; its log is
    RUN/log/another-worker.log.
    """
    run = os.environ["EXPORT_RUN"]
    conf = configuration(os.path.join(run, "another.conf"), **changes)
    program = program or os.path.join(os.environ.get("BIN",
                                                     os.path.join(ROOT,
                                                             os.environ.get("B", "build"))),
                                                             "export-worker")
    pids = [pid_of(variable) for variable in stopped]
    for pid in pids:
        freeze(pid)
    try:
        with open(os.path.join(run, "log", "another-worker.log"), "wb") as log:
            process = subprocess.Popen([program, "-c", conf], env=dict(os.environ, **(env or {})),
                                       stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def handlers():
    """The pids of this stack's export-api processes."""
    found, mark = set(), ("EXPORT_STACK_RUN=" + os.environ["EXPORT_RUN"]).encode()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and "/export-api" in os.readlink("/proc/%s/exe" % name):
                with open("/proc/%s/environ" % name, "rb") as f:
                    if mark in f.read().split(b"\0"):
                        found.add(int(name))
        except OSError:
            pass
    return found


def busy():
    """How many times longer things take here than on a quiet machine: 1 or more."""
    return max(1, os.getloadavg()[0] / os.cpu_count())


def wait_for(what, probe, seconds):
    began = time.monotonic()
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > began + seconds * busy():
            raise Late("%s: not within %g s" % (what, seconds))
        time.sleep(POLL_S)


def mongo():
    import pymongo
    return pymongo.MongoClient(os.environ["MONGODB_ADMIN_URI"], w="majority",
                               serverSelectionTimeoutMS=20000)


def jobs_of(client):
    """exports.jobs as the API sees it: what a majority has."""
    from pymongo.read_concern import ReadConcern
    return client.exports.get_collection("jobs", read_concern=ReadConcern("majority"))


def job_document(jobs, ident):
    """The document of this job in exports.jobs; None where there is none."""
    from bson import ObjectId
    return jobs.find_one({"_id": ObjectId(ident)})


def logged(name, since=0):
    """What a program's log says from this place on. A line comes through supervisord's pipe, maybe
    after the answer it precedes: wait_for() it."""
    with open(os.path.join(os.environ["EXPORT_RUN"], "log", name + ".log"), encoding="utf-8",
              errors="replace") as f:
        f.seek(since)
        return f.read()


def peak_kb(pid):
    """The largest resident set that the process has had, in KiB."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))


def cpu_s(pid):
    """Seconds of user and system time of the process, with those of all its threads."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def objects_of(ident):
    """{key: size} of a job's objects on S3."""
    found = s3().list_objects_v2(Bucket=os.environ["S3_BUCKET"], Prefix="exports/%s/" % ident)
    return {x["Key"]: x["Size"] for x in found.get("Contents", [])}


def s3():
    import boto3
    from botocore.config import Config
    return boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1",
                        aws_access_key_id=os.environ["S3_ADMIN_KEY"],
                        aws_secret_access_key=os.environ["S3_ADMIN_SECRET"],
                        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}))


def channel():
    """A channel of the broker's admin, on a connection of its own."""
    import pika
    return pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_ADMIN_URI"])).channel()


# ---- HTTP ---------------------------------------------------------------------------------

class Answer:
    """status, headers (of http.client, or None), body; json() raises where the body is none."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return self.headers.get(name)

    def type(self):
        """The media type without its parameters."""
        return (self.header("Content-Type") or "").partition(";")[0].strip()

    def json(self):
        return json.loads(self.body.decode("utf-8"), object_pairs_hook=oracle.unique_members)

    def __str__(self):
        return "%d %s: %s" % (self.status, self.header("Content-Type"), self.body[:600])


def base():
    return os.environ["EXPORT_URL"].rstrip("/")


def call(method, url, body=None, headers=None, user=None, source=None):
    parts = urllib.parse.urlsplit(url if "://" in url else base() + url)
    headers = dict(headers or {})
    if user is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(("%s:x" % user).encode()).decode()
    connection = http.client.HTTPConnection(parts.netloc, timeout=HTTP_TIMEOUT_S,
                                            source_address=source and (source, 0))
    try:
        try:
            connection.request(method, parts.path + ("?" + parts.query if parts.query else ""),
                               body, headers)
        except BrokenPipeError:         # refused before all was sent: the answer is there
            pass
        got = connection.getresponse()
        return Answer(got.status, got.headers, got.read())
    finally:
        connection.close()


def raw_call(data):
    """The status and body bytes that nginx sends for these very bytes."""
    parts = urllib.parse.urlsplit(base())
    with socket.create_connection((parts.hostname, parts.port), timeout=HTTP_TIMEOUT_S) as s:
        s.sendall(data)
        got = http.client.HTTPResponse(s)
        got.begin()
        return Answer(got.status, got.headers, got.read())


def post(body, user=None, headers=None):
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    return call("POST", "/export", body.encode() if isinstance(body, str) else body,
                headers or JSON_TYPE, user)


def tells(text):
    """What in a text for clients names the machine, its files or its servers; None where nothing
    does."""
    found = re.search(
        r"127\.0\.0\.1|localhost|\b%s\b|%s|%s|mongodb|amqp|/etc/|/tmp/|/usr/|\.sock\b|\.c:\d"
        % tuple(
        re.escape(x) for x in (socket.gethostname(), ROOT, os.environ["EXPORT_RUN"])), text, re.I)
    return found and found[0]


def problem_wrongs(got, statuses, pointer=None):
    """What is wrong with an RFC 9457 answer; pointer is a regular expression of its member
    `pointer`."""
    wrong = []
    if got.status not in statuses:
        wrong.append("status %d, want %s" % (got.status, " or ".join(map(str, statuses))))
    if got.type() != "application/problem+json":
        wrong.append("Content-Type %r" % got.header("Content-Type"))
    try:
        body = got.json()
    except (ValueError, UnicodeDecodeError) as e:
        return wrong + ["no JSON: %s" % e]
    for member, kind in (("type", str), ("title", str), ("status", int)):
        if not isinstance(body.get(member), kind):
            wrong.append("%s is %r" % (member, body.get(member)))
    if body.get("status") != got.status:
        wrong.append("member status is %r" % body.get("status"))
    if body.get("type") != "/problems/" + str(body.get("title")).lower().replace(" ", "-"):
        wrong.append("member type is %r" % body.get("type"))
    if pointer is not None:
        if not re.fullmatch(pointer, str(body.get("pointer"))):
            wrong.append("pointer is %r, want %s" % (body.get("pointer"), pointer))
        if not isinstance(body.get("detail"), str) or not body["detail"]:
            wrong.append("detail is %r" % body.get("detail"))
    told = tells(got.body.decode("utf-8", "replace"))
    if told:
        wrong.append("it tells %r" % told)
    return wrong


def problem(name, got, statuses, pointer=None):
    wrong = problem_wrongs(got, statuses, pointer)
    return ok(not wrong, name, "%s\n%s" % ("; ".join(wrong), got))


# ---- a job --------------------------------------------------------------------------------

def request(days=1, first=0, **more):
    """The body of a POST: this many days of the test data from its day `first` on."""
    return dict({"startDate": oracle.rfc3339(START + first * DAY)[:10],
                 "endDate": oracle.rfc3339(START + (first + days) * DAY)[:10]}, **more)


def create(body, user=None):
    """The id of a new job; raises for any answer but 202."""
    got = post(body, user)
    if got.status != 202:
        raise RuntimeError("POST %s: %s" % (body, got))
    return got.json()["_id"]


def job_of(ident, user=None):
    got = call("GET", "/export/" + ident, user=user)
    if got.status != 200:
        raise RuntimeError("GET of job %s: %s" % (ident, got))
    return got.json()


def finish(ident, user=None, seconds=60, seen=None):
    """The job in its final state. Raises where a state goes back, and where exportUri is in any
    job but a FINISHED one. The states met are appended to seen."""
    seen = [] if seen is None else seen
    began = time.monotonic()
    while True:
        job = job_of(ident, user)
        state = job["state"]
        if not seen or seen[-1] != state:
            if seen and ORDER.index(state) < ORDER.index(seen[-1]):
                raise RuntimeError("job %s went back from %s to %s" % (ident, seen[-1], state))
            seen.append(state)
        if (state == "FINISHED") != ("exportUri" in job):
            raise RuntimeError("exportUri in a %s job: %s" % (state, job))
        if state in FINAL:
            return job
        if time.monotonic() > began + seconds * busy():
            raise Late("job %s is still %s after %g s: %s" % (ident, state, seconds, job))
        time.sleep(POLL_S)


def fetch(ident, user=None):
    """(job, bytes of its archive), by a link signed now; raises where size or sha256 are not
    those of the job."""
    job = job_of(ident, user)
    if job["state"] != "FINISHED":
        raise RuntimeError("job %s is %s: %s" % (ident, job["state"], job.get("error")))
    got = call("GET", job["exportUri"])
    if got.status != 200:
        raise RuntimeError("GET of exportUri: %s" % got)
    if job["size"] != len(got.body) or job["sha256"] != hashlib.sha256(got.body).hexdigest():
        raise RuntimeError("job %s: size %s and sha256 %s, true are %d and %s" % (
            ident, job["size"], job["sha256"], len(got.body), hashlib.sha256(got.body).hexdigest()))
    return job, got.body


def entries(archive):
    """{name: SHA-256 of its bytes} of an archive, of the manifest without the time of the run: what
    two exports of the same have in common."""
    out = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        for info in z.infolist():
            data = z.read(info)
            if info.filename == "manifest.json":
                data = re.sub(rb'"readingBeganAt"\s*:\s*"[^"]*"', b"", data)
            out[info.filename] = hashlib.sha256(data).hexdigest()
    return out


def differs(got, want):
    """The first difference of two archives, their manifests (whose times differ) aside; None: there
    is none."""
    a, b = zipfile.ZipFile(io.BytesIO(got)), zipfile.ZipFile(io.BytesIO(want))
    if entries(got) != entries(want):
        return "the manifests or the files"
    if a.namelist() != b.namelist():
        return "names"
    start = a.infolist()[-1].header_offset
    if start != b.infolist()[-1].header_offset or got[:start] != want[:start]:
        return "bytes before the manifest"
    for x, y in zip(a.infolist()[:-1], b.infolist()[:-1]):
        if (x.header_offset, x.CRC, x.file_size, x.compress_size, x.date_time, x.external_attr) != (
                y.header_offset, y.CRC, y.file_size, y.compress_size, y.date_time, y.external_attr):
            return "directory: " + x.filename
    return None


# ---- test data ----------------------------------------------------------------------------

def small_fleet(prefix="vehicle_demo"):
    """{vehicle: {parameter: [(order_ms, raw)]}}: three days from an hour before START, tidy and odd
    documents, with points at and next to the first and last ms of the first day; the third vehicle
    has nothing there; the fourth has no point outside the hour of its document."""
    r = random.Random(1)
    hours = range(START - HOUR, START + 3 * DAY, HOUR)

    def column(style, n):
        return fleet.fill(r, hours, START, START + DAY, style, False, n)

    return {prefix + "_1": {"speed": column("plain", 120), "soc": column("plain", 20),
                            "note": column("wild", 5)},
            prefix + "_2": {"odo": column("plain", 30), "speed": column("collide", 9),
                            "a,b": column("wild", 9)},
            prefix + "_3": {"speed": fleet.fill(r, hours[-5:], START, START + DAY, "plain", False,
                                                20), "soc": []},
            prefix + "_4": {"speed": fleet.fill(r, hours, 0, 0, "plain", False, 60),
                            "soc": fleet.fill(r, hours, 0, 0, "plain", False, 20)}}


def load(client, data):
    from bson.raw_bson import RawBSONDocument
    for vehicle, collections in data.items():
        client.drop_database(vehicle)
        for parameter, documents in collections.items():
            if documents:
                client[vehicle][parameter].insert_many([RawBSONDocument(raw) for _,
                                                        raw in documents])
            else:
                client[vehicle].command("create", parameter)


def instant(text):
    """Unix ms of a date or an RFC 3339 time, as the service may print either; raises ValueError."""
    m = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?(?:Z|([+-])(\d\d):(\d\d)))?",
        text)
    if not m:
        raise ValueError("%r is no date" % text)
    import datetime
    n = [int(x or 0) for x in m.groups()[:6]]
    ms = (datetime.datetime(*n) - oracle.EPOCH) // datetime.timedelta(milliseconds=1)
    ms += int((m[7] or "0").ljust(3, "0"))
    offset = (int(m[9] or 0) * 60 + int(m[10] or 0)) * 60000
    return ms + (offset if m[8] == "-" else -offset)


def as_oracle(body, vehicles=None):
    """A POST's body as t/oracle.py takes requests."""
    return {"startDate": instant(body["startDate"]), "endDate": instant(body["endDate"]),
            "vehicles": body.get("vehicles", vehicles), "parameters": body.get("parameters"),
            "time": body.get("time", "ms"), "timeZone": body.get("timeZone"),
            "header": body.get("header"), "format": body.get("format", "csv"),
            "csv": body.get("csv", "rfc4180"), "every": body.get("every"),
            "take": body.get("take"), "hold": body.get("hold"), "split": body.get("split"),
            "unknownVehicles": body.get("unknownVehicles", "fail")}
