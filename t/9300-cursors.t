#!/usr/bin/python3
"""A read that is lost in the middle of an export is begun again: the same bytes as undisturbed,
in the same attempt.

Prints TAP. Reads are lost one by one, in the ways in which they can be; then mongod itself is
killed in the middle, twice.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    create, done, end, entries, fetch, finish, generate, is_, job_of, logged, mongo, note, ok,
    request, section, stack, under_stack, wait_for)

DAYS = 10
END_S = 180
LOST = 5
READS = ["find", "getMore"]
WAYS = [("cursors killed", {"failCommands": READS, "errorCode": 43}),
        ("mongod starting", {"failCommands": READS, "errorCode": 134}),
        ("connections lost, while they authenticate, too",
         {"failCommands": READS + ["saslStart", "saslContinue"], "closeConnection": True})]


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


def same(name, ident, reference):
    job = finish(ident, seconds=END_S)
    if not ok(job["state"] == "FINISHED", name + ": finished", job):
        return
    ok(record(ident)["attempts"] == 1, name + ": in the first attempt", record(ident))
    ok(entries(fetch(ident)[1]) == reference, name + ": the same bytes")


def lost_reads(reference, name, data):
    """Some of the worker's commands end as data, a fail point's, say."""
    from bson import SON
    ident, admin = create(body(0)), mongo().admin
    admin.command(SON([("configureFailPoint", "failCommand"),
                       ("mode", {"activationProbability": 0.5}),
                       ("data", dict(data, appName="export-worker"))]))
    wait_for("reads to be lost", lambda: logged("export-worker").count(
        "job=%s op=read " % ident) >= LOST, 60)
    admin.command(SON([("configureFailPoint", "failCommand"), ("mode", "off")]))
    is_(job_of(ident)["state"], "STARTED", name + ": the export was under way")
    same(name, ident, reference)


def killed_server(reference, share):
    """mongod dies when the export has read this share of its documents."""
    name = "mongod killed at a %s" % ("tenth" if share == 10 else "third")
    ident = create(body(0))
    wait_for("some documents",
             lambda: reading(ident) > job_of(ident)["progress"]["documentsTotal"] / share > 0, 60)
    end("MONGOD_PIDFILE")
    stack("up", "mongo")
    is_(job_of(ident)["state"], "STARTED", name + ": the export was under way")
    same(name, ident, reference)


def main():
    generate("--uri", os.environ["MONGODB_ADMIN_URI"], "--vehicles", "2", "--days", str(DAYS),
             "--busy")
    ident = create(body(0))
    finish(ident, seconds=END_S)
    reference = entries(fetch(ident)[1])
    note("undisturbed: %s" % job_of(ident)["progress"])
    for way in WAYS:
        section(way[0], lost_reads, reference, *way)
    section("server", killed_server, reference, 10)
    section("server", killed_server, reference, 3)
    return done()


os.environ["MONGO_FAULTS"] = "yes"
under_stack(__file__, own=True)
sys.exit(main())
