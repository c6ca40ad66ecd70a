#!/usr/bin/python3
"""The HTTP interface beyond the two calls of the mission, on the real stack: lists, idempotency keys, dry runs, the catalogue,
limits, the queue, ETags, and what each answer bears, against nginx/www/openapi.yaml.

Prints TAP. Always on a stack of its own, with t/3010-api.conf. Every answer goes through judged(), which keeps what is wrong
with it for the last checks.
"""
import collections
import contextlib
import datetime
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import service                          # noqa: E402
from service import (                   # noqa: E402
    DAY, FINAL, HOUR, JSON_TYPE, START, base, create, done, handlers, instant, is_, job_document, job_of, jobs_of, mongo, note, ok, pid_of,
    problem, problem_wrongs, raw_call, section, setting, tells, under_stack, wait_for)

ID = re.compile("[0-9a-f]{24}")
SOON_S = 60                             # what comes within moments, on a machine that has other work too
WRONG = collections.Counter()           # what is wrong with any answer, and how often
STATUSES = collections.Counter()
REQUEST_IDS = collections.Counter()
plain_call = service.call


# ---- each answer --------------------------------------------------------------------------

def may_retry(method, path, got):
    """Whether this answer bears Retry-After: True, False, or None where both are right."""
    if got.status in (409, 503):
        return True
    if got.status == 429:
        return None                     # nginx's own has none
    job = json.loads(got.body) if got.status in (200, 202) and got.body and path.startswith("/export") else {}
    if "state" in job:
        return job["state"] not in FINAL
    return None if got.status == 304 or method == "HEAD" else False


def wrongs(method, path, got):
    """What is wrong with an answer, whatever was asked."""
    if not re.fullmatch("[0-9a-f]{32}", got.header("X-Request-Id") or ""):
        yield "X-Request-Id %r" % got.header("X-Request-Id")
    if got.header("Cache-Control") != "no-store":
        yield "Cache-Control %r" % got.header("Cache-Control")
    if got.body and got.header("X-Content-Type-Options") != "nosniff":
        yield "X-Content-Type-Options %r" % got.header("X-Content-Type-Options")
    if got.body and got.type() != ("application/json" if got.status < 400 else "application/problem+json"):
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
    if wanted is not None and wanted != (retry is not None) or retry is not None and not re.fullmatch("[1-9][0-9]*", retry):
        yield "Retry-After %r" % retry
    if got.status == 405 and method in re.split(r"\s*,\s*", got.header("Allow") or method):
        yield "Allow %r" % got.header("Allow")
    if got.status in (200, 202) and got.body and not (method == "GET" and path.startswith("/export/")):
        yield from ("member %s in what was not asked for by its id" % m for m in ("exportUri", "queue", "eta")
                    if b'"%s"' % m.encode() in got.body and path.startswith("/export") and method != "DELETE")
    if got.status == 200 and method in ("GET", "HEAD") and path not in ("/health", "/ready") and not path.endswith("/preview") and \
            not re.fullmatch(r'(W/)?"[!#-~]+"', got.header("ETag") or ""):
        yield "ETag %r" % got.header("ETag")


def judged(method, url, got):
    path = urllib.parse.urlsplit(url).path
    STATUSES[got.status] += 1
    REQUEST_IDS[got.header("X-Request-Id")] += 1
    for wrong in wrongs(method, path, got):
        WRONG["%s %s: %d: %s" % (method, re.sub("[0-9a-f]{24}", ":id", path)[:60], got.status, wrong)] += 1
    return got


def call(method, url, body=None, headers=None, user=None):
    """service.call, judged. Where nginx finds this file too fast it asks again."""
    if "://" in url and not url.startswith(base()):
        return plain_call(method, url, body, headers, user)

    def probe():
        got = judged(method, url if "://" not in url else url[len(base()):], plain_call(method, url, body, headers, user))
        return None if got.status == 429 and got.header("Retry-After") is None else got

    return wait_for("a turn", probe, 60)


service.call = call                     # that create, finish and fetch go the same way


def get(path, user=None, **headers):
    return call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}, user=user)


def good(path, user=None):
    """The JSON of a 200; raises for any other answer."""
    got = get(path, user)
    if got.status != 200:
        raise RuntimeError("GET %s: %s" % (path, got))
    return got.json()


def post(body, user=None, key=None, query=""):
    headers = dict(JSON_TYPE) if key is None else dict(JSON_TYPE, **{"Idempotency-Key": key})
    return call("POST", "/export" + query, body if isinstance(body, bytes) else json.dumps(body).encode(), headers, user)


def refused(name, got, statuses, parameter):
    """A problem whose member `parameter` is this."""
    wrong = problem_wrongs(got, statuses)
    if not wrong and got.json().get("parameter") != parameter:
        wrong.append("parameter is %r, want %r" % (got.json().get("parameter"), parameter))
    return ok(not wrong, name, "%s\n%s" % ("; ".join(wrong), got))


def allowed(got):
    return set(re.split(r"\s*,\s*", got.header("Allow") or ""))


# ---- test data ----------------------------------------------------------------------------

SMALL, LONG = "vehicle_small", "vehicle_long"
LONG_HOURS = 2000
CATALOGUE = ["vehicle_p_%02d" % n for n in range(20)] + [
    "vehicle_p_" + odd for odd in ("B", "Z", "a,b", "~", "\u00e9", "%41", "+", "x'y")]
NOT_OURS = "other_1"


def hours(n, first=START):
    return range(first, first + n * HOUR, HOUR)


def put(client, vehicle, parameter, idents):
    """A document of two points for each of these _id."""
    collection = client[vehicle][parameter]
    documents = [{"_id": i, "values": {"0": {"values": {"12": 1, "300012": 2.5}}}} for i in idents]
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
    return dict({"startDate": "2018-11-30T00:00:00.%03dZ" % n, "endDate": "2018-12-01", "vehicles": [SMALL]}, **more)


def span(first, end, **more):
    """The body of a POST from one instant (ms) to another."""
    return dict({"startDate": utc(first), "endDate": utc(end)}, **more)


def utc(ms):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


def quoted(text):
    return urllib.parse.quote(text, safe="")


# ---- the worker and the jobs --------------------------------------------------------------

def unfinished(jobs):
    return jobs.count_documents({"state": {"$in": ["NOT_STARTED", "STARTED"]}})


@contextlib.contextmanager
def stopped(client):
    """No job waits or runs, and the worker takes none until the end."""
    wait_for("the end of all jobs", lambda: unfinished(jobs_of(client)) == 0, SOON_S)
    pid = pid_of("WORKER_PIDFILE")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def cancel(idents, user=None):
    """Ends waiting jobs; raises where one can't be ended."""
    for ident in idents:
        got = call("DELETE", "/export/" + ident, user=user)
        if got.status not in (202, 204):
            raise RuntimeError("DELETE: %s" % got)


def finish(ident, user=None, state="FINISHED"):
    job = service.finish(ident, user, SOON_S)
    if job["state"] != state:
        raise RuntimeError("job is %s: %s" % (job["state"], job))
    return job


# ---- lists --------------------------------------------------------------------------------

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


