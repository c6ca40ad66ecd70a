#!/usr/bin/python3
"""Jobs that wait and run, on the real stack: how many one owner and all may have, DELETE, a job's
position in the queue, and when it will be done.

Prints TAP. Always on its own stack, with t/3013-queue.conf; the last checks are t/api.py's.
"""
import datetime
import itertools
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    ID, LONG_HOURS, SLOW, SOON_S, begin, busy, call, cancel, finish, get, good, listed, of_owner,
    post, request, run, running, stopped, taken)
from service import (                   # noqa: E402
    create, instant, is_, job_of, note, ok, problem, setting, wait_for)


# ---- limits --------------------------------------------------------------------------------

def owner_limit(client):
    user, most = "many", setting("owner_jobs_max", 0)
    with stopped(client):
        mine = [create(request(n), user) for n in range(most)]
        busy("a job more than owner_jobs_max: 429", post(request(most), user), 429)
        busy("with a key: 429", post(request(most), user, "later"), 429)
        is_(len(of_owner(client, user)), most, "those made no job")
        taken("the request of a waiting job is joined", post(request(1), user), mine[1])
        is_(post(request(most), user, query="?dryRun=true").status, 200,
            "a dry run begins nothing: 200")
        is_(len(listed(user)), most, "and all else is answered")
        other = create(request(most), "few")
        ok(ID.fullmatch(other), "another owner is not affected", other)
        cancel(mine[:1], user)
        mine[0] = taken("one cancelled, one more has room; the key was not used up",
                        post(request(most), user, "later"))
        taken("its key, at the limit", post(request(most), user, "later"), mine[0])
        busy("no second one: 429", post(request(most + 1), user), 429)
    for ident in mine:
        finish(ident, user)
    finish(taken("when they are FINISHED there is room", post(request(most + 1), user)), user)


def made_before(client, user, seconds, model):
    """As many jobs as an owner may make in an hour, by hand, all made this long ago."""
    from bson import ObjectId
    when = int(time.time()) - seconds
    client.exports.jobs.insert_many(
        [dict(model, _id=ObjectId("%08x" % when + os.urandom(8).hex()), owner=user)
         for _ in range(setting("owner_jobs_per_hour", 0))])


def owner_rate(client):
    from bson import ObjectId
    user, most, mine = "often", setting("owner_jobs_per_hour", 0), []
    with stopped(client):
        for n in range(most):
            mine.append(create(request(n), user))
            if n < most - 1:
                cancel(mine[-1:], user)
        taken("the request of a waiting job is joined", post(request(most - 1), user), mine[-1])
        got = post(request(most), user, "later")
        busy("a job more than owner_jobs_per_hour, though most have ended: 429", got, 429)
        ok(3600 - 300 < int(got.header("Retry-After")) <= 3600, "room in an hour", got.headers)
        is_(len(of_owner(client, user)), most, "it made no job")
        is_(post(request(most), user, query="?dryRun=true").status, 200, "a dry run: 200")
        model = client.exports.jobs.find_one({"_id": ObjectId(mine[0])})
        made_before(client, "long ago", 3601, model)
        cancel([create(request(), "long ago")], "long ago")
        made_before(client, "just now", 3585, model)
        got = post(request(), "just now", "kept")
        busy("as many made 3,585 s ago: 429", got, 429)
        ok(1 <= int(got.header("Retry-After")) <= 16, "room within seconds", got.headers)

        def accepted():
            got = post(request(), "just now", "kept")
            return got if got.status == 202 else None

        ident = taken("then there is room", wait_for("room", accepted, 60))
        cancel([ident], "just now")
        cancel(mine[-1:], user)
    client.exports.jobs.delete_many({"owner": {"$in": ["long ago", "just now"]}})


