#!/usr/bin/python3
"""How workers claim: what a claim gives, what it costs, whose turn it is. On a real mongod with the
indexes of scripts/provision; t/tools/claims.c does what workers and handlers do, with their rights.

Prints TAP. Always on servers of its own.
"""
import datetime
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import ROOT, done, is_, mongo, ok, section, skip_all         # noqa: E402

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


def under_mongod():
    """This file again, on a mongod and what scripts/provision makes there."""
    if os.environ.get("WITH_STACK") == os.path.abspath(__file__):
        return
    os.environ["WITH_STACK"] = os.path.abspath(__file__)
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.chdir(ROOT)
    os.execv(wrapper, [wrapper, "--only", "mongo", sys.executable, os.path.abspath(__file__)])


def provision():
    subprocess.run([os.path.join(ROOT, "scripts", "provision"), "--mongodb"], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)


def main():
    under_mongod()
    provision()
    client = mongo()
    with Claims("worker") as worker:
        section("reading time", reading_time, client, worker)
    return done()


if __name__ == "__main__":
    sys.exit(main())
