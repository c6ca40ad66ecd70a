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
    another_worker, catalogued, create, done, finish, generate, is_, job_document, jobs_of, mongo,
    note, ok, request, section, setting, under_stack)

# The most that one reply brings, a quarter of a second's: the last is not waited for.
REPLY_S = 0.25
DAYS = 30


def watch(client, vehicle):
    """From now on the server writes down what this vehicle's database is asked."""
    client[vehicle].command("profile", 0)
    client[vehicle].drop_collection("system.profile")
    client[vehicle].command("profile", 2)


def queries(client, vehicle):
    """The queries since then."""
    client[vehicle].command("profile", 0)
    return [x["command"] for x in client[vehicle]["system.profile"].find({"op": "query"})
            if "find" in x["command"]]


def levels(commands):
    """Their read concerns."""
    return {c.get("readConcern", {}).get("level") for c in commands}


def preferences(commands, member):
    return {c.get("$readPreference", {}).get(member) for c in commands}


def first_documents(client):
    """The ceiling holds from the first document, also where each query has few: some vehicles, a
    day each."""
    with another_worker(read_documents_s=20, split_documents=0):
        ident = create(request(vehicles=["vehicle_001", "vehicle_002"]))
        is_(finish(ident, seconds=120)["state"], "FINISHED", "20 a second: FINISHED")
    d = job_document(jobs_of(client), ident)
    seconds = (d["finishedAt"] - d["startedAt"]).total_seconds()
    documents = d["progress"]["documents"]
    note("%d documents in %.2f s" % (documents, seconds))
    ok(documents > 40, "there are some", documents)
    ok(seconds >= documents / 20 - REPLY_S, "from the first document", "%.2f s" % seconds)


def ceiling(client):
    rate = setting("read_documents_s", 0)
    watch(client, "vehicle_001")
    ident = create(request(days=DAYS, vehicles=["vehicle_001"]))
    is_(finish(ident)["state"], "FINISHED", "FINISHED")
    commands = queries(client, "vehicle_001")
    ok(commands, "it was asked")
    is_({c.get("comment") for c in commands}, {ident}, "each query bears the job's id")
    is_({c.get("maxTimeMS") for c in commands}, {60000}, "and a limit of time")
    is_(levels(commands), {"majority"}, "and its read concern")
    is_(preferences(commands, "mode"), {"secondaryPreferred"}, "and its read preference")
    is_(preferences(commands, "maxStalenessSeconds"), {120}, "not of a secondary that lags further")
    is_(len({str(c["readConcern"].get("afterClusterTime")) for c in commands}), 1,
        "all at one time, that of the claim")
    d = job_document(jobs_of(client), ident)
    seconds = (d["finishedAt"] - d["startedAt"]).total_seconds()
    documents = d["progress"]["documents"]
    least = documents / rate - REPLY_S
    note("%d documents in %.2f s; at %d a second at least %.2f s" % (
        documents, seconds, rate, least))
    ok(least > 1, "the ceiling is there to be seen", least)
    ok(seconds >= least, "no faster than read_documents_s", "%.2f s" % seconds)


def read_settings(client):
    """The values of read_concern and read_preference are in each query."""
    with another_worker(read_concern="local", read_preference="nearest"):
        watch(client, "vehicle_001")
        ident = create(request(days=DAYS, vehicles=["vehicle_001"], time="rfc3339"))
        is_(finish(ident)["state"], "FINISHED", "FINISHED")
        commands = queries(client, "vehicle_001")
        is_(levels(commands), {"local"}, "read_concern = local")
        is_(preferences(commands, "mode"), {"nearest"}, "read_preference = nearest")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", "2", "--days", str(DAYS))
    # What the catalogue asks would be among the queries.
    catalogued(2)
    section("ceiling", ceiling, mongo())
    section("first documents", first_documents, mongo())
    section("read settings", read_settings, mongo())
    return done()


if __name__ == "__main__":
    sys.exit(main())
