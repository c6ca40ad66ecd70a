#!/usr/bin/python3
"""nginx/www/openapi.yaml against a running service: schemathesis makes the requests and judges each
answer.

    t/openapi.py [--requests N] [--seed S] [--workers W]
        runs against EXPORT_URL until N requests were sent, W processes at a time, each with its own
        seed: S, S + 1, ...; exit 0 where nothing is wrong. A seed repeats a run: the same requests,
        as far as they don't follow from answers (ids of jobs, tags); default: drawn, and printed
    t/openapi.py --self-test
        feeds wrong answers to the checks; exit 0 where each is noticed and the right ones pass
    t/openapi.py --install
        puts schemathesis, pinned by hash, into build/check-api
    t/openapi.py --installed
        exit 0 where it is there

All of schemathesis' checks are on but use_after_free, which wants a 404 after each DELETE: here a
job stays to be seen when it was deleted (CANCELLED, EXPIRED), and ended_jobs_stay_ended looks after
that. What the description says in words is judged by checks of our own (CHECKS), what owners see of
each other by t/owners.py's. schemathesis loads this same file for them. t/3020-openapi.t is the
test, t/check-api the one at length, of several owners, while servers fail.
"""
import argparse
import atexit
import collections
import contextlib
import datetime
import functools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import typing
import urllib.parse
import zoneinfo

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)                # schemathesis, too, loads this file

import owners                           # noqa: E402
import pinned                           # noqa: E402

DESCRIPTION = os.path.join(ROOT, "nginx", "www", "openapi.yaml")
REQUIREMENTS = os.path.join(ROOT, "t", "requirements", "openapi.txt")
TOOL = os.path.join(ROOT, "build", "check-api")
PYTHON = "/usr/bin/python3"
ROUND_REQUESTS, ROUND_S = 3000, 3600    # of one process, at most
HOUR, DAY = 3600000, 86400000
START = 1543536000000                   # 2018-11-30
ENDS = ("FAILED", "CANCELLED", "EXPIRED")
# What may come next, where some may have been missed.
STATES = {"NOT_STARTED": ("STARTED", "FINISHED") + ENDS, "STARTED": ("FINISHED",) + ENDS,
          "FINISHED": ("EXPIRED",), "FAILED": (), "CANCELLED": (), "EXPIRED": ()}

# 413 and 414 refuse, too. A schema can't say that a range is reversed, nor count bytes, so that
# what fits it may be refused; judged_as_described and names_are_of_bytes know when. Of a 503
# t/owners.py knows whether it is right; without faults none is.
CONFIG = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx"%(more)s]
negative_data_rejection.expected-statuses = ["400", "404", "405", "413", "414", "415", "422", "429"
    %(more)s]

[[operations]]
include-operation-id = "createExport"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "409", "422", "429"%(more)s]

[[operations]]
include-operation-id = "listVehicles"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "429"%(more)s]
"""


# ---- schemathesis itself ------------------------------------------------------------------

def installed():
    return pinned.installed(TOOL, REQUIREMENTS)


def install():
    pinned.install(TOOL, REQUIREMENTS)


def environment(**more):
    return dict(os.environ, PYTHONPATH=TOOL, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0",
                **more)


# ---- what the description says in words ---------------------------------------------------

GOOD, BAD, ODD = "good", "bad", "odd"   # to be taken, to be refused, either
LIMITS = json.loads(os.environ.get("OPENAPI_LIMITS") or "{}") or {
    "rangeMaxDays": 3660, "vehiclesMax": 1000, "parametersMax": 100, "nameMaxBytes": 100,
    "bodyMaxBytes": 131072}
DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:([Tt])(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|[+-](\d\d):(\d\d)))?",
    re.A)


def date(text):
    """(verdict, Unix ms) of a date that fits the schema: YYYY-MM-DD or RFC 3339, from 1970 to 2100,
    to the millisecond."""
    m = DATE.fullmatch(text)
    if not m:
        return BAD, None
    try:
        t = datetime.datetime(*(int(x or 0) for x in m.group(1, 2, 3, 5, 6, 7)))
    except ValueError:
        return BAD, None
    ms = (t - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1)
    ms += int((m[8] or "0")[:3].ljust(3, "0"))
    if m[10]:
        if int(m[10]) > 23 or int(m[11]) > 59:
            return BAD, None
        ms += (int(m[10]) * 60 + int(m[11])) * (60000 if text[-6] == "-" else -60000)
    if ms < 0 or ms >= 4133980800000:   # 2101-01-01
        return BAD, None
    odd = ms > 4102444800000 or m[4] == "t" or m[9] == "z"
    return ODD if odd else GOOD, ms


def size(text):
    return len(text.encode("utf-8", "surrogatepass"))


def given(body):
    """A POST's body without its nulls, which are as if left out."""
    return {name: value for name, value in body.items() if value is not None}


TAKES = ("last", "first", "mean", "min", "max")
UNITS = {"h": 3600000, "m": 60000, "s": 1000, "ms": 1}


def duration(text):
    """Its ms; None where it is none."""
    m = isinstance(text, str) and re.fullmatch(r"(0|[1-9][0-9]*)(ms|s|m|h)", text, re.A)
    return int(m[1]) * UNITS[m[2]] if m else None


