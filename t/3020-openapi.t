#!/usr/bin/python3
"""nginx/www/openapi.yaml against the real stack: requests made from the description, each answer
judged by it (t/openapi.py).

Prints TAP. Always on its own stack, with t/3020-openapi.conf. Environment: OPENAPI_REQUESTS, how
many (800); OPENAPI_SEED, of all of them (1); OPENAPI_WORKERS, how many processes ask at a time
(2). Without OPENAPI_SEED the seeds of REGRESSIONS follow. The test at length is t/check-api.
"""
import collections
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import openapi                          # noqa: E402
from service import (                   # noqa: E402
    FINAL, base, call, done, handlers, is_, jobs_of, load, mongo, note, ok, section, seed_of,
    small_fleet, under_stack, wait_for)

REQUESTS = int(os.environ.get("OPENAPI_REQUESTS") or 800)
WORKERS = int(os.environ.get("OPENAPI_WORKERS") or 2)
DATA = small_fleet()
# Each found a fault once; a few requests of each, of those that found it.
# 165187971: a vehicle's name of 63 characters of four bytes each was too long as a path (414).
REGRESSIONS = (165187971,)
REGRESSION_REQUESTS = 300
# What has to be met of each resource, by any method; 413 and 414 are t/3000-http.t's.
MET = {"/export": (200, 202, 204, 304, 400, 405, 415, 422),
       "/export/{id}": (200, 204, 304, 404, 405),
       "/export/{id}/preview": (200, 204, 404, 405),
       "/vehicles": (200, 204, 304, 400, 405),
       "/vehicles/{vehicle}": (200, 204, 304, 404, 405),
       "/limits": (200, 204, 405),
       "/health": (200, 204, 405),
       "/ready": (200, 204, 405),
       "/metrics": (200, 204, 405)}


