#!/usr/bin/python3
"""How workers claim: what a claim gives, what it costs, whose turn it is. On a real mongod with the
indexes of scripts/provision; t/tools/claims.c does what workers and handlers do, with their rights.

Prints TAP. Always on servers of its own. Environment: CLAIMS_SEED, of who queues when (5).
"""
import datetime
import os
import random
import statistics
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    ROOT, done, is_, mongo, note, ok, section, seed_of, skip_all)

try:
    from bson import Int64, ObjectId, Timestamp
except ImportError as e:
    skip_all("%s; run scripts/deps" % e)


class Claims:
    """A process of t/tools/claims.c: a handler's or a worker's calls, one by one."""

    def __init__(self, role):
        tool = os.path.join(os.environ.get("B", "build"), "t", "claims")
        self.process = subprocess.Popen([tool, role, os.environ["EXPORT_CONF"]], text=True,
                                        bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)

    def __call__(self, *words):
        """The words of the answer; the last is left out and kept as took_us."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        answer = self.process.stdout.readline().split()
        self.took_us = int(answer.pop())
        return answer


def job(**more):
    now = datetime.datetime.utcnow()
    return dict({
        "_id": ObjectId(), "owner": "a", "state": "NOT_STARTED", "startDate": now, "endDate": now,
        "time": "ms", "csv": "rfc4180", "compression": "fast", "requestHash": "0" * 64,
        "createdAt": now, "dueAt": now - datetime.timedelta(seconds=1), "attempts": 0,
        "fence": Int64(0), "cancelRequested": False, "rank": Int64(0)}, **more)


def anew(client):
    client.exports.jobs.delete_many({})
    client.exports.units.delete_many({})


def provision():
    subprocess.run([os.path.join(ROOT, "scripts", "provision"), "--mongodb"], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)


# ---- what a claim gives -------------------------------------------------------------------

def reading_time(client, worker):
    """The claim's operationTime is that of its own write, or later, and is kept in a plan."""
    anew(client)
    client.exports.jobs.insert_one(job())
    before = client.admin.command("hello")["operationTime"]
    claim = worker("claim", "w:1")
    after = client.admin.command("hello")["operationTime"]
    is_((claim[0], claim[3:5]), ("ok", ["1", "1"]), "a claim: fence and attempts")
    read = Timestamp(int(claim[5]), int(claim[6]))
    ok(before < read <= after, "it has the time at which its job's data is to be read",
       (before, read, after))
    is_(worker("plan", claim[1], 1, 3, read.time, read.inc), ["ok"], "a plan of three units")
    is_(worker("find_plan", claim[1]), ["ok", "1", "3", "30", str(read.time), str(read.inc)],
        "it is found with the job's reading time")
    unit = worker("claim_unit", "w:1", claim[1])
    own, plans = Timestamp(int(unit[5]), int(unit[6])), Timestamp(int(unit[7]), int(unit[8]))
    ok(own > read, "a unit's claim is later", (own, read))
    is_(plans, read, "and the unit is read at the job's time")
    client.exports.units.update_many({}, {"$unset": {"readTime": 1}})
    is_(worker("claim_unit", "w:1", claim[1])[7:], ["0", "0"],
        "a unit of an earlier version has none")


# ---- what a claim costs -------------------------------------------------------------------

SMALL, LARGE, HELD = 20, 100000, 20000
UNITS_SMALL, UNITS_LARGE, UNITS_OTHERS = 64, 4096, 4096
ROUNDS, CLAIMS = 9, 15
MOST, TRIES = 1.5, 3
LATER = datetime.timedelta(hours=1)


def fill(collection, n, document):
    for i in range(0, n, 2000):
        collection.insert_many([document(k) for k in range(i, min(n, i + 2000))], ordered=False)


