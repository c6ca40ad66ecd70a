#!/usr/bin/python3
"""What the service promises while its servers and its own processes die: after the 202 a job ends,
once, with the right result.

Prints TAP. Always on a stack of its own, with two workers, the short clock of t/9000-faults.conf
and a short retry queue.
Environment: FAULTS_SEED, of the garbage in the queue (1).
"""
import contextlib
import datetime
import functools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "chaos")]
sys.dont_write_bytecode = True

import proxy                            # noqa: E402
from service import (                   # noqa: E402
    DAY, ROOT, START, Late, alive, another_worker, call, channel, create, done, end, entries, fetch,
    finish, freeze, generate, handlers, is_, job_document, job_of, jobs_of, load, logged, mongo,
    note, objects_of, ok, pid_of, post, problem, request, s3, section, seed_of, setting, skip,
    small_fleet, stack, tells, under_stack, wait_for)

FLEET = small_fleet()
SMALL = request(vehicles=sorted(FLEET), compression="fast")
# Takes seconds, and an upload of several parts.
SLOW = request(days=20, vehicles=["vehicle_001"], compression="small")
WORKERS = ("WORKER_PIDFILE", "WORKER_PIDFILE_2")
OWNER = "faults"
END_S = 120
CANCEL_S = 15                           # promised
# RabbitMQ dead-letters again after 3 minutes what was not confirmed, as while a queue is away.
DELAYED_S = 240
CONSUMER_ENDED = "RabbitMQ ended the consumer"

CLIENT = JOBS = None                    # of MongoDB's admin; exports.jobs
reference = {}                          # what undisturbed exports of SMALL and SLOW hold
clean = []                              # jobs none of whose attempts was killed or met a dead S3


# ---- helpers ------------------------------------------------------------------------------

def doc(ident):
    return job_document(JOBS, ident)


def holder(ident):
    """Which of WORKERS holds this job."""
    said = str((doc(ident) or {}).get("worker"))
    return next((w for w in WORKERS if re.search(r"\b%s\b" % pid_of(w), said)), None)


def running(body, member="documents"):
    """A new job whose progress says that it has begun, whichever worker holds it."""
    ident = create(body, OWNER)

    def progress():
        return doc(ident).get("progress", {}).get(member, 0) > 0

    wait_for("progress of the job", progress, END_S)
    return ident


def under_way(body, member="documents"):
    """The same of the stack's workers: (id, the pid file of its worker)."""
    ident = running(body, member)
    return ident, wait_for("the job's worker", lambda: holder(ident), 30)


def idle():
    """No job is waiting or running any more."""
    left = {"state": {"$in": ["NOT_STARTED", "STARTED"]}}
    wait_for("the end of every job", lambda: JOBS.count_documents(left) == 0, END_S)


def still_runs(name, ident):
    state = job_of(ident, OWNER)["state"]
    return ok(state == "STARTED", name + ": in the middle of the export",
              "it is %s: the job is too short" % state)


def workers_whole():
    wait_for("both workers", lambda: all(pid_of(w) for w in WORKERS), 30)


def open_uploads(prefix=""):
    found = s3().list_multipart_uploads(Bucket=os.environ["S3_BUCKET"]).get("Uploads", [])
    return [u["Key"] for u in found if u["Key"].startswith(prefix)]


def ends_well(name, ident, body, attempts=None, fence=None):
    """FINISHED within END_S, no state went back, the object is named by its fence and holds what an
    undisturbed export holds."""
    job = finish(ident, OWNER, END_S)
    if not ok(job["state"] == "FINISHED", name + ": FINISHED", job):
        return
    d = doc(ident)
    limit = setting("max_attempts", 8)
    ok(d["attempts"] == attempts if attempts else 1 <= d["attempts"] <= limit, "%s: %s" % (
        name, "attempts %d" % attempts if attempts else "at most max_attempts"), d)
    ok(d["fence"] == fence if fence else d["fence"] >= d["attempts"], "%s: %s" % (
        name, "fence %d" % fence if fence else "a fence for each attempt"), d)
    key = d["object"]["key"]
    is_(key, "exports/%s/%d/export-%s.zip" % (ident, d["fence"], ident),
        name + ": the key has the fence")
    is_(objects_of(ident).get(key), d["object"]["size"],
        name + ": the object is there, of that size")
    _, archive = fetch(ident, OWNER)
    is_(entries(archive), reference[body["compression"]], name + ": the result is right")


