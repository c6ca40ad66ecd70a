"""Shared by the tests of the HTTP interface (t/3010 to 3014): test data, jobs, lists, and a check
of every answer.

    client = begin(__file__)        starts a stack and loads the test data
    run(met, (name, f, ...), ...)   runs each section, then reports what was wrong with any answer;
                                    met: {"GET /export/:id": statuses that must have been seen};
                                    returns the exit status

Every answer goes through judged(), which collects what is wrong with it for the last checks.
"""
import collections
import contextlib
import datetime
import json
import os
import re
import signal
import time
import urllib.parse

import service
from service import (
    DAY, FINAL, HOUR, JSON_TYPE, START, base, create, done, freeze, handlers, is_, jobs_of, mongo,
    note, ok, pid_of, problem, problem_wrongs, section, under_stack, wait_for)

ID = re.compile("[0-9a-f]{24}")
SOON_S = 60                             # for what takes moments, on a busy machine
WRONG = collections.Counter()           # each fault of an answer, and how often
STATUSES = collections.Counter()
MET = collections.Counter()             # (method and route, status)
REQUEST_IDS = collections.Counter()
plain_call = service.call
MEMBERS = {                             # of a job: the states that have it, and the others not
    "finishedAt": FINAL, "expiresAt": ("FINISHED", "EXPIRED"), "size": ("FINISHED",),
    "sha256": ("FINISHED",), "error": ("FAILED",)}


# ---- each answer ---------------------------------------------------------------------------

def may_retry(method, path, got):
    """Whether this answer must have Retry-After: True, False, or None where both are right."""
    if got.status in (409, 503):
        return True
    if got.status == 429:
        return None                     # nginx's own has none
    if got.status in (200, 202) and got.body and path.startswith("/export"):
        job = json.loads(got.body)
        if "state" in job:
            return job["state"] not in FINAL
    return None if got.status == 304 or method == "HEAD" else False


def job_wrongs(job):
    """What is wrong with a job: members that its state must have, or must not."""
    state = job["state"]
    for member, states in MEMBERS.items():
        if (state in states) != (member in job):
            yield "%s in a %s job: %s" % (member, state, member in job)
    if state in ("STARTED", "FINISHED", "EXPIRED") and "startedAt" not in job or \
            state == "NOT_STARTED" and "startedAt" in job:
        yield "startedAt in a %s job: %s" % (state, "startedAt" in job)


def jobs_in(path, got):
    """The jobs that an answer shows: one, those of a list, or none."""
    if not path.startswith("/export") or got.status not in (200, 202) or not got.body:
        return []
    body = json.loads(got.body)
    return [body] if "state" in body else body.get("exports", [])


def wrongs(method, path, got):
    """What is wrong with an answer, whatever the request was."""
    if not re.fullmatch("[0-9a-f]{32}", got.header("X-Request-Id") or ""):
        yield "X-Request-Id %r" % got.header("X-Request-Id")
    if got.header("Cache-Control") != "no-store":
        yield "Cache-Control %r" % got.header("Cache-Control")
    if got.body and got.header("X-Content-Type-Options") != "nosniff":
        yield "X-Content-Type-Options %r" % got.header("X-Content-Type-Options")
    if got.body and got.type() != ("application/json" if got.status < 400
                                   else "application/problem+json"):
        yield "Content-Type %r" % got.header("Content-Type")
    if got.status >= 400 and got.body:
        yield from problem_wrongs(got, (got.status,))
    if got.body and (method == "HEAD" or got.status in (204, 304)):
        yield "a body"
    if not got.body and method != "HEAD" and got.status not in (204, 304):
        yield "no body"
    for name in got.headers:
        if name.lower().startswith("access-control-"):
            yield "header " + name
    retry, wanted = got.header("Retry-After"), may_retry(method, path, got)
    if wanted is not None and wanted != (retry is not None) or \
            retry is not None and not re.fullmatch("[1-9][0-9]*", retry):
        yield "Retry-After %r" % retry
    if got.status == 405 and method in re.split(r"\s*,\s*", got.header("Allow") or method):
        yield "Allow %r" % got.header("Allow")
    for job in jobs_in(path, got):
        yield from job_wrongs(job)
    if got.status in (200, 202) and got.body and \
            not (method == "GET" and path.startswith("/export/")):
        yield from ("member %s in an answer to no GET by id" % m
                    for m in ("exportUri", "queue", "eta")
                    if b'"%s"' % m.encode() in got.body and path.startswith("/export")
                    and method != "DELETE")
    if got.status == 200 and method in ("GET", "HEAD") and path not in ("/health", "/ready") and \
            not path.endswith("/preview") and \
            not re.fullmatch(r'(W/)?"[!#-~]+"', got.header("ETag") or ""):
        yield "ETag %r" % got.header("ETag")


