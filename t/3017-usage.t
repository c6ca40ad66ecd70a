#!/usr/bin/python3
"""What an owner's results take up until they expire: at the limit a POST is a 429, and a job that
would exceed it FAILS; it costs the same with 200,000 results.

Prints TAP. Always on its own stack, with t/3017-usage.conf; the last checks are t/api.py's.
"""
import datetime
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    SOON_S, begin, call, cancel, expire, finish, good, post, request, run, stopped, taken)
from service import (                   # noqa: E402
    ROOT, create, is_, job_document, jobs_of, note, objects_of, ok, problem, setting, wait_for)

USERS = ("bob", "other", "late", "free", "small", "many", "hoard")
MANY = 200000 if os.environ.get("LONG") else 20000
model = {}


def owners(*args):
    subprocess.run([os.path.join(ROOT, "scripts", "owners"), *args], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)


def result(user, size, days=1):
    """A FINISHED job by hand, as exports.jobs has it."""
    from bson import Int64, ObjectId
    now = datetime.datetime.utcnow()
    return dict(model, _id=ObjectId(), owner=user, state="FINISHED", finishedAt=now,
                expiresAt=now + datetime.timedelta(days=days),
                object={"key": "k", "size": Int64(size), "sha256": "s", "etag": "e"})


def posted(user, n, status):
    """The answer to a POST, if it is this one; the job goes, whatever became of it."""
    got = post(request(n), user)
    if got.status == 202:
        call("DELETE", "/export/" + got.json()["_id"], user=user)
    return got if got.status == status else None


def limits():
    most = setting("owner_bytes_kept", 0)
    owners("set", "free", "*", "--bytes-kept", "0")
    owners("set", "small", "*", "--bytes-kept", str(2 ** 50))
    is_([good("/limits", user)["ownerBytesKept"] for user in ("bob", "free", "small")],
        [most, 0, 2 ** 50], "GET /limits has the setting, or the owner's own")


def posts(client):
    user, jobs, most = "bob", jobs_of(client), setting("owner_bytes_kept", 0)
    mine = [result(user, most - 1), result(user, 1)]
    past = result(user, 10 * most, days=-1)
    jobs.insert_many([mine[0], past])
    wait_for("the sum", lambda: client.exports.usage.find_one({"_id": user, "bytes": most - 1}),
             SOON_S)
    ok(posted(user, 1, 202), "a byte is left: 202; what has expired does not count")
    jobs.insert_one(mine[1])
    got = wait_for("the sum to be known", lambda: posted(user, 2, 429), SOON_S)
    problem("with that byte: 429", got, (429,))
    ok(got.header("Retry-After") and "%d bytes" % most in got.json()["detail"]
       and "delete some" in got.json()["detail"], "it says what to do, and when to come again", got)
    is_(post(request(2), user, query="?dryRun=true").status, 200, "a dry run: 200")
    ok(posted("other", 1, 202), "another owner is not affected")
    ok(posted("free", 1, 202), "nor one without a limit")
    expire(str(mine[1]["_id"]), user)
    ok(wait_for("room", lambda: posted(user, 3, 202), SOON_S), "a result deleted, there is room")
    jobs.delete_many({"owner": user, "state": "FINISHED"})
    wait_for("its entry to go", lambda: client.exports.usage.find_one({"_id": user}) is None,
             SOON_S)
    ok(True, "without results there is no entry")


def failed(name, ident, user):
    job = finish(ident, user, "FAILED")
    is_(job["error"]["code"], "results_full", name + ": FAILED, results_full")
    return job


def worker_counts(client):
    """Results that came after the POST count for the worker, exactly, at once."""
    user, jobs = "late", jobs_of(client)
    with stopped(client):
        ident = create(request(1), user)
        full = result(user, setting("owner_bytes_kept", 0))
        jobs.insert_one(full)
    job = failed("no room when it is claimed", ident, user)
    is_(job_document(jobs, ident)["attempts"], 1, "at once")
    ok("Delete some" in job["error"]["message"], "it says what to do", job["error"])
    jobs.delete_one({"_id": full["_id"]})
    finish(taken("with room again", post(request(1), user)), user)


def too_large(client):
    """A result that does not fit into what is left."""
    user = "small"
    one = create(request(1), "free")
    size = finish(one, "free")["size"]
    ok(size > 1000, "an archive of %d bytes" % size)
    owners("set", user, "*", "--bytes-kept", str(size - 300))
    ident = create(request(1), user)
    failed("300 bytes too few", ident, user)
    is_(objects_of(ident), {}, "it has no object")
    owners("set", user, "*", "--bytes-kept", str(size + 300))
    finish(taken("300 bytes more than needed", post(request(1), user)), user)
    failed("a second one", taken("a POST that is admitted all the same", post(request(2), user)),
           user)


def how_many(client):
    """As many results as owner_records_max, however small."""
    user, jobs, most = "many", jobs_of(client), setting("owner_records_max", 0)
    jobs.insert_many([result(user, 1) for _ in range(most - 1)])
    finish(taken("one less than owner_records_max", post(request(1), user)), user)
    failed("as many", taken("one more", post(request(2), user)), user)
    expire(str(jobs.find_one({"owner": user, "state": "FINISHED"})["_id"]), user)
    finish(taken("one deleted", post(request(3), user)), user)


def by_index(client):
    """Very many results of one owner: the POST reads one document; the sums read no job."""
    jobs = client.exports.jobs
    one = result("hoard", 1000)
    jobs.insert_one(one)
    jobs.aggregate([{"$match": {"_id": one["_id"]}}, {"$set": {"n": {"$range": [1, MANY]}}},
                    {"$unwind": "$n"}, {"$unset": ["_id", "n"]}, {"$merge": {"into": "jobs"}}])
    entry = wait_for("their sum", lambda: client.exports.usage.find_one(
        {"_id": "hoard", "results": MANY}), SOON_S)
    is_(entry["bytes"], MANY * 1000, "it is exact")
    for what, more in (("of all owners", {}), ("of one", {"owner": "hoard"})):
        plan = client.exports.command("explain", {
            "aggregate": "jobs", "cursor": {}, "pipeline": [
                {"$match": dict(more, state="FINISHED")},
                {"$group": {"_id": "$owner", "n": {"$sum": 1},
                            "bytes": {"$sum": "$object.size"}}}]}, verbosity="executionStats")
        found = plan["stages"][0]["$cursor"] if "stages" in plan else plan
        stages, did = found["queryPlanner"]["winningPlan"], found["executionStats"]
        ok("'FETCH'" not in str(stages) and did["totalDocsExamined"] == 0,
           "the sum %s is in the index" % what, stages)
        note("%s: %d ms for %d results" % (what, did["executionTimeMillis"], MANY))
    began = time.monotonic()
    problem("a POST: 429", post(request(1), "hoard"), (429,))
    note("a POST that is refused: %.1f ms" % ((time.monotonic() - began) * 1000))
    jobs.delete_many({"owner": "hoard"})


def main():
    client = begin(__file__)
    for user in USERS:
        owners("set", user, "*")
    with stopped(client):
        ident = create(request(0), "other")
        model.update(job_document(jobs_of(client), ident))
        cancel([ident], "other")
    return run({"POST /export": (200, 202, 429), "DELETE /export/:id": (202, 204)},
               ("limits", limits), ("posts", posts, client),
               ("worker", worker_counts, client), ("too large", too_large, client),
               ("how many", how_many, client), ("index", by_index, client))


if __name__ == "__main__":
    sys.exit(main())