def duration_text(ms):
    unit = next(unit for unit, size_ms in UNITS.items() if ms % size_ms == 0)
    return "%d%s" % (ms // UNITS[unit], unit) if ms else "0s"


def steps_wrong(body):
    """Whether every, take and hold of a body that fits the schema are to be refused."""
    every, hold = duration(body.get("every")), duration(body.get("hold", "0s"))
    if "every" not in body:
        return "take" in body or "hold" in body
    return every is None or not 100 <= every <= DAY or DAY % every != 0 or \
        hold is None or hold > DAY / 24


ZONES = zoneinfo.available_timezones() - {"localtime"}


def of_zone(body):
    """Whether it asks for what a zone is needed for."""
    return body.get("time") == "local" or body.get("split", "none") != "none"


def verdict(body):
    """Of a POST whose body fits the schema."""
    (first, start), (last, end) = date(body["startDate"]), date(body["endDate"])
    if BAD in (first, last):
        return BAD
    found = {first, last}
    if end <= start or end - start > LIMITS["rangeMaxDays"] * DAY:
        found.add(BAD)
    for member, most, longest in (("vehicles", LIMITS["vehiclesMax"], 63),
                                  ("parameters", LIMITS["parametersMax"], 180)):
        names = body.get(member, [])
        if len(names) > most or member == "vehicles" and any(size(n) > longest for n in names):
            found.add(BAD)
        # How long a parameter's name may be is MongoDB's; its own collections are nobody's.
        if any(size(n) > longest or n.startswith("system.") for n in names) or \
                member == "vehicles" and {"admin", "config", "local", "exports"} & set(names):
            found.add(ODD)
    if size(body.get("name", "")) > LIMITS["nameMaxBytes"]:
        found.add(BAD)
    zone, parquet = body.get("timeZone"), body.get("format") == "parquet"
    if zone is not None and (not (of_zone(body) or parquet) or zone not in ZONES):
        found.add(BAD)
    if parquet and (body.get("time", "ms"), body.get("csv", "rfc4180")) != ("ms", "rfc4180"):
        found.add(BAD)
    if steps_wrong(body):
        found.add(BAD)
    return BAD if BAD in found else ODD if ODD in found else GOOD


# ---- our checks ---------------------------------------------------------------------------

TELLS = re.compile(r"127\.0\.0\.1|localhost|mongodb:|amqp:|/etc/|/tmp/|/usr/|\.sock\b|\.c:\d", re.I)
JOBS, KEYS, UNSURE = (owners.KEPT[name] for name in ("states", "keys", "unsure"))


def header(response, name):
    """Its value, or None; schemathesis has lists of values by names in small letters."""
    return ", ".join(response.headers[name]) if name in response.headers else None


def json_of(response):
    try:
        found = json.loads(response.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def jobs_in(response):
    """Jobs in an answer, one or a list of them."""
    body = json_of(response) if response.status_code in (200, 202) else {}
    return [j for j in (body["exports"] if isinstance(body.get("exports"), list) else [body])
            if "_id" in j and "state" in j]


def meant(case):
    """Whether the method is the operation's in the description: there are requests of others, too.
    """
    return case.method.upper() == case.operation.method.upper()


def positive(case, operation):
    """Whether this is a request of that operation whose every part fits its schema."""
    return case.operation.definition.raw.get("operationId") == operation and meant(case) and \
        case.meta is not None and case.meta.generation.mode.is_positive


def bears_what_each_bears(ctx, response, case):
    """The headers of each answer, and a problem that is one and tells nothing of the inside."""
    body, status = response.content, response.status_code
    caching = header(response, "cache-control")
    assert caching == "no-store", "Cache-Control is %r" % caching
    if body:
        sniffing = header(response, "x-content-type-options")
        assert sniffing == "nosniff", "no X-Content-Type-Options: nosniff"
    if response.request.method == "HEAD" or status in (204, 304):
        assert not body, "a body where there is none"
    elif status >= 400:
        assert json_of(response).get("status") == status, "the problem's status is not the answer's"
        told = TELLS.search(body.decode("utf-8", "replace"))
        assert not told, "it tells %r" % told
    if status == 304:
        assert "If-None-Match" in response.request.headers, "304 without If-None-Match"
        assert header(response, "etag"), "304 without ETag"
    if status == 405:
        allowed = re.split(r"\s*,\s*", header(response, "allow") or "")
        assert response.request.method not in allowed, "405 of what is allowed"


def retry_after_while_unfinished(ctx, response, case):
    wanted = None
    if response.status_code in (409, 503):
        wanted = True
    elif response.status_code in (200, 202) and "exports" not in json_of(response):
        wanted = any(job["state"] in ("NOT_STARTED", "STARTED") for job in jobs_in(response))
    elif response.status_code not in (304, 429):
        wanted = False
    given = header(response, "retry-after") is not None
    assert wanted is None or response.request.method == "HEAD" or given == wanted, \
        "Retry-After where the answer is final" if given else "no Retry-After"


def meaning(body):
    """A POST's body however it is spelled: dates as ms, defaults written out."""
    dates = {m: list(date(body[m])) for m in ("startDate", "endDate")
             if isinstance(body.get(m), str)}
    zone = {"timeZone": "UTC"} if of_zone(body) else {}
    if duration(body.get("every")) is not None:
        zone.update(take="last", hold=0)
        dates.update((m, duration(body[m])) for m in ("every", "hold") if m in body)
    return dict({"format": "csv", "time": "ms", "split": "none", "csv": "rfc4180", "header": "name",
                 "compression": "fast", "unknownVehicles": "fail"},
                **dict(zone, **dict(body, **dates)))


def judged_as_described(ctx, response, case):
    """A POST whose body fits the schema: taken where it is one of those that are, else refused."""
    from schemathesis.core.parameters import ParameterLocation
    if not positive(case, "createExport"):
        return
    status = response.status_code
    body = given(case.body) if isinstance(case.body, dict) else None
    part = case.meta.components.get(ParameterLocation.BODY)
    if not isinstance(body, dict) or part is None or not part.mode.is_positive:
        return
    key = response.request.headers.get("Idempotency-Key")
    if owners.excused(response):
        if key is not None:
            UNSURE.setdefault(key, []).append(meaning(body))
        return
    if status == 202 and key is not None:
        made = [meaning(body), json_of(response).get("_id")]
        first = KEYS.setdefault(key, made)
        assert first == made, "the key made %s; now %s made" % (first, body)
    elif status == 422 and json_of(response).get("parameter") == "Idempotency-Key":
        known = [KEYS[key][0]] if key in KEYS else UNSURE.get(key, [])
        assert any(first != meaning(body) for first in known), \
            "the key refused, of no other body: %s" % body
        return
    said = BAD if len(response.request.body or b"") > LIMITS["bodyMaxBytes"] else verdict(body)
    assert said != GOOD or status in (200, 202, 409, 429), "refused: %s" % body
    assert said != BAD or status in (400, 413, 422, 429), "taken: %s" % body


def query_of(response):
    return urllib.parse.parse_qsl(urllib.parse.urlsplit(response.request.url).query,
                                  keep_blank_values=True)


def names_are_of_bytes(ctx, response, case):
    """A list of vehicles that fits its schema is refused for one reason: a name begins with 63
    bytes at most."""
    if positive(case, "listVehicles"):
        query = query_of(response)
        too_long = any(size(text) > 63 for name, text in query if name in ("prefix", "after"))
        assert response.status_code in ((400, 429) if too_long else (200, 304, 429)) or \
            owners.excused(response), "%s: %s" % ("taken" if too_long else "refused", query)


def job_as_asked(body, job):
    """What differs between a POST's body and the job that came of it; None where nothing does."""
    for member in ("startDate", "endDate"):
        said, ms = date(body[member])
        if said == GOOD and ms != date(job[member])[1]:
            return "%s %s is %s" % (member, body[member], job[member])
    for member, default in (("time", "ms"), ("csv", "rfc4180"), ("compression", "fast"),
                            ("unknownVehicles", "fail"),
                            ("parameters", None), ("take", "last" if "every" in body else None),
                            ("timeZone", "UTC" if of_zone(body) else None)):
        if job.get(member) != body.get(member, default):
            return "%s is %a, asked for %a" % (member, job.get(member), body.get(member, default))
    for member, default in (("format", "csv"), ("split", "none"), ("header", "name")):
        if job.get(member, default) != body.get(member, default):
            return "%s is %a, asked for %a" % (member, job.get(member), body.get(member))
    for member in ("every", "hold") if "every" in body else ():
        if job.get(member) != duration_text(duration(body.get(member, "0s"))):
            return "%s is %a, asked for %a" % (member, job.get(member), body.get(member))
    if sorted(job.get("vehicles", [])) != sorted(body.get("vehicles", [])):
        return "vehicles are %a, asked for %a" % (job.get("vehicles"), body.get("vehicles"))
    return None


def page_as_asked(response, member, usual, before):
    """What is wrong with a page: too long, out of order, not after `after`, or with a next that
    there is not."""
    query, page = dict(query_of(response)), json_of(response)
    ids = [line["_id"] for line in page[member]]
    limit = int(query.get("limit", usual))
    if len(ids) > limit or "next" in page and len(ids) < limit:
        return "%d of %d, next is %r" % (len(ids), limit, page.get("next"))
    if "after" in query:
        ids.insert(0, query["after"].lower() if member == "exports" else query["after"])
    if not all(before(a, b) for a, b in zip(ids, ids[1:])):
        return "out of order: %s" % ids
    return None


def estimate_as_asked(case, estimate):
    """What is wrong with the names in a dry run's answer: those that there are not, or that are not
    the owner's, are unknown."""
    asked = case.body.get("vehicles") if isinstance(case.body, dict) else None
    asked = set(VEHICLES if asked is None else asked)
    if estimate["documents"] is None or not all(isinstance(name, str) for name in asked):
        return None
    want = (len(asked & set(VEHICLES)), sorted(asked - set(VEHICLES)))
    got = (estimate["vehicles"], sorted(estimate["unknownVehicles"]))
    return None if got == want else "known and unknown are %s, not %s" % (got, want)


def answers_what_was_asked(ctx, response, case):
    """The answer is about the resource, the request and the page that were asked for."""
    if not meant(case) or response.status_code not in (200, 202):
        return
    operation, body = case.operation.definition.raw["operationId"], json_of(response)
    query = dict(query_of(response))
    name = urllib.parse.unquote(urllib.parse.urlsplit(response.request.url).path.rpartition("/")[2])
    wrong = None
    if operation == "createExport":
        dry = query.get("dryRun")
        assert (response.status_code == 200) == (dry == "true"), "dryRun=%s" % dry
        if response.status_code == 202 and isinstance(case.body, dict):
            wrong = job_as_asked(given(case.body), body)
        elif response.status_code == 200:
            wrong = estimate_as_asked(case, body)
    elif operation in ("getExport", "getVehicle"):
        asked = name.lower() if operation == "getExport" else name
        wrong = None if body["_id"] == asked else "it is %r" % body["_id"]
    elif operation == "listExports":
        wrong = page_as_asked(response, "exports", 50, lambda a, b: a > b)
        jobs, states = body["exports"], query.get("state", ",".join(STATES)).split(",")
        assert all(job.get("state", states[0]) in states for job in jobs), \
            "other states than %s" % states
        asked = {"_id", *query["fields"].split(",")} if "fields" in query else None
        assert asked is None or all(set(job) <= asked for job in jobs), "more than %s" % asked
        assert not any({"exportUri", "exportUriExpiresAt", "queue", "eta"} & set(job)
                       for job in jobs), "more than a list shows"
    elif operation == "listVehicles":
        wrong = page_as_asked(response, "vehicles", 100, lambda a, b: a.encode() < b.encode())
        prefix = query.get("prefix", "")
        assert all(v["_id"].startswith(prefix) for v in body["vehicles"]), "another prefix"
    assert wrong is None, wrong


def fits(schema, text):
    """Whether its schema allows a query parameter's text; None: a number in another spelling."""
    if schema["type"] == "integer":
        if re.fullmatch(r"\+?0*[0-9]+", text) and str(int(text)) != text:
            return None
        return re.fullmatch("0|-?[1-9][0-9]*", text) is not None and \
            schema["minimum"] <= int(text) <= schema["maximum"]
    return schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)) and \
        text in schema.get("enum", [text]) and \
        re.search(schema.get("pattern", ""), text) is not None