def route(path):
    """/export/:id/preview of a path that has an id."""
    return re.sub("^/(export/[0-9A-Fa-f]{24}|vehicles/[^/]+)(?=/|$)",
                  lambda m: "/export/:id" if m[1].startswith("export") else "/vehicles/:v", path)


def judged(method, url, got):
    path = urllib.parse.urlsplit(url).path
    STATUSES[got.status] += 1
    MET["%s %s" % (method, route(path)), got.status] += 1
    REQUEST_IDS[got.header("X-Request-Id")] += 1
    for wrong in wrongs(method, path, got):
        WRONG["%s %s: %d: %s" % (method, route(path)[:60], got.status, wrong)] += 1
    return got


def call(method, url, body=None, headers=None, user=None):
    """service.call, judged. Where nginx finds this file too fast it asks again."""
    if "://" in url and not url.startswith(base()):
        return plain_call(method, url, body, headers, user)

    def probe():
        got = judged(method, url if "://" not in url else url[len(base()):],
                     plain_call(method, url, body, headers, user))
        return None if got.status == 429 and got.header("Retry-After") is None else got

    return wait_for("a turn", probe, 60)


service.call = call                     # that create, finish and fetch go the same way


def get(path, user=None, **headers):
    return call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()},
                user=user)


def good(path, user=None):
    """The JSON of a 200; raises for any other answer."""
    got = get(path, user)
    if got.status != 200:
        raise RuntimeError("GET %s: %s" % (path, got))
    return got.json()


def post(body, user=None, key=None, query=""):
    headers = dict(JSON_TYPE) if key is None else dict(JSON_TYPE, **{"Idempotency-Key": key})
    return call("POST", "/export" + query,
                body if isinstance(body, bytes) else json.dumps(body).encode(), headers, user)


def refused(name, got, statuses, parameter):
    """A problem whose member `parameter` is this."""
    wrong = problem_wrongs(got, statuses)
    if not wrong and got.json().get("parameter") != parameter:
        wrong.append("parameter is %r, want %r" % (got.json().get("parameter"), parameter))
    return ok(not wrong, name, "%s\n%s" % ("; ".join(wrong), got))


def allowed(got):
    return set(re.split(r"\s*,\s*", got.header("Allow") or ""))


def taken(name, got, ident=None):
    """A 202 with Location, of this job or of any; its id."""
    job = got.json()
    wrong = got.status != 202 or not ID.fullmatch(str(job.get("_id"))) or \
        ident not in (None, job["_id"]) or \
        got.header("Location") != "%s/export/%s" % (base(), job["_id"])
    ok(not wrong, name, "want %s\n%s\n%s" % (ident, got, got.headers))
    return job.get("_id")


def busy(name, got, status):
    problem(name, got, (status,))
    ok(re.fullmatch("[1-9][0-9]*", got.header("Retry-After") or ""), name + ": Retry-After",
       got.headers)


# ---- test data -----------------------------------------------------------------------------

SMALL, LONG = "vehicle_small", "vehicle_long"
LONG_HOURS = 2000
CATALOGUE = ["vehicle_p_%02d" % n for n in range(20)] + [
    "vehicle_p_" + odd for odd in ("B", "Z", "a,b", "~", "\u00e9", "%41", "+", "x'y")]
NOT_OURS = "other_1"


def hours(n, first=START):
    return range(first, first + n * HOUR, HOUR)


POINTS = (12, 300012)                   # ms after a document's _id


def put(client, vehicle, parameter, idents):
    """A document of two points for each of these _id."""
    collection = client[vehicle][parameter]
    points = dict(zip(map(str, POINTS), (1, 2.5)))
    documents = [{"_id": i, "values": {"0": {"values": points}}} for i in idents]
    if documents:
        collection.insert_many(documents)
    else:
        client[vehicle].create_collection(parameter)


def longs(them):
    from bson import Int64
    return [Int64(h) for h in them]


def load(client):
    """The long one has documents_max + 1 documents, of them one in `one`."""
    for vehicle in [SMALL, LONG, NOT_OURS] + CATALOGUE:
        client.drop_database(vehicle)
    put(client, SMALL, "speed", longs(hours(48)))
    put(client, SMALL, "soc", longs(hours(24)))
    for parameter in ("speed", "soc", "current"):
        put(client, LONG, parameter, longs(hours(LONG_HOURS)))
    put(client, LONG, "one", longs(hours(1)))
    put(client, NOT_OURS, "speed", longs(hours(2)))
    for n, vehicle in enumerate(CATALOGUE):
        put(client, vehicle, "speed", longs(hours(1 + n, START + n * DAY)))


def request(n=0, **more):
    """The body of a POST of the small vehicle's first day; n makes it another one."""
    return dict({"startDate": "2018-11-30T00:00:00.%03dZ" % n, "endDate": "2018-12-01",
                 "vehicles": [SMALL]}, **more)


