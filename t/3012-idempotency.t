#!/usr/bin/python3
"""Idempotency-Key on the real stack: the same job for the same request, in any state; 422
for another request; and joining, with keys and without.

Prints TAP. Always on its own stack, with t/3012-idempotency.conf; the last checks are t/api.py's.
"""
import collections
import datetime
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    JSON_TYPE, LONG, NOT_OURS, SMALL, begin, cancel, create_with, finish, judged, of_owner,
    plain_call, post, refused, request, run, stopped, taken)
from service import (                   # noqa: E402
    create, is_, job_of, note, ok, problem, problem_wrongs)


WHOLE = dict(request(), vehicles=[SMALL, LONG], parameters=["speed", "soc"], time="ms",
             every="60s", take="last", hold="0s", csv="rfc4180", header="name",
             format="csv", split="none", compression="fast",
             unknownVehicles="fail", name="n")
CHANGES = (
    ("startDate", "2018-11-30T00:00:00.001Z"), ("endDate", "2018-12-01T00:00:00.001Z"),
    ("vehicles", [SMALL]), ("vehicles", [SMALL, LONG, NOT_OURS]), ("vehicles", [LONG, SMALL]),
    ("parameters", ["speed"]), ("parameters", ["speed", "odo"]), ("parameters", ["soc", "speed"]),
    ("time", "rfc3339"), ("time", "local"), ("every", "1s"), ("take", "mean"), ("hold", "1s"),
    ("csv", "excel"), ("csv", "excel-semicolon"), ("header", "unit"), ("split", "day"),
    ("format", "parquet"),
    ("compression", "small"), ("unknownVehicles", "skip"), ("name", "m"))


def without(member):
    return "no " + member, {k: v for k, v in WHOLE.items() if k != member}


OTHERS = [("%s %s" % (k, json.dumps(v)), dict(WHOLE, **{k: v})) for k, v in CHANGES] + \
    [without(k) for k in ("vehicles", "parameters", "name")] + \
    [("no steps", {k: v for k, v in WHOLE.items() if k not in ("every", "take", "hold")}),
     ("Parquet with a zone", dict(WHOLE, format="parquet", timeZone="Asia/Kathmandu"))]
SAME = [without(k) for k in ("format", "time", "take", "hold", "csv", "header", "split",
                             "compression", "unknownVehicles")] + [
    ("durations in another form", dict(WHOLE, every="1m", hold="0h")),
    ("dates in another form", dict(WHOLE, startDate="2018-11-30T01:00:00+01:00",
                                   endDate="2018-12-01T00:00:00Z"))]


def each_member(client):
    """A request that differs in one member is another request, with a key and without."""
    user = "members"
    with stopped(client):
        ident = taken("a request of all members", post(WHOLE, user, "whole"))
        for name, body in SAME:
            taken("the key with %s: the same job" % name, post(body, user, "whole"), ident)
            taken("%s, without a key: joined" % name, post(body, user), ident)
        for name, body in OTHERS:
            refused("the key with %s: 422" % name, post(body, user, "whole"), (422,),
                    "Idempotency-Key")
        is_(of_owner(client, user), [ident], "none of those made a job of its own")
        for name, body in OTHERS:
            if body.get("name") == "n":         # another name joins
                created = taken("%s, without a key" % name, post(body, user))
                ok(created != ident, name + ": another job", created)
                taken("that one is joined", post(body, user), created)
                cancel({created} - {ident}, user)
        cancel([ident], user)


def keys(client):
    user, key = "keys", "0b1d1bd5-2c50-4d28-a9b5-2b7d8a3d3c8f"
    ident = taken("a key: 202", post(request(), user, key))
    taken("again, perhaps unfinished", post(request(), user, key), ident)
    finish(ident, user)
    got = post(request(), user, key)
    taken("again, when it is FINISHED", got, ident)
    is_(got.json().get("state"), "FINISHED", "the answer is the job as it is now")
    for name, body in (("another range", request(1)), ("a name more", request(name="n")),
                       ("another vehicle", request(vehicles=[LONG])),
                       ("another time", request(time="rfc3339"))):
        refused("the key with %s: 422" % name, post(body, user, key), (422,), "Idempotency-Key")
    refused("it stays the first body's", post(request(1), user, key), (422,), "Idempotency-Key")
    taken("they changed nothing", post(request(), user, key), ident)
    ident = taken("another key, with a name", post(request(name="n"), user, "named"))
    refused("another name: 422", post(request(name="m"), user, "named"), (422,), "Idempotency-Key")
    refused("no name: 422", post(request(), user, "named"), (422,), "Idempotency-Key")
    other = taken("the key of another owner", post(request(1), "other keys", key))
    ok(other not in of_owner(client, user), "another owner's key is another job")
    cancelled_and_failed(client)
    unfit_keys(user)
    is_(len(of_owner(client, user)), 3, "the expected number of jobs")
    joining(client)
    each_member(client)


def cancelled_and_failed(client):
    user = "keys of the ended"
    with stopped(client):
        ident = create_with("cancelled", user)
        cancel([ident], user)
        got = post(request(), user, "cancelled")
        taken("the key of a CANCELLED job", got, ident)
        is_(got.json().get("state"), "CANCELLED", "in its final state")
    ident = taken("a job that fails", post(request(vehicles=["vehicle_nosuch"]), user, "failed"))
    finish(ident, user, "FAILED")
    taken("the key of a FAILED job", post(request(vehicles=["vehicle_nosuch"]), user, "failed"),
          ident)


def unfit_keys(user):
    """http.client sends a header's str as latin-1."""
    for name, key in (("empty", ""), ("of 256 characters", "k" * 256), ("with a space", "a b"),
                      ("with a tab", "a\tb"), ("of UTF-8", "cl\u00e9".encode().decode("latin-1")),
                      ("of latin-1", "\xe9"), ("with DEL", "a\x7f"),
                      ("of nothing but a space", " ")):
        refused("a key %s: 400" % name, post(request(), user, key), (400,), "Idempotency-Key")
    finish(taken("a key of 255 characters", post(request(), user, "k" * 255)), user)
    problem("a key with a bad body", post(request(time="never"), user, "fresh"), (400, 422),
            "/time")
    got = post({"startDate": "2018-12-01", "endDate": "2018-11-30"}, user, "fresh")
    problem("and with an impossible one", got, (400, 422), "/startDate|/endDate")


def joining(client):
    user = "joins"
    with stopped(client):
        plain = create(request(), user)
        keyed = create_with("one", user)
        ok(keyed != plain, "a key is not joined with the same request without one", keyed)
        ok(taken("the same request without one", post(request(), user)) in (plain, keyed),
           "is joined")
        two = create_with("two", user)
        ok(two not in (keyed, plain), "another key, the same body: another job", two)
        taken("the first key still is the first job", post(request(), user, "one"), keyed)
        is_(of_owner(client, user), [plain, keyed, two], "three jobs")
        first = create_with("three", user, 3)
        taken("without a key: the same request that is not done yet, whatever its key",
              post(request(3), user), first)
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
    ok(taken("free for another body, too", post(request(1), user, "old-body")) != ident,
       "that is a new job")


def main():
    client = begin(__file__)
    return run({"POST /export": (202, 400, 422), "DELETE /export/:id": (202,)},
               ("keys", keys, client), ("fifty at once", at_once, client),
               ("old keys", old_keys, client))


if __name__ == "__main__":
    sys.exit(main())