def lists(client):
    """30 jobs of one owner, every fifth FAILED; other owners have some, too."""
    user, made, n = "lister", [], 0
    is_(good("/export", user), {"exports": []}, "list: of who has none")
    for n in range(30):
        made.append(create(request(n) if n % 5 else request(n, vehicles=["vehicle_nosuch"]), user))
        finish(made[-1], user, "FINISHED" if n % 5 else "FAILED")
    others = [create(request(), "another lister"), create(request())]
    finish(others[0], "another lister")
    finish(others[1])
    made.reverse()
    page = good("/export", user)
    is_([job["_id"] for job in page["exports"]], made, "list: the caller's, newest first")
    ok("next" not in page, "list: no next where all is shown", page.get("next"))
    is_(listed("another lister"), others[:1], "list: another owner's")
    ok(others[1] in listed(None) and not set(listed(None)) & set(made + others[:1]), "list: of nobody, nobody's jobs alone")
    job = job_of(made[1], user)
    is_(page["exports"][1], {k: v for k, v in job.items() if k != "exportUri"}, "list: a job as GET shows it, without its link")
    paging(user, made)
    states(user, made)
    waiting_in_lists(client, user)
    bad_queries(made[0])


def paging(user, made):
    for limit in (1, 7, 10, 29, 30, 500):
        pages = walk("/export", "exports", limit, user)
        is_([[job["_id"] for job in page] for page in pages], [made[i:i + limit] for i in range(0, 30, limit)],
            "paging by %d: each once, and no next on the last page" % limit)
    fresh = []

    def one_more():
        fresh.append(create(request(100 + len(fresh)), user))
        finish(fresh[-1], user)

    pages = walk("/export", "exports", 6, user, one_more)
    is_([job["_id"] for page in pages for job in page], made, "paging while jobs are made: each of the old ones once")
    is_(len(fresh), 4, "some were made meanwhile")
    is_(listed(user), fresh[::-1] + made, "afterwards they are there")
    made[:0] = fresh[::-1]
    is_(listed(user, "?limit=2&after=" + made[4].upper()), made[5:7], "after in capitals")
    is_(listed(user, "?after=" + "f" * 24), made, "after an id that is no job's, before all")
    is_(good("/export?after=" + "0" * 24, user), {"exports": []}, "after an id that is no job's, behind all")
    is_(listed("another lister", "?after=" + made[4]), [], "after another owner's job shows nothing of it")
    is_(listed(user, "?limit=%35"), made[:5], "an escaped digit")


def states(user, made):
    cancel(made[:1], user)
    by_state = collections.defaultdict(list)
    for ident in made:
        by_state[job_of(ident, user)["state"]].append(ident)
    is_(sorted(by_state), ["EXPIRED", "FAILED", "FINISHED"], "jobs in three states")
    for state, idents in by_state.items():
        is_(listed(user, "?state=" + state), idents, "state=" + state)
    is_(listed(user, "?state=STARTED"), [], "state=STARTED: none")
    both = [i for i in made if i not in by_state["FINISHED"]]
    for query in ("FAILED,EXPIRED", "EXPIRED,FAILED", "EXPIRED%2CFAILED", "FAILED,FAILED,EXPIRED",
                  "FAILED,EXPIRED,STARTED,CANCELLED,NOT_STARTED"):
        is_(listed(user, "?state=" + query), both, "state=" + query)
    pages = walk("/export?state=FAILED,EXPIRED", "exports", 3, user)
    is_([[job["_id"] for job in page] for page in pages], [both[i:i + 3] for i in range(0, len(both), 3)], "paging of states")


def waiting_in_lists(client, user):
    with stopped(client):
        ident = create(request(200), user)
        job, line = job_of(ident, user), good("/export?limit=1", user)["exports"][0]
        is_(line, {k: v for k, v in job.items() if k not in ("queue", "eta")}, "list: a waiting job, without queue and eta")
        is_(listed(user, "?state=NOT_STARTED"), [ident], "state=NOT_STARTED")
        cancel([ident], user)
        is_(listed(user, "?state=CANCELLED"), [ident], "state=CANCELLED")


def bad_queries(ident):
    many = ",".join(["FAILED"] * 7)
    for path, parameter, values in (
            ("/export", "limit", ("0", "-1", "501", "", "x", "5x", "5.0", "%2B5", "%205", "1e1", "0x5", "9" * 30, "5%00", "%zz",
                                  "%", "5%3", "18446744073709551621")),
            ("/export", "after", ("", "0" * 23, "0" * 25, "g" * 24, "0" * 23 + "%00", "0" * 24 + "%00", "%ff", "%4",
                                  "0" * 24 + "%20", "%7b%22$gt%22:1%7d")),
            ("/export", "state", ("", "finished", "DONE", ",", "FINISHED,", ",FINISHED", "FINISHED,,FAILED", "FINISHED,DONE",
                                  "FINISHED%20", "FINISHED%00", "%zz", "%ff", "FINISHED;FAILED", many)),
            ("/vehicles", "limit", ("0", "-1", "1001", "", "x", "9" * 30, "7%00", "%g0")),
            ("/vehicles", "prefix", ("", "p" * 64, "a%00", "%ff", "%c0%af", "%ed%a0%80", "%f", "%")),
            ("/vehicles", "after", ("", "p" * 64, "a%00", "%ff", "%"))):
        for value in values:
            got = get("%s?%s=%s" % (path, parameter, value))
            refused("%s?%s=%s: 400" % (path, parameter, value[:30]), got, (400,), parameter)
    for method, path, parameters in (
            ("GET", "/export", ("foo", "Limit", "prefix", "dryRun", "owner", "%24where", "limit%20", "a%2Fb")),
            ("POST", "/export", ("foo", "limit", "dryrun")), ("GET", "/export/" + ident, ("foo", "limit")),
            ("DELETE", "/export/" + ident, ("foo",)), ("GET", "/vehicles", ("foo", "state", "Prefix")),
            ("GET", "/vehicles/" + SMALL, ("foo", "limit")), ("GET", "/limits", ("foo",)), ("GET", "/health", ("foo",)),
            ("GET", "/ready", ("foo",))):
        for parameter in parameters:
            body = json.dumps(request()).encode() if method == "POST" else None
            got = call(method, "%s?%s=1" % (path, parameter), body, JSON_TYPE if body else None)
            where = "%s %s?%s=1" % (method, path.replace(ident, ":id"), parameter)
            refused(where + ": 400", got, (400,), urllib.parse.unquote(parameter))
    for query, parameter in (
            ("limit=5&limit=5", "limit"), ("limit=5&state=FAILED&limit=6", "limit"), ("limit=5&li%6dit=5", "limit"),
            ("state=FAILED&state=FINISHED", "state"), ("limit=5&foo=1", "foo"), ("foo", "foo"), ("limit", "limit")):
        refused("/export?%s: 400" % query, get("/export?" + query), (400,), parameter)
    for query in ("%zz=1", "%00=1", "=1", "%ff=1"):
        problem("/export?%s: 400" % query, get("/export?" + query), (400,))


# ---- Idempotency-Key ----------------------------------------------------------------------

def of_owner(client, user):
    return [str(d["_id"]) for d in jobs_of(client).find({"owner": user}, {"_id": 1}).sort("_id", 1)]


def taken(name, got, ident=None):
    """A 202 with Location, of that job or of any; its id."""
    job = got.json()
    wrong = got.status != 202 or not ID.fullmatch(str(job.get("_id"))) or ident not in (None, job["_id"]) or \
        got.header("Location") != "%s/export/%s" % (base(), job["_id"])
    ok(not wrong, name, "want %s\n%s\n%s" % (ident, got, got.headers))
    return job.get("_id")


