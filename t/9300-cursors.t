#!/usr/bin/python3
"""A read that is lost in the middle of an export is begun again: the same bytes as undisturbed,
in the same attempt.

Prints TAP. Reads are killed one by one, then mongod itself, in the middle, twice.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    create, done, end, entries, fetch, finish, generate, job_of, logged, mongo, note, ok, request,
    section, stack, under_stack,
    wait_for)

DAYS = 10
END_S = 180
KILLS = 5


def body(serial):
    """The same days each time, but a request of its own: the names of the vehicles in another order
    are another."""
    return dict(request(days=DAYS,
                        vehicles=["vehicle_001", "vehicle_002"][::1 if serial % 2 else -1]),
                        compression="small")


def record(ident):
    from bson import ObjectId
    return mongo().exports.jobs.find_one({"_id": ObjectId(ident)})


def reading(ident):
    return job_of(ident)["progress"]["documents"]


def kill_reads(client):
    """Kills the reads of vehicles that are under way and the cursors between two; how many."""
    killed = 0
    pipeline = [{"$currentOp": {"allUsers": True, "idleCursors": True}},
                {"$match": {"ns": {"$regex": "^vehicle_"}}}]
    for op in client.admin.aggregate(pipeline):
        if op["type"] == "idleCursor":
            database, _, collection = op["ns"].partition(".")
            got = client[database].command({"killCursors": collection,
                                            "cursors": [op["cursor"]["cursorId"]]})
            killed += len(got["cursorsKilled"])
        elif "opid" in op:
            client.admin.command({"killOp": 1, "op": op["opid"]})
            killed += 1
    return killed


def same(name, ident, reference):
    job = finish(ident, seconds=END_S)
    if not ok(job["state"] == "FINISHED", name + ": finished", job):
        return
    ok(record(ident)["attempts"] == 1, name + ": in the first attempt", record(ident))
    ok(entries(fetch(ident)[1]) == reference, name + ": the same bytes")


def killed_reads(reference):
    client, killed = mongo(), 0
    ident = create(body(0))
    until = time.monotonic() + END_S
    while job_of(ident)["state"] not in ("FINISHED", "FAILED") and time.monotonic() < until:
        if killed < KILLS:
            killed += kill_reads(client)
    ok(killed >= KILLS, "%d reads killed" % killed)
    ok(re.search("job=%s op=read " % ident, logged("export-worker")), "the worker felt it")
    same("reads killed", ident, reference)


def killed_server(reference, share):
    """mongod dies when the export has read this share of its documents."""
    name = "mongod killed at a %s" % ("tenth" if share == 10 else "third")
    ident = create(body(0))
    wait_for("some documents",
             lambda: reading(ident) > job_of(ident)["progress"]["documentsTotal"] / share > 0, 60)
    end("MONGOD_PIDFILE")
    stack("up", "mongo")
    same(name, ident, reference)
    wait_for(name + ": the worker's word",
             lambda: re.search("job=%s op=(read|session) " % ident, logged("export-worker")), 30)
    ok(True, name + ": the worker lost its cursors by it")


def main():
    generate("--uri", os.environ["MONGODB_ADMIN_URI"], "--vehicles", "2", "--days", str(DAYS),
             "--busy")
    ident = create(body(0))
    finish(ident, seconds=END_S)
    reference = entries(fetch(ident)[1])
    note("undisturbed: %s" % job_of(ident)["progress"])
    section("reads", killed_reads, reference)
    section("server", killed_server, reference, 10)
    section("server", killed_server, reference, 3)
    return done()


under_stack(__file__, own=True)
sys.exit(main())
