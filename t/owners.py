"""What an owner sees among others, while servers fail: the part of t/openapi.py that t/check-api
needs. schemathesis loads it by way of that.

    OPENAPI_OWNER   JSON, all of it optional: {"others": ["name:password", ...], "private": what
                    only they have, "vehicles": theirs among that, "passwords": whether nginx asks
                    for them, "kept": file of what is known beyond this process, "ids": file of the
                    jobs that were made, "foreign": those files of others, "faults": file of faults}

A file of faults has lines of JSON, [server, kind, begin, end]: seconds of the monotonic clock; end
is null while it lasts, and a second line follows then. fault_begins() and fault_ends() write them.
"""
import contextlib
import json
import os
import random
import re
import time
import urllib.parse

OWNER = json.loads(os.environ.get("OPENAPI_OWNER") or "{}")
OTHERS = OWNER.get("others", [])
THEIR_VEHICLES = OWNER.get("vehicles", [])
# The client looks at a server again within that time, and drops the connections that it had.
LATE_S = 3
PUBLIC = ("/health", "/ready", "/metrics", "/openapi.yaml")


# ---- what is known beyond one process ------------------------------------------------------

KEPT = {"keys": {},         # {Idempotency-Key: [body, id] of the job that it made}
        "unsure": {},       # {Idempotency-Key: bodies that a 503 may have taken all the same}
        "states": {},       # {id: the state last seen}
        "made": {},         # {id: the job as its 202 had it}
        "deleted": {},      # {id: the status of its DELETE}
        "slowest": {}}      # {"GET /health": seconds}


def read_kept(path):
    with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
        return json.load(f)
    return {}


def load_kept():
    for name, known in read_kept(OWNER.get("kept", "")).items():
        KEPT[name].update(known)


def store_kept():
    if "kept" in OWNER:
        with open(OWNER["kept"], "w", encoding="ascii") as f:
            json.dump(KEPT, f)


def made(job):
    if job["_id"] not in KEPT["made"] and "ids" in OWNER:
        with open(OWNER["ids"], "a", encoding="ascii") as f:
            f.write(job["_id"] + "\n")
    KEPT["made"].setdefault(job["_id"], job)


def foreign_jobs():
    found = []
    for path in OWNER.get("foreign", []):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            found += f.read().split("\n")[:-1]
    return found


# ---- faults --------------------------------------------------------------------------------

def fault_begins(path, server, kind):
    fault = [server, kind, time.monotonic(), None]
    with open(path, "a", encoding="ascii") as f:
        f.write(json.dumps(fault) + "\n")
    return fault


def fault_ends(path, fault):
    with open(path, "a", encoding="ascii") as f:
        f.write(json.dumps(fault[:3] + [time.monotonic()]) + "\n")


def faults_of(path):
    """[[server, kind, begin, end]], in order."""
    found = {}
    with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
        for line in f.read().split("\n")[:-1]:
            fault = json.loads(line)
            found[fault[0], fault[2]] = fault
    return [found[key] for key in sorted(found, key=lambda k: k[1])]


def away(path, seconds):
    """Whether the database was away at any time in the last seconds, by this file."""
    return any(server == "mongod" and (end is None or time.monotonic() - seconds <= end + LATE_S)
               for server, _, _, end in faults_of(path))


def excused(response):
    """Whether this is a 503, and the database was away while it was made. (That the broker is away
    is no excuse.)"""
    return response.status_code == 503 and "faults" in OWNER and \
        away(OWNER["faults"], response.elapsed)


# ---- checks --------------------------------------------------------------------------------

def path_of(response):
    return urllib.parse.urlsplit(response.request.url).path


def unavailable_while_the_database_is_away(ctx, response, case):
    if "faults" in OWNER and response.status_code == 503:
        assert excused(response), "a 503 while the database was there"


def others_see_nothing_of_it(ctx, response, case):
    """A job that was shown, asked for by somebody else. (schemathesis' own check is for services
    that let nobody in unknown.)"""
    import requests
    r = random.Random(response.request.url)
    if OTHERS and case.method == "GET" and case.operation.path == "/export/{id}" and \
            response.status_code == 200 and r.random() < 0.3 and b'"_id"' in response.content:
        auth = tuple(r.choice(OTHERS).split(":"))
        began = time.monotonic()
        got = requests.get(response.request.url, auth=auth, timeout=60)
        got.elapsed = time.monotonic() - began
        assert got.status_code in (404, 429) or excused(got), \
            "%s got %d" % (auth[0], got.status_code)


def asked_by_name(found):
    """An answer without what only repeats the names that were asked for."""
    if isinstance(found, dict):
        return {k: asked_by_name(v) for k, v in found.items()
                if k != "message" and not (k in ("vehicles", "unknownVehicles") and
                                           isinstance(v, list) and
                                           all(isinstance(name, str) for name in v))}
    return [asked_by_name(v) for v in found] if isinstance(found, list) else found


def nothing_of_others(ctx, response, case):
    if response.status_code >= 300 or not OWNER.get("private"):
        return
    text = response.content.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        text = json.dumps(asked_by_name(json.loads(text)), ensure_ascii=False)
    shown = [private for private in OWNER["private"] if private in text]
    assert not shown, "it shows %s" % shown


def jobs_of_others_do_not_exist(ctx, response, case):
    found = re.match("/export/([0-9A-Fa-f]{24})(/|$)", path_of(response))
    if found and found[1].lower() in foreign_jobs():
        assert response.status_code >= 400 or response.request.method == "OPTIONS", \
            "the job of another owner: %d" % response.status_code


def nobody_gets_in_without_a_password(ctx, response, case):
    import requests
    path = path_of(response)
    r = random.Random(response.request.url + "password")
    if not OWNER.get("passwords") or path in PUBLIC or case.method != "GET" or r.random() > 0.05:
        return
    name, word = r.choice(OTHERS).split(":")
    for auth in (None, (name, word + "x"), (name + "x", word), (name, "")):
        got = requests.get(response.request.url, auth=auth, timeout=60)
        assert got.status_code >= 400, "%s gets in: %d" % (auth, got.status_code)


CHECKS = (unavailable_while_the_database_is_away, others_see_nothing_of_it, nothing_of_others,
          jobs_of_others_do_not_exist, nobody_gets_in_without_a_password)


# ---- hooks ---------------------------------------------------------------------------------

def shape(case, positive_path):
    """Before a request: sometimes a job of another owner."""
    from schemathesis.generation.meta import TestPhase
    r = random.Random(repr(case.path_parameters) + "foreign")
    if "id" in case.path_parameters and positive_path and r.random() < 0.15 and \
            case.meta.phase.name != TestPhase.STATEFUL:
        foreign = foreign_jobs()
        if foreign:
            case.path_parameters["id"] = r.choice(foreign)


def remember(response, what, jobs):
    """After it; what: its method and the path's template; jobs: those that the answer shows."""
    if response.request.method == "POST" and response.status_code == 202:
        for job in jobs:
            made(job)
    KEPT["slowest"][what] = max(response.elapsed, KEPT["slowest"].get(what, 0))