def queue_limit(client):
    """Handlers count from time to time, so a few more jobs may be accepted, but then none."""
    most, each, mine = setting("queue_max", 0), setting("owner_jobs_max", 0), []
    with stopped(client):
        for n in range(most):
            user = "queue %d" % (n // each)
            mine.append((create(request(n), user), user))

        tries = itertools.cycle("some %d" % n for n in range(10))

        def full():
            """Handlers count once a second; an owner may have few jobs an hour here."""
            user = next(tries)
            got = post(request(91), user)
            if got.status == 202:
                cancel([got.json()["_id"]], user)
            return got if got.status == 503 else None

        def eight(status):
            """Eight answers of this status in a row: of every handler. mine gets their jobs."""
            for _ in range(8):
                user = "late %d" % len(mine)
                got = post(request(), user, "late")
                if got.status == 202:
                    mine.append((got.json()["_id"], user))
                if got.status != status:
                    return None
            return got

        for n in range(10):
            user = "some %d" % n
            mine.append((taken("a first job beyond queue_max", post(request(90), user)), user))
        got = wait_for("a full queue, for those who have some", full, 30)
        busy("a second job more than queue_max: 503", got, 503)
        got = wait_for("a full queue", lambda: eight(503), 30)
        busy("a job more than queue_max: 503", got, 503)
        note("%d jobs wait, queue_max is %d" % (len(mine), most))
        ok(2 * most <= len(mine) <= 3 * most,
           "those who have none yet are taken up to twice queue_max, not many more", len(mine))
        is_(of_owner(client, "late %d" % len(mine)), [], "the refused ones made no job")
        taken("the request of a waiting job is joined", post(request(1), "queue 0"), mine[1][0])
        is_([get(p, "queue 0").status
             for p in ("/export", "/export/" + mine[0][0], "/vehicles", "/limits")], [200] * 4,
            "all else is answered")
        for ident, user in mine[each:]:
            cancel([ident], user)
        taken("many cancelled: room for all, with the key that was refused",
              wait_for("room", lambda: eight(202), 30))
        for ident, user in mine:
            cancel([ident], user)
        users = ("room %d" % n for n in itertools.count())

        def second_jobs():
            """Of eight owners in a row: each handler has counted anew."""
            for _ in range(8):
                user = next(users)
                both = [post(request(n), user) for n in range(2)]
                cancel([got.json()["_id"] for got in both if got.status == 202], user)
                if both[1].status != 202:
                    return False
            return True

        wait_for("room for second jobs", second_jobs, 30)


# ---- DELETE -------------------------------------------------------------------------------

def delete(ident, user):
    return call("DELETE", "/export/" + ident, user=user)


def cancel_waiting(client):
    user = "cancels waiting"
    with stopped(client):
        ident = create(request(), user)
        problem("DELETE of another owner's job", delete(ident, "another"), (404,))
        is_(job_of(ident, user)["state"], "NOT_STARTED", "it still waits")
        got = delete(ident, user)
        is_(got.status, 202, "DELETE of a waiting job: 202")
        job = got.json()
        is_((job["_id"], job["state"]), (ident, "CANCELLED"), "the answer is the job, CANCELLED")
        ok(instant(job["finishedAt"]) >= instant(job["createdAt"]), "finishedAt", job)
        is_(got.header("Retry-After"), None, "no Retry-After: it has ended")
        is_(job_of(ident, user), job, "GET has the same")
        got = delete(ident, user)
        is_((got.status, got.json()), (202, job), "DELETE again: the same answer")


def cancel_running(client):
    """A request repeated after a cancel gets a new job, even while the first one still runs."""
    user = "cancels running"
    with running(client, user) as ident:
        for name in ("DELETE of a running job", "again"):
            got = delete(ident, user)
            is_(got.status, 202, name + ": 202")
            is_((got.json()["_id"], got.json()["state"]), (ident, "STARTED"),
                name + ": the answer is the job, which runs until its worker sees it")
            ok(re.fullmatch("[1-9][0-9]*", got.header("Retry-After") or ""),
               name + ": Retry-After", got.headers)
        fresh = taken("the same request at once", post(SLOW, user))
        ok(fresh != ident, "it is another job", fresh)
        taken("the same again joins the new one", post(SLOW, user), fresh)
        is_(job_of(ident, user)["state"], "STARTED", "the first one was still STARTED")
    ok(instant(finish(ident, user, "CANCELLED")["finishedAt"]), "then it is CANCELLED")
    is_(delete(fresh, user).status, 202, "DELETE of the new one: 202")
    finish(fresh, user, "CANCELLED")


def delete_ended(client):
    user = "deletes ended"
    done_one = finish(create(request(), user), user)
    failed = finish(create(request(vehicles=["vehicle_nosuch"]), user), user, "FAILED")
    problem("DELETE of another owner's result", delete(done_one["_id"], "another"), (404,))
    for name in ("DELETE of a FINISHED job", "again"):
        got = delete(done_one["_id"], user)
        is_((got.status, got.body), (204, b""), name + ": 204")
        job = job_of(done_one["_id"], user)
        is_((job["state"], job["finishedAt"]), ("EXPIRED", done_one["finishedAt"]),
            name + ": EXPIRED, finishedAt stays")
    got = delete(failed["_id"], user)
    is_((got.status, got.body), (204, b""), "DELETE of a FAILED job: 204")
    is_(job_of(failed["_id"], user), failed, "it stays as it was")
    problem("DELETE of no job", delete("0" * 24, user), (404,))


def exhausted(client):
    """A job without attempts left ends like any other."""
    from bson import ObjectId
    user = "exhausted"
    with stopped(client):
        ident = create(request(), user)
        client.exports.jobs.update_one({"_id": ObjectId(ident)},
                                       {"$set": {"attempts": setting("max_attempts", 8)}})
    job = finish(ident, user, "FAILED")
    is_(job["error"]["code"], "attempts_exhausted", "no attempts left: FAILED")
    ok(instant(job["finishedAt"]) >= instant(job["createdAt"]), "finishedAt", job)


# ---- the queue -----------------------------------------------------------------------------

def positions(jobs):
    return [job_of(ident, user).get("queue") for ident, user in jobs]


def at(*numbers):
    return [{"position": n} for n in numbers]


def queue(client):
    with stopped(client):
        mine = [(create(request(n), "first"), "first") for n in range(3)]
        mine.append((create(request(), "second"), "second"))
        is_(positions(mine), at(1, 3, 4, 2),
            "position: a first job of anyone before a second one of anyone")
        job = job_of(*mine[0])
        ok("eta" in job and job["eta"] is None, "eta is null while it waits", job)
        mine.append((create(request(1), "second"), "second"))
        is_(positions(mine), at(1, 3, 5, 2, 4), "a second job of the other one")
        cancel([mine[0][0]], "first")
        is_(positions(mine[1:]), at(2, 4, 1, 3), "one cancelled: the others move up")
        ok(not {"queue", "eta"} & set(job_of(*mine[0])), "CANCELLED: neither queue nor eta")
        far_back(client, mine[-1])
    for ident, user in mine[1:]:
        ok(not {"queue", "eta"} & set(finish(ident, user)), "FINISHED: neither queue nor eta")


def far_back(client, mine):
    """More waiting jobs than an owner may have, by hand: copies of the first, before all others."""
    from bson import ObjectId
    jobs = client.exports.jobs
    before = job_of(*mine)["queue"]["position"] - 1
    model = jobs.find_one({"_id": ObjectId(mine[0])})
    model.update(owner="crowd", turn=0, createdAt=model["createdAt"] - datetime.timedelta(hours=1))
    jobs.insert_many([dict(model, _id=ObjectId()) for _ in range(1000 - before)])
    is_(positions([mine]), at(1001), "1,000 before it: position 1001")
    jobs.insert_one(dict(model, _id=ObjectId()))
    is_(positions([mine]), at(None), "1,001 before it: null")
    jobs.delete_many({"owner": "crowd"})
    is_(positions([mine]), at(before + 1), "and where it was without them")


def eta():
    user, total = "patient", 3 * LONG_HOURS
    ident = create(SLOW, user)
    wait_for("its start", lambda: job_of(ident, user)["state"] == "STARTED", SOON_S)
    ok("queue" not in job_of(ident, user), "STARTED: no queue")
    is_(listed(user, "?state=STARTED"), [ident], "state=STARTED")

    def known(documents):
        job = job_of(ident, user)
        if job["state"] != "STARTED" or "eta" not in job:
            raise RuntimeError("unfinished, with an eta, it should be: %s" % job)
        return job if job["eta"] is not None and job["progress"]["documents"] >= documents else None

    job = wait_for("an eta", lambda: known(0), SOON_S)
    ok(0 < instant(job["eta"]) - time.time() * 1000 < 600000, "eta: an instant to come", job)
    ok(0 < job["progress"]["documents"] < job["progress"]["documentsTotal"] == total,
       "progress by then", job)
    line = good("/export", user)["exports"][0]
    ok(line["state"] == "STARTED" and "eta" not in line, "no eta in the list", line)
    half, now = wait_for("an eta at half", lambda: known(total / 2), SOON_S), time.time() * 1000
    job = finish(ident, user)
    ok(not {"queue", "eta"} & set(job), "FINISHED: neither queue nor eta", job)
    expected = (instant(half["eta"]) - now) / 1000
    took = (instant(job["finishedAt"]) - now) / 1000
    note("after %d of %d documents: %.1f s expected, %.1f s taken" % (
        half["progress"]["documents"], total, expected, took))
    ok(took / 4 - 3 < expected < took * 4 + 3, "the eta was not far from the truth",
       "%.1f s, %.1f s" % (expected, took))


def main():
    client = begin(__file__)
    return run({"POST /export": (200, 202, 429, 503), "GET /export": (200,),
                "GET /export/:id": (200,), "DELETE /export/:id": (202, 204, 404)},
               ("limit of an owner", owner_limit, client),
               ("rate of an owner", owner_rate, client), ("limit of all", queue_limit, client),
               ("queue", queue, client), ("cancel waiting", cancel_waiting, client),
               ("cancel running", cancel_running, client), ("delete ended", delete_ended, client),
               ("exhausted", exhausted, client), ("eta", eta))


if __name__ == "__main__":
    sys.exit(main())