def span(first, end, **more):
    """The body of a POST from one instant (ms) to another."""
    return dict({"startDate": utc(first), "endDate": utc(end)}, **more)


def utc(ms):
    return (datetime.datetime(1970, 1, 1) +
            datetime.timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


SLOW = span(START, START + LONG_HOURS * HOUR, vehicles=[LONG],
            parameters=["speed", "soc", "current"])


def quoted(text):
    return urllib.parse.quote(text, safe="")


# ---- the worker and the jobs ---------------------------------------------------------------

def unfinished(jobs):
    return jobs.count_documents({"state": {"$in": ["NOT_STARTED", "STARTED"]}})


@contextlib.contextmanager
def stopped(client):
    """No job waits or runs, and the worker takes none until the end."""
    wait_for("the end of all jobs", lambda: unfinished(jobs_of(client)) == 0, SOON_S)
    pid = pid_of("WORKER_PIDFILE")
    freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def running(client, user):
    """The id of a job of SLOW that is STARTED, has an eta, and makes no progress until the end."""
    ident = create(SLOW, user)
    path = "/export/" + ident
    wait_for("its start", lambda: good(path, user).get("eta"), SOON_S)
    pid = pid_of("WORKER_PIDFILE")
    freeze(pid)
    try:
        if good(path, user)["state"] != "STARTED":
            raise RuntimeError("it is done already: %s" % good(path, user))
        yield ident
    finally:
        os.kill(pid, signal.SIGCONT)


def cancel(idents, user=None):
    """Cancels waiting jobs; raises where DELETE does not answer with a job that is CANCELLED."""
    for ident in idents:
        got = call("DELETE", "/export/" + ident, user=user)
        if got.status != 202 or got.json()["_id"] != ident or got.json()["state"] != "CANCELLED":
            raise RuntimeError("DELETE of a waiting job: %s" % got)


def expire(ident, user=None):
    """Gives up the result of a FINISHED job; raises where DELETE does not answer 204."""
    got = call("DELETE", "/export/" + ident, user=user)
    if got.status != 204:
        raise RuntimeError("DELETE of a FINISHED job: %s" % got)


def finish(ident, user=None, state="FINISHED"):
    job = service.finish(ident, user, SOON_S)
    if job["state"] != state:
        raise RuntimeError("job is %s: %s" % (job["state"], job))
    return job


def of_owner(client, user):
    return [str(d["_id"]) for d in jobs_of(client).find({"owner": user}, {"_id": 1}).sort("_id", 1)]


def create_with(key, user, n=0):
    got = post(request(n), user, key)
    if got.status != 202:
        raise RuntimeError("POST with a key: %s" % got)
    return got.json()["_id"]


# ---- lists and the catalogue ---------------------------------------------------------------

def walk(path, member, limit, user=None, between=lambda: None):
    """All pages, each a list; raises where there is no end."""
    pages, after = [], None
    for _ in range(100):
        query = {"limit": limit} if after is None else {"limit": limit, "after": after}
        page = good(path + ("&" if "?" in path else "?") + urllib.parse.urlencode(query), user)
        pages.append(page[member])
        after = page.get("next")
        if after is None:
            return pages
        between()
    raise RuntimeError("%s: no last page" % path)


def listed(user, query=""):
    return [job["_id"] for job in good("/export" + query, user)["exports"]]


def names(query=""):
    return [v["_id"] for v in good("/vehicles" + query)["vehicles"]]


def catalogue_waits():
    want = {SMALL, LONG} | set(CATALOGUE)
    wait_for("the catalogue of all vehicles", lambda: want <= set(names("?limit=1000")), SOON_S)
    wait_for("the catalogue of the long one", lambda: 3 * LONG_HOURS + 1 ==
             sum(p["documents"] for p in good("/vehicles/" + LONG)["parameters"]), SOON_S)


# ---- all answers together -------------------------------------------------------------------

def each_answer(met):
    note("%d answers: %s" % (sum(STATUSES.values()),
                             ", ".join("%d x %d" % (n, s) for s, n in sorted(STATUSES.items()))))
    for what, count in WRONG.most_common(40):
        note("%d times: %s" % (count, what))
    is_(len(WRONG), 0,
        "each answer: X-Request-Id, no-store, nosniff, problem+json, Retry-After, ETag, no CORS, "
        "a job's members")
    is_([i for i, n in REQUEST_IDS.items() if n > 1], [], "no X-Request-Id twice")
    is_([(k, s) for k in met for s in met[k] if not MET[k, s]], [],
        "each of these answers was met")


def begin(file):
    under_stack(file, own=True)
    client = mongo()
    load(client)
    return client


def run(met, *sections):
    pool = handlers()
    for name, f, *args in sections:
        began = time.monotonic()
        section(name, f, *args)
        note("%s: %.1f s" % (name, time.monotonic() - began))
    section("each answer", each_answer, met)
    is_(handlers(), pool, "no handler died of any of this")
    return done()
