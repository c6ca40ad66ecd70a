#!/usr/bin/python3
"""What one owner can pile up in exports.jobs is bounded: POST and DELETE in a loop, with no worker
about, leave owner_records_max records, the newest; results are not among those that go.

Prints TAP. Always on its own stack, with t/3016-records.conf; the last checks are t/api.py's.
"""
import datetime
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    SOON_S, begin, call, cancel, get, good, listed, of_owner, post, request, run, stopped)
from service import (                   # noqa: E402
    ROOT, create, is_, job_document, jobs_of, ok, problem, setting, wait_for)

MOST = setting("owner_records_max", 0) if "EXPORT_CONF" in os.environ else 0
LEFT = MOST + 1         # and the job of the POST that looked, which was cancelled then
# One POST in 64 looks for what is too many, by chance: none of these in one of 10^13 runs.
LOOPS = 2000


def owners(*args):
    subprocess.run([os.path.join(ROOT, "scripts", "owners"), *args], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)


def churned(client, user, until):
    """POSTs and cancels until there are few enough; how often, and the most that there were."""
    most = 0
    for n in range(LOOPS):
        cancel([create(request(n % 300, parameters=["p%d" % n]), user)], user)
        count = client.exports.jobs.count_documents({"owner": user})
        most = max(most, count)
        if until(n, count):
            return n + 1, most
    return LOOPS, most


def bounded(client):
    user, jobs = "churn", jobs_of(client)
    with stopped(client):
        first = create(request(0), user)
        cancel([first], user)
        loops, most = churned(client, user, lambda n, count: n >= MOST and count <= LEFT)
        ok(MOST <= loops < LOOPS, "POST and DELETE again and again leave owner_records_max records",
           "%d loops, %d records at most" % (loops, most))
        left = of_owner(client, user)
        is_(len(left), LEFT, "as many as may be")
        is_(listed(user, "?limit=500"), left[::-1], "the list has just these")
        problem("one that went: 404", get("/export/" + first, user), (404,))
        problem("for an operator, too", get("/export/" + first, "olga"), (404,))
        gone = job_document(jobs, first)
        if gone is not None:            # MongoDB may have removed it by now
            ok(gone["owner"] == "" and "vehicles" not in gone, "it has no owner and no names", gone)
        ok(first not in [j["_id"] for j in good("/export?limit=500", "olga")["exports"]],
           "nor does an operator's list have it")
        wait_for("MongoDB to remove them", lambda: jobs.count_documents({"owner": ""}) == 0,
                 SOON_S * 3)
        is_(jobs.count_documents({}), LEFT, "none of the others is stored any more")


def results_stay(client):
    """Results are kept until they expire, though they are older than all that goes."""
    from bson import ObjectId
    user, jobs = "results", jobs_of(client)
    now = datetime.datetime.utcnow()
    with stopped(client):
        model = job_document(jobs, create(request(0), user))
        cancel([str(model["_id"])], user)
        old = dict(model, state="FINISHED", finishedAt=now,
                   expiresAt=now + datetime.timedelta(days=1),
                   object={"key": "k", "size": 1, "sha256": "s", "etag": "e"})
        mine = [dict(old, _id=ObjectId("%08x" % n + "0" * 16)) for n in range(1, 2 * MOST)]
        past = [dict(old, _id=ObjectId("%08x" % n + "1" * 16), state="EXPIRED")
                for n in range(1, 2 * MOST)]
        jobs.insert_many(mine + past)
        churned(client, user, lambda n, count: n >= MOST and count <= len(mine) + LEFT)
        is_(jobs.count_documents({"owner": user, "state": "FINISHED"}), len(mine),
            "no result went")
        is_(jobs.count_documents({"owner": user, "state": "EXPIRED"}), 0,
            "results that have expired went, the oldest first")


def hour_counts(client):
    """What counts for the limit of an hour is kept as long as it counts."""
    user, most = "hourly", MOST + 15
    owners("set", user, "*", "--jobs-per-hour", str(most))
    with stopped(client):
        for n in range(most):
            cancel([create(request(n), user)], user)
        got = post(request(most), user)
        problem("a job more than its jobs an hour: 429", got, (429,))
        is_(len(of_owner(client, user)), most, "all of these are there")


def main():
    client = begin(__file__)
    for user in ("churn", "results"):
        owners("set", user, "*")
    owners("set", "olga", "*", "--operator")
    client.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
    return run({"POST /export": (202, 429), "DELETE /export/:id": (202,)},
               ("bounded", bounded, client), ("results stay", results_stay, client),
               ("hour", hour_counts, client))


if __name__ == "__main__":
    sys.exit(main())