def keys(client):
    user, key = "keys", "0b1d1bd5-2c50-4d28-a9b5-2b7d8a3d3c8f"
    ident = taken("a key: 202", post(request(), user, key))
    taken("again, perhaps unfinished", post(request(), user, key), ident)
    finish(ident, user)
    got = post(request(), user, key)
    taken("again, when it is FINISHED", got, ident)
    is_(got.json().get("state"), "FINISHED", "the answer is the job as it is now")
    for name, body in (("another range", request(1)), ("a name more", request(name="n")),
                       ("another vehicle", request(vehicles=[LONG])), ("another time", request(time="rfc3339"))):
        refused("the key with %s: 422" % name, post(body, user, key), (422,), "Idempotency-Key")
    refused("it stays the first body's", post(request(1), user, key), (422,), "Idempotency-Key")
    taken("nothing came of those", post(request(), user, key), ident)
    ident = taken("another key, with a name", post(request(name="n"), user, "named"))
    refused("another name: 422", post(request(name="m"), user, "named"), (422,), "Idempotency-Key")
    refused("no name: 422", post(request(), user, "named"), (422,), "Idempotency-Key")
    other = taken("the key of another owner", post(request(1), "other keys", key))
    ok(other not in of_owner(client, user), "another owner's key is another job")
    cancelled_and_failed(client)
    unfit_keys(user)
    is_(len(of_owner(client, user)), 3, "as many jobs as were meant")
    beside_joining(client)


def cancelled_and_failed(client):
    user = "keys of the ended"
    with stopped(client):
        ident = create_with("cancelled", user)
        cancel([ident], user)
        got = post(request(), user, "cancelled")
        taken("the key of a CANCELLED job", got, ident)
        is_(got.json().get("state"), "CANCELLED", "whatever became of it")
    ident = taken("a job that fails", post(request(vehicles=["vehicle_nosuch"]), user, "failed"))
    finish(ident, user, "FAILED")
    taken("the key of a FAILED job", post(request(vehicles=["vehicle_nosuch"]), user, "failed"), ident)


def create_with(key, user, n=0):
    got = post(request(n), user, key)
    if got.status != 202:
        raise RuntimeError("POST with a key: %s" % got)
    return got.json()["_id"]


def unfit_keys(user):
    """http.client sends a header's str as latin-1."""
    for name, key in (("empty", ""), ("of 256 characters", "k" * 256), ("with a space", "a b"), ("with a tab", "a\tb"),
                      ("of UTF-8", "cl\u00e9".encode().decode("latin-1")), ("of latin-1", "\xe9"), ("with DEL", "a\x7f"),
                      ("of nothing but a space", " ")):
        refused("a key %s: 400" % name, post(request(), user, key), (400,), "Idempotency-Key")
    finish(taken("a key of 255 characters", post(request(), user, "k" * 255)), user)
    problem("a key with a bad body", post(request(time="never"), user, "fresh"), (400, 422), "/time")
    got = post({"startDate": "2018-12-01", "endDate": "2018-11-30"}, user, "fresh")
    problem("and with an impossible one", got, (400, 422), "/startDate|/endDate")


def beside_joining(client):
    user = "joins"
    with stopped(client):
        plain = create(request(), user)
        keyed = create_with("one", user)
        ok(keyed != plain, "a key is not joined with the same request without one", keyed)
        ok(taken("the same request without one", post(request(), user)) in (plain, keyed), "is joined")
        two = create_with("two", user)
        ok(two not in (keyed, plain), "another key, the same body: a job of its own", two)
        taken("the first key still is the first job", post(request(), user, "one"), keyed)
        is_(of_owner(client, user), [plain, keyed, two], "three jobs")
        first = create_with("three", user, 3)
        taken("without a key: the same request that is not done yet, whatever its key", post(request(3), user), first)
        cancel([plain, keyed, two, first], user)


