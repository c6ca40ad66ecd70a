#!/usr/bin/python3
"""What is shared: the ceiling of all workers holds however many of them read, and an owner who asks
for one export waits for at most one running one, whatever another has queued.

Prints TAP. Always on a stack of its own, with t/3700-shares.conf and WORKERS=3.
"""
import concurrent.futures
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    JSON_TYPE, call, create, done, finish, generate, is_, job_document, jobs_of, logged, mongo,
    note, ok, request, section, setting, stack, under_stack, wait_for)

DAYS, WORKERS, QUEUED, CROWDS = 12, 3, 1000, 4
# The most that one reply brings, a quarter of a second's: the last is not waited for.
REPLY_S = 0.25


def ceiling(client):
    """Three jobs at once, each on a worker of its own."""
    rate = setting("total_read_documents_s", 0)
    alone = finish(create(request(days=DAYS, vehicles=["vehicle_001"])))
    idents = [create(request(days=DAYS, vehicles=["vehicle_00%d" % (n + 1)], time="rfc3339"))
              for n in range(WORKERS)]
    for ident in idents:
        is_(finish(ident, seconds=180)["state"], "FINISHED", "FINISHED")
    found = [job_document(jobs_of(client), ident) for ident in [alone["_id"]] + idents]
    took = [(d["finishedAt"] - d["startedAt"]).total_seconds() for d in found]
    documents = [d["progress"]["documents"] for d in found]
    note("alone %d documents in %.1f s; %d together in %.1f s" % (
        documents[0], took[0], sum(documents[1:]), max(took[1:])))
    ok(took[0] >= documents[0] / rate - REPLY_S, "alone a job has all of it, and no more")
    together = (max(d["finishedAt"] for d in found[1:]) -
                min(d["startedAt"] for d in found[1:])).total_seconds()
    least = sum(documents[1:]) / rate - WORKERS * REPLY_S
    ok(together >= 0.95 * least, "three together read no faster",
       "%.2f s, at least %.2f s" % (together, least))
    overlap = min(d["finishedAt"] for d in found[1:]) > max(d["startedAt"] for d in found[1:])
    ok(overlap, "they ran side by side")


def ceiling_of_units(client):
    """One job that all workers make together."""
    rate, since = setting("total_read_documents_s", 0), len(logged("export-worker"))
    vehicles = ["vehicle_00%d" % (n + 1) for n in range(WORKERS)]
    ident = create(request(days=DAYS, vehicles=vehicles, csv="excel"))
    is_(finish(ident, seconds=180)["state"], "FINISHED", "a job that is split: FINISHED")
    d = job_document(jobs_of(client), ident)
    wait_for("a unit of each",
             lambda: logged("export-worker", since).count(" op=unit_done ") >= WORKERS, 30)
    ok(logged("export-worker", since).count(" op=unit_done ") >= WORKERS,
       "a unit for each of them at least")
    took = (d["finishedAt"] - d["startedAt"]).total_seconds()
    least = d["progress"]["documents"] / rate - WORKERS * REPLY_S
    note("%d documents in %.1f s" % (d["progress"]["documents"], took))
    ok(took >= 0.95 * least, "its units together read no faster than the ceiling",
       "%.2f s, at least %.2f s" % (took, least))


def crowd_of(n):
    """A part of the crowd's jobs, from an address of its own: nginx takes a burst of 400 from each,
    so a quick machine cannot exceed it."""
    idents = []
    for k in range(n, QUEUED, CROWDS):
        body = dict(request(), vehicles=["vehicle_001"], parameters=["soc", "p%d" % k])
        got = call("POST", "/export", json.dumps(body).encode(), JSON_TYPE, "crowd",
                   source="127.0.0.%d" % (2 + n))
        if got.status != 202:
            raise RuntimeError("POST %d of the crowd: %s" % (k, got))
        idents.append(got.json()["_id"])
    return idents


def fairness(client):
    """The crowd's jobs are short; an owner who comes later with one job is next, on the first
    worker that is free."""
    jobs = jobs_of(client)
    stack("down", "worker")
    with concurrent.futures.ThreadPoolExecutor(CROWDS) as pool:
        crowd = [ident for part in pool.map(crowd_of, range(CROWDS)) for ident in part]
    is_(len(set(crowd)), QUEUED, "1,000 jobs of one owner")
    stack("up", "worker")
    claimed = {"owner": "crowd", "claimedAt": {"$exists": True}}
    wait_for("the first of them", lambda: jobs.count_documents(claimed) >= WORKERS, 60)
    waiting = jobs.count_documents({"owner": "crowd", "state": "NOT_STARTED"})
    ok(waiting > QUEUED / 2, "most of them wait", waiting)
    ident = create(request(vehicles=["vehicle_002"]), "single")
    is_(finish(ident, "single", seconds=60)["state"], "FINISHED", "one of another owner")
    d = job_document(jobs, ident)
    between = jobs.count_documents({"owner": "crowd", "claimedAt": {
        "$gt": d["createdAt"], "$lt": d["claimedAt"]}})
    running = jobs.count_documents({"owner": "crowd", "claimedAt": {"$lte": d["createdAt"]},
                                    "$or": [{"finishedAt": {"$gt": d["createdAt"]}},
                                            {"state": "STARTED"}]})
    note("claimed %.2f s after it was asked for" % (
        d["claimedAt"] - d["createdAt"]).total_seconds())
    ok(between <= 1, "at most one more of the crowd was begun before it", between)
    ok(running <= WORKERS, "while each worker had one", running)
    left = jobs.count_documents({"owner": "crowd", "state": "NOT_STARTED"})
    ok(left > QUEUED / 3, "the crowd still waits", left)


def main():
    os.environ["WORKERS"] = str(WORKERS)
    under_stack(__file__, own=True)
    generate("--vehicles", str(WORKERS), "--days", str(DAYS))
    client = mongo()
    section("the ceiling of all", ceiling, client)
    section("the ceiling of units", ceiling_of_units, client)
    section("fairness", fairness, client)
    return done()


if __name__ == "__main__":
    sys.exit(main())
