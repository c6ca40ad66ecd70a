#!/usr/bin/python3
"""The two calls of the mission on the real stack, nginx to S3: results against t/oracle.py, links,
and every kind of bad request, through nginx and straight to a handler.

Prints TAP. Environment: HTTP_SEED, the seed of the random bodies (1); HTTP_MUTATIONS, how many
(100).
"""
import gzip
import io
import json
import os
import random
import re
import signal
import socket
import string
import struct
import sys
import tempfile
import time
import urllib.parse
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import oracle                           # noqa: E402
from service import (                   # noqa: E402
    DAY, FINAL, JSON_TYPE, START, Answer, as_oracle, base, call, create, done, fetch, finish,
    freeze, handlers, instant, is_, job_document, job_of, jobs_of, load, logged, mongo, note, ok,
    pid_of, post, problem, problem_wrongs, raw_call, request, section, setting, small_fleet, tells,
    under_stack, wait_for)

DATA = small_fleet()
V1, V2, V3, V4 = sorted(DATA)
MUTATIONS = int(os.environ.get("HTTP_MUTATIONS", "100"))
FASTCGI_TIMEOUT_S = 20


# ---- the result ---------------------------------------------------------------------------

def right(name, body, archive):
    """The archive is what the oracle expects of this POST's body; without vehicles, of all."""
    wanted = as_oracle(body)
    with tempfile.NamedTemporaryFile(suffix=".zip") as f:
        f.write(archive)
        f.flush()
        wrong = oracle.compare(f.name, oracle.expect(DATA, wanted)) or \
            oracle.form(f.name, wanted["endDate"])
    return ok(not wrong, name, wrong)


def export(name, body):
    """Runs it and compares it; the job."""
    job = finish(create(body))
    if ok(job["state"] == "FINISHED", name + ": FINISHED", job):
        job, archive = fetch(job["_id"])
        right(name + ": right to the byte", body, archive)
    return job


# ---- the two calls ------------------------------------------------------------------------

def first_export(client):
    mine = not [n for n in client.list_database_names()
                if n.startswith("vehicle_") and n not in DATA]
    body = request() if mine else request(vehicles=sorted(DATA))
    got = post(body)
    is_(got.status, 202, "POST /export: 202")
    is_(got.header("Content-Type"), "application/json", "its Content-Type")
    job = got.json()
    ok(re.fullmatch("[0-9a-f]{24}", job["_id"]), "_id is an ObjectId", job)
    is_(got.header("Location"), "%s/export/%s" % (base(), job["_id"]), "Location is absolute")
    is_([instant(job[k]) for k in ("startDate", "endDate")], [START, START + DAY],
        "the body is the job: its range")
    is_(job["state"], "NOT_STARTED", "state NOT_STARTED")
    ok("exportUri" not in job, "no exportUri yet", job)

    got = call("GET", got.header("Location"))
    is_((got.status, got.type()), (200, "application/json"), "GET at Location: 200, JSON")
    is_(got.json()["_id"], job["_id"], "it is that job")
    ok({"_id", "startDate", "endDate", "state"} <= set(got.json()),
       "_id, startDate, endDate, state", got)
    ok("no-store" in (got.header("Cache-Control") or ""), "it is not to be stored", got.headers)

    seen = []
    finish(job["_id"], seen=seen)
    is_(seen[-1], "FINISHED", "it is FINISHED, and no state went back")
    job, archive = fetch(job["_id"])
    ok(True, "exportUri works without credentials; size and sha256 are those of its bytes")
    right("the ZIP is what the oracle says", body, archive)
    times = [instant(job[k]) for k in ("createdAt", "startedAt", "finishedAt", "expiresAt")]
    is_(times, sorted(times), "createdAt, startedAt, finishedAt, expiresAt in this order")
    is_(times[3] - times[2], setting("retention_days", 7) * DAY,
        "expiresAt is retention_days after finishedAt")
    ok("error" not in job, "no error in it", job)

    progress, entries = job["progress"], oracle.expect(DATA, as_oracle(body))[1]["files"]
    is_([progress[k] for k in ("rows", "points")],
        [sum(e[k] for e in entries) for k in ("rows", "points")],
        "progress: rows and points at the end")
    ok(all(type(progress[k]) is int and progress[k] > 0
           for k in ("documents", "bytesRead", "bytesWritten")),
       "progress: documents, bytesRead, bytesWritten", progress)
    return job["_id"]


def links(ident):
    ttl = setting("link_ttl_s", 300)
    old = job_of(ident)["exportUri"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(old).query))
    is_(query.get("X-Amz-Expires"), str(ttl), "a link lives link_ttl_s")
    other = finish(create(request(days=2, vehicles=[V3])))["_id"]

    def refused(name, change):
        url = change(job_of(ident)["exportUri"])
        is_(call("GET", url).status, 403, "refused: " + name)

    def signature(url):
        return re.sub("(X-Amz-Signature=)(.)", lambda m: m[1] + ("0" if m[2] != "0" else "1"), url)

    path = urllib.parse.urlsplit(job_of(other)["exportUri"]).path
    refused("a changed signature", signature)
    refused("another object's key", lambda u: u.replace(urllib.parse.urlsplit(u).path, path))
    refused("a longer life", lambda u: re.sub("X-Amz-Expires=[0-9]+", "X-Amz-Expires=604800", u))
    refused("no signature at all", lambda u: u.partition("?")[0])
    fresh = wait_for("another link",
                     lambda: job_of(ident)["exportUri"] != old and job_of(ident)["exportUri"], 30)
    ok(fresh != old, "two GETs, two signatures")
    is_(call("GET", job_of(ident)["exportUri"]).status, 200, "a fresh link works")
    if ttl <= 30:
        wait_for("the death of a link", lambda: call("GET", fresh).status == 403, ttl + 20)
        ok(True, "after link_ttl_s it is refused")
        is_(call("GET", job_of(ident)["exportUri"]).status, 200, "the job has another")


