"""Partitions, on the stack of scripts/dev/hosts: hosts that are cut off, and half partitions, where
two no longer hear each other and all others hear both. Each is made by `scripts/dev/hosts cut`,
held for a while, and undone; kinds and resources are as in faults.py.
"""
import socket
import subprocess
import urllib.parse

import faults

LONGEST_S = 30          # --longest


class Net:
    """The cuts of a site's hosts."""

    def __init__(self, site):
        self.site = site

    def _run(self, *args):
        subprocess.run([self.site.tree + "/scripts/dev/hosts", *args], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=60, check=True)

    def cut(self, hold, seconds, *pairs):
        """Each pair is (HOST,), cut off altogether, or (HOST, OTHER)."""
        self.site.journal.add("cut", pairs=[" ".join(p) for p in pairs], seconds=round(seconds, 1))
        self.site.log("cut for %.1f s: %s" % (seconds, ", ".join(" from ".join(p) for p in pairs)))
        try:
            for pair in pairs:
                self._run("cut", *pair)
            hold(seconds)
        finally:
            for pair in pairs:
                self._run("join", *pair)


def length(r):
    """A third below the lease of 5 s, a third around the time that an election takes, a third up to
    the longest."""
    low, high = r.choice(((1, 4), (6, 14), (14, 30)))
    return r.uniform(min(low, LONGEST_S), min(high, LONGEST_S))


def hosts(s, kind):
    return sorted({h.partition("/")[0] for h in s.hosts if h.startswith(kind + "-")})


def mongo_host(s, r, state):
    name = faults.member(s, r, state)
    return name and name.replace("mongod", "mongo")


def answers(uri):
    """Whether somebody listens there."""
    parts = urllib.parse.urlsplit(uri)
    try:
        socket.create_connection((parts.hostname, parts.port), 2).close()
        return True
    except OSError:
        return False


def rabbit_whole(s):
    """A node that is cut off from the others closes its port until they are back."""
    return all(answers(s.env["AMQP_ADMIN_URI" + n.replace("-", "_")]) for n in s.nodes())


def heal(s, kind):
    """Until the cluster is whole again: never two of its members at once."""
    probes = {"mongo": s.mongo_whole, "rabbit": lambda: rabbit_whole(s)}
    if kind in probes and not faults.until(probes[kind], 90):
        s.log("%s is not whole 90 s after a cut" % kind)


# ---- the kinds

def lost(s, names):
    for name in names:
        s.watch.lost_worker(s.pid_of("%s/worker/worker-1" % name) or 0, "cut")


def off(kind, most=1):
    def strike(s, r, hold):
        names = r.sample(hosts(s, kind), most)
        if kind == "worker":
            lost(s, names)
        s.net.cut(hold, length(r), *[(n,) for n in names])
        heal(s, kind)
    return strike


def off_member(state):
    def strike(s, r, hold):
        name = mongo_host(s, r, state)
        if not name:
            return False
        s.net.cut(hold, length(r), (name,))
        heal(s, "mongo")
    return strike


def apart(kind, others):
    """A host of the kind from all hosts of the other, "primary": only from that mongod."""
    def strike(s, r, hold):
        name = r.choice(hosts(s, kind))
        them = [mongo_host(s, r, "PRIMARY")] if others == "primary" else hosts(s, others)
        if not all(them):
            return False
        if kind == "worker":
            lost(s, [name])
        s.net.cut(hold, length(r), *[(name, t) for t in them])
    return strike


def among(kind, state=None, most=None):
    """A member from its peers, or from at most `most` of them, and not from its clients."""
    def strike(s, r, hold):
        name = mongo_host(s, r, state) if state else r.choice(hosts(s, kind))
        if not name:
            return False
        peers = [h for h in hosts(s, kind) if h != name]
        s.net.cut(hold, length(r), *[(name, p) for p in r.sample(peers, most or len(peers))])
        heal(s, kind)
    return strike


KINDS = {
    "worker host cut off": (4, {"workers"}, off("worker")),
    "two worker hosts cut off": (2, {"workers"}, off("worker", 2)),
    "mongod primary's host cut off": (3, {"mongo"}, off_member("PRIMARY")),
    "mongod secondary's host cut off": (2, {"mongo"}, off_member("SECONDARY")),
    "rabbitmq host cut off": (3, {"rabbit"}, off("rabbit")),
    "API host cut off": (3, {"api"}, off("api")),
    "S3 host cut off": (3, {"s3"}, off("s3")),
    "worker host cut from S3": (3, {"workers"}, apart("worker", "s3")),
    "worker host cut from the mongod primary": (3, {"workers"}, apart("worker", "primary")),
    "worker host cut from all mongods": (2, {"workers"}, apart("worker", "mongo")),
    "worker host cut from all rabbitmq nodes": (1, {"workers"}, apart("worker", "rabbit")),
    "API host cut from the mongod primary": (2, {"api"}, apart("api", "primary")),
    "API host cut from all mongods": (1, {"api"}, apart("api", "mongo")),
    "API host cut from all rabbitmq nodes": (2, {"api"}, apart("api", "rabbit")),
    "mongod primary cut from its peers": (3, {"mongo"}, among("mongo", "PRIMARY")),
    "mongod primary cut from one peer": (2, {"mongo"}, among("mongo", "PRIMARY", 1)),
    "mongod secondary cut from its peers": (1, {"mongo"}, among("mongo", "SECONDARY")),
    "mongod secondary fsyncLock": (2, {"mongo"}, lambda s, r,
                                   hold: faults.mongo_lag(s, r, hold, length(r))),
    "S3 SIGSTOP": (2, {"s3"}, lambda s, r, hold: faults.s3_stop(s, r, hold, length(r))),
    "rabbitmq node cut from its peers": (2, {"rabbit"}, among("rabbit")),
    "rabbitmq node cut from one peer": (2, {"rabbit"}, among("rabbit", most=1)),
}