def unfit_parameters_are_refused(ctx, response, case):
    """Unknown, doubled, or against their schema. schemathesis lets some of these pass, since many
    services do."""
    sent = query_of(response)
    parameters = case.operation.definition.raw.get("parameters", [])
    known = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
    names = [name for name, _ in sent]
    if meant(case) and (set(names) - set(known) or len(set(names)) < len(names) or
                        any(fits(known[name], text) is False for name, text in sent)):
        assert response.status_code >= 400, "taken, with the parameters %s" % sent


def states_never_go_back(ctx, response, case):
    for job in jobs_in(response):
        ident, now = job["_id"], job["state"]
        before = JOBS.get(ident, "NOT_STARTED")
        JOBS[ident] = now
        assert now == before or now in STATES[before], "job %s: %s after %s" % (ident, now, before)


def ended_jobs_stay_ended(ctx, response, case):
    """What use_after_free is elsewhere: deleted, a job is still to be seen, and has no link any
    more."""
    if response.request.method == "DELETE" and response.status_code in (202, 204):
        owners.KEPT["deleted"][owners.path_of(response).rpartition("/")[2].lower()] = \
            response.status_code
    for job in jobs_in(response):
        ident, state = job["_id"], job["state"]
        assert state == "FINISHED" or "exportUri" not in job, "a link in a job that is %s" % state
        assert owners.KEPT["deleted"].get(ident) != 204 or state in ENDS, \
            "job %s is %s after a 204 of its DELETE" % (ident, state)