def checks_notice():
    """Each wrong answer is noticed, as what it is; the right ones are not found wrong."""
    got = subprocess.run([openapi.PYTHON, openapi.__file__, "--self-test"], timeout=300,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    results = json.loads(got.stdout or b"[]")
    for name, good, found in results:
        ok(good, "checks: " + name, found)
    ok(got.returncode == 0 and len(results) > 30, "checks: each of %d specimens" % len(results),
       got.stderr.decode()[-1500:])


def described():
    got = call("GET", "/openapi.yaml")
    with open(openapi.DESCRIPTION, "rb") as f:
        is_((got.status, got.type(), got.body == f.read()), (200, "application/yaml", True),
            "/openapi.yaml is the description")


def escaped(text):
    """Each byte of its UTF-8 as %XX: as long as it can be in a URL."""
    return "".join("%%%02X" % byte for byte in text.encode())


def long_names():
    """What fits the schema is long when each character has four bytes, each of them as %XX."""
    lorry, ident = "\U0001f69a", "5c007e80a1b2c3d4e5f6abcd"
    for name, path, status in (
            ("a vehicle", "/vehicles/" + escaped(sorted(DATA)[0]), 200),
            ("a name of 63 characters, 252 bytes", "/vehicles/" + escaped(lorry * 63), 404),
            ("a name of 63 characters, 63 bytes", "/vehicles/" + escaped("v" * 63), 404),
            ("a name of 63 control characters", "/vehicles/" + escaped("\x01" * 63), 404),
            # The schema has none that is longer.
            ("a name of 64 characters, 256 bytes", "/vehicles/" + escaped(lorry * 64), 414),
            ("an id", "/export/" + ident, 404),
            ("an id in capitals", "/export/" + ident.upper(), 404),
            ("an id's preview", "/export/%s/preview" % ident, 404),
            ("a prefix of 63 bytes", "/vehicles?prefix=" + escaped(lorry * 15 + "vvv"), 200),
            ("a prefix of 252 bytes", "/vehicles?prefix=" + escaped(lorry * 63), 400),
            ("the longest list", "/export?limit=500&after=%s&state=%s" % (
                escaped(ident), escaped(",".join(openapi.STATES))), 200)):
        is_([call(method, path).status for method in ("GET", "HEAD")], [status] * 2,
            "%s: %d" % (name, status))
    for name, member, text, status in (
            ("a vehicle of 63 bytes", "vehicles", lorry * 15 + "vvv", 200),
            ("a vehicle of 63 characters, 252 bytes", "vehicles", lorry * 63, 422),
            ("a parameter of 180 bytes", "parameters", lorry * 45, 200),
            ("a parameter of 180 characters, 720 bytes", "parameters", lorry * 180, 422)):
        body = json.dumps(dict(openapi.BODY, **{member: [text]}))
        is_(call("POST", "/export?dryRun=true", body, {"Content-Type": "application/json"}).status,
            status, "POST, %s: %d" % (name, status))


def told(one, good):
    ok(good, "seed %d: %d requests, nothing wrong" % (one.seed, one.sent()), "")
    if not good:
        note(one.told()[:20000], sys.stderr)


def regressions(limits):
    for seed in REGRESSIONS:
        openapi.run(REGRESSION_REQUESTS, seed, [openapi.Asker(sorted(DATA))], limits, told)


def generated():
    seed = seed_of("OPENAPI_SEED")
    began = time.monotonic()
    limits, counts = json.loads(call("GET", "/limits").body), collections.Counter()
    # What becomes of a job while others ask for it is chance: again, where it has shown too little.
    for again in range(3):
        counts.update(openapi.run(REQUESTS, seed + again * 10 ** 9,
                                  [openapi.Asker(sorted(DATA))] * WORKERS, limits, told))
        if not any(lacking(by_path(counts)).values()):
            break
    sent, seconds = openapi.sum_of(counts), time.monotonic() - began
    note("%d requests in %.1f s, seed %d" % (sent, seconds, seed))
    ok(sent >= REQUESTS, "%d requests or more were sent" % REQUESTS, sent)
    if not os.environ.get("OPENAPI_SEED"):
        regressions(limits)
    return counts


def by_path(counts):
    """{path: {status: the methods}}."""
    out = {}
    for what in counts:
        method, path, status = (what.split(" ") + ["", ""])[:3]
        if status.isdigit() and path in MET:
            out.setdefault(path, {}).setdefault(int(status), set()).add(method)
    return out


def lacking(found):
    return {path: sorted(set(statuses) - set(found.get(path, {})))
            for path, statuses in MET.items()}


def met(counts):
    """What was asked, and what came of it: a run that meets nothing but 404 has shown nothing."""
    for what, n in sorted(counts.items()):
        note("%6d %s" % (n, what))
    found = by_path(counts)
    lacks = lacking(found)
    for path, statuses in MET.items():
        is_(lacks[path], [], "%s: met %s" % (path, ", ".join(map(str, statuses))))
        ok(len(found.get(path, {}).get(405, ())) >= 3, "%s: several methods that it lacks" % path,
           found.get(path))
    is_([what for what in counts if what[-3:].isdigit() and int(what[-3:]) >= 500], [], "no 5xx")
    is_([what for what in counts if what[-3:].isdigit() and int(what[-3:]) < 200], [], "no 1xx")
    ok(counts.get(openapi.TOO_FAST, 0) * 100 <= openapi.sum_of(counts),
       "hardly any was too fast for nginx", counts)


def afterwards(client):
    jobs = jobs_of(client)
    wait_for("the end of all jobs",
             lambda: jobs.count_documents({"state": {"$nin": FINAL}}) == 0, 300)
    by_state = jobs.aggregate([{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
    ended = {d["_id"]: d["n"] for d in by_state}
    note("jobs: %s" % ended)
    ok({"FINISHED", "FAILED", "CANCELLED"} <= set(ended),
       "every job comes to an end, some to each", ended)
    is_(jobs.distinct("error.code", {"state": "FAILED"}), ["unknown_vehicle"],
        "FAILED because of an unknown vehicle, if at all")


def main():
    if not openapi.installed():
        ok(False, "schemathesis is in build/check-api", "lacking: run scripts/deps")
        return done()
    under_stack(__file__, own=True)
    client, pool = mongo(), handlers()
    load(client, DATA)
    wait_for("the catalogue",
             lambda: len(json.loads(call("GET", "/vehicles").body)["vehicles"]) == len(DATA), 60)
    note("of %s" % base())
    for name, f in (("checks", checks_notice), ("description", described),
                    ("long names", long_names)):
        section(name, f)
    counts = section("requests", generated)
    if counts is not None:
        section("met", met, counts)
    section("afterwards", afterwards, client)
    is_(handlers(), pool, "no handler died of any of this")
    return done()


if __name__ == "__main__":
    sys.exit(main())
