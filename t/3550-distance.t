#!/usr/bin/python3
"""A database that is far away: an export asks it few questions, side by side, and counts nothing
beforehand.

Prints TAP. Always on a stack of its own. A relay (t/tools/relay.c) stands between the worker and
mongod, counts requests, and makes each round trip 150 ms longer.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    Relay, another_worker, catalogued, create, done, entries, fetch, finish, generate, is_,
    job_document, jobs_of, mongo, note, ok, request, section, setting, under_stack)

VEHICLES, READERS = 20, 8
# From the claim to FINISHED, of a day of one vehicle: all that MongoDB is asked.
MOST = 15
# Of each further vehicle: its collections, five columns, and what has no time.
MOST_VEHICLE = 7
DELAY_MS = 75
WRITES = ("findAndModify", "update")


def uri_by(port):
    """The stack's URI, to one member by the relay. (The set would answer with its own ports.)"""
    return re.sub(r"//[^/]*/.*", "//127.0.0.1:%d/?directConnection=true" % port,
                  setting("mongodb_uri", ""))


def of_the_job(asked):
    """From the claim, writes that come before the first question, to the first write after the
    last query: FINISHED. (A worker that has ended one job looks for another.)"""
    first = last = asked.index("listDatabases")
    # After the claim the worker counts what the owner's results take up.
    while first > 0 and asked[first - 1] in WRITES + ("aggregate",):
        first -= 1
    while asked[last] not in WRITES:
        last += 1
    return asked[first:last + 1]


def export(relay, vehicles, **more):
    """-> (requests from the claim to FINISHED, the job's document, the archive's files)"""
    relay.counts()
    ident = create(request(vehicles=vehicles, **more))
    is_(finish(ident)["state"], "FINISHED", "FINISHED")
    asked = of_the_job(relay.asked())
    note(" ".join(asked))
    return asked, job_document(jobs_of(mongo()), ident), entries(fetch(ident)[1])


def reads(asked):
    return [what for what in asked if what not in WRITES]


def seconds(document):
    return (document["finishedAt"] - document["startedAt"]).total_seconds()


def far(relay):
    names = ["vehicle_%03d" % (n + 1) for n in range(VEHICLES)]
    # The first export opens the connections.
    export(relay, names[:READERS], time="rfc3339")
    asked, one, _ = export(relay, names[:1])
    ok(len(asked) <= MOST, "a day of one vehicle: at most %d round trips" % MOST, len(asked))
    is_({"count", "getMore"} & set(asked), set(), "nothing is counted, and no reply needs another")
    is_(one["progress"]["documents"], one["progress"]["documentsTotal"], "the total is exact")
    many, all_of_them, files = export(relay, names)
    # Of its lease and progress it writes by time, not by vehicle.
    more = len(reads(many)) - len(reads(asked))
    ok(more <= MOST_VEHICLE * (VEHICLES - 1), "at most %d for each further vehicle" % MOST_VEHICLE,
       more)
    is_(len(files), VEHICLES + 1, "each has its file")
    # One after the other they would wait for each round trip.
    least = len(many) * 2 * DELAY_MS / 1000
    took = seconds(all_of_them) - seconds(one)
    note("%d vehicles took %.2f s longer; its round trips in a row %.2f s" % (
        VEHICLES - 1, took, least))
    ok(took < least / 2, "side by side", took)


def nothing():
    """Windows in which there is nothing to read, more of them than are kept ahead."""
    body = request(vehicles=["vehicle_%03d" % (n + 1) for n in range(4)], days=3650,
                   parameters=["none%d" % n for n in range(17)])
    is_(finish(create(body), seconds=60)["state"], "FINISHED", "years of nothing: FINISHED")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", str(VEHICLES), "--days", "1")
    catalogued(VEHICLES)
    port = int(os.environ["EXPORT_PORTS"].split()[0])
    with Relay(port + 36, port + 1, "--delay-ms", DELAY_MS, "--mongo") as relay:
        # What the worker asks without a job would be counted, too.
        with another_worker(mongodb_uri=uri_by(port + 36), metrics_s=120, catalogue_s=86400,
                            readers=READERS, split_documents=0):
            section("far away", far, relay)
    section("nothing to read", nothing)
    return done()


if __name__ == "__main__":
    sys.exit(main())