def queue(collection, waiting, begun):
    """Jobs that wait for a worker; that one holds; that are due again later; that have ended."""
    now = datetime.datetime.utcnow()
    fill(collection, waiting, lambda i: job(owner="o%d" % (i % 50), turn=Int64(2 + i // 50),
                                            rank=Int64(2 + i // 50)))
    for worker in ({"worker": "w:9"}, {}):
        fill(collection, begun, lambda i, more=worker: job(
            state="STARTED", attempts=1 + i % 7, fence=Int64(1), turn=Int64(1), startedAt=now,
            dueAt=now + LATER + datetime.timedelta(milliseconds=i), **more))
    fill(collection, begun, lambda i: job(
        state="FINISHED", turn=Int64(1), startedAt=now, finishedAt=now, expiresAt=now + LATER))


def plan_of(collection, ident, waiting, held, done_ones):
    """A job's units: waiting, held by a worker, and finished with 16 KiB of facts."""
    now = datetime.datetime.utcnow()

    def document(i):
        state = "NOT_STARTED" if i < waiting else "STARTED" if i < waiting + held else "FINISHED"
        more = {"facts": "x" * 16384, "object": {"key": "k", "size": 1}} if state == "FINISHED" \
            else {"worker": "w:9", "dueAt": now + LATER} if state == "STARTED" else {}
        return job(**dict({"job": ident, "plan": Int64(1), "unit": Int64(i), "turn": Int64(1),
                           "createdAt": now + datetime.timedelta(milliseconds=i), "state": state,
                           "documents": Int64(10), "vehicles": ["vehicle_001"],
                           "progress": dict.fromkeys(("documents", "rows", "points", "bytesRead"),
                                                     Int64(i))}, **more))

    fill(collection, waiting + held + done_ones, document)


def examined(db, f):
    """What the server did for f: a list of (command, keys, documents) of all calls."""
    db.command("profile", 2)
    try:
        f()
    finally:
        db.command("profile", 0)
    found = list(db["system.profile"].find({"ns": {"$in": ["exports.jobs", "exports.units"]}}))
    db["system.profile"].drop()
    return [(next(iter(p["command"])) if p["op"] == "command" else p["op"],
             p.get("keysExamined", 0), p.get("docsExamined", 0)) for p in found]


def few(db, name, f, calls, keys, documents=None, only=()):
    """f takes at most that many calls (of some commands only), keys and documents in all."""
    f()                                 # plans are made once
    documents = keys if documents is None else documents
    for _ in range(3):                  # the probe's look may come in between
        seen = [s for s in examined(db, f) if not only or s[0] in only]
        good = len(seen) <= calls and sum(s[1] for s in seen) <= keys \
            and sum(s[2] for s in seen) <= documents
        if good:
            break
    ok(good, "%s: at most %d calls, %d keys, %d documents" % (name, calls, keys, documents), seen)


class Pair:
    """Two collections in the place of one by turns; their indexes go with them."""

    def __init__(self, db, name):
        self.db, self.name, self.larger = db, name, False

    def swap(self):
        small, large, name = self.name + "_small", self.name + "_large", self.name
        self.db[name].rename(large if self.larger else small)
        self.db[small if self.larger else large].rename(name)
        self.larger = not self.larger


def times_of(collection, claim, n):
    times = []
    for _ in range(n):
        got = claim()
        if got[0] != "ok":
            raise RuntimeError("nothing to claim: %s" % got)
        ident = ObjectId(got[1])
        times.append(claim.tool.took_us)
        # As it was, as far as claims look at it.
        collection.update_one({"_id": ident}, [
            {"$set": {"state": "NOT_STARTED", "attempts": 0, "dueAt": "$createdAt"}},
            {"$unset": ["worker", "startedAt", "claimedAt", "progressAt"]}])
    return times


class Call:
    def __init__(self, tool, *words):
        self.tool, self.words = tool, words

    def __call__(self):
        return self.tool(*self.words)


def ratio(pair, name, claim):
    """Medians of claims with few and with many, pair by pair, some tries: a machine has moods."""
    got = 0
    for _ in range(TRIES):
        few_us, many_us = [], []
        for _ in range(ROUNDS):
            for times in (few_us, many_us):
                times_of(pair.db[pair.name], claim, 2)
                times.append(statistics.median(times_of(pair.db[pair.name], claim, CLAIMS)))
                pair.swap()
        got = statistics.median(b / a for a, b in zip(few_us, many_us))
        note("%s, ms: %s; %.2f times" % (name, ", ".join(
            "%.2f | %.2f" % (a / 1000, b / 1000) for a, b in zip(few_us, many_us)), got))
        if got <= MOST:
            break
    ok(got <= MOST, "%s takes at most %.1f times as long" % (name, MOST), got)


def cost_of_jobs(client, worker, api):
    db = client.exports
    anew(client)
    queue(db.jobs, LARGE, HELD)
    claim = Call(worker, "claim", "w:1")
    first = db.jobs.find_one({"state": "NOT_STARTED"}, sort=[("turn", 1), ("createdAt", 1)])
    few(db, "a claim, %d queued, %d held, %d due later" % (LARGE, HELD, HELD), claim, 2, 4, 2)
    few(db, "the turn of a new job", Call(api, "insert", "new"), 1, 4, 2, only=("aggregate",))
    last = db.jobs.find_one({"state": "NOT_STARTED"}, {"_id": 1}, sort=[("turn", -1)])
    few(db, "the position of the last, a count to 1,001", Call(api, "ahead", last["_id"]), 2, 1010,
        1010)
    few(db, "nothing to sweep", Call(worker, "sweep"), 5, 2)
    due = db.jobs.find_one({"state": "STARTED", "worker": {"$exists": False}}, {"_id": 1})
    db.jobs.update_one(due, {"$set": {"dueAt": first["dueAt"]}})
    few(db, "a claim of one begun before", lambda: (claim(), db.jobs.update_one(
        due, {"$set": {"dueAt": first["dueAt"], "attempts": 1}})), 3, 6, 4)
    db.jobs.update_one(due, {"$set": {"dueAt": first["dueAt"], "attempts": 1}})
    is_(claim()[1], str(due["_id"]), "what was begun before comes first")
    db.jobs.rename("jobs_large")
    provision()
    queue(db.jobs, SMALL, 0)
    ratio(Pair(db, "jobs"), "a claim, %d | %d queued" % (SMALL, LARGE), claim)
    db.jobs_large.drop()
    db.jobs_small.drop()
    provision()


def cost_of_units(client, worker):
    db, ident = client.exports, ObjectId()
    anew(client)
    plan_of(db.units, ident, UNITS_LARGE, 8, 500)
    plan_of(db.units, ObjectId(), UNITS_OTHERS, 8, 0)
    own, any_one = Call(worker, "claim_unit", "w:1", ident), Call(worker, "claim_unit", "w:1", "-")
    few(db, "a claim of a unit of its own job, %d of it, %d of another" % (
        UNITS_LARGE, UNITS_OTHERS), own, 2, 4, 2)
    few(db, "of any job", any_one, 2, 4, 2)
    few(db, "is there any", Call(worker, "any"), 1, 4, 2)
    few(db, "the progress of all units", Call(worker, "progress", ident, 1), 1,
        UNITS_LARGE + 600, 0)
    n = UNITS_LARGE + 508
    claimed = db.units.find({"job": ident, "worker": "w:1"}, {"unit": 1})
    is_(int(worker("progress", ident, 1)[2]), n * (n - 1) // 2 - sum(d["unit"] for d in claimed),
        "which is their sum")
    db.units.rename("units_large")
    provision()
    plan_of(db.units, ident, UNITS_SMALL, 8, 20)
    pair = Pair(db, "units")
    ratio(pair, "a unit of its own job, %d | %d" % (UNITS_SMALL, UNITS_LARGE), own)
    ratio(pair, "a unit of any job", any_one)
    db.units_large.drop()
    db.units_small.drop()
    provision()


def swept(client, worker):
    """The timer ends what claims leave alone."""
    anew(client)
    now, jobs = datetime.datetime.utcnow(), client.exports.jobs
    run = {"state": "STARTED", "fence": Int64(1), "startedAt": now, "turn": Int64(1)}
    cases = [("spent", dict(run, attempts=8), "FAILED"),
             ("spent, and held", dict(run, attempts=8, worker="w", dueAt=now + LATER), "STARTED"),
             ("cancelled, given back", dict(run, attempts=1, cancelRequested=True,
                                            dueAt=now + LATER), "CANCELLED"),
             ("cancelled, and held", dict(run, attempts=1, cancelRequested=True, worker="w",
                                          dueAt=now + LATER), "STARTED"),
             ("cancelled, its worker gone", dict(run, attempts=1, cancelRequested=True,
                                                 worker="w"), "CANCELLED"),
             ("finished", {"state": "FINISHED", "expiresAt": now + LATER, "preview": "{}"},
              "FINISHED"),
             ("finished, expired", {"state": "FINISHED", "preview": "{}", "expiresAt":
                                    now - datetime.timedelta(seconds=1)}, "EXPIRED")]
    made = [(name, job(**more), state) for name, more, state in cases]
    jobs.insert_many([d for _, d, _ in made])
    is_(worker("claim", "w:1"), ["none"], "none of them can be claimed")
    is_([jobs.find_one({"_id": d["_id"]})["state"] for _, d, _ in made],
        [d["state"] for _, d, _ in made], "and a claim ends none")
    is_(worker("sweep"), ["ok"], "a sweep")
    for name, d, state in made:
        is_(jobs.find_one({"_id": d["_id"]})["state"], state, "%s: %s" % (name, state))
    left = {d["state"]: d for d in jobs.find({"state": {"$in": ["FAILED", "EXPIRED"]}})}
    is_((left["FAILED"]["error"]["code"], "preview" in left["EXPIRED"]),
        ("attempts_exhausted", False), "the error of a spent one; no preview of an expired one")


# ---- whose turn it is ---------------------------------------------------------------------

def in_order(worker, end=True):
    """Claims the next one, ends it, returns its owner."""
    got = worker("claim", "w:1")
    if got[0] == "ok" and end:
        worker("end", got[1], got[3])
    return got[2] if got[0] == "ok" else None


def crowd(client, worker, api):
    """Ten owners, each with one job at a time; one that has two waits no longer than two rounds,
    on one worker and on several."""
    for workers in (1, 3):
        anew(client)
        running, waited, mine = [], None, []
        for n in range(10):
            api("insert", "crowd%d" % n)
        for n in range(200):
            if n == 50:
                mine = [api("insert", "victim")[1] for _ in range(2)]
            got = worker("claim", "w:1")
            running.append(got)
            if got[1] in mine:
                mine.remove(got[1])
                if not mine:
                    waited = n - 50 + 1
                    break
            if len(running) == workers:
                ended = running.pop(0)
                worker("end", ended[1], ended[3])
                if ended[2].startswith("crowd"):
                    api("insert", ended[2])
        ok(waited and waited <= 2 * 11, "%d at a time: the second of two begins within two rounds"
           % workers, waited)


def hog(client, worker, api):
    """A thousand of one owner are ahead of another's first by one at most."""
    anew(client)
    turns = [int(api("insert", "hog")[2]) for _ in range(1000)]
    is_(turns, list(range(1, 1001)), "a thousand of one owner: one after the other")
    behind = []
    for n in range(30):
        for _ in range(n % 4):
            in_order(worker)
        api("insert", "new%d" % n)
        order = []
        while "new%d" % n not in order:
            order.append(in_order(worker))
        behind.append(len(order) - 1)
    ok(max(behind) <= 1, "another's first job is behind one of them at most", behind)


def several_handlers(client, worker):
    """Handlers that insert for one owner at the same time: as one after the other."""
    anew(client)
    tools = [Claims("api") for _ in range(4)]
    got = [[] for _ in tools]

    def insert(i):
        for _ in range(50):
            got[i].append(tools[i]("insert", "busy"))

    threads = [threading.Thread(target=insert, args=(i,)) for i in range(len(tools))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    turns = [int(g[2]) for answers in got for g in answers if g[0] == "ok"]
    is_(len(turns), 200, "200 inserted")
    is_(sorted(turns), list(range(1, 201)), "each has a turn of its own, and none is left out")
    tools[0]("insert", "other")
    order = []
    while "other" not in order:
        order.append(in_order(worker))
    ok(len(order) <= 2, "another's first is behind one of them at most", order)
    for t in tools:
        t.__exit__()


def positions(client, worker, api):
    """What clients are told is the order of claims."""
    anew(client)
    draw = random.Random(seed_of("CLAIMS_SEED", 5))
    idents, begun = [], []
    for _ in range(60):
        if draw.random() < 0.3 and idents:
            begun.append(worker("claim", "w:1")[1])
        idents.append(api("insert", "p%d" % draw.choice([0, 0, 0, 1, 1, 2]))[1])
    left = [i for i in idents if i not in begun]
    said = {i: int(api("ahead", i)[1]) for i in left}
    order = [worker("claim", "w:1")[1] for _ in left]
    is_([said[i] for i in order], list(range(len(left))), "queue.position is the order of claims")
    few(client.exports, "an insert", Call(api, "insert", "p0"), 1, 80, 2, only=("aggregate",))


# ---- from the version before --------------------------------------------------------------

def old_claim(jobs):
    """As workers claim that know rank only."""
    return jobs.find_one_and_update(
        {"state": "NOT_STARTED", "attempts": {"$lt": 8}, "cancelRequested": False,
         "$expr": {"$lte": ["$dueAt", "$$NOW"]}},
        [{"$set": {"state": "STARTED", "startedAt": "$$NOW", "worker": "old:1",
                   "dueAt": {"$add": ["$$NOW", 60000]}, "attempts": {"$add": ["$attempts", 1]},
                   "fence": {"$add": ["$fence", 1]}}}],
        sort=[("rank", 1), ("createdAt", 1)])


def migrated(client, worker, api):
    anew(client)
    jobs, now = client.exports.jobs, datetime.datetime.utcnow()

    def old(owner, rank, n, **more):
        at = now - datetime.timedelta(seconds=100 - n)
        return dict(job(owner=owner, rank=Int64(rank), createdAt=at, dueAt=at), **more)

    made = [old("a", 0, 0, state="STARTED", startedAt=now, worker="old:1", attempts=1,
                fence=Int64(1), dueAt=now + LATER),
            old("a", 1, 1), old("a", 2, 2), old("b", 0, 3), old("b", 1, 4), old("c", 0, 5)]
    jobs.insert_many(made)
    client.exports.units.insert_one(job(job=ObjectId(), plan=Int64(1), unit=Int64(0),
                                        vehicles=["v"], rank=Int64(3)))
    provision()
    is_([jobs.find_one({"_id": d["_id"]})["turn"] for d in made], [0, 1, 2, 1, 2, 1],
        "jobs that wait are given turns: an owner's one by one")
    is_(client.exports.units.find_one()["turn"], 3, "units get their job's")
    before = list(jobs.find().sort("_id", 1))
    provision()
    is_(list(jobs.find().sort("_id", 1)), before, "again: nothing changes")
    fresh = api("insert", "d")
    is_((fresh[2], api("insert", "a")[2]), ("1", "3"), "new ones are put next to them")
    one = jobs.find_one({"_id": ObjectId(fresh[1])})
    is_(one["rank"], one["turn"], "a new job has a rank, too")
    # Workers of both versions by turns, until nothing is left.
    order = []
    for n in range(7):
        if n % 2:
            order.append(old_claim(jobs)["owner"])
        else:
            order.append(in_order(worker, end=False))
    is_(sorted(order), ["a", "a", "a", "b", "b", "c", "d"], "workers of both versions claim all")
    is_(sorted(order[:4]), ["a", "b", "c", "d"], "everyone's first before anyone's second")
    is_(api("insert", "e")[2], "4", "and new ones come after what has begun")
    jobs.insert_one(old("f", 0, 6))
    is_(in_order(worker), "f", "one of an old handler, without a turn, is claimed as well")


# ---- all ----------------------------------------------------------------------------------

def under_mongod():
    """This file again, on a mongod and what scripts/provision makes there."""
    if os.environ.get("WITH_STACK") == os.path.abspath(__file__):
        return
    os.environ["WITH_STACK"] = os.path.abspath(__file__)
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.chdir(ROOT)
    os.execv(wrapper, [wrapper, "--conf", os.path.splitext(os.path.abspath(__file__))[0] + ".conf",
                       "--only", "mongo", sys.executable, os.path.abspath(__file__)])


def main():
    under_mongod()
    provision()
    client = mongo()
    with Claims("worker") as worker, Claims("api") as api:
        section("reading time", reading_time, client, worker)
        section("sweeps", swept, client, worker)
        section("a crowd", crowd, client, worker, api)
        section("a hog", hog, client, worker, api)
        section("several handlers", several_handlers, client, worker)
        section("positions", positions, client, worker, api)
        section("migration", migrated, client, worker, api)
        section("cost of units", cost_of_units, client, worker)
        section("cost of jobs", cost_of_jobs, client, worker, api)
    return done()


if __name__ == "__main__":
    sys.exit(main())