def sound(check):
    """An answer that has not even the form that the check looks into fails it."""
    @functools.wraps(check)
    def sure(ctx, response, case):
        try:
            check(ctx, response, case)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
            raise AssertionError("not of its form: %r" % e) from e
    return sure


CHECKS = [sound(check) for check in (
    bears_what_each_bears, retry_after_while_unfinished, judged_as_described, names_are_of_bytes,
    answers_what_was_asked, unfit_parameters_are_refused, states_never_go_back,
    ended_jobs_stay_ended, *owners.CHECKS)]


# ---- what requests are made of ------------------------------------------------------------

VEHICLES = (os.environ.get("OPENAPI_VEHICLES") or "vehicle_001").split(",")
LONGEST = "\U0001f69a" * 63             # of the names that fit the schema: 756 bytes as %XX
TAGS = {}                               # {path and query: the ETag that came last}
WITH_ROWS = []                          # jobs that are FINISHED, with rows: they have a preview


def spelled(r, ms):
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    if ms % DAY == 0 and r.random() < 0.5:
        return t.date().isoformat()
    if r.random() < 0.3:
        minutes = r.choice((-720, -90, 1, 330, 840))
        t += datetime.timedelta(minutes=minutes)
        return "%s%s%02d:%02d" % (t.isoformat(timespec="milliseconds"), "-" if minutes < 0 else "+",
                                  *divmod(abs(minutes), 60))
    fine = ms % 1000 or r.random() < 0.5
    return t.isoformat(timespec="milliseconds" if fine else "seconds") + "Z"


def range_of(r):
    """(startDate, endDate), four of five in order."""
    start = START + r.choice((0, 0, DAY, -DAY, HOUR, 1, r.randrange(3 * DAY), -365 * DAY))
    days = LIMITS["rangeMaxDays"] * DAY
    if r.random() < 0.8:
        length = r.choice((DAY, DAY, HOUR, 1, 2 * DAY, r.randrange(1, 3 * DAY), days))
    else:
        length = r.choice((0, -1, -DAY, days + 1, 2 * days))
    return spelled(r, start), spelled(r, start + length)


def shape_steps(r, body):
    """Of the lengths that fit the schema few divide a day, and take and hold need one that does."""
    asked = {k: body[k] for k in ("every", "take", "hold") if body.get(k) is not None}
    if asked and r.random() < 0.8 and asked.get("take", "last") in TAKES and \
            all(duration(asked[k]) is not None for k in ("every", "hold") if k in asked):
        body["every"] = r.choice(("100ms", "675ms", "1s", "1000ms", "60s", "15m", "24h", "1440m"))
        if "hold" in asked:
            body["hold"] = r.choice(("0h", "0s", "1ms", "90s", "60m", "1h"))


def shape_body(case):
    """The schema lets dates be 0000-00-00; then nothing else of the body would be looked at. So
    most get real dates."""
    body, pattern = case.body, re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?")
    r = random.Random(repr(body))
    if r.random() < 0.85 and all(isinstance(body.get(k), str) and pattern.fullmatch(body[k])
                                 for k in ("startDate", "endDate")):
        body = dict(body)
        body["startDate"], body["endDate"] = range_of(r)
        names = body.get("vehicles")
        if isinstance(names, list) and names and \
                all(isinstance(n, str) and n for n in names) and r.random() < 0.5:
            body["vehicles"] = r.sample(VEHICLES, r.randrange(1, len(VEHICLES) + 1)) + \
                [n for n in names if n not in VEHICLES and r.random() < 0.3]
            if owners.THEIR_VEHICLES and r.random() < 0.3:
                body["vehicles"].append(r.choice(owners.THEIR_VEHICLES))
        shape_steps(r, body)
        case.body = body


def shape(context, case, kwargs):
    """Before each request."""
    from schemathesis.core.parameters import ParameterLocation
    if isinstance(case.body, dict) and case.operation.path == "/export":
        shape_body(case)
    part = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    if "vehicle" in case.path_parameters and part is not None and part.mode.is_positive:
        r = random.Random(repr(case.path_parameters))
        if r.random() < 0.5:
            case.path_parameters["vehicle"] = r.choice(VEHICLES + owners.THEIR_VEHICLES + [LONGEST])
    if case.operation.path.endswith("/preview") and WITH_ROWS and case.meta and \
            case.meta.generation.mode.is_positive and \
            random.Random(repr(case.path_parameters)).random() < 0.5:
        case.path_parameters["id"] = WITH_ROWS[-1]
    owners.shape(case, part is not None and part.mode.is_positive)
    # In a dry run the key is not looked at; here a bad one is to be seen.
    part = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if case.query.get("dryRun") == "true" and part is not None and part.mode.is_negative:
        del case.query["dryRun"]
    where = json.dumps([case.formatted_path, case.query], sort_keys=True, default=repr)
    if case.method == "GET" and TAGS.get(where) and \
            random.Random(where + TAGS[where]).random() < 0.5:
        case.headers["If-None-Match"] = TAGS[where]


def remember(context, case, response):
    """After each request."""
    if case.method == "GET" and case.operation.path == "/export/{id}" and \
            response.status_code == 200:
        job = response.json()
        if job.get("state") == "FINISHED" and job.get("progress", {}).get("rows", 0) > 0:
            WITH_ROWS.append(job["_id"])
    if case.method == "GET" and response.status_code == 200 and header(response, "etag"):
        where = json.dumps([case.formatted_path, case.query], sort_keys=True, default=repr)
        TAGS[where] = header(response, "etag")
    owners.remember(response, "%s %s" % (response.request.method, template(
        owners.path_of(response))), jobs_in(response))


# ---- counting -----------------------------------------------------------------------------

COUNTS = collections.Counter()          # {"GET /export/{id} 200": n}
TEMPLATES = (("/export/{id}/preview", "/export/[^/]+/preview$"), ("/export/{id}", "/export/."),
             ("/vehicles/{vehicle}", "/vehicles/."))
TOO_FAST = "429 of nginx"


def template(path):
    return next((t for t, begin in TEMPLATES if re.match(begin, path)), path)


def sum_of(counts):
    return sum(n for what, n in counts.items() if what != TOO_FAST)


