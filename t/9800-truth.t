#!/usr/bin/python3
"""What a majority had confirmed before a job was created is in its archive, whatever member of the
set is read: one that holds back what it is told, one that was stopped and comes back, one in its
initial sync. An export waits rather than end without it.

Prints TAP. On three members; each round writes hours of five parameters with w: majority and
exports them at once.
"""
import concurrent.futures
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    HOUR, START, create, done, finish, freeze, is_, job_document, jobs_of, mongo, note, ok, request,
    section, stack, under_stack, wait_for)

COLUMNS = ("speed", "soc", "current", "odo", "voltage")
EXPORTS, AT_ONCE = 20, 4
# A read that waits for a member that never catches up is given up, and made elsewhere.
FINISH_S = 150


class Written:
    """A vehicle whose hours grow; each is confirmed by a majority."""
    def __init__(self, client, name):
        self.db, self.n = client[name], 0
        client.drop_database(name)
        self.hours(1)

    def hours(self, n):
        from bson.int64 import Int64
        for h in range(self.n, self.n + n):
            value = {"values": {"0": {"values": {str(k): float(h) for k in range(0, 1000, 100)}}}}
            for column in COLUMNS:
                self.db[column].insert_one(dict(_id=Int64(START + h * HOUR), **value))
        self.n += n
        return self.n * len(COLUMNS)


def member(client, state):
    """host:port of a member in this state."""
    return next(m["name"] for m in client.admin.command("replSetGetStatus")["members"]
                if m["stateStr"] == state)


def straight_to(host):
    import pymongo
    uri = re.sub(r"@[^/]*/.*", "@%s/?directConnection=true&authSource=admin" % host,
                 os.environ["MONGODB_ADMIN_URI"])
    return pymongo.MongoClient(uri)


def whole(client, written, rounds, name):
    """Write, export at once, again and again: none is short."""
    found, at = [], 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.monotonic()
        while at < rounds:
            want = written.hours(1)
            # Each is a request of its own.
            idents = [create(dict(request(vehicles=[written.db.name]), name="%s %d" % (name, k)))
                      for k in range(at, at + AT_ONCE)]
            at += AT_ONCE
            for ident, job in zip(idents, pool.map(lambda i: finish(i, seconds=FINISH_S), idents)):
                found.append((job["state"], job["progress"]["documents"] - want,
                              job_document(jobs_of(client), ident)["attempts"]))
    note("%s: %d exports in %.0f s" % (name, at, time.monotonic() - began))
    is_({x[0] for x in found}, {"FINISHED"}, name + ": all end well")
    is_([x[1] for x in found if x[1] != 0], [], name + ": none lacks a document")
    is_({x[2] for x in found}, {1}, name + ": in the first attempt")


def held_back(client):
    """A secondary that takes nothing: fsyncLock, as backups do."""
    written = Written(client, "vehicle_held")
    locked = straight_to(member(client, "SECONDARY"))
    locked.admin.command("fsync", lock=True)
    try:
        whole(client, written, EXPORTS, "held back")
    finally:
        locked.admin.command("fsyncUnlock")


def pid_of_member(host):
    """The mongod that listens on this port."""
    port = ("--port\0%s\0" % host.rpartition(":")[2]).encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if port in f.read():
                    return int(pid)
        except OSError:
            continue
    raise RuntimeError("no mongod on " + host)


def is_secondary(client, host):
    return any(m["name"] == host and m["stateStr"] == "SECONDARY"
               for m in client.admin.command("replSetGetStatus")["members"])


def come_back(client):
    """A secondary that stands still for some seconds, then goes on; its hour comes late."""
    written = Written(client, "vehicle_back")
    host = member(client, "SECONDARY")
    pid = pid_of_member(host)
    freeze(pid)
    try:
        want = written.hours(3)
        ident = create(request(vehicles=[written.db.name]))
    finally:
        os.kill(pid, signal.SIGCONT)
    job = finish(ident, seconds=FINISH_S)
    is_((job["state"], job["progress"]["documents"]), ("FINISHED", want),
        "stood still: nothing is missing")
    whole(client, written, 2 * AT_ONCE, "come back")


def initial_sync(client):
    """A member that begins from nothing."""
    written = Written(client, "vehicle_sync")
    host = member(client, "SECONDARY")
    pid = pid_of_member(host)
    with open("/proc/%d/cmdline" % pid, encoding="utf-8") as f:
        words = f.read().split("\0")
    data = words[words.index("--dbpath") + 1]
    end_pid(pid)
    for name in os.listdir(data):
        path = os.path.join(data, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    stack("up", "mongo")
    whole(client, written, 2 * AT_ONCE, "initial sync")


def end_pid(pid):
    os.kill(pid, signal.SIGTERM)
    wait_for("mongod to end", lambda: not os.path.exists("/proc/%d/exe" % pid) or
             not os.path.realpath("/proc/%d/exe" % pid).endswith("mongod"), 60)


def main():
    os.environ["MEMBERS"] = "3"
    under_stack(__file__, own=True)
    client = mongo()
    section("held back", held_back, client)
    section("come back", come_back, client)
    section("initial sync", initial_sync, client)
    return done()


if __name__ == "__main__":
    sys.exit(main())