def before_it_is_done():
    """With the worker stopped a job stays as it is."""
    freeze(pid_of("WORKER_PIDFILE"))
    try:
        ident = create(request(days=2, first=-1), "waiting")
        got = call("GET", "/export/" + ident, user="waiting")
        is_(got.json()["state"], "NOT_STARTED", "unclaimed: NOT_STARTED")
        ok("exportUri" not in got.json(), "no exportUri before FINISHED")
        ok(re.fullmatch("[1-9][0-9]*", got.header("Retry-After") or ""),
           "an unfinished poll carries Retry-After", got.headers)
        is_(create(request(days=2, first=-1), "waiting"), ident,
            "an identical unfinished request is joined")
        ok(create(request(days=2, first=-1), "waiting too") != ident,
           "that of another owner is not")
        is_([call("GET", "/export/" + ident, user=u).status for u in ("waiting", "other", None)],
            [200, 404, 404], "another owner's job is a 404")
    finally:
        os.kill(pid_of("WORKER_PIDFILE"), signal.SIGCONT)
    is_(finish(ident, "waiting")["state"], "FINISHED", "then it is finished")


def bell():
    """Many at once, then one by one: each begins when its message comes, not at the worker's
    next poll."""
    users = ["bell %d" % n for n in range(6)]
    idents = [create(request(vehicles=[V3]), user) for user in users]
    is_({finish(i, u)["state"] for i, u in zip(idents, users)}, {"FINISHED"},
        "six at once: all FINISHED")
    took = []
    for _ in range(3):
        began = time.monotonic()
        finish(create(request(vehicles=[V3])))
        took.append(time.monotonic() - began)
    ok(max(took) < setting("idle_ms", 15000) / 2000, "the next ones begin at once",
       "seconds: %s" % took)


def members():
    export("vehicles and parameters as requested, in that order",
           request(vehicles=[V2, V1], parameters=["note", "speed", "lacking", "a,b"]))
    export("time rfc3339, csv excel, small",
           request(time="rfc3339", csv="excel", compression="small", vehicles=[V2, V3]))
    export("time ms, csv rfc4180, fast",
           request(time="ms", csv="rfc4180", compression="fast", vehicles=[V1]))
    for zone, csv in (("Europe/Berlin", "excel"), ("Asia/Kathmandu", "excel-semicolon"),
                      (None, "rfc4180")):
        job = export("time local in %s, csv %s" % (zone, csv),
                     request(time="local", timeZone=zone, csv=csv, vehicles=[V2, V1]))
        is_(job.get("timeZone"), zone or "UTC", "the job's zone")
    stored = job_document(jobs_of(mongo()), finish(create(request(
        time="local", timeZone="Asia/Kathmandu", vehicles=[V3])))["_id"])
    is_(stored["zoneOffsets"], "20700", "the zone's offsets are kept with the job")
    for zone in ("Europe/Nowhere", "Europe", "posix/UTC", "../UTC", "/etc/localtime", "zone.tab"):
        problem("timeZone %s" % zone, post(request(time="local", timeZone=zone)), (422,),
                "/timeZone")
    job = finish(create(request(every="60s", take="mean", hold="5000ms", vehicles=[V3])))
    is_([job.get(k) for k in ("every", "take", "hold")], ["1m", "mean", "5s"], "the job's steps")
    stored = job_document(jobs_of(mongo()), job["_id"])
    is_([stored.get(k) for k in ("everyMs", "take", "holdMs")], [60000, "mean", 5000],
        "as they are kept")
    for key, values in (("every", ("0s", "99ms", "7s", "25h", "1d", "1", "")),
                        ("hold", ("61m", "-1s", "1", ""))):
        for value in values:
            problem("%s %r" % (key, value), post(request(**dict({"every": "1s"}, **{key: value}))),
                    (422,), "/" + key)
    for key, value in (("take", "mean"), ("hold", "0s")):
        problem(key + " without every", post(request(**{key: value})), (422,), "/" + key)
    problem("timeZone without local", post(request(timeZone="UTC")), (422,), "/timeZone")
    problem("timeZone without a split", post(request(timeZone="UTC", split="none")), (422,),
            "/timeZone")
    job = finish(create(request(split="day", timeZone="Asia/Kathmandu", header="unit",
                                vehicles=[V1], parameters=["speed"])))
    is_([job.get(k) for k in ("split", "timeZone", "header")], ["day", "Asia/Kathmandu", "unit"],
        "the job's files, and what its columns are called by")
    with zipfile.ZipFile(io.BytesIO(fetch(job["_id"])[1])) as z:
        manifest = json.loads(z.read("manifest.json"))
    is_([manifest["request"][k] for k in ("split", "header")], ["day", "unit"],
        "its manifest has them")
    is_([f["name"] for f in manifest["files"]],
        ["%s_%s.csv" % (V1, f["period"]) for f in manifest["files"]], "files of days")
    job = finish(create(request(split="none", header="name", format="csv", vehicles=[V3])))
    is_([k for k in ("split", "timeZone", "header", "format") if k in job], [],
        "no defaults are shown")
    parquet()
    export("a vehicle without data", request(vehicles=[V3]))
    export("RFC 3339 with offset, to the ms",
           {"startDate": "2018-11-30T02:30:00.250+02:30", "vehicles": [V1, V2],
            "endDate": "2018-11-30T04:59:59.999-01:00"})
    ident = create(request(vehicles=[V1], name="November, the last day"))
    is_(finish(ident).get("name"), "November, the last day", "name is in the job")