def watch():
    """Counts what goes over the wire. (nginx lets an address send 200 requests a second;
    schemathesis makes fewer.)"""
    from requests.adapters import HTTPAdapter
    send = HTTPAdapter.send

    def counted(self, request, *args, **kwargs):
        got = send(self, request, *args, **kwargs)
        path = template(urllib.parse.urlsplit(request.url).path)
        if got.status_code == 429 and b'"detail"' not in got.content:
            COUNTS[TOO_FAST] += 1
        path = path if len(path) < 30 else "(long)"
        COUNTS["%s %s %d" % (request.method, path, got.status_code)] += 1
        return got

    HTTPAdapter.send = counted


def tell_counts(file):
    owners.store_kept()
    with open(file, "w", encoding="utf-8") as f:
        json.dump(COUNTS, f)


def begin_hooks():
    """Of schemathesis, which runs this file."""
    import schemathesis
    for check in CHECKS:
        schemathesis.check(check)
    owners.load_kept()
    schemathesis.hook("before_call")(shape)
    schemathesis.hook("after_call")(remember)
    watch()
    atexit.register(tell_counts, os.environ["OPENAPI_COUNTS"])


# ---- the runs -----------------------------------------------------------------------------

class Asker(typing.NamedTuple):
    """Who asks: an owner that may have these vehicles."""
    vehicles: list
    auth: str = None                    # name:password; None: a new name each time
    owner: dict = {"others": ["somebody else:x"]}       # for t/owners.py