def at_once(client):
    """50 with one key and body."""
    user, answers, gate = "fifty", [], threading.Barrier(50)
    body, headers = json.dumps(request()).encode(), dict(JSON_TYPE, **{"Idempotency-Key": "fifty"})

    def one():
        gate.wait()
        answers.append(plain_call("POST", "/export", body, headers, user))

    threads = [threading.Thread(target=one) for _ in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for got in answers:
        judged("POST", "/export", got)
    made = of_owner(client, user)
    is_(len(made), 1, "50 at once: one job")
    good_ones = [g for g in answers if g.status == 202 and g.json()["_id"] in made or
                 g.status == 409 and not problem_wrongs(g, (409,)) and g.header("Retry-After")]
    note("50 at once: %s" % dict(collections.Counter(g.status for g in answers)))
    is_(len(good_ones), 50, "50 at once: each answer is that job, or a 409 with Retry-After")
    ok(any(g.status == 202 for g in answers), "50 at once: some are that job")
    taken("afterwards all are", post(request(), user, "fifty"), made[0] if made else None)


def old_keys(client):
    user, jobs = "old keys", client.exports.jobs
    ident = create_with("old", user)
    finish(ident, user)

    def age(by):
        from bson import ObjectId
        then = datetime.datetime.utcfromtimestamp(int(time.time()) - by)
        jobs.update_one({"_id": ObjectId(ident)}, {"$set": {"createdAt": then}})

    age(86400 - 120)
    taken("a key of almost 24 hours", post(request(), user, "old"), ident)
    refused("it refuses another body", post(request(1), user, "old"), (422,), "Idempotency-Key")
    age(86400 + 60)
    new = taken("a key of more than 24 hours is free again", post(request(), user, "old"))
    ok(new != ident, "it is a new job", new)
    taken("and the key's from now on", post(request(), user, "old"), new)
    is_(job_of(ident, user)["state"], "FINISHED", "the old job is still there")
    is_(of_owner(client, user), [ident, new], "two jobs")
    finish(new, user)
    ident = create_with("old-body", user)
    finish(ident, user)
    age(86400 + 60)
    ok(taken("free for another body, too", post(request(1), user, "old-body")) != ident, "that is a new job")


# ---- dry runs -----------------------------------------------------------------------------

def dry(body, user="dry"):
    """The estimate; raises for any answer but a 200."""
    got = post(body, user, query="?dryRun=true")
    if got.status != 200:
        raise RuntimeError("dry run: %s" % got)
    return got.json()


def dry_runs(client):
    before = jobs_of(client).count_documents({})
    most, end = setting("documents_max", 0), START + LONG_HOURS * HOUR
    for name, body, want in (
            ("all of a vehicle", span(START, START + 2 * DAY, vehicles=[SMALL]), 72),
            ("more than there is time", span(START - 9 * DAY, START + 99 * DAY, vehicles=[SMALL]), 72),
            ("a parameter", span(START, START + 2 * DAY, vehicles=[SMALL], parameters=["soc"]), 24),
            ("a parameter that it lacks", span(START, START + 2 * DAY, vehicles=[SMALL], parameters=["lacking"]), 0),
            ("two vehicles", span(START, end, vehicles=[SMALL, LONG], parameters=["speed", "one"]), 48 + LONG_HOURS + 1),
            ("documents_max itself", span(START, end, vehicles=[LONG], parameters=["speed", "soc", "current"]), most),
            ("before all data", span(START - 9 * DAY, START - DAY, vehicles=[SMALL, LONG]), 0),
            ("behind all data", span(end + DAY, end + 9 * DAY, vehicles=[SMALL, LONG]), 0)):
        got = dry(body)
        is_(got, {"documents": want, "documentsMax": most, "vehicles": len(body["vehicles"]), "unknownVehicles": []},
            "dry run: " + name)
    for parts in (2, 4, 10):
        part = LONG_HOURS * HOUR // parts
        for name, first in (("the first", START), ("the last", end - part)):
            got = dry(span(first, first + part, vehicles=[LONG], parameters=["speed"]))["documents"]
            ok(abs(got - LONG_HOURS / parts) <= LONG_HOURS / 50, "dry run: %s of %d parts" % (name, parts), got)
    got = dry(request(vehicles=["vehicle_nosuch", SMALL, NOT_OURS, "admin"]))
    is_((got["vehicles"], got["unknownVehicles"]), (1, ["vehicle_nosuch", NOT_OURS, "admin"]), "dry run: unknown vehicles")
    got = dry({"startDate": "2018-11-30", "endDate": "2018-12-01"})
    is_((got["vehicles"], got["unknownVehicles"]), (len(good("/vehicles?limit=1000")["vehicles"]), []), "dry run: all vehicles")
    dry_keys()
    dry_errors()
    too_much(client, span(START, end, vehicles=[LONG]), most)
    is_(jobs_of(client).count_documents({}), before, "no job came of any of it")
    taken("dryRun=false is a POST", post(request(), "dry", query="?dryRun=false"))
    is_(jobs_of(client).count_documents({}), before + 1, "of which a job comes")


def dry_keys():
    for name, key in (("a key", "dry"), ("that key with another body", "dry"), ("an unfit key", "a b"), ("an empty key", "")):
        body = request(1 if "another" in name else 0)
        is_(post(body, "dry", key, "?dryRun=true").status, 200, "dry run with %s: it is not looked at" % name)


def dry_errors():
    query = "?dryRun=true"
    for name, body, statuses, pointer in (
            ("no JSON", b"{", (400,), None), ("an unknown member", request(vehicle=SMALL), (400, 422), "/vehicle"),
            ("no endDate", {"startDate": "2018-11-30"}, (400, 422), "/endDate"),
            ("a bad date", request(endDate="2018-02-30"), (400, 422), "/endDate"),
            ("a reversed range", request(endDate="2018-11-29"), (422,), "/startDate|/endDate"),
            ("no vehicles", request(vehicles=[]), (400, 422), "/vehicles"),
            ("a bad vehicle", request(vehicles=["a/b"]), (400, 422), "/vehicles(/0)?"),
            ("a bad time", request(time="s"), (400, 422), "/time"), ("a body of 140,000 bytes", b" " * 140000, (413,), None)):
        is_(post(body, "dry").status, post(body, "dry", query=query).status, "dry run of %s: as a POST" % name)
        problem("dry run of %s: refused" % name, post(body, "dry", query=query), statuses, pointer)
    got = call("POST", "/export" + query, json.dumps(request()).encode(), {"Content-Type": "text/plain"})
    problem("dry run of text", got, (415,))
    for value in ("1", "TRUE", "True", "yes", "", "true%20", "true%00", "%zz"):
        refused("dryRun=%s: 400" % value, post(request(), "dry", query="?dryRun=" + value), (400,), "dryRun")
    refused("dryRun twice: 400", post(request(), "dry", query="?dryRun=true&dryRun=true"), (400,), "dryRun")


def too_much(client, body, most):
    for name, query in (("POST", ""), ("dry run", "?dryRun=true")):
        got = post(body, "dry", query=query)
        problem("%s of more than documents_max: 422" % name, got, (422,))
        numbers = [got.json().get(k) for k in ("estimatedDocuments", "documentsMax")]
        is_(numbers, [most + 1, most], "%s: estimatedDocuments and documentsMax" % name)
    got = post(body, "dry", "much")
    problem("with a key, too", got, (422,))
    ok("parameter" not in got.json(), "the key is not at fault", got)
    is_(of_owner(client, "dry"), [], "no job of those")


# ---- the catalogue ------------------------------------------------------------------------

def names(query=""):
    return [v["_id"] for v in good("/vehicles" + query)["vehicles"]]


def catalogue_waits():
    want = {SMALL, LONG} | set(CATALOGUE)
    wait_for("the catalogue of all vehicles", lambda: want <= set(names("?limit=1000")), SOON_S)
    wait_for("the catalogue of the long one", lambda: 3 * LONG_HOURS + 1 ==
             sum(p["documents"] for p in good("/vehicles/" + LONG)["parameters"]), SOON_S)


def bytewise(them):
    return sorted(them, key=str.encode)


def vehicle_pages():
    want = bytewise(CATALOGUE + [SMALL, LONG])
    page = good("/vehicles")
    is_([v["_id"] for v in page["vehicles"]], want, "vehicles: all of ours and no others, bytewise")
    ok("next" not in page, "vehicles: no next where all are shown", page.get("next"))
    for limit in (1, 7, len(want) - 1, len(want), 1000):
        pages = walk("/vehicles", "vehicles", limit)
        is_([[v["_id"] for v in p] for p in pages], [want[i:i + limit] for i in range(0, len(want), limit)],
            "vehicles by %d: each once, no next on the last page" % limit)
    mine = bytewise(CATALOGUE)
    pages = walk("/vehicles?prefix=vehicle_p_", "vehicles", 6)
    is_([[v["_id"] for v in p] for p in pages], [mine[i:i + 6] for i in range(0, len(mine), 6)], "vehicles of a prefix, by 6")
    for prefix in ("vehicle_p_0", "vehicle_p_1", "vehicle_p_19", "vehicle_p_%", "vehicle_p_+", "vehicle_p_\u00e9", "vehicle_p_a,",
                   "v", "V", "vehicle_p.", ".*", "^vehicle", "vehicle_p_[0-9]", "vehicle_p_00x", "other", "exports", "\u00e9",
                   "$", "\\", "v" * 63):
        is_(names("?prefix=" + quoted(prefix)), [v for v in want if v.startswith(prefix)],
            "vehicles: prefix %s" % ascii(prefix))
    for after in ("vehicle_p_05", "vehicle_p_05x", "vehicle_p_", "a", "vehicle_p_~", "vehicle_p_\u00e9", "w", "vehicle_p_Z"):
        is_(names("?after=" + quoted(after)), [v for v in want if v.encode() > after.encode()],
            "vehicles: after %s" % ascii(after))
    is_(names("?prefix=vehicle_p_1&after=vehicle_p_13&limit=3"), ["vehicle_p_14", "vehicle_p_15", "vehicle_p_16"],
        "vehicles: prefix, after and limit together")
    is_(names("?prefix=vehicle_p_1&after=vehicle_p_2"), [], "vehicles: a prefix before after")
    is_(names("?prefix=vehicle_p_1&after=vehicle_a"), ["vehicle_p_1%d" % n for n in range(10)], "vehicles: a prefix behind after")


def vehicle_lines():
    lines = {v["_id"]: v for v in good("/vehicles")["vehicles"]}
    for n in (0, 7):
        vehicle = CATALOGUE[n]
        first, last = utc(START + n * DAY), utc(START + n * DAY + n * HOUR)
        is_(lines[vehicle], {"_id": vehicle, "parameters": ["speed"], "first": first, "last": last},
            "%s: parameters, first and last hour" % vehicle)
        got = good("/vehicles/" + vehicle)
        checked = got.pop("checkedAt")
        is_(got, {"_id": vehicle, "first": first, "last": last,
                  "parameters": [{"name": "speed", "documents": n + 1, "first": first, "last": last}]}, "GET of %s" % vehicle)
        ok(abs(instant(checked) - time.time() * 1000) < 60000, "it was checked a moment ago", checked)
        wait_for("another look", lambda: good("/vehicles/" + vehicle)["checkedAt"] > checked, SOON_S)
        ok(True, "it is looked at again and again")
    is_(lines[SMALL], {"_id": SMALL, "parameters": ["speed", "soc"], "first": utc(START), "last": utc(START + 47 * HOUR)},
        "a vehicle's first and last are those of all its parameters")
    for vehicle in ("vehicle_p_\u00e9", "vehicle_p_a,b", "vehicle_p_%41", "vehicle_p_+", "vehicle_p_x'y", "vehicle_p_~"):
        is_(good("/vehicles/" + quoted(vehicle))["_id"], vehicle, "GET of %s, percent-encoded" % ascii(vehicle))
    is_(good("/vehicles/" + "".join("%%%02x" % c for c in SMALL.encode()))["_id"], SMALL, "every byte percent-encoded")
    for name, path, statuses in (
            ("unknown", "vehicle_nosuch", (404,)), ("another case", "Vehicle_small", (404,)),
            ("a byte less", "vehicle_smal", (404,)), ("a byte more", "vehicle_smallx", (404,)),
            ("of 64 bytes", "vehicle_".ljust(64, "x"), (404,)),
            ("of 32 characters, 64 bytes", quoted("\u00e9" * 32), (404,)), ("a slash", "vehicle_small%2Fspeed", (404,)),
            ("a member behind", "vehicle_small/speed", (404,)), ("a slash behind", "vehicle_small/", (404,)),
            ("nothing", "", (404,)), ("NUL", "vehicle_small%00", (400, 404)), ("a dot", "vehicle_small.speed", (404,)),
            ("$ne", "%7b%22$ne%22:1%7d", (404,)),
            ("no UTF-8", "%ff%fe", (404,)), ("a space", "vehicle_small%20", (404,)), ("a line end", "vehicle_small%0a", (404,)),
            ("exports", "exports", (404,)), ("admin", "admin", (404,)), ("local", "local", (404,)), ("config", "config", (404,)),
            ("a database that is no vehicle", NOT_OURS, (404,)), ("of 3,000 bytes", "v" * 3000, (404, 414))):
        problem("no such vehicle: " + name, get("/vehicles/" + path), statuses)


def kinds_of_id(client):
    """_id as int64, double, int32 and Date in one collection; columns in their order; what is empty; views."""
    from bson import Int64
    vehicle, at = "vehicle_kinds", [START + n * HOUR for n in range(6)]
    date = [datetime.datetime.utcfromtimestamp(t / 1000) for t in at]
    client.drop_database(vehicle)
    put(client, vehicle, "zeta", [Int64(at[1]), float(at[2]), date[0], Int64(at[3])])
    put(client, vehicle, "Beta", [Int64(at[1]), float(at[5]), date[4]])
    put(client, vehicle, "alpha", [float(at[2]), float(at[3])])
    put(client, vehicle, "\u00e4", [date[2], date[1]])
    put(client, vehicle, "early", [7200000, Int64(10800000)])
    for parameter in ("voltage", "odo", "current", "soc", "speed"):
        put(client, vehicle, parameter, [])
    client[vehicle].create_collection("view", viewOn="zeta", pipeline=[])

    def seen():
        got = get("/vehicles/" + vehicle)
        return got.status == 200 and len(got.json()["parameters"]) >= 10 and \
            sum(p["documents"] for p in got.json()["parameters"] if p["name"] != "view") == 13 and got.json()

    found = wait_for("the vehicle of all kinds", seen, SOON_S)
    order = [p["name"] for p in found["parameters"]]
    ok("system.views" not in order, "system.views is no parameter", order)
    is_([n for n in order if n not in ("view", "system.views")],
        ["speed", "soc", "current", "odo", "voltage", "Beta", "alpha", "early", "zeta", "\u00e4"],
        "parameters in the order of columns")
    is_([v["parameters"] for v in good("/vehicles")["vehicles"] if v["_id"] == vehicle], [order], "so in the list")
    parts = {p["name"]: p for p in found["parameters"]}
    for name, count, first, last in (("zeta", 4, at[0], at[3]), ("Beta", 3, at[1], at[5]), ("alpha", 2, at[2], at[3]),
                                     ("\u00e4", 2, at[1], at[2]), ("early", 2, 7200000, 10800000)):
        is_(parts[name], {"name": name, "documents": count, "first": utc(first), "last": utc(last)},
            "documents, first and last of " + ascii(name))
    for name in ("speed", "voltage"):
        is_(parts[name], {"name": name, "documents": 0}, "an empty collection: no documents, no first and last")
    is_((found["first"], found["last"]), (utc(7200000), utc(at[5])), "first and last of the vehicle")
    client.drop_database(vehicle)


def comings_and_goings(client):
    """Each within a few catalogue_s; the deadline is for a machine that has other work."""
    vehicle, empty, after = "vehicle_new", "vehicle_new_empty", 30 * setting("catalogue_s", 0)
    put(client, vehicle, "speed", longs(hours(3)))
    wait_for("a new vehicle in the list", lambda: vehicle in names(), after)
    # It may have been looked at while its documents came.
    wait_for("its documents", lambda: [p["documents"] for p in good("/vehicles/" + vehicle)["parameters"]] == [3], after)
    ok(True, "a new vehicle appears")
    put(client, vehicle, "soc", longs(hours(2)))
    put(client, vehicle, "speed", longs(hours(2, START + 30 * HOUR)))
    wait_for("its news", lambda: [p["documents"] for p in good("/vehicles/" + vehicle)["parameters"]] == [5, 2], after)
    is_(good("/vehicles/" + vehicle)["last"], utc(START + 31 * HOUR), "new documents, and a new parameter")
    put(client, empty, "soc", [])
    wait_for("a vehicle without documents", lambda: empty in names(), after)
    got = good("/vehicles/" + empty)
    is_({k: v for k, v in got.items() if k != "checkedAt"}, {"_id": empty, "parameters": [{"name": "soc", "documents": 0}]},
        "a vehicle without documents: no first and last")
    line = [v for v in good("/vehicles")["vehicles"] if v["_id"] == empty]
    is_(line, [{"_id": empty, "parameters": ["soc"]}], "nor in the list")
    client[vehicle].drop_collection("speed")
    wait_for("a parameter's end", lambda: ["soc"] == [p["name"] for p in good("/vehicles/" + vehicle)["parameters"]], after)
    ok(True, "a parameter that is dropped disappears")
    client.drop_database(vehicle)
    client.drop_database(empty)
    wait_for("their end", lambda: not {vehicle, empty} & set(names()), after)
    problem("a vehicle that is dropped disappears", get("/vehicles/" + vehicle), (404,))
    is_(dry(request(vehicles=[vehicle]))["unknownVehicles"], [vehicle], "and is unknown to a dry run")


# ---- characters ---------------------------------------------------------------------------

def characters():
    """A name comes back as it was sent, in UTF-8 or in escapes, on and beside the ends of planes and surrogates."""
    user = "characters"
    for n, points in enumerate((
            (0x7e, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0x10000), (0x1d7ff, 0x1d800, 0x1dbff, 0x1dc00),
            (0x1dfff, 0x1e000, 0x1f600), (0x2d7ff, 0x2d800, 0x2dfff, 0x2e000), (0x10d800, 0x10dfff, 0x10fffd))):
        name = "".join(map(chr, points))
        for how, escaped in (("UTF-8", False), ("escapes", True)):
            body = request(10 * n + escaped, name=name)
            got = post(json.dumps(body, ensure_ascii=escaped).encode(), user)
            ident = taken("a name of U+%04X and so on, in %s" % (points[0], how), got)
            is_(ascii(job_of(ident, user).get("name")), ascii(name), "it is the name of the job")
            finish(ident, user)


# ---- limits -------------------------------------------------------------------------------

def limits():
    is_(good("/limits"), {
        "rangeMaxDays": setting("range_max_days", 3660), "vehiclesMax": setting("vehicles_max", 1000),
        "parametersMax": setting("parameters_max", 100), "documentsMax": 6000, "ownerJobsMax": 5, "queueMax": 40,
        "requestsPerSecond": 200, "bodyMaxBytes": 131072, "nameMaxBytes": 100, "linkTtlSeconds": 6,
        "retentionDays": setting("retention_days", 7), "recordsDays": setting("records_days", 90), "idempotencyKeySeconds": 86400},
        "GET /limits: these members, as configured")


def busy(name, got, status):
    problem(name, got, (status,))
    ok(re.fullmatch("[1-9][0-9]*", got.header("Retry-After") or ""), name + ": Retry-After", got.headers)


def owner_limit(client):
    user, most = "many", setting("owner_jobs_max", 0)
    with stopped(client):
        mine = [create(request(n), user) for n in range(most)]
        busy("a job more than owner_jobs_max: 429", post(request(most), user), 429)
        busy("with a key: 429", post(request(most), user, "later"), 429)
        is_(len(of_owner(client, user)), most, "no job came of those")
        taken("what waits already is joined", post(request(1), user), mine[1])
        is_(post(request(most), user, query="?dryRun=true").status, 200, "a dry run begins nothing: 200")
        is_(len(listed(user)), most, "and all else is answered")
        other = create(request(most), "few")
        ok(ID.fullmatch(other), "another owner is not affected", other)
        cancel(mine[:1], user)
        mine[0] = taken("one cancelled, one more has room; the key was not used up", post(request(most), user, "later"))
        taken("its key, at the limit", post(request(most), user, "later"), mine[0])
        busy("no second one: 429", post(request(most + 1), user), 429)
    for ident in mine:
        finish(ident, user)
    finish(taken("when they are FINISHED there is room", post(request(most + 1), user)), user)


def queue_limit(client):
    """Handlers count from time to time, so that a few more may be taken; then nobody takes any."""
    most, each, mine = setting("queue_max", 0), setting("owner_jobs_max", 0), []
    with stopped(client):
        for n in range(most):
            user = "queue %d" % (n // each)
            mine.append((create(request(n), user), user))

        def eight(status):
            """Answers of this status in a row: of all the handlers there are. What they take is in mine."""
            for _ in range(8):
                user = "late %d" % len(mine)
                got = post(request(), user, "late")
                if got.status == 202:
                    mine.append((got.json()["_id"], user))
                if got.status != status:
                    return None
            return got

        got = wait_for("a full queue", lambda: eight(503), 30)
        busy("a job more than queue_max: 503", got, 503)
        note("%d jobs wait, queue_max is %d" % (len(mine), most))
        ok(len(mine) <= 2 * most, "not many more than queue_max were taken", len(mine))
        is_(of_owner(client, "late %d" % len(mine)), [], "no job came of those refused")
        taken("what waits already is joined", post(request(1), "queue 0"), mine[1][0])
        is_([get(p, "queue 0").status for p in ("/export", "/export/" + mine[0][0], "/vehicles", "/limits")], [200] * 4,
            "all else is answered")
        for ident, user in mine[each:]:
            cancel([ident], user)
        taken("many cancelled: room for all, with the key that was refused", wait_for("room", lambda: eight(202), 30))
        for ident, user in mine:
            cancel([ident], user)


# ---- the queue ----------------------------------------------------------------------------

def positions(jobs):
    return [job_of(ident, user).get("queue") for ident, user in jobs]


def at(*numbers):
    return [{"position": n} for n in numbers]


def queue(client):
    with stopped(client):
        mine = [(create(request(n), "first"), "first") for n in range(3)] + [(create(request(), "second"), "second")]
        is_(positions(mine), at(1, 3, 4, 2), "position: a first job of anyone before a second one of anyone")
        job = job_of(*mine[0])
        ok("eta" in job and job["eta"] is None, "eta is null while it waits", job)
        mine.append((create(request(1), "second"), "second"))
        is_(positions(mine), at(1, 3, 5, 2, 4), "a second job of the other one")
        cancel([mine[0][0]], "first")
        is_(positions(mine[1:]), at(2, 4, 1, 3), "one cancelled: the others move up")
        ok(not {"queue", "eta"} & set(job_of(*mine[0])), "CANCELLED: neither queue nor eta")
        far_behind(client, mine[-1])
    for ident, user in mine[1:]:
        ok(not {"queue", "eta"} & set(finish(ident, user)), "FINISHED: neither queue nor eta")


def far_behind(client, mine):
    """More waiting jobs than anybody may have, by hand: copies of the first of them, before all others."""
    from bson import ObjectId
    jobs = client.exports.jobs
    before, model = job_of(*mine)["queue"]["position"] - 1, jobs.find_one({"_id": ObjectId(mine[0])})
    model.update(owner="crowd", rank=0, createdAt=model["createdAt"] - datetime.timedelta(hours=1))
    jobs.insert_many([dict(model, _id=ObjectId()) for _ in range(1000 - before)])
    is_(positions([mine]), at(1001), "1,000 before it: position 1001")
    jobs.insert_one(dict(model, _id=ObjectId()))
    is_(positions([mine]), at(None), "1,001 before it: null")
    jobs.delete_many({"owner": "crowd"})
    is_(positions([mine]), at(before + 1), "and where it was without them")


def eta():
    user, total = "patient", 3 * LONG_HOURS
    body = span(START, START + LONG_HOURS * HOUR, vehicles=[LONG], parameters=["speed", "soc", "current"])
    ident = create(body, user)
    wait_for("its start", lambda: job_of(ident, user)["state"] == "STARTED", SOON_S)
    ok("queue" not in job_of(ident, user), "STARTED: no queue")
    is_(listed(user, "?state=STARTED"), [ident], "state=STARTED")

    def known(documents):
        job = job_of(ident, user)
        if job["state"] != "STARTED" or "eta" not in job:
            raise RuntimeError("unfinished, with an eta, it should be: %s" % job)
        return job if job["eta"] is not None and job["progress"]["documents"] >= documents else None

    job = wait_for("an eta", lambda: known(0), SOON_S)
    ok(0 < instant(job["eta"]) - time.time() * 1000 < 600000, "eta: an instant to come", job)
    ok(0 < job["progress"]["documents"] < job["progress"]["documentsTotal"] == total, "progress by then", job)
    line = good("/export", user)["exports"][0]
    ok(line["state"] == "STARTED" and "eta" not in line, "no eta in the list", line)
    half, now = wait_for("an eta at half", lambda: known(total / 2), SOON_S), time.time() * 1000
    job = finish(ident, user)
    ok(not {"queue", "eta"} & set(job), "FINISHED: neither queue nor eta", job)
    said, was = (instant(half["eta"]) - now) / 1000, (instant(job["finishedAt"]) - now) / 1000
    note("after %d of %d documents: it said %.1f s, it was %.1f s" % (half["progress"]["documents"], total, said, was))
    ok(was / 4 - 3 < said < was * 4 + 3, "the eta was not far from the truth", "%.1f s, %.1f s" % (said, was))


# ---- ETag and If-None-Match ---------------------------------------------------------------

def tag_of(path, user=None):
    return get(path, user).header("ETag") or ""


def unchanged(name, path, user=None):
    """304 for every way to say that its tag is known; 200 for those that do not. What changes in between is asked anew."""
    def known(form):
        def probe():
            tag = tag_of(path, user)
            got = get(path, user, If_None_Match=form(tag))
            return (got, tag) if got.status == 304 else None
        return probe

    for what, form in (("its tag", lambda t: t), ("*", lambda t: "*"), ("a list", lambda t: '"x", %s, W/"y"' % t),
                       ("a list without spaces", lambda t: '"x",W/"y",' + t), ("the other strength", other_strength),
                       ("a comma within a tag", lambda t: '"a,b", ' + t)):
        found = section("%s: If-None-Match: %s" % (name, what), wait_for, "a 304", known(form), 10)
        if found:
            is_((found[0].body, found[0].header("ETag")), (b"", found[1]),
                "%s: If-None-Match with %s: 304, the same tag, no body" % (name, what))
    for what, form in (("another tag", lambda t: '"x"'), ("its tag without quotes", lambda t: t.strip('W/"')),
                       ("a tag that begins as its own", lambda t: t[:-1] + 'x"'), ("nothing", lambda t: ""),
                       ("a tag that ends as its own", lambda t: '"%s"' % t.strip('W/"')[1:])):
        got = get(path, user, If_None_Match=form(tag_of(path, user)))
        ok(got.status == 200 and got.body, "%s: If-None-Match with %s: 200" % (name, what), got)

    def head():
        got = call("HEAD", path, headers={"If-None-Match": tag_of(path, user)}, user=user)
        return got.status == 304 and got

    got = wait_for("HEAD: a 304", head, 10)
    ok(got.header("ETag"), "%s: HEAD with If-None-Match: 304 with a tag" % name, got.headers)


def other_strength(tag):
    return tag[2:] if tag.startswith("W/") else "W/" + tag


def etags(client):
    user = "tags"
    ident = finish(create(request(), user), user)["_id"]
    for name, path in (("/export/:id", "/export/" + ident), ("/export", "/export"), ("/vehicles", "/vehicles"),
                       ("/vehicles/:v", "/vehicles/" + SMALL), ("/limits", "/limits")):
        section("tags of " + name, unchanged, name, path, user)
    is_(len({tag_of(p, user) for p in ("/limits", "/export", "/vehicles", "/vehicles?prefix=vehicle_p_", "/export/" + ident)}), 5,
        "five answers, five tags")
    is_(tag_of("/export", "who has none"), tag_of("/export", "who has none"), "the tag of what does not change stays")
    got = get("/export/" + "0" * 24, user, If_None_Match="*")
    is_(got.status, 404, "If-None-Match: * of what is not there: 404")
    changes(client, user)


def changes(client, user):
    of_list = tag_of("/export", user)
    with stopped(client):
        ident = create(request(1), user)
        path = "/export/" + ident
        of_new, of_job = tag_of("/export", user), tag_of(path, user)
        ok(of_new != of_list, "a new job: another tag of the list")
        is_(get(path, user, If_None_Match=of_job).status, 304, "a job that waits: 304")
        cancel([ident], user)
        got = get(path, user, If_None_Match=of_job)
        is_((got.status, got.json().get("state")), (200, "CANCELLED"), "a job that changed: 200, another tag")
        ok(got.header("ETag") != of_job, "that is another tag", of_job)
        is_(get("/export", user, If_None_Match=of_new).status, 200, "so has the list")
        is_(get(path, user, If_None_Match=got.header("ETag")).status, 304, "CANCELLED: 304 from now on")
        got = get(path, user, If_None_Match=got.header("ETag"))
        ok(got.header("Retry-After") is None, "a final job's 304: no Retry-After", got.headers)
    tag = tag_of("/vehicles?prefix=vehicle_tag", user)
    is_(get("/vehicles?prefix=vehicle_tag", user, If_None_Match=tag).status, 304, "an empty catalogue: 304")
    put(client, "vehicle_tag", "speed", longs(hours(1)))
    wait_for("a new vehicle in its list", lambda: get("/vehicles?prefix=vehicle_tag", user, If_None_Match=tag).status == 200,
             SOON_S)
    is_(names("?prefix=vehicle_tag"), ["vehicle_tag"], "another catalogue, another tag")
    client.drop_database("vehicle_tag")


def links_behind_tags():
    """Whenever a 304 comes, the link that came with the tag is still good."""
    user, ttl = "tagged links", setting("link_ttl_s", 0)
    ident = finish(create(request(), user), user)["_id"]
    path = "/export/" + ident

    def stable():
        """Two reads in a row with one tag and two links."""
        first = get(path, user)
        uri = first.json()["exportUri"]
        second = wait_for("another link", lambda: next((g for g in [get(path, user)] if g.json()["exportUri"] != uri), None), 10)
        return first.header("ETag") == second.header("ETag") and second

    if section("a tag of two links", wait_for, "one tag, two links", stable, 30):
        ok(True, "FINISHED: one tag, although the links differ")
    for n in range(2):
        first = get(path, user)
        uri, tag = first.json()["exportUri"], first.header("ETag")
        is_(call("GET", uri).status, 200, "link %d works" % n)
        late, same = [], 0

        def over(uri=uri, tag=tag):
            nonlocal same
            dead = call("GET", uri).status == 403
            got = get(path, user, If_None_Match=tag)
            if got.status == 304:
                same += 1
                late.extend([got] if dead else [])
            return dead and got.status == 200

        ended = section("the end of link %d" % n, wait_for, "a dead link and a 200", over, ttl + SOON_S)
        ok(ended and same and not late, "304 while link %d lived, 200 when it was dead" % n,
           "%d times a 304, %d times too late" % (same, len(late)))
    got = get(path, user)
    is_(call("GET", got.json()["exportUri"]).status, 200, "the 200 brought a link that works")
    cancel([ident], user)
    got = get(path, user, If_None_Match=got.header("ETag"))
    is_((got.status, got.json()["state"], "exportUri" in got.json()), (200, "EXPIRED", False), "EXPIRED: another tag, no link")


def previews(client):
    """The preview comes with the result, is the owner's alone, and goes with it. What is in it: t/3100-oracle.t."""
    user = "previewer"
    with stopped(client):
        ident = create(request(), user)
        path = "/export/%s/preview" % ident
        is_(get(path, user).status, 204, "a job that waits has none")
    finish(ident, user)
    got = get(path, user)
    is_((got.status, got.type(), got.header("Cache-Control")), (200, "application/json", "no-store"), "a FINISHED one has")
    is_((len(got.json()["parameters"]), len(got.json()["rows"]) > 0), (got.json()["parametersTotal"], True), "parameters and rows")
    ok("preview" not in get("/export/" + ident, user).json(), "it is not in the job")
    problem("another owner's", get(path, "another"), (404,))
    problem("of no job", get("/export/%024x/preview" % 1, user), (404,))
    problem("of no id", get("/export/x/preview", user), (404,))
    problem("nothing behind it", get(path + "/1", user), (404,))
    cancel([ident], user)
    is_(get(path, user).status, 204, "an EXPIRED one has none any more")
    ok("preview" not in job_document(jobs_of(client), ident), "nor does its document")


# ---- what goes for all --------------------------------------------------------------------

def resources(ident):
    read = {"GET", "HEAD", "OPTIONS"}
    return (("/export", "/export", read | {"POST"}), ("/export/:id", "/export/" + ident, read | {"DELETE"}), ("/export/:id/preview", "/export/%s/preview" % ident, read),
            ("/vehicles", "/vehicles", read), ("/vehicles/:v", "/vehicles/" + SMALL, read), ("/limits", "/limits", read),
            ("/health", "/health", read), ("/ready", "/ready", read))


def methods():
    user, shared = "methods", ("Content-Type", "X-Content-Type-Options", "Cache-Control", "Retry-After")
    ident = finish(create(request(), user), user)["_id"]
    for name, path, allow in resources(ident):
        got = call("OPTIONS", path, user=user)
        is_((got.status, allowed(got)), (204, allow), "OPTIONS %s: 204, Allow" % name)
        shown, head = get(path, user), call("HEAD", path, user=user)
        is_((shown.status, head.status, head.body), (200, 200, b""), "HEAD %s: 200, no body" % name)
        is_([head.header(k) for k in shared], [shown.header(k) for k in shared], "HEAD %s: GET's headers" % name)
        for method in {"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "FOO"} - allow:
            bare = method == "TRACE"
            got = call(method, path, None if bare else b"{}", {} if bare else JSON_TYPE, user)
            problem("%s %s: 405" % (method, name), got, (405,))
            is_(allowed(got), allow, "%s %s: Allow" % (method, name))
    for path in ("/limits", "/vehicles/" + SMALL):
        def same(path=path):
            shown, head = get(path, user), call("HEAD", path, user=user)
            return shown.header("ETag") == head.header("ETag") and head.header("ETag")

        ok(wait_for("HEAD and GET of one state", same, 10), "HEAD %s: GET's tag" % path)
    for path, status in (("/export/" + "0" * 24, 404), ("/vehicles/vehicle_nosuch", 404), ("/nothing", 404),
                         ("/export?limit=0", 400)):
        got = call("HEAD", path, user=user)
        is_((got.status, got.body), (status, b""), "HEAD %s: %d, no body" % (path, status))


def cross_origin():
    """Off by default. judged() looks for any Access-Control header."""
    def met():
        return {k: v for k, v in WRONG.items() if "access-control" in k.lower()}

    before, origin, body = met(), {"Origin": "https://fleet.example"}, json.dumps(request()).encode()
    for method, path, sent, more in (
            ("GET", "/limits", None, {}), ("GET", "/export", None, {}), ("GET", "/nothing", None, {}),
            ("GET", "/export/none", None, {}), ("POST", "/export", body, JSON_TYPE), ("POST", "/export", b"{", JSON_TYPE),
            ("OPTIONS", "/export", None, {"Access-Control-Request-Method": "POST",
                                          "Access-Control-Request-Headers": "content-type, idempotency-key"}),
            ("OPTIONS", "/export/" + "0" * 24, None, {"Access-Control-Request-Method": "DELETE"})):
        call(method, path, sent, dict(origin, **more), "origin")
    is_(met(), before, "no Access-Control header for a request of another origin")


def ready():
    got = good("/ready")
    is_(set(got), {"status", "mongodb", "rabbitmq", "auth"}, "/ready: its members")
    is_([got[k] for k in ("status", "mongodb", "rabbitmq")], ["ok"] * 3, "/ready: all is there")
    ok(isinstance(got["auth"], str) and re.fullmatch("[a-z]+", got["auth"]), "/ready: auth is a word", got)
    told = tells(json.dumps(list(got.values())))
    ok(not told, "/ready tells nothing of hosts", told)
    is_(good("/health"), {"status": "ok"}, "/health")


def errors_of_nginx():
    """Those that no handler sees bear the same headers."""
    for name, data, statuses in (
            ("a line too long", b"GET /export?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 20000), (414,)),
            ("a large header", b"GET /vehicles HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 20000), (400, 431)),
            ("no Host", b"GET /vehicles HTTP/1.1\r\n\r\n", (400,)),
            ("TRACE", b"TRACE /vehicles HTTP/1.1\r\nHost: x\r\n\r\n", (405,))):
        got = judged(data.split()[0].decode(), "/" + name, raw_call(data))
        problem("nginx: " + name, got, statuses)


def each_answer():
    note("%d answers: %s" % (sum(STATUSES.values()), ", ".join("%d x %d" % (n, s) for s, n in sorted(STATUSES.items()))))
    for what, count in WRONG.most_common(40):
        note("%d times: %s" % (count, what))
    is_(len(WRONG), 0, "each answer: X-Request-Id, no-store, nosniff, problem+json, Retry-After, ETag, no CORS")
    is_([i for i, n in REQUEST_IDS.items() if n > 1], [], "each X-Request-Id its own")
    want = {200, 202, 204, 304, 400, 404, 405, 413, 414, 415, 422, 429, 503}
    is_(sorted(want - set(STATUSES)), [], "each of these statuses was met")


def main():
    under_stack(__file__, own=True)
    client = mongo()
    load(client)
    pool = handlers()
    section("the catalogue", catalogue_waits)
    for name, f, *args in (
            ("vehicles", vehicle_pages), ("a vehicle", vehicle_lines), ("kinds of _id", kinds_of_id, client),
            ("comings and goings", comings_and_goings, client), ("dry runs", dry_runs, client), ("lists", lists, client),
            ("keys", keys, client), ("fifty at once", at_once, client), ("old keys", old_keys, client),
            ("characters", characters), ("limits", limits),
            ("limit of an owner", owner_limit, client), ("limit of all", queue_limit, client), ("queue", queue, client),
            ("eta", eta), ("tags", etags, client), ("links behind tags", links_behind_tags), ("previews", previews, client),
            ("methods", methods),
            ("CORS", cross_origin), ("ready", ready), ("nginx", errors_of_nginx), ("each answer", each_answer)):
        began = time.monotonic()
        section(name, f, *args)
        note("%s: %.1f s" % (name, time.monotonic() - began))
    is_(handlers(), pool, "no handler died of any of this")
    return done()


if __name__ == "__main__":
    sys.exit(main())
