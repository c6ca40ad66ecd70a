#!/usr/bin/python3
"""How the worker reads: no faster than its ceiling, with the job's id, a limit of time, read
concern and preference at each query.

Prints TAP. Always on a stack of its own, with t/3500-pace.conf.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    another_worker, create, done, finish, generate, is_, job_document, jobs_of, mongo, note, ok,
    request, section, setting, under_stack, wait_for)

# A cursor per parameter and type of _id, the first batch of which is not counted.
HEADS, BATCH = 10, 24
DAYS = 30


def cursors(client, vehicle):
    """The commands that the open cursors of this vehicle began with."""
    found = client.admin.aggregate([{"$currentOp": {"allUsers": True, "idleCursors": True}},
                                    {"$match": {"ns": {"$regex": "^%s[.]" % vehicle}}}])
    return [c["cursor"]["originatingCommand"] for c in found
            if "originatingCommand" in c.get("cursor", {})]


def levels(commands):
    """Their read concerns."""
    return {c.get("readConcern", {}).get("level") for c in commands}


def preferences(commands, member):
    return {c.get("$readPreference", {}).get(member) for c in commands}


def ceiling(client):
    rate = setting("read_documents_s", 0)
    ident = create(request(days=DAYS, vehicles=["vehicle_001"]))
    commands = wait_for("the worker's cursors", lambda: cursors(client, "vehicle_001"), 30)
    is_({c.get("comment") for c in commands}, {ident}, "each query bears the job's id")
    is_({c.get("maxTimeMS") for c in commands}, {60000}, "and a limit of time")
    is_(levels(commands), {"majority"}, "and its read concern")
    is_(preferences(commands, "mode"), {"secondaryPreferred"}, "and its read preference")
    is_(preferences(commands, "maxStalenessSeconds"), {120}, "not of a secondary that lags further")
    is_(finish(ident)["state"], "FINISHED", "FINISHED")
    d = job_document(jobs_of(client), ident)
    seconds = (d["finishedAt"] - d["startedAt"]).total_seconds()
    documents = d["progress"]["documents"]
    least = (documents - HEADS * BATCH) / rate
    note("%d documents in %.2f s; at %d a second at least %.2f s" % (
        documents, seconds, rate, least))
    ok(least > 1, "the ceiling is there to be seen", least)
    ok(seconds >= least, "no faster than read_documents_s", "%.2f s" % seconds)


def read_settings(client):
    """The values of read_concern and read_preference are in each query."""
    with another_worker(read_concern="local", read_preference="nearest"):
        ident = create(request(days=DAYS, vehicles=["vehicle_001"], time="rfc3339"))
        commands = wait_for("the worker's cursors", lambda: cursors(client, "vehicle_001"), 30)
        is_(levels(commands), {"local"}, "read_concern = local")
        is_(preferences(commands, "mode"), {"nearest"}, "read_preference = nearest")
        is_(finish(ident)["state"], "FINISHED", "FINISHED")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", "1", "--days", str(DAYS))
    section("ceiling", ceiling, mongo())
    section("read settings", read_settings, mongo())
    return done()


if __name__ == "__main__":
    sys.exit(main())