def parquet():
    """What the files hold is compared elsewhere: here, that the request reaches the archive."""
    for more, zone in (({}, None), ({"timeZone": "Asia/Kathmandu"}, "Asia/Kathmandu"),
                       ({"split": "day", "time": "ms", "csv": "rfc4180"}, "UTC")):
        job = finish(create(request(format="parquet", vehicles=[V1], parameters=["speed"], **more)))
        is_([job.get(k) for k in ("state", "format", "timeZone")], ["FINISHED", "parquet", zone],
            "a job of Parquet, with %s" % more)
        with zipfile.ZipFile(io.BytesIO(fetch(job["_id"])[1])) as z:
            manifest = json.loads(z.read("manifest.json"))
            bodies = [z.read(f["name"]) for f in manifest["files"]]
        is_([manifest["request"][k] for k in ("format", "time", "csv", "timeZone")],
            ["parquet", None, None, zone], "its manifest has it")
        ok(all(re.fullmatch(V1 + r"(_\d{4}-\d\d-\d\d)?\.parquet", f["name"])
               for f in manifest["files"]), "its files' names", manifest["files"])
        is_({(b[:4], b[-4:]) for b in bodies}, {(b"PAR1", b"PAR1")}, "and what they are")
    for key, value in (("time", "rfc3339"), ("time", "local"), ("csv", "excel"),
                       ("csv", "excel-semicolon")):
        problem("Parquet with %s %s" % (key, value),
                post(request(**{"format": "parquet", key: value})), (422,), "/" + key)
    problem("Parquet in no zone", post(request(format="parquet", timeZone="Europe/Nowhere")),
            (422,), "/timeZone")