def planted(**changes):
    """The id of a job written straight into the collection, due since a second."""
    from bson import ObjectId
    now = datetime.datetime.utcnow()
    second = datetime.timedelta(seconds=1)
    epoch = datetime.datetime(1970, 1, 1)
    d = dict({"_id": ObjectId(), "owner": OWNER, "state": "NOT_STARTED",
              "startDate": epoch + START // 1000 * second,
              "endDate": epoch + (START + DAY) // 1000 * second, "vehicles": sorted(FLEET),
              "time": "ms", "csv": "rfc4180", "compression": "fast", "requestHash": "planted",
              "createdAt": now - second, "dueAt": now - second, "attempts": 0, "fence": 0,
              "cancelRequested": False, "rank": 0}, **changes)
    if d["state"] == "STARTED":
        d["startedAt"] = d["createdAt"]
    JOBS.insert_one(d)
    return str(d["_id"])


def listed(*args):
    """The lines of a rabbitmqctl list_..."""
    out = subprocess.run([os.environ["RABBITMQCTL"], "-q", *args, "--no-table-headers"],
                         stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    return sorted(out.splitlines())


def emptied(seconds=DELAYED_S):
    """Both queues are empty, also of the messages that a consumer holds."""
    def found():
        return listed("list_queues", "-p", "exports", "name", "messages")

    try:
        wait_for("queues without any message",
                 lambda: found() == ["exports.jobs\t0", "exports.retry\t0"], seconds)
    except Late as e:
        raise Late("%s: %s" % (e, found())) from None


def counts():
    """Messages ready in (exports.jobs, exports.retry), and the consumers of the first."""
    c = channel()
    try:
        jobs, retry = (c.queue_declare(q, passive=True).method
                       for q in ("exports.jobs", "exports.retry"))
        return jobs.message_count, retry.message_count, jobs.consumer_count
    finally:
        c.connection.close()


# ---- faults -------------------------------------------------------------------------------

def undisturbed():
    for body in (SMALL, SLOW):
        ident = create(body, OWNER)
        job = finish(ident, OWNER, END_S)
        is_(job["state"], "FINISHED", "undisturbed: FINISHED")
        reference[body["compression"]] = entries(fetch(ident, OWNER)[1])
        d = doc(ident)
        took = (d["finishedAt"] - d["startedAt"]).total_seconds()
        note("%s: %.2f s, %d bytes" % (body["compression"], took, d["object"]["size"]))
        is_((d["attempts"], d["fence"]), (1, 1), "undisturbed: one attempt")
        clean.append(ident)


def s3_away_in_the_middle():
    ident, _ = under_way(SLOW, "bytesWritten")
    end("S3_PIDFILE")
    if still_runs("S3 killed", ident):
        is_(post(SMALL, "s3 away").status, 202, "S3 away: requests are taken")
        is_(job_of(clean[0], OWNER)["state"], "FINISHED", "S3 away: jobs are shown")
    stack("up", "s3")
    ends_well("S3 killed and back", ident, SLOW)
    is_(list(objects_of(ident)), [doc(ident)["object"]["key"]],
        "S3 killed and back: one object, the one that is named")


def s3_away_from_the_beginning():
    end("S3_PIDFILE")
    try:
        ident = create(SMALL, OWNER)
        wait_for("the claim", lambda: doc(ident)["attempts"] > 0, END_S)
        is_(job_of(ident, OWNER)["state"], "STARTED", "no S3: the job is under way")
    finally:
        stack("up", "s3")
    ends_well("S3 there at last", ident, SMALL)


def database_away():
    """A failed read is never taken for no data; no 202 is given for a job that is not stored."""
    ident, _ = under_way(SLOW)
    end("MONGOD_PIDFILE")
    try:
        began = time.monotonic()
        got = post(SMALL, OWNER)
        problem("no database: POST", got, (503,))
        took = time.monotonic() - began
        ok(took < 15, "no database: within 15 s", "%.1f s" % took)
        problem("no database: GET of a job", call("GET", "/export/" + ident, user=OWNER), (503,))
        is_(call("GET", "/health").status, 200, "no database: /health 200")
        wait_for("/ready: 503", lambda: call("GET", "/ready").status == 503, END_S)
        ok(True, "no database: /ready 503")
    finally:
        stack("up", "mongo")
    wait_for("readiness", lambda: call("GET", "/ready").status == 200, 60)
    ends_well("database killed and back", ident, SLOW)
    workers_whole()


def worker_killed():
    ident, worker = under_way(SLOW)
    end(worker)
    still_runs("worker killed", ident)
    ends_well("worker killed", ident, SLOW, attempts=2, fence=2)
    workers_whole()


def worker_killed_often():
    """max_attempts - 1 kills, and the last attempt goes well."""
    limit = setting("max_attempts", 8)
    ident = create(SLOW, OWNER)
    for n in range(1, limit):
        wait_for("attempt %d" % n, lambda: doc(ident)["attempts"] == n and holder(ident), END_S)
        end(holder(ident))
    ends_well("worker killed %d times" % (limit - 1), ident, SLOW, attempts=limit, fence=limit)
    ident = create(dict(SLOW, vehicles=["vehicle_001"], time="rfc3339"), OWNER)
    for n in range(1, limit + 1):
        wait_for("attempt %d" % n, lambda: doc(ident)["attempts"] == n and holder(ident), END_S)
        end(holder(ident))
    job = finish(ident, OWNER, END_S)
    is_((job["state"], job.get("error", {}).get("code"), doc(ident)["attempts"]),
        ("FAILED", "attempts_exhausted", limit), "worker killed %d times: given up" % limit)
    workers_whole()


def worker_asleep():
    """A worker that sleeps past its lease finds its job taken, and changes nothing."""
    ident, worker = under_way(SLOW)
    sleeper = pid_of(worker)
    freeze(sleeper)
    try:
        still_runs("worker stopped", ident)
        ends_well("worker stopped", ident, SLOW, attempts=2, fence=2)
        before = doc(ident)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    wait_for("the end of its upload", lambda: not open_uploads("exports/%s/1/" % ident), END_S)
    end(worker, signal.SIGTERM)
    is_(doc(ident), before, "worker awake again: the job is as it was")
    is_(entries(fetch(ident, OWNER)[1]), reference["small"], "worker awake again: so is its object")
    is_(list(objects_of(ident)), [before["object"]["key"]], "worker awake again: it left no object")
    clean.append(ident)
    workers_whole()


def broker_away():
    end("RABBITMQ_PIDFILE")
    try:
        for _ in range(2):
            began = time.monotonic()
            got = post(SMALL, OWNER)
            took = time.monotonic() - began
            ok(got.status == 202 and took < 10, "no broker: 202 within 10 s",
               "%.1f s, %s" % (took, got))
            if got.status == 202:
                ends_well("no broker", got.json()["_id"], SMALL, attempts=1, fence=1)
                clean.append(got.json()["_id"])
    finally:
        stack("up", "rabbit")
    wait_for("the workers at the queue", lambda: counts()[2] == 2, END_S)
    ok(True, "broker back: both workers listen again")
    pids = [pid_of(w) for w in WORKERS]
    for pid in pids:
        freeze(pid)
    try:
        # Each worker's connection may be handed one; the others stay in the queue. A handler may
        # still rest from its last failure: another job each second.
        idents, began = [], time.monotonic()

        def rung():
            if time.monotonic() - began >= len(idents) - 5:
                idents.append(create(SMALL, "bell %d" % len(idents)))
            return counts()[0] >= 3

        wait_for("messages", rung, 30)
        ok(True, "broker back: the handlers ring again")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    is_([finish(ident, "bell %d" % n, END_S)["state"] for n, ident in enumerate(idents)],
        ["FINISHED"] * len(idents), "broker back: all FINISHED")


def broker_restarted():
    """The handlers' connections die while they are idle: none of them loses a message over it."""
    size = len(handlers())

    def all_connected():
        crowd = [threading.Thread(target=post, args=(SMALL, "crowd %d" % n))
                 for n in range(2 * size)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        # One of them rings no bell: it looks at the broker when /ready is asked.
        call("GET", "/ready")
        return listed("list_connections", "user").count("api") == size

    wait_for("a connection of each handler", all_connected, END_S)
    idle()
    emptied()
    pids = [pid_of(w) for w in WORKERS]
    for pid in pids:
        freeze(pid)
    try:
        end("RABBITMQ_PIDFILE")
        stack("up", "rabbit")
        c = channel()
        heard = set()

        def got(wanted):
            """Takes what is there, also what an earlier job left; it goes back at the end."""
            method = True
            while method:
                method, _, body = c.basic_get("exports.jobs")
                heard.update([body.decode()] if method else [])
                if body == b"first":
                    c.basic_ack(method.delivery_tag)
            return wanted <= heard

        c.confirm_delivery()
        c.basic_publish("exports", "job", b"first")
        wait_for("the queue", lambda: got({"first"}), 30)
        ok(True, "broker restarted: it works")
        idents = [create(SMALL, "bell %d" % n) for n in range(2 * size)]
        with contextlib.suppress(Late):
            wait_for("a message of each job", lambda: got(set(idents)), 30)
        is_(sorted(set(idents) - heard), [],
            "broker restarted under %d idle handlers: a message of each job" % size)
        c.connection.close()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    is_([finish(ident, "bell %d" % n, END_S)["state"] for n, ident in enumerate(idents)],
        ["FINISHED"] * len(idents), "broker restarted: all FINISHED")


def exits():
    """What supervisord has seen of the workers' ends."""
    return re.findall(r"exited: export-worker-\d+ \((.*?);", logged("supervisord"))


def worker_told_to_end():
    before = len(exits())
    ident, worker = under_way(SLOW)
    began = time.monotonic()
    end(worker, signal.SIGTERM)
    note("SIGTERM to its end: %.2f s; grace_ms is %d" % (
        time.monotonic() - began, setting("grace_ms", 100000)))
    still_runs("SIGTERM", ident)
    ends_well("SIGTERM", ident, SLOW, attempts=1, fence=2)
    clean.append(ident)
    is_(wait_for("supervisord's line", lambda: exits()[before:], 20), ["exit status 0"],
        "SIGTERM: exit 0")
    workers_whole()
    pid = pid_of(worker)
    began = time.monotonic()
    end(worker, signal.SIGTERM)
    ok(time.monotonic() - began < 10, "SIGTERM to a worker without a job: it ends at once")
    workers_whole()
    ok(pid_of(worker) != pid, "and another takes its place")


def within_grace():
    """A job that needs less than grace_ms is still finished by a worker that gets SIGTERM."""
    idle()
    with another_worker(WORKERS, grace_ms=1000 * END_S) as worker:
        ident = running(SLOW)
        worker.terminate()
        still_runs("SIGTERM with time left", ident)
        is_(worker.wait(2 * END_S), 0, "SIGTERM with time left: exit 0")
        is_(job_of(ident, OWNER)["state"], "FINISHED",
            "SIGTERM with time left: it had finished the job")
    ends_well("SIGTERM with time left", ident, SLOW, attempts=1, fence=1)
    clean.append(ident)


def export_hangs():
    """An export without progress for stall_ms ends its worker, and another does the job."""
    program = os.path.join(ROOT, "build-crash", "export-worker")
    if not os.access(program, os.X_OK):
        skip("an export that hangs", program + "; run make CRASH=1")
        return
    idle()
    hang = {"HANG_AT": "after_begin_upload"}
    with another_worker(WORKERS, program, hang, stall_ms=1000) as worker:
        ident = create(SMALL, OWNER)
        wait_for("the worker to hang", lambda: "op=hang" in logged("another-worker"), END_S)
        began = time.monotonic()
        is_(worker.wait(30), 70, "an export that hangs: exit 70")
        note("stall_ms is 1000: it ended after %.1f s" % (time.monotonic() - began))
        ok("no progress for 1000 ms" in logged("another-worker"),
           "an export that hangs: the log says why")
    ends_well("an export that hangs", ident, SMALL, attempts=2, fence=2)


def cut_off():
    """A worker that can read but not renew its lease keeps what it has, and reads no more until it
    can: nobody else has the job."""
    def read_so_far():
        return CLIENT.admin.command("serverStatus")["metrics"]["document"]["returned"]

    idle()
    with another_worker(WORKERS, read_documents_s=200):
        ident = running(SLOW)
        wait_for("its upload", lambda: open_uploads("exports/%s/1/" % ident), 10)
        CLIENT.admin.command("fsync", lock=True)        # no write is taken; reads go on
        try:
            wait_for("the line of its log",
                     lambda: "not renewed in time" in logged("another-worker"), 60)
            time.sleep(2)               # what it has read ahead
            before = read_so_far()
            time.sleep(3)
            ok(read_so_far() - before < 60, "cut off from writing: it does not read on",
               "%d documents in 3 s" % (read_so_far() - before))
        finally:
            CLIENT.admin.command("fsyncUnlock")
        ends_well("cut off from writing", ident, SLOW, attempts=1, fence=1)
    clean.append(ident)


def last_reason():
    """The error of a job that failed in every attempt says why the last one did."""
    idle()
    path = os.path.join(os.environ["EXPORT_RUN"], "wrong-secret")
    with open(path, "w", encoding="ascii") as f:
        f.write("wrong\n")
    os.chmod(path, 0o400)
    with another_worker(WORKERS, max_attempts=2, worker_s3_secret_file=path):
        ident = create(SMALL, OWNER)
        error = finish(ident, OWNER, END_S).get("error", {})
    reason = "The storage refused the result. The operator has to look at it."
    is_((error.get("code"), doc(ident)["attempts"]), ("attempts_exhausted", 2),
        "refused in both attempts: FAILED")
    ok(error.get("message", "").endswith(reason),
       "refused in both attempts: the message ends with the reason", error)
    ok("finishedAt" in doc(ident), "refused in both attempts: finishedAt", doc(ident))


@contextlib.contextmanager
def s3_proxy():
    """A proxy in front of S3 that fails on order: its address, and the function that orders it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    control = os.path.join(os.environ["EXPORT_RUN"], "proxy.sock")
    server = os.environ["S3_ENDPOINT"].rpartition(":")[2]
    with subprocess.Popen([sys.executable, proxy.__file__, str(port), server, control]) as process:
        try:
            wait_for("the proxy", lambda: os.path.exists(control), 10)
            yield "http://127.0.0.1:%d" % port, functools.partial(proxy.order, control)
        finally:
            process.terminate()
            if os.path.exists(control):     # the next proxy is ready when it exists
                os.unlink(control)


def storage_clock():
    """Where the storage's clock differs from ours, requests are signed for its time."""
    idle()
    with s3_proxy() as (endpoint, order), another_worker(WORKERS, s3_endpoint=endpoint):
        order("ahead", skew_s=600)
        ident = create(SMALL, OWNER)
        ends_well("the storage's clock is 10 minutes ahead", ident, SMALL, attempts=1, fence=1)
        ok(order("pass").get("ahead", 0) > 0,
           "the storage's clock is 10 minutes ahead: it had refused requests")
    clean.append(ident)


def abort_again():
    """An abort is repeated, since a part may arrive after it; this storage never reports that
    nothing is left."""
    idle()
    with s3_proxy() as (endpoint, order), another_worker(WORKERS, s3_endpoint=endpoint):
        order("slow", aim=["abort"])    # has no body: it is counted, and passes
        ident = running(SLOW, "bytesWritten")
        is_(call("DELETE", "/export/" + ident, user=OWNER).status, 202,
            "an upload that is aborted: DELETE")
        is_(finish(ident, OWNER, END_S)["state"], "CANCELLED",
            "an upload that is aborted: CANCELLED")
        # The end is written before the last of them.
        with contextlib.suppress(Late):
            wait_for("the aborts", lambda: order("slow", aim=["abort"]).get("slow", 0) >= 3, 30)
        is_(order("pass").get("slow"), 3, "an upload that is aborted: three times")
    clean.append(ident)


def held_elsewhere():
    """The message of a job that another worker holds comes back after the delay, not at once."""
    idle()
    emptied()
    ttl_s = int(os.environ["RETRY_TTL_MS"]) / 1000
    later = datetime.datetime.utcnow() + datetime.timedelta(seconds=600)
    ident = planted(state="STARTED", attempts=1, fence=1, dueAt=later, worker="elsewhere:1")
    c = channel()
    c.basic_publish("exports", "job", ident.encode())
    began = time.monotonic()

    def delivered():
        """How often it was, once it has been so three times; it is taken out then."""
        method, properties, body = c.basic_get("exports.retry")
        if method is None:
            return None
        bodies.append(body.decode())
        n = sum(d["count"] for d in properties.headers["x-death"] if d["queue"] == "exports.jobs")
        if n < 3:
            c.basic_nack(method.delivery_tag, requeue=True)
            return None
        c.basic_ack(method.delivery_tag)
        return n

    bodies = []
    n = wait_for("the message in the delayed queue", delivered, DELAYED_S)
    took = time.monotonic() - began
    c.connection.close()
    is_(set(bodies), {ident}, "held by another worker: its message is in the delayed queue")
    note("delivered %d times in %.1f s, the delay is %g s" % (n, took, ttl_s))
    ok(n <= took / ttl_s + 1, "held by another worker: delivered once each delay, at most", n)
    JOBS.update_one({"_id": doc(ident)["_id"]}, {"$set": {"dueAt": datetime.datetime.utcnow()}})
    ends_well("free again", ident, SMALL, attempts=2, fence=2)


def spent_and_cancelled():
    limit = setting("max_attempts", 8)
    for state in ("NOT_STARTED", "STARTED"):
        ident = planted(state=state, attempts=limit, fence=limit)
        job = finish(ident, OWNER, END_S)
        is_((job["state"], job.get("error", {}).get("code")), ("FAILED", "attempts_exhausted"),
            "no attempts left, %s: FAILED" % state)
        is_(doc(ident)["attempts"], limit, "and not tried again")
        job = finish(planted(state=state, cancelRequested=True), OWNER, END_S)
        is_(job["state"], "CANCELLED", "cancelRequested, %s: CANCELLED" % state)
        ok("finishedAt" in job and "exportUri" not in job, "finishedAt, no exportUri", job)
    ident = planted(state="STARTED", attempts=limit - 1, fence=limit + 3)
    ends_well("one attempt left", ident, SMALL, attempts=limit, fence=limit + 4)

    ident, _ = under_way(SLOW)
    JOBS.update_one({"_id": doc(ident)["_id"]}, {"$set": {"cancelRequested": True}})
    began = time.monotonic()
    job = finish(ident, OWNER, END_S)
    took = time.monotonic() - began
    is_(job["state"], "CANCELLED", "cancelled in the middle: CANCELLED")
    ok(took < CANCEL_S, "within 15 s", "%.1f s" % took)
    is_(objects_of(ident), {}, "cancelled in the middle: no object")
    clean.append(ident)


def ctl(*args):
    """rabbitmqctl; raises with its output."""
    run = subprocess.run([os.environ["RABBITMQCTL"], "-q", *args], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                         check=False)
    if run.returncode != 0:
        raise RuntimeError("rabbitmqctl %s: %s" % (" ".join(args), run.stdout[-500:]))


def broker_refuses():
    """Each way the broker can refuse a message: the answer is 202, and the job is done."""
    def unbind(c):
        c.queue_unbind("exports.jobs", "exports", "job")

    def bind(c):
        c.queue_bind("exports.jobs", "exports", "job")

    def full(c):
        ctl("set_policy", "-p", "exports", "full", "^exports.jobs$", '{"max-length":1}',
            "--apply-to", "queues")
        for w in WORKERS:               # each may hold one message; the others fill the queue
            freeze(pid_of(w))
        from pika.exceptions import NackError
        c.confirm_delivery()

        def refused():
            try:
                c.basic_publish("exports", "job", b"garbage")
                return False
            except NackError:
                return True
        # The policy comes into force some time after it was set.
        wait_for("a queue that is full", refused, 30)

    def not_full(_):
        ctl("clear_policy", "-p", "exports", "full")

    def alarm(_):
        ctl("set_disk_free_limit", "999999999999999")

    def no_alarm(_):
        ctl("set_disk_free_limit", "50MB")

    for name, said, fault, repair in (
            ("not bound", "the message was returned", unbind, bind),
            ("queue full", "the broker refused the message", full, not_full),
            ("disk alarm", "no confirm in time|has an alarm", alarm, no_alarm)):
        since = len(logged("export-api").encode())
        c = channel()
        fault(c)
        try:
            began = time.monotonic()
            got = post(SMALL, OWNER)
            took = time.monotonic() - began
            ok(got.status == 202 and took < 10, name + ": 202 within 10 s",
               "%.1f s, %s" % (took, got))
            for w in WORKERS:
                os.kill(pid_of(w), signal.SIGCONT)
            ends_well(name, got.json()["_id"], SMALL, attempts=1, fence=1)
            clean.append(got.json()["_id"])
            wait_for(name + ": the log line", lambda: re.search(said, logged("export-api", since)),
                     END_S)
            ok(True, name + ": the log says so")
        finally:
            repair(c)
            c.connection.close()


def queue_deleted():
    """The workers' consumers are cancelled; they come back with the queue, and lose no job."""
    ident, _ = under_way(SLOW)
    since = len(logged("export-worker").encode())
    c = channel()
    c.queue_delete("exports.jobs")
    try:
        ends_well("queue deleted", ident, SLOW, attempts=1, fence=1)
        clean.append(ident)
        wait_for("the workers' log line",
                 lambda: CONSUMER_ENDED in logged("export-worker", since), END_S)
    finally:
        c.connection.close()
        stack("up", "provision")
    wait_for("the workers at the queue", lambda: counts()[2] == 2, END_S)
    ok(True, "queue deleted: both workers listen at the new one")


def returned_often():
    """The broker gives up a message that comes back again and again (RabbitMQ 4, after 20 times):
    its job is done all the same."""
    stack("down", "worker")
    c = channel()
    try:
        ident = create(SMALL, OWNER)
        wait_for("the job's message", lambda: counts()[0] == 1, END_S)
        for _ in range(25):
            method, _, _ = c.basic_get("exports.jobs")
            if method is not None:
                c.basic_reject(method.delivery_tag, requeue=True)
    finally:
        c.connection.close()
        stack("up", "worker")
    ends_well("returned often", ident, SMALL, attempts=1, fence=1)
    clean.append(ident)
    workers_whole()


def consumer_timeout():
    """The broker takes a message away from a worker that takes too long: the job goes on."""
    timeouts = ("application:set_env(rabbit, consumer_timeout, %d), "
                "application:set_env(rabbit, channel_tick_interval, %d).")
    ctl("eval", timeouts % (500, 200))
    since = len(logged("export-worker").encode())
    try:
        ctl("close_all_connections", "-p", "exports", "test")       # the new ones know of it
        wait_for("the workers at the queue", lambda: counts()[2] == 2, END_S)
        ident, _ = under_way(SLOW)
        ends_well("consumer_timeout", ident, SLOW, attempts=1, fence=1)
        clean.append(ident)
        wait_for("the worker's log line",
                 lambda: any(words in logged("export-worker", since)
                             for words in ("PRECONDITION_FAILED", CONSUMER_ENDED)), END_S)
        ok(True, "consumer_timeout: the log says so")
    finally:
        ctl("eval", timeouts % (86400000, 60000))
        ctl("close_all_connections", "-p", "exports", "test")
    wait_for("the workers at the queue", lambda: counts()[2] == 2, END_S)


def refused_by_s3(name, fault, repair):
    """Not for good: when it is repaired within the attempts, the job is done."""
    fault()
    try:
        ident = create(SMALL, OWNER)
        wait_for("the refusal",
                 lambda: doc(ident).get("error", {}).get("code") == "storage_refused", END_S)
        ok(True, name + ": error.code storage_refused")
    finally:
        repair()
    ends_well(name + ", and repaired", ident, SMALL)


def storage_refuses():
    bucket = os.environ["S3_BUCKET"]
    kept = {x["Key"] for x in s3().list_objects_v2(Bucket=bucket).get("Contents", [])}

    def no_bucket():
        for key in kept:
            s3().delete_object(Bucket=bucket, Key=key)
        s3().delete_bucket(Bucket=bucket)

    def bucket_again():
        s3().create_bucket(Bucket=bucket)   # at once: on a busy machine provision takes longer
        stack("up", "provision")

    refused_by_s3("no bucket", no_bucket, bucket_again)

    with open(os.environ["EXPORT_CONF"], encoding="utf-8") as f:
        path = next(line.partition("=")[2].strip() for line in f
                    if line.startswith("worker_s3_secret_file"))
    with open(path, encoding="ascii") as f:
        right = f.read()

    def secret(text):
        os.chmod(path, 0o600)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, 0o400)
        for w in WORKERS:
            end(w, signal.SIGTERM)
        workers_whole()

    refused_by_s3("wrong secret", lambda: secret("wrong\n"), lambda: secret(right))


def garbage():
    pids = [pid_of(w) for w in WORKERS]
    c = channel()
    r = random.Random(seed_of("FAULTS_SEED"))
    for body in (b"", b"garbage", b"\0", b"\xff\xfe", b"0123456789abcdef01234567",
                 b"0123456789abcdef0123456", b"{}", b'{"_id":1}', b"0123456789abcdef01234567\n",
                 b"%s%n%s%n", b"../../etc/passwd", r.randbytes(24), r.randbytes(500000)):
        c.basic_publish("exports", "job", body)
    c.connection.close()
    ident = create(SMALL, OWNER)
    ends_well("garbage in the queue", ident, SMALL, attempts=1, fence=1)
    clean.append(ident)
    emptied()
    ok(True, "garbage: both queues are empty in the end, nothing is unacknowledged")
    is_([pid_of(w) for w in WORKERS], pids, "garbage: no worker died of it")


def handlers_killed():
    size = len(handlers())
    for pid in handlers():
        os.kill(pid, signal.SIGKILL)
    wait_for("a whole pool", lambda: len(handlers()) == size, 30)
    is_([call("GET", "/vehicles").status for _ in range(40)], [200] * 40,
        "all %d handlers killed: the pool is whole and answers" % size)
    for _ in range(12):                 # more often than supervisors like
        pid = min(wait_for("a handler", handlers, 10))
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of a handler", lambda: not alive(pid), 10)
    wait_for("a whole pool", lambda: len(handlers()) == size, 30)
    ident = create(SMALL, OWNER)
    ends_well("after 12 more kills", ident, SMALL, attempts=1, fence=1)
    clean.append(ident)


def nothing_left():
    idle()
    opened = open_uploads()
    note("open uploads, of killed attempts: %d" % len(opened))
    named = {d["object"]["key"] for d in JOBS.find({"state": "FINISHED"})}
    is_(sorted(named & set(opened)), [], "no upload is open to a key that a job names")
    is_([k for k in opened if k.split("/")[1] in clean], [],
        "no upload is open of jobs whose attempts could end themselves")
    is_([d["error"] for d in JOBS.find({"error": {"$exists": True}}) if tells(str(d["error"]))], [],
        "no error of a job tells of the inside")

    emptied()
    ok(True, "both queues are empty, nothing is unacknowledged")


def main():
    global CLIENT, JOBS
    os.environ.setdefault("WORKERS", "2")
    os.environ.setdefault("RETRY_TTL_MS", "1000")
    under_stack(__file__, own=True)
    CLIENT = mongo()
    JOBS = jobs_of(CLIENT)
    load(CLIENT, FLEET)
    generate("--vehicles", "1", "--days", "20")
    workers_whole()
    undisturbed()
    for name, f in (
            ("S3 away in the middle", s3_away_in_the_middle),
            ("S3 away from the beginning", s3_away_from_the_beginning),
            ("storage's clock", storage_clock),
            ("abort again", abort_again),
            ("database away", database_away),
            ("cut off from writing", cut_off),
            ("worker killed", worker_killed),
            ("worker killed often", worker_killed_often),
            ("worker asleep", worker_asleep),
            ("export hangs", export_hangs),
            ("broker away", broker_away),
            ("broker restarted", broker_restarted),
            ("SIGTERM", worker_told_to_end),
            ("SIGTERM with time left", within_grace),
            ("spent and cancelled", spent_and_cancelled),
            ("last reason", last_reason),
            ("held elsewhere", held_elsewhere),
            ("garbage", garbage),
            ("broker refuses", broker_refuses),
            ("queue deleted", queue_deleted),
            ("returned often", returned_often),
            ("consumer_timeout", consumer_timeout),
            ("handlers killed", handlers_killed),
            ("storage refuses", storage_refuses),
            ("nothing left", nothing_left)):
        section(name, f)
    return done()


if __name__ == "__main__":
    sys.exit(main())