class Round:
    """One process of schemathesis: what it sent, what is wrong."""

    def __init__(self, folder, url, seed, number, requests, limits, asker):
        self.seed, self.number = seed, number
        self.files = {k: os.path.join(folder, "%d.%s" % (number, k))
                      for k in ("toml", "out", "counts", "json")}
        with open(self.files["toml"], "w", encoding="utf-8") as f:
            f.write(CONFIG % {"more": ', "503"' if "faults" in asker.owner else ""})
        # The first looks at all examples and at the ends of each range, too: about 300 requests,
        # the same for any seed. Beside these 8 or more are made for each example that is asked for.
        phases = ("examples,coverage," if number == 0 else "") + "fuzzing,stateful"
        examples = max(10, (requests - (300 if number == 0 else 0)) // 8)
        # Of its Idempotency-Keys no earlier run knows more than this one: it is a new owner, or
        # t/owners.py keeps them.
        command = [PYTHON, "-m", "schemathesis.cli", "--config-file", self.files["toml"], "run",
                   DESCRIPTION, "--url", url,
                   "--auth", asker.auth or "openapi %d.%d:x" % (os.getpid(), seed),
                   "--checks", "all", "--exclude-checks", "use_after_free", "--mode", "all",
                   "--max-examples", str(examples), "--phases", phases, "--seed", str(seed),
                   "--workers", "1", "--continue-on-failure", "--no-color", "--warnings", "off",
                   "--generation-database", "none", "--request-timeout", "60",
                   "--suppress-health-check", "all", "--report-json-path", self.files["json"]]
        env = environment(SCHEMATHESIS_HOOKS=os.path.abspath(__file__),
                          OPENAPI_COUNTS=self.files["counts"], OPENAPI_LIMITS=json.dumps(limits),
                          OPENAPI_VEHICLES=",".join(asker.vehicles),
                          OPENAPI_OWNER=json.dumps(asker.owner))
        with open(self.files["out"], "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, cwd=folder, env=env)
        self.counts, self.report = collections.Counter(), {}

    def end(self):
        """Waits for it; True where nothing is wrong."""
        try:
            status = self.process.wait(ROUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        for name, default in (("counts", self.counts), ("json", self.report)):
            with contextlib.suppress(OSError, ValueError), \
                    open(self.files[name], encoding="utf-8") as f:
                default.update(json.load(f))
        # A run that broke off, or that tried nothing, is none.
        report = self.report
        return status == 0 and report.get("complete") is True and \
            not report.get("failures") and not report.get("errors") and \
            report["operations"]["tested"] == report["operations"]["total"] and self.sent() > 0

    def sent(self):
        return sum_of(self.counts)

    def told(self):
        with open(self.files["out"], encoding="utf-8", errors="replace") as f:
            text = f.read()
        return text[text.find("\n==") + 1:] if "\n==" in text else text


def run(requests, seed, askers, limits, each, url=None):
    """Rounds until so many requests were sent, with a process for each who asks, and the sum of
    their counts. each(round, good) is called for every one that is over."""
    counts, number, sent, url = collections.Counter(), 0, 0, url or os.environ["EXPORT_URL"]
    # They would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        while sent < requests:
            target = min(ROUND_REQUESTS, -(-(requests - sent) // len(askers)))
            running = [Round(folder, url, seed + number + i, number + i, target, limits, asker)
                       for i, asker in enumerate(askers)]
            number += len(askers)
            try:
                for one in running:
                    each(one, one.end())
                    counts.update(one.counts)
            finally:
                for one in running:
                    one.process.kill()
                    one.process.wait()
            if not any(one.sent() for one in running):
                raise RuntimeError("schemathesis sends nothing: %s" % running[0].told()[-2000:])
            sent = sum_of(counts)
    return counts


# ---- do the checks notice? ----------------------------------------------------------------

JOB = {"_id": "5c007e80a1b2c3d4e5f60718", "startDate": "2018-11-30T00:00:00.000Z",
       "endDate": "2018-12-01T00:00:00.000Z", "state": "NOT_STARTED", "time": "ms",
       "csv": "rfc4180", "compression": "fast", "unknownVehicles": "fail",
       "createdAt": "2018-12-02T00:00:00.000Z",
       "progress": dict.fromkeys(("documents", "documentsTotal", "rows", "points", "bytesRead",
                                  "bytesWritten"), 0)}
JOB["progress"]["phase"] = "queued"
BODY = {"startDate": "2018-11-30", "endDate": "2018-12-01"}
PROBLEM = {"type": "/problems/bad-request", "title": "Bad Request", "status": 400, "detail": "no"}


def answer(case, status, body, more=None, lacks=(), kind=None, method=None, query=""):
    """A response to this case as the service gives them, but for `more` and `lacks`."""
    import requests
    from urllib3 import HTTPResponse
    usual = "application/json" if status < 400 else "application/problem+json"
    headers = {"X-Request-Id": "0123456789abcdef" * 2, "Cache-Control": "no-store",
               "X-Content-Type-Options": "nosniff", "Content-Type": kind or usual, **(more or {})}
    headers = {k: v for k, v in headers.items() if k not in lacks}
    query = query or "?" * bool(case.query) + urllib.parse.urlencode(case.query)
    url = "http://127.0.0.1:1" + case.formatted_path + query
    made = requests.Request(method or case.method, url,
                            json=case.body if isinstance(case.body, dict) else None).prepare()
    got = requests.Response()
    got.status_code, got.request, got.url = status, made, url
    got._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    got.headers.update(headers)
    got.raw = HTTPResponse(body=got._content, headers=headers, status=status, preload_content=False)
    got.elapsed = datetime.timedelta(milliseconds=5)
    return got


def case_of(schema, path, method, positive=True, query=None, **parts):
    """A case as if it had been generated, fit for the schema or unfit."""
    from schemathesis.core.parameters import ParameterLocation
    from schemathesis.generation import GenerationMode
    from schemathesis.generation.meta import (
        CaseMetadata, ComponentInfo, FuzzingPhaseData, GenerationInfo, PhaseInfo, TestPhase)
    mode = GenerationMode.POSITIVE if positive else GenerationMode.NEGATIVE
    location = ParameterLocation.BODY if "body" in parts else ParameterLocation.QUERY
    data = FuzzingPhaseData(description="", parameter=None, parameter_location=location,
                            location=None)
    meta = CaseMetadata(generation=GenerationInfo(time=0.0, mode=mode),
                        phase=PhaseInfo(name=TestPhase.FUZZING, data=data),
                        components={location: ComponentInfo(mode=mode)})
    if "body" in parts:
        parts["media_type"] = "application/json"
    return schema[path][method].Case(query=query or {}, _meta=meta, **parts)


def noticed(case, got):
    """What is wrong with an answer: a text of each failure."""
    from schemathesis import checks
    # These would send something.
    chosen = [c for c in checks.CHECKS.get_all() if not checks.is_check_class(c) and
              c.__name__ not in ("use_after_free", "others_see_nothing_of_it",
                                 "nobody_gets_in_without_a_password")]
    try:
        case.validate_response(got, checks=chosen)
    except BaseExceptionGroup as group:
        return ["%s: %s" % (type(e).__name__, e.message) for e in group.exceptions]
    return []


def specimens(schema):
    """(name, what it is to be noticed as or None, case, answer)."""
    def limits():
        return case_of(schema, "/limits", "GET")

    def get():
        return case_of(schema, "/export/{id}", "GET", path_parameters={"id": JOB["_id"]})

    def post(body=None, **more):
        return case_of(schema, "/export", "POST", body=body or BODY, **more)

    def pair(case, *args, **more):
        return case, answer(case, *args, **more)

    described = schema.raw_schema["components"]["schemas"]["Limits"]
    members = {name: False if described["properties"][name].get("type") == "boolean" else 1
               for name in described["required"]}
    tag, retry = {"ETag": 'W/"1"'}, {"Retry-After": "1"}
    place = dict(retry, Location="http://127.0.0.1/export/" + JOB["_id"])
    yield "a right answer", None, *pair(limits(), 200, members, tag)
    yield "a status that is not described", "UndefinedStatusCode", \
        *pair(limits(), 418, dict(PROBLEM, status=418))
    yield "a 500", "ServerError", *pair(limits(), 500, dict(PROBLEM, status=500))
    yield "a member too many", "JsonSchemaError", *pair(limits(), 200, dict(members, more=1), tag)
    yield "a member too few", "JsonSchemaError", \
        *pair(limits(), 200, {k: 1 for k in list(members)[1:]}, tag)
    yield "a number as a string", "JsonSchemaError", \
        *pair(limits(), 200, dict(members, queueMax="1"), tag)
    yield "no JSON", "MalformedJson", *pair(limits(), 200, b"{", tag)
    yield "another Content-Type", "UndefinedContentType", \
        *pair(limits(), 200, members, tag, kind="text/html")
    yield "no X-Request-Id", "MissingHeaders", \
        *pair(limits(), 200, members, tag, lacks=("X-Request-Id",))
    yield "an X-Request-Id of another form", "JsonSchemaError", \
        *pair(limits(), 200, members, dict(tag, **{"X-Request-Id": "X"}))
    yield "no ETag", "MissingHeaders", *pair(limits(), 200, members)
    yield "no Cache-Control", "Cache-Control", \
        *pair(limits(), 200, members, tag, lacks=("Cache-Control",))
    yield "no nosniff", "nosniff", \
        *pair(limits(), 200, members, tag, lacks=("X-Content-Type-Options",))
    yield "a 304 that nobody asked for", "304 without", \
        *pair(limits(), 304, b"", tag, lacks=("Content-Type",))
    yield "a 405 without Allow", "MissingHeaders", *pair(limits(), 405, dict(PROBLEM, status=405))
    yield "a problem with another status", "status is not", \
        *pair(limits(), 400, dict(PROBLEM, status=404))
    yield "a problem of no known type", "JsonSchemaError", \
        *pair(limits(), 400, dict(PROBLEM, type="about:blank"))
    yield "a problem that tells of a server", "it tells", \
        *pair(limits(), 400, dict(PROBLEM, detail="mongodb://10.0.0.1"))
    yield "an unknown parameter taken", "taken, with", \
        *pair(limits(), 200, members, tag, query="?foo=1")
    case = case_of(schema, "/export", "GET")
    yield "a doubled parameter taken", "taken, with", \
        *pair(case, 200, {"exports": []}, tag, query="?limit=5&limit=5")
    yield "a parameter against its schema taken", "taken, with", \
        *pair(case, 200, {"exports": []}, tag, query="?limit=501")
    yield "a parameter of its schema taken", None, \
        *pair(case, 200, {"exports": []}, tag, query="?limit=500&state=FAILED,EXPIRED")
    case = case_of(schema, "/export", "GET", query={"limit": 5})
    yield "a good list refused", "RejectedPositiveData", *pair(case, 400, PROBLEM)
    case = case_of(schema, "/vehicles/{vehicle}", "GET", path_parameters={"vehicle": LONGEST})
    yield "a name that fits too long", "RejectedPositiveData", \
        *pair(case, 414, dict(PROBLEM, status=414))
    case = case_of(schema, "/export", "GET", positive=False, query={"limit": "x"})
    yield "a bad limit taken", "AcceptedNegativeData", *pair(case, 200, {"exports": []}, tag)
    yield "a right job", None, *pair(get(), 200, JOB, dict(tag, **retry))
    yield "no Retry-After", "no Retry-After", *pair(get(), 200, JOB, tag)
    yield "Retry-After where it has ended", "is final", \
        *pair(get(), 200, dict(JOB, state="FAILED"), dict(tag, **retry))
    yield "a state that goes back", "NOT_STARTED after FAILED", \
        *pair(get(), 200, JOB, dict(tag, **retry))
    done = dict(JOB, _id="5c007e80a1b2c3d4e5f60717", state="FINISHED")
    yield "a job that is FINISHED", None, *finished(schema, done, tag)
    yield "FAILED after FINISHED", "FAILED after FINISHED", \
        *finished(schema, dict(done, state="FAILED"), tag)
    yield "a link in a FAILED job", "a link in", \
        *pair(get(), 200, dict(JOB, state="FAILED", exportUri="http://127.0.0.1/"), tag)
    other = dict(JOB, _id="5c007e80a1b2c3d4e5f60719", state="FINISHED")
    case = case_of(schema, "/export/{id}", "DELETE", path_parameters={"id": other["_id"]})
    yield "a right 204", None, *pair(case, 204, b"", lacks=("Content-Type",))
    yield "FINISHED after its DELETE", "after a 204", *pair(get(), 200, other, tag)
    yield "a right POST", None, *pair(post(), 202, dict(JOB, _id="0" * 24), place)
    yield "a good POST refused", "refused", *pair(post(), 422, dict(PROBLEM, status=422))
    yield "a reversed range taken", "taken", \
        *pair(post(dict(BODY, endDate="2018-11-29")), 202, dict(JOB, _id="0" * 24), place)
    case = post(dict(BODY, startDate="2018-02-30"))
    yield "a day that is none taken", "taken", *pair(case, 202, dict(JOB, _id="0" * 24), place)
    case = post(dict(BODY, startDate="2018-11-29"))
    yield "a job of another range", "startDate", *pair(case, 202, dict(JOB, _id="0" * 24), place)
    steps = dict(BODY, every="60s", hold="0ms")
    yield "a right job of steps", None, *pair(
        post(steps), 202, dict(JOB, _id="0" * 24, every="1m", take="last", hold="0s"), place)
    yield "a job of other steps", "every is", *pair(
        post(steps), 202, dict(JOB, _id="0" * 24, every="60s", take="last", hold="0s"), place)
    yield "a job of another take", "take is", *pair(
        post(steps), 202, dict(JOB, _id="0" * 24, every="1m", take="mean", hold="0s"), place)
    yield "steps that do not divide a day taken", "taken", *pair(
        post(dict(BODY, every="7s")), 202,
        dict(JOB, _id="0" * 24, every="7s", take="last", hold="0s"), place)
    yield "a hold without steps taken", "taken", *pair(
        post(dict(BODY, hold="1s")), 202, dict(JOB, _id="0" * 24), place)
    split = dict(BODY, split="day", header="unit")
    yield "a right job of days and units", None, *pair(
        post(split), 202, dict(JOB, _id="0" * 24, split="day", header="unit", timeZone="UTC"),
        place)
    yield "a job of one file", "split is", *pair(
        post(split), 202, dict(JOB, _id="0" * 24, header="unit", timeZone="UTC"), place)
    yield "a job without units", "header is", *pair(
        post(split), 202, dict(JOB, _id="0" * 24, split="day", timeZone="UTC"), place)
    yield "a zone of nothing taken", "taken", *pair(
        post(dict(BODY, split="none", timeZone="UTC")), 202, dict(JOB, _id="0" * 24), place)
    parquet = dict(BODY, format="parquet", time="ms", timeZone="Asia/Kathmandu")
    yield "a right job of Parquet", None, *pair(
        post(parquet), 202, dict(JOB, _id="0" * 24, format="parquet", timeZone="Asia/Kathmandu"),
        place)
    yield "a job of CSV", "format is", *pair(
        post(parquet), 202, dict(JOB, _id="0" * 24, timeZone="Asia/Kathmandu"), place)
    yield "a job that forgot its zone", "timeZone is", *pair(
        post(parquet), 202, dict(JOB, _id="0" * 24, format="parquet"), place)
    yield "a zone that was not given", "timeZone is", *pair(
        post(dict(BODY, format="parquet")), 202,
        dict(JOB, _id="0" * 24, format="parquet", timeZone="UTC"), place)
    yield "Parquet of local time taken", "taken", *pair(
        post(dict(BODY, format="parquet", time="local")), 202,
        dict(JOB, _id="0" * 24, format="parquet", time="local", timeZone="UTC"), place)
    yield "Parquet for spreadsheets taken", "taken", *pair(
        post(dict(BODY, format="parquet", csv="excel")), 202,
        dict(JOB, _id="0" * 24, format="parquet", csv="excel"), place)
    yield "a job of all vehicles", "vehicles are", \
        *pair(post(dict(BODY, vehicles=["a"])), 202, dict(JOB, _id="0" * 24), place)
    yield "a job of a dry run", "dryRun=true", \
        *pair(post(), 202, dict(JOB, _id="0" * 24), place, query="?dryRun=true")
    yield "another job", "it is", *pair(get(), 200, dict(other, _id="0" * 24), tag)
    yield from wrong_pages(schema, dict(other, state="FAILED"), tag)
    yield from wrong_to_owners(schema, dict(other, state="FAILED", _id="a" * 24), tag, retry)
    case = post(dict(BODY, foo=1), positive=False)
    yield "an unknown member taken", "AcceptedNegativeData", \
        *pair(case, 202, dict(JOB, _id="0" * 24), place)


def finished(schema, job, tag):
    case = case_of(schema, "/export/{id}", "GET", path_parameters={"id": job["_id"]})
    return case, answer(case, 200, job, tag)


def wrong_pages(schema, job, tag):
    def page(path, body, query):
        case = case_of(schema, path, "GET")
        return case, answer(case, 200, body, tag, query=query)

    jobs = [dict(job, _id="%024x" % n) for n in (9, 8, 7)]
    vehicles = [{"_id": v, "parameters": []} for v in ("B", "a", "ab")]
    full = {"exports": jobs, "next": jobs[2]["_id"]}
    yield "a right page", None, *page("/export", full, "?limit=3&state=FAILED&after=" + "f" * 24)
    yield "a page too long", "3 of 2", *page("/export", {"exports": jobs}, "?limit=2")
    yield "a short page with a next", "next is", \
        *page("/export", {"exports": jobs, "next": "1"}, "?limit=4")
    yield "jobs out of order", "out of order", *page("/export", {"exports": jobs[::-1]}, "")
    yield "a job twice", "out of order", *page("/export", {"exports": jobs[:1] * 2}, "")
    yield "a job before after", "out of order", \
        *page("/export", {"exports": jobs}, "?after=" + jobs[0]["_id"])
    yield "a job of another state", "other states", \
        *page("/export", {"exports": jobs}, "?state=FINISHED,EXPIRED")
    yield "a link in a list", "more than", \
        *page("/export", {"exports": [dict(jobs[0], state="FINISHED", exportUri="x")]}, "")
    yield "right vehicles", None, *page("/vehicles", {"vehicles": vehicles}, "?limit=4")
    yield "vehicles out of order", "out of order", \
        *page("/vehicles", {"vehicles": vehicles[::-1]}, "")
    for name, text, status in (("64 bytes taken", "\u00e9" * 32, 200),
                               ("63 bytes refused", "\u00e9" * 31 + "e", 400)):
        case = case_of(schema, "/vehicles", "GET", query={"prefix": text})
        yield "a prefix of " + name, name.split()[-1] + ": ", \
            case, answer(case, status, dict(PROBLEM, vehicles=[]), tag)
    yield "vehicles of another prefix", "another prefix", \
        *page("/vehicles", {"vehicles": vehicles}, "?prefix=a")


def wrong_to_owners(schema, job, tag, retry):
    """What t/owners.py notices, with what self_test() gives it."""
    def pair(path, status, content, headers=None, method="GET", **more):
        case = case_of(schema, path, method, **more)
        return case, answer(case, status, content, headers)

    unavailable = dict(PROBLEM, status=503, type="/problems/service-unavailable")
    seen = dict(job, vehicles=["theirs"], error={"code": "unknown_vehicle", "message": "theirs"})
    with tempfile.TemporaryDirectory() as folder:
        faults = folder + "/faults"
        owners.OWNER.update({"private": ["theirs"], "faults": faults, "foreign": [folder + "/ids"]})
        yield "a 503 while nothing is wrong", "the database was there", \
            *pair("/vehicles", 503, unavailable, retry)
        owners.fault_begins(faults, "rabbitmq", "stop")
        yield "a 503 while the broker is away", "the database was there", \
            *pair("/vehicles", 503, unavailable, retry)
        yield "a vehicle of others in a list", "it shows", \
            *pair("/vehicles", 200, {"vehicles": [{"_id": "theirs", "parameters": []}]}, tag)
        yield "its parameters", "it shows", \
            *pair("/vehicles", 200, {"vehicles": [{"_id": "a", "parameters": ["theirs"]}]}, tag)
        yield "one that was asked for", None, *pair("/export", 200, {"exports": [seen]}, tag)
        estimate = dict.fromkeys(("documents", "rows", "bytes", "seconds", "documentsMax"), 1)
        for name, want, known, unknown in (("right", None, 1, ["theirs"]),
                                           ("with another's", "not (1", 2, [])):
            yield "an estimate: " + name, want, *pair(
                "/export", 200, dict(estimate, vehicles=known, unknownVehicles=unknown),
                query={"dryRun": "true"}, method="POST",
                body=dict(BODY, vehicles=[VEHICLES[0], "theirs"]))
        with open(folder + "/ids", "w", encoding="ascii") as f:
            f.write(job["_id"] + "\n")
        yield "a job of another owner", "another owner", \
            *pair("/export/{id}", 200, job, tag, path_parameters={"id": job["_id"]})
        yield "which does not exist", None, *pair(
            "/export/{id}", 404, dict(PROBLEM, status=404, type="/problems/not-found"),
            path_parameters={"id": job["_id"]})
        owners.fault_begins(faults, "mongod", "kill")
        yield "a 503 while the database is away", None, \
            *pair("/vehicles", 503, unavailable, retry)
        owners.OWNER.clear()


def self_test():
    """[name, whether all is as it should be, what was noticed] of each specimen."""
    import schemathesis
    for check in CHECKS:
        schemathesis.check(check)
    config = schemathesis.Config.from_str(CONFIG % {"more": ', "503"'})
    schema = schemathesis.openapi.from_path(DESCRIPTION, config=config)
    schema.config.base_url = "http://127.0.0.1:1"
    out = []
    for name, want, case, got in specimens(schema):
        found = noticed(case, got)
        out.append([name, not found if want is None else any(want in f for f in found), found])
    return out


# ---- the command --------------------------------------------------------------------------

def limits_of(url):
    import urllib.request
    with urllib.request.urlopen(url + "/limits", timeout=60) as f:
        return json.load(f)


def show(one, good):
    outcome = "nothing wrong" if good else "see below"
    print("seed %d: %d requests, %s" % (one.seed, one.sent(), outcome), flush=True)
    if not good:
        print(one.told(), flush=True)
    show.good = show.good and good


def main():
    p = argparse.ArgumentParser(description="check the running service against its description",
                                epilog="EXPORT_URL says where it is")
    p.add_argument("--requests", type=int, default=1500)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--vehicles", default="vehicle_001", metavar="NAME,NAME...",
                   help="that there are")
    p.add_argument("--self-test", action="store_true")
    p.add_argument("--install", action="store_true")
    p.add_argument("--installed", action="store_true")
    a = p.parse_args()
    if a.install:
        install()
        return 0
    if a.installed:
        return 0 if installed() else 1
    if not installed():
        sys.exit("openapi.py: schemathesis is not in build/check-api; run scripts/deps")
    if a.self_test:
        sys.path.insert(0, TOOL)
        results = self_test()
        print(json.dumps(results, indent=1))
        return 0 if all(good for _, good, _ in results) else 1
    seed = random.SystemRandom().randrange(10 ** 9) if a.seed is None else a.seed
    print("seed %d" % seed, flush=True)
    show.good, url = True, os.environ["EXPORT_URL"]
    counts = run(a.requests, seed, [Asker(a.vehicles.split(","))] * a.workers, limits_of(url), show)
    for what, n in sorted(counts.items()):
        print("%6d %s" % (n, what))
    return 0 if show.good else 1


if __name__ == "__main__":
    sys.exit(main())
if "OPENAPI_COUNTS" in os.environ:
    begin_hooks()