def half_open():
    """Two ranges that touch, at the very ms of a point, hold each row of the whole once."""
    times = sorted(oracle.read_column(DATA[V4]["speed"], START, START + DAY)[0])
    at = times[len(times) // 3]
    rows = []
    for a, b in ((START, START + DAY), (START, at), (at, START + DAY)):
        body = {"startDate": oracle.rfc3339(a), "endDate": oracle.rfc3339(b), "vehicles": [V4]}
        _, archive = fetch(finish(create(body))["_id"])
        right("%s to %s" % (body["startDate"], body["endDate"]), body, archive)
        with zipfile.ZipFile(io.BytesIO(archive)) as z:
            rows.append(z.read(V4 + ".csv").partition(b"\n")[2])
    ok(rows[1] + rows[2] == rows[0] and rows[1] and rows[2],
       "consecutive exports neither repeat nor lose a row")
    for a, b, n in ((at, at + 1, 1), (at - 1, at, 0)):
        export("one ms, %d points" % n,
               {"startDate": oracle.rfc3339(a), "endDate": oracle.rfc3339(b), "vehicles": [V4],
                "parameters": ["speed"]})


def unknown_vehicle():
    ident = create(request(vehicles=[V1, "vehicle_nosuch"]))
    job = finish(ident)
    is_(job["state"], "FAILED", "an unknown vehicle: FAILED")
    is_(job["error"]["code"], "unknown_vehicle", "error.code")
    ok("vehicle_nosuch" in job["error"]["message"], "error.message names it", job["error"])
    ok(not tells(json.dumps(job)), "and shows nothing of the inside", job)
    ok("finishedAt" in job, "finishedAt", job)
    is_(call("GET", "/export/" + ident).status, 200, "the status of a failed job is a 200")
    for name in ("admin", "exports", "local", "config"):
        got = post(request(vehicles=[name]))
        if got.status == 202:
            job = finish(got.json()["_id"])
            is_((job["state"], job["error"]["code"]), ("FAILED", "unknown_vehicle"),
                "database %s is no vehicle" % name)
        else:
            problem("database %s is no vehicle" % name, got, (400, 422), "/vehicles(/0)?")


def skipped_vehicles():
    """unknownVehicles: skip leaves out what does not exist, and says so; not all of it."""
    body = request(vehicles=["vehicle_nosuch", V2, "admin", V1], unknownVehicles="skip")
    ident = create(body)
    finish(ident)
    job, archive = fetch(ident)
    is_((job["unknownVehicles"], job["skippedVehicles"], job["vehicles"]),
        ("skip", ["vehicle_nosuch", "admin"], body["vehicles"]), "the job names those left out")
    right("without those that do not exist", body, archive)
    job, archive = fetch(finish(create(dict(body, vehicles=[V1])))["_id"])
    ok("skippedVehicles" not in job, "all exist: no list", job)
    right("of which all exist", dict(body, vehicles=[V1]), archive)
    job = finish(create(dict(body, vehicles=["vehicle_nosuch", "admin"])))
    is_((job["state"], job["error"]["code"]), ("FAILED", "unknown_vehicle"), "none exists: FAILED")
    ok("vehicle_nosuch" in job["error"]["message"], "and the first is named", job["error"])


# ---- bad requests -------------------------------------------------------------------------

def no_such(ident):
    for name, path, statuses in (
            ("an unknown id", "/export/0123456789abcdef01234567", (404,)),
            ("23 digits", "/export/" + ident[:23], (404,)),
            ("25 digits", "/export/" + ident + "0", (404,)),
            ("no hex digit", "/export/" + ident[:23] + "g", (404,)),
            ("/export/", "/export/", (404,)),
            ("/exportx", "/exportx", (404,)),
            ("a slash at the end", "/export/" + ident + "/", (404,)),
            ("a path below it", "/export/" + ident + "/zip", (404,)),
            ("nothing of ours", "/nothing", (404,)),
            ("a space before", "/export/%20" + ident, (404,)),
            ("a line end at the end", "/export/" + ident + "%0a", (404,)),
            ("%00", "/export/" + ident + "%00", (400, 404)),
            ("%2e%2e", "/export/%2e%2e%2f%2e%2e%2fetc%2fpasswd", (400, 404)),
            ("..", "/export/../../etc/passwd", (400, 404)),
            ("a backslash", "/export/..%5c..%5cetc", (404,)),
            ("no UTF-8", "/export/%ff%fe", (404,)),
            ("$ne", "/export/%7b%22$ne%22:1%7d", (404,)),
            ("very long", "/export/" + "a" * 3000, (404, 414))):
        problem("no such job: " + name, call("GET", path), statuses)
    got = call("GET", "/export/" + ident.upper())
    ok(got.status == 200 and got.json()["_id"] == ident, "upper case hex is the same job", got)
    got = call("HEAD", "/export/" + ident)
    ok(got.status in (200, 405) and got.body == b"", "HEAD: 200 or 405, no body", got)


def methods(ident):
    for method, path in [(m, "/export") for m in ("PUT", "PATCH", "TRACE", "PROPFIND", "FOO")] + \
                        [(m, "/export/" + ident) for m in ("POST", "PUT", "PATCH", "TRACE", "FOO")]:
        got = call(method, path, b"{}" if method != "TRACE" else None, JSON_TYPE)
        where = method + " " + path.replace(ident, ":id")
        problem(where + ": 405", got, (405,))
        allow = re.split(r"\s*,\s*", got.header("Allow") or "")
        ok(("POST" if path == "/export" else "GET") in allow and method not in allow,
           where + ": Allow", got.headers)


def options(ident):
    for path, allow in (("/export", "POST, GET, HEAD, OPTIONS"),
                        ("/export/" + ident, "GET, HEAD, DELETE, OPTIONS"),
                        ("/limits", "GET, HEAD, OPTIONS")):
        got = call("OPTIONS", path)
        is_((got.status, got.header("Allow"), got.body), (204, allow, b""),
            "OPTIONS " + path.replace(ident, ":id"))
    problem("OPTIONS of nothing", call("OPTIONS", "/export/a/b"), (404,))


def request_id():
    ids = []
    for name, got in (("an answer", call("GET", "/limits")),
                      ("a problem", call("GET", "/export/none")), ("nginx's", call("GET", "/nope")),
                      ("nothing", call("OPTIONS", "/limits"))):
        ids.append(got.header("X-Request-Id") or "")
        ok(re.fullmatch("[0-9a-f]{32}", ids[-1]), name + " has an X-Request-Id", got.headers)
    is_(len(set(ids)), len(ids), "all different")
    got = post(request(vehicles=[V3], startDate="2018-11-30T00:00:00.123Z"))
    line = "request=%s job=%s op=created" % (got.header("X-Request-Id"),
                                             json.loads(got.body)["_id"])
    wait_for(line, lambda: line in logged("export-api"), 30)
    ok(True, "the log line of a new job names the request")


def trace():
    """The client's trace is in the job's document, and on each line of its request and its job."""
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def made(header, days):
        got = post(request(vehicles=[V3], days=days), headers=dict(JSON_TYPE, traceparent=header))
        ident = json.loads(got.body)["_id"]
        finish(ident)
        line = "job=%s traceparent=%s op=done" % (ident, sent) if header == sent else \
            "job=%s op=done" % ident
        wait_for(line, lambda: line in logged("export-worker"), 30)
        return ident, job_document(jobs_of(mongo()), ident).get("traceparent")

    def lines(program, ident):
        return [line for line in logged(program).splitlines() if "job=" + ident in line]

    ident, kept = made(sent, 2)
    is_(kept, sent, "traceparent: kept with the job")
    found = lines("export-worker", ident)
    ok(found and all("traceparent=%s op=" % sent in line for line in found),
       "on all of the worker's lines of the job", found)
    found = [line for line in lines("export-api", ident) if " op=created " in line]
    ok(len(found) == 1 and "traceparent=%s op=" % sent in found[0], "on the API's line", found)
    for days, wrong in enumerate(("00-" + "0" * 32 + "-b7ad6b7169203331-01", sent.upper(),
                                  sent + '" op=lie', "x"), 3):
        ident, kept = made(wrong, days)
        is_(kept, None, "ignored: " + wrong)
        ok(not [line for line in lines("export-api", ident) + lines("export-worker", ident)
                if "traceparent" in line], "nor is it logged: " + wrong)


def limits():
    got = call("GET", "/limits")
    is_(got.status, 200, "GET /limits: 200")
    is_(json.loads(got.body), {
        "rangeMaxDays": setting("range_max_days", 3660),
        "vehiclesMax": setting("vehicles_max", 1000),
        "parametersMax": setting("parameters_max", 100),
        "documentsMax": setting("documents_max", 10000000),
        "ownerJobsPerHour": setting("owner_jobs_per_hour", 0),
        "ownerJobsMax": setting("owner_jobs_max", 1000), "queueMax": setting("queue_max", 10000),
        "requestsPerSecond": 200, "bodyMaxBytes": 131072, "nameMaxBytes": 100,
        "linkTtlSeconds": setting("link_ttl_s", 300), "retentionDays": setting("retention_days", 7),
        "recordsDays": setting("records_days", 90), "idempotencyKeySeconds": 86400,
        "ownerRecordsMax": setting("owner_records_max", 10000), "ownerBytesKept": 0,
        "deleteRemoves": False},
        "GET /limits: as configured")
    problem("POST /limits", call("POST", "/limits", b"{}", JSON_TYPE), (405,))
    is_(post(request(name="n" * 100, vehicles=[V3])).status, 202, "a name of nameMaxBytes")
    problem("a name of a byte more", post(request(name="n" * 101, vehicles=[V3])), BAD, "/name")


def sizes_and_types():
    body = json.dumps(request(vehicles=[V3])).encode()
    is_(post(body.ljust(131072)).status, 202, "a body of 128 KiB")
    problem("a body of 128 KiB and a byte", post(body.ljust(131073)), (413,))
    problem("a body of 600 KB", post(body.ljust(600000)), (413,))
    problem("a chunked body of 600 KB",
            call("POST", "/export", iter([body, b" " * 300000, b" " * 300000]), JSON_TYPE), (413,))
    got = call("POST", "/export", iter([body[:9], body[9:]]), JSON_TYPE)
    is_(got.status, 202, "a chunked body")
    for kind in ("application/json; charset=utf-8", "application/json;charset=UTF-8",
                 "APPLICATION/JSON", "application/json "):
        is_(post(body, headers={"Content-Type": kind}).status, 202, "Content-Type: %r" % kind)
    for kind in ("text/plain", "application/x-www-form-urlencoded",
                 "multipart/form-data; boundary=x", "application/jsonx", "application/xml",
                 "x; application/json", ""):
        problem("Content-Type: %r" % kind, post(body, headers={"Content-Type": kind}), (415,))
    problem("no Content-Type", call("POST", "/export", body), (415,))
    for coding, sent in (("gzip", gzip.compress(body)), ("gzip", body), ("br", body),
                         ("identity, gzip", body)):
        got = post(sent, headers=dict(JSON_TYPE, **{"Content-Encoding": coding}))
        problem("Content-Encoding: " + coding, got, (415,))
        is_(got.header("Accept-Encoding"), "identity", "and what is taken")
    is_(post(body, headers=dict(JSON_TYPE, **{"Content-Encoding": "Identity"})).status, 202,
        "Content-Encoding: identity")
    got = call("POST", "/export", body, dict(JSON_TYPE, Host="localhost:8123"))
    ok((got.header("Location") or "").startswith("http://localhost:8123/export/"),
       "Location has the request's Host", got.headers)


def nginx_errors():
    problem("nginx: a line too long",
            raw_call(b"GET /export/%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 20000)), (414,))
    problem("nginx: a header too large",
            raw_call(b"GET /health HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 20000)),
            (400, 431))
    problem("nginx: two Hosts", raw_call(b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
            (400,))
    problem("nginx: no number as Content-Length",
            raw_call(b"POST /export HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n{"), (400,))


D = '"startDate":"2018-11-30","endDate":"2018-12-01"'
BAD = (400, 422)


def bad_bodies():
    for name, body in (
            ("empty", b""), ("white space", b" \n"), ("no JSON", b"startDate=2018-11-30"),
            ("cut off", b"{" + D.encode()), ("an array", b"[{%s}]" % D.encode()),
            ("a string", b'"2018-11-30"'), ("a number", b"1"), ("null", b"null"),
            ("bytes after it", b"{%s}x" % D.encode()),
            ("two objects", b"{%s}{%s}" % (D.encode(), D.encode())),
            ("a NUL after it", b"{%s}\0" % D.encode()), ("a comma too many", b"{%s,}" % D.encode()),
            ("single quotes", b"{'startDate':'2018-11-30','endDate':'2018-12-01'}"),
            ("a comment", b"{%s/**/}" % D.encode()),
            ("names without quotes", b"{startDate:\"2018-11-30\"}"),
            ("NaN", b'{%s,"name":NaN}' % D.encode()),
            ("Infinity", b'{%s,"name":-Infinity}' % D.encode()),
            ("1e999", b'{%s,"name":1e999}' % D.encode()),
            ("a huge integer", b'{%s,"name":%s}' % (D.encode(), b"9" * 400)),
            ("True", b'{%s,"name":True}' % D.encode()),
            ("a duplicate key", b'{%s,"startDate":"2018-11-30"}' % D.encode()),
            ("a duplicate key, escaped", b'{%s,"start\\u0044ate":"2018-11-30"}' % D.encode()),
            ("NUL, escaped", b'{%s,"name":"a\\u0000b"}' % D.encode()),
            ("NUL, raw", b'{%s,"name":"a\0b"}' % D.encode()),
            ("a raw tab", b'{%s,"name":"a\tb"}' % D.encode()),
            ("a bad escape", b'{%s,"name":"\\x41"}' % D.encode()),
            ("a lone surrogate", b'{%s,"name":"\\ud800"}' % D.encode()),
            ("a low surrogate", b'{%s,"name":"\\udc00x"}' % D.encode()),
            ("no UTF-8", b'{%s,"name":"\xff"}' % D.encode()),
            ("overlong UTF-8", b'{%s,"name":"\xc0\xaf"}' % D.encode()),
            ("a surrogate as UTF-8", b'{%s,"name":"\xed\xa0\x80"}' % D.encode()),
            ("UTF-16", ("{%s}" % D).encode("utf-16")), ("deep arrays", b"[" * 8000),
            ("deep objects", b'{"name":' * 1500 + b"1" + b"}" * 1500),
            ("deep below a member",
             b'{%s,"vehicles":%s%s}' % (D.encode(), b"[" * 7000, b"]" * 7000))):
        problem("body: " + name, post(body), BAD)


def bad_members():
    for name, body, pointer in (
            [("startDate is missing", {"endDate": "2018-12-01"}, "/startDate"),
             ("endDate is missing", {"startDate": "2018-12-01"}, "/endDate"),
             ("an empty object", {}, "/startDate|/endDate"),
             ("an unknown member", request(vehicle=V1), "/vehicle"),
             ("a member in other case", request(StartDate="x"), "/StartDate"),
             ("a member's name to escape", request(**{"a/b~c": 1}), "/a~1b~0c"),
             ("$where", request(**{"$where": "1"}), r"/\$where"),
             ("an unknown empty name", request(**{"": 1}), "/"),
             ("_id", request(_id="0" * 24), "/_id"), ("state", request(state="FINISHED"), "/state"),
             ("owner", request(owner="x"), "/owner")] +
            [("%s: %s" % (key, json.dumps(value)), request(**{key: value}), "/" + key)
             for key in ("startDate", "endDate")
             for value in (1, 1543536000000, None, True, [], {}, {"$gt": ""}, ["2018-11-30"])] +
            [("%s: %s" % (key, json.dumps(value)), request(**{key: value}), "/%s%s" % (key, more))
             for key in ("vehicles", "parameters")
             for value, more in (
                 ("x", ""), (1, ""), (True, ""), ({}, ""), ({"0": "x"}, ""), ([1], "(/0)?"),
                 ([None], "(/0)?"), (["vehicle_x", ["y"]], "(/1)?"),
                 (["vehicle_x", {"$ne": 1}], "(/1)?"), ([""], "(/0)?"))] +
            [("%s: %s" % (key, json.dumps(value)), request(**{key: value}), "/" + key)
             for key, values in (
                 ("time", ("s", "MS", "", 1, [])), ("csv", ("tsv", 1, {}, "")),
                 ("timeZone", (1, {}, [])), ("split", ("week", "Day", "", 1, True)),
                 ("header", ("label", "Unit", "", 1, [])), ("every", (1, {}, [], 60000)),
                 ("format", ("arrow", "Parquet", "", 1, {}, [])),
                 ("take", ("", "median", "Mean", 1, [])), ("hold", (0, {}, True)),
                 ("compression", ("max", 6, False, "")),
                 ("unknownVehicles", ("no", 1, [])), ("name", (1, [], {}, True)))
             for value in values]):
        problem("body: " + name, post(body), BAD, pointer)


def bad_dates():
    for date in ("2018-02-30", "2019-02-29", "2018-13-01", "2018-00-10", "2018-11-00", "2018-11-31",
                 "2018-1-1", "18-11-30", "20181130", "2018-11-30T24:00:00Z", "2018-12-31T23:59:60Z",
                 "2018-11-30T12:60:00Z", "2018-11-30T12:00:00", "2018-11-30T12:00Z",
                 "2018-11-30T12Z", "2018-11-30T12:00:00+25:00", "2018-11-30T12:00:00+01:60",
                 "2018-11-30T12:00:00+0100", "2018-11-30T12:00:00.Z", "2018-11-30T12:00:00,5Z",
                 "2018-11-30T12:00:00Zx", "2018-11-30Z", "2018-11-30T", "1969-12-31",
                 "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "2101-01-01",
                 "9999-12-31", "0000-01-01", "-2018-11-30", "+2018-11-30", " 2018-11-30",
                 "2018-11-30 ", "2018-11-30\n", "2018/11/30", "30.11.2018", "", "now",
                 "1543536000000", "\uff12018-11-30", "2018-11-30\0",
                 "2018-11-30T12:00:00\u22121:00", "2018-W48-5", "2018-334"):
        for key in ("startDate", "endDate"):
            # A NUL may be refused before its member is known.
            problem("%s: %r" % (key, date), post(request(**{key: date})), BAD,
                    "/%s%s" % (key, "|None" if "\0" in date else ""))


def bad_ranges():
    either = "/startDate|/endDate"
    problem("start == end", post(request(days=0)), (422,), either)
    problem("start == end in two zones",
            post({"startDate": "2018-11-30T01:00:00+01:00", "endDate": "2018-11-30"}), (422,),
            either)
    problem("start > end", post(request(days=-1)), (422,), either)
    problem("start > end by a ms", post(request(startDate="2018-12-01T00:00:00.001Z")), (422,),
            either)
    days = setting("range_max_days", 3660)
    problem("a day more than range_max_days", post(request(days=days + 1)), (422,), either)
    problem("a ms more", post(request(days=days, startDate="2018-11-29T23:59:59.999Z")), (422,),
            either)
    problem("all there is", post({"startDate": "1970-01-01", "endDate": "2100-01-01"}), (422,),
            either)
    is_(finish(create(request(days=days, vehicles=[V3])))["state"], "FINISHED",
        "range_max_days itself")


def bad_names():
    def count(n, form):
        return [form % (string.ascii_letters[i % 52] + string.ascii_letters[i // 52 % 52] +
                        string.ascii_letters[i // 2704])
                for i in range(n)]

    vehicles, parameters = setting("vehicles_max", 1000), setting("parameters_max", 100)
    for name, body, pointer in (
            [("no vehicles", {"vehicles": []}, "/vehicles"),
             ("a vehicle twice", {"vehicles": [V1, V2, V1]}, "/vehicles(/2)?"),
             ("a vehicle's name of 64 bytes", {"vehicles": [V1, "vehicle_".ljust(64, "x")]},
              "/vehicles(/1)?"),
             ("a vehicle's name of 32 characters, 88 bytes",
              {"vehicles": ["vehicle_" + "\u20ac" * 24 + "x" * 8]}, "/vehicles(/0)?"),
             ("a vehicle's name of 10,000 bytes", {"vehicles": ["vehicle_".ljust(10000, "x")]},
              "/vehicles(/0)?"),
             ("a parameter's name of 300 bytes", {"parameters": ["x" * 300]}, "/parameters(/0)?"),
             ("a parameter's name with NUL", {"parameters": ["speed", "a\0b"]},
              "(/parameters(/1)?|None)"),
             ("too many vehicles", {"vehicles": count(vehicles + 1, "vehicle_%s")}, "/vehicles"),
             ("too many parameters", {"parameters": count(parameters + 1, "%s")}, "/parameters")] +
            [("a vehicle's name: %r" % bad, {"vehicles": [V1, bad]},
              "/vehicles(/1)?%s" % ("|None" if "\0" in bad else ""))
             for bad in ("vehicle_\0", "vehicle_a\0b", "vehicle_a/b", "vehicle_a\\b", "vehicle_a.b",
                         "vehicle_a$b", "vehicle_a b", 'vehicle_a"b', "../vehicle_x",
                         "vehicle_1.speed", "$cmd")]):
        problem("body: " + name, post(request(**body)), BAD, pointer)


def good_enough():
    """What may be taken or refused, but never breaks anything."""
    for name, body, statuses in (
            ("white space around", b" \r\n{%s}\n\t " % D.encode(), (202,)),
            ("an escaped name", b'{"\\u0073tartDate":"2018-11-30","endDate":"2018-12-\\u00301"}',
             (202,)),
            ("a byte order mark", b"\xef\xbb\xbf{%s}" % D.encode(), (202,)),
            ("small letters in a date",
             b'{"startDate":"2018-11-30t00:00:00z","endDate":"2018-12-01"}', (202, 400, 422)),
            ("more digits than ms",
             b'{"startDate":"2018-11-30T00:00:00.1239Z","endDate":"2018-12-01"}', (202,)),
            ("null for all that may be left out",
             b'{%s,"vehicles":null,"parameters":null,"time":null,"csv":null,"format":null,'
             b'"compression":null,"name":null}' % D.encode(), (202,)),
            ("no parameters", b'{%s,"parameters":[]}' % D.encode(), (202, 400, 422)),
            ("a parameter twice", b'{%s,"parameters":["soc","soc"]}' % D.encode(), (202, 400, 422)),
            ("system.views", b'{%s,"parameters":["system.views"]}' % D.encode(), (202, 400, 422)),
            ("$cmd", b'{%s,"parameters":["$cmd",".x","a..b","x."]}' % D.encode(), (202, 400, 422)),
            ("a vehicle's name like none", b'{%s,"vehicles":["speed"]}' % D.encode(),
             (202, 400, 422)),
            ("a long name", b'{%s,"name":"%s"}' % (D.encode(), b"n" * 9000), (202, 400, 422))):
        got = post(body, "lenient " + name)
        if got.status != 202:
            problem("body: " + name, got, statuses)
        elif ok(202 in statuses, "body: %s: 202" % name, got):
            job = finish(got.json()["_id"], "lenient " + name)
            ok(job["state"] in ("FINISHED", "FAILED"), "body: %s: it comes to an end" % name, job)
            ok(job["state"] == "FINISHED" or job["error"]["code"] == "unknown_vehicle",
               "body: %s: a good one" % name, job)


def mutations():
    seed = int(os.environ.get("HTTP_SEED", "1"))
    note("HTTP_SEED=%d" % seed)
    r = random.Random(seed)
    valid = [json.dumps(request(vehicles=[V1, V3], parameters=["speed", "a/b"], time="rfc3339",
                                csv="excel", compression="small", name="n\u00e4me"),
                        ensure_ascii=False).encode(), json.dumps(request()).encode()]
    bits = [b"", b"\0", b"\\", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\u0000", b"\\ud83d",
            b"\xff", b"null", b"-", b"1e9", b"NaN", b"T", b"Z", b"9", b"+99:99", b"$", b"/",
            b" " * 50, b'"vehicles":', b"e", b".", b"\xf0\x9f\x98\x80", b"0" * 30]
    bad = []
    for n in range(MUTATIONS):
        body = r.choice(valid)
        for _ in range(r.choice((1, 1, 1, 2, 3, 8))):
            a = r.randrange(len(body) + 1)
            b = min(len(body), a + r.choice((0, 0, 1, 1, 2, 10)))
            body = body[:a] + r.choice(bits + [body[a:b] * 2, r.randbytes(1)]) + body[b:]
        got = wait_for("a turn",
                       lambda: next((a for a in [post(body, "mutant %d" % n)] if a.status != 429),
                                    None), 60)
        if got.status != 202 and (not 400 <= got.status < 500 or
                                  problem_wrongs(got, (400, 413, 422))):
            bad.append("%r: %s" % (body, got))
    ok(not bad, "%d random bodies: 202, or 4xx as promised" % MUTATIONS, "\n".join(bad[:5]))
    jobs = jobs_of(mongo())
    left = wait_for("the mutants' jobs",
                    lambda: jobs.count_documents({"state": {"$nin": FINAL}}) == 0, 120)
    ok(left, "every job of them comes to an end")


# ---- straight to a handler, over FastCGI --------------------------------------------------

PARAMS = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/export", "DOCUMENT_URI": "/export",
          "QUERY_STRING": "", "CONTENT_TYPE": "application/json", "SERVER_PROTOCOL": "HTTP/1.1",
          "REQUEST_SCHEME": "http", "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1",
          "REMOTE_USER": "fastcgi", "REQUEST_ID": "0" * 32}


def record(kind, data):
    return struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data


def pairs(params):
    out = b""
    for key, value in params.items():
        key, value = key.encode(), value.encode()
        for part in (key, value):
            out += bytes([len(part)]) if len(part) < 128 else struct.pack(">I", len(part) | 1 << 31)
        out += key + value
    return out


def to_handler(sent):
    """What a handler answers to these bytes: an Answer, or None where it hangs up without any."""
    out = b""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(FASTCGI_TIMEOUT_S)
        s.connect(os.environ["API_SOCKET"])
        s.sendall(sent)
        f = s.makefile("rb")
        while True:
            head = f.read(8)
            if len(head) < 8:
                return None
            _, kind, _, size, padding = struct.unpack(">BBHHBx", head)
            data = f.read(size + padding)[:size]
            out += data if kind == 6 else b""
            if kind == 3:
                break
    head, _, body = out.replace(b"\r\n", b"\n").partition(b"\n\n")
    headers = {}
    for line in head.decode("latin-1").split("\n"):
        key, _, value = line.partition(":")
        headers[key.strip().title()] = value.strip()
    return Answer(int(headers.get("Status", "200").split()[0]), headers, body)


BEGIN = record(1, struct.pack(">HB5x", 1, 0))


def fastcgi(stdin, **changes):
    """A request whose params are PARAMS with these changes; None leaves one out."""
    params = {k: v for k, v in dict(PARAMS, **changes).items() if v is not None}
    sent = BEGIN + record(4, pairs(params)) + record(4, b"")
    for at in range(0, len(stdin), 60000):
        sent += record(5, stdin[at:at + 60000])
    return to_handler(sent + record(5, b""))


def to_the_handler():
    body = json.dumps(request(vehicles=[V3])).encode()
    n = str(len(body))
    got = fastcgi(body, CONTENT_LENGTH=n)
    ok(got and got.status == 202, "FastCGI: a good request", got)
    for name, stdin, length, statuses in (
            ("a short body", body[:10], n, (400,)), ("no body", b"", n, (400,)),
            ("a body a byte short", body[:-1], n, (400,)),
            ("no CONTENT_LENGTH", body, None, (400, 411)),
            ("CONTENT_LENGTH empty", body, "", (400, 411)),
            ("CONTENT_LENGTH 0", body, "0", (400, 411)),
            ("CONTENT_LENGTH too small", body, str(len(body) - 1), BAD),
            ("CONTENT_LENGTH -1", body, "-1", (400,)),
            ("CONTENT_LENGTH of letters", body, "abc", (400,)),
            ("CONTENT_LENGTH 1x", body, n + "x", (400,)),
            ("CONTENT_LENGTH 0x20", body, "0x%x" % len(body), (400,)),
            ("CONTENT_LENGTH of 2^64 + 10", body, str(2 ** 64 + 10), (400, 413)),
            ("CONTENT_LENGTH of 140,000", body.ljust(140000), "140000", (413,)),
            ("CONTENT_LENGTH of 2^31", body, str(2 ** 31), (400, 413))):
        got = fastcgi(stdin, CONTENT_LENGTH=length)
        if ok(got, "FastCGI: %s: an answer" % name):
            problem("FastCGI: " + name, got, statuses)
    for missing in sorted(PARAMS):
        got = fastcgi(body, CONTENT_LENGTH=n, **{missing: None})
        ok(got and (got.status == 202 or 400 <= got.status < 500), "FastCGI: without %s" % missing,
           got)
    got = to_handler(BEGIN + record(4, b"") + record(5, b""))
    ok(got and 400 <= got.status < 500, "FastCGI: without any param", got)
    got = fastcgi(body, CONTENT_LENGTH=n, HTTP_X="y" * 40000)
    ok(got and got.status < 500, "FastCGI: a param of 40,000 bytes", got)
    got = fastcgi(body, CONTENT_LENGTH=n, REQUEST_METHOD="P\xd6ST", REQUEST_URI="/export\0x",
                  DOCUMENT_URI="/export\0x")
    ok(got and 400 <= got.status < 500, "FastCGI: odd params", got)

    for name, sent in (("nothing", b""), ("half a header", b"\1\1\0"),
                       ("a request without its params", BEGIN),
                       ("half a body",
                        BEGIN + record(4, pairs(dict(PARAMS, CONTENT_LENGTH=n))) + record(4, b"") +
                        record(5, body[:9])),
                       ("half a param", BEGIN + record(4, b"\x7f\x7fab") + record(4, b"")),
                       ("garbage", bytes(range(256)))):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(FASTCGI_TIMEOUT_S)
            s.connect(os.environ["API_SOCKET"])
            s.sendall(sent)
        got = [call("GET", "/vehicles").status for _ in range(8)]
        is_(got, [200] * 8, "FastCGI: hung up after %s; the pool answers" % name)


def main():
    under_stack(__file__)
    client = mongo()
    load(client, DATA)
    for path in ("/health", "/ready"):
        is_(call("GET", path).status, 200, "GET %s: 200" % path)
    pool = handlers()
    ident = section("the first export", first_export, client) or create(request())
    section("links", links, ident)
    for name, f in (("unfinished", before_it_is_done), ("bell", bell), ("members", members),
                    ("half-open", half_open), ("unknown vehicle", unknown_vehicle),
                    ("skipped vehicles", skipped_vehicles)):
        section(name, f)
    section("no such job", no_such, ident)
    section("methods", methods, ident)
    section("OPTIONS", options, ident)
    for name, f in (("limits", limits), ("request ids", request_id), ("traces", trace),
                    ("sizes and types", sizes_and_types), ("nginx", nginx_errors),
                    ("bad bodies", bad_bodies), ("bad members", bad_members),
                    ("bad dates", bad_dates), ("bad ranges", bad_ranges), ("bad names", bad_names),
                    ("lenient", good_enough), ("mutations", mutations),
                    ("FastCGI", to_the_handler)):
        section(name, f)
    is_(handlers(), pool, "no handler died of any of this")
    for vehicle in DATA:
        client.drop_database(vehicle)
    return done()


if __name__ == "__main__":
    sys.exit(main())
