"""The faults of a chaos run. A fault takes what it needs (a resource that no other fault has then),
strikes, holds for a random time, is repaired, and gives back what it took when that is whole again.

Only processes are killed that carry the stack's mark: pids() finds no others.
"""
import collections
import glob
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pika
import pymongo
from pymongo.errors import PyMongoError

import proxy

sys.dont_write_bytecode = True
KILL, STOP, CONT, TERM = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM


class Site:
    """The stack under chaos: its processes and its servers' admins."""

    def __init__(self, tree, env, watch, journal, log):
        self.tree, self.env, self.watch, self.journal, self.log = tree, env, watch, journal, log
        self.run = env["EXPORT_RUN"]
        self.mark = ("EXPORT_STACK_RUN=" + self.run).encode()
        self.conf = (self.run + "/export.conf").encode()
        # pid -> how often, of the services' own processes: pids are reused
        self.killed = collections.Counter()
        self.lock = threading.Lock()
        self.wanted, self.upping, self.changed = set(), set(), threading.Condition()
        self.stuck = None
        threading.Thread(target=self.repairer, daemon=True).start()

    # ---- processes
    def environ_of(self, pid):
        """(its program's name, its environment) of a process of this stack, else None."""
        try:
            with open("/proc/%d/environ" % pid, "rb") as f:
                words = f.read().split(b"\0")
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                command = f.read().split(b"\0")
            exe = os.path.basename(os.readlink("/proc/%d/exe" % pid))
            cwd = os.readlink("/proc/%d/cwd" % pid)
            mine = self.mark in words or self.conf in command or cwd.startswith(self.run
                    + "/") and cwd.endswith("/nginx")
        except OSError:
            return None
        return (exe, dict(w.partition(b"=")[::2] for w in words)) if mine else None

    def pids(self, program):
        """{pid: environment} of this stack's processes of a program, by name; "" is all."""
        found = {int(n): self.environ_of(int(n)) for n in os.listdir("/proc") if n.isdigit()}
        return {pid: e[1] for pid, e in found.items() if e and program in ("", e[0])}

    def pid_of(self, name):
        """The pid of a pid file of the stack, if it lives and is the stack's; else None."""
        try:
            with open("%s/%s.pid" % (self.run, name), encoding="ascii") as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return None
        return pid if self.environ_of(pid) else None

    def kill(self, pid, number, why=""):
        try:
            os.kill(pid, number)
        except OSError:
            return False
        if number in (KILL, TERM):
            self.killed[pid] += 1
        self.journal.add("signal", pid=pid, signal=int(number), why=why)
        return True

    def workers(self):
        return sorted(os.path.relpath(p, self.run)[:-len(".pid")] for pattern
                      in ("worker/*.pid", "worker-*/worker/*.pid")
                      for p in glob.glob("%s/%s" % (self.run, pattern)))

    def pools(self):
        return sorted({e[b"SUPERVISOR_PROCESS_NAME"].decode() for e
                       in self.pids("multiwatch").values()})

    # ---- scripts/stack up, for all callers, one call at a time
    def repairer(self):
        while True:
            with self.changed:
                while not self.wanted:
                    self.changed.wait()
                self.upping, self.wanted = self.wanted, set()
            names = sorted(self.upping)
            for _ in range(4):
                run = subprocess.run([self.tree + "/scripts/stack", "up",
                                      *([] if "all" in names else names)],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, check=False)
                if run.returncode == 0:
                    break
                self.log("stack up %s: exit %d\n%s" % (" ".join(names), run.returncode,
                                                       run.stdout[-1500:]))
                time.sleep(1)
            else:
                self.stuck = "scripts/stack up %s fails" % " ".join(names)
            with self.changed:
                self.upping = set()
                self.changed.notify_all()

    def up(self, name):
        """Starts what is missing of a service; returns when it answers."""
        with self.changed:
            self.wanted.add(name)
            self.changed.notify_all()
            while name in self.wanted or name in self.upping:
                self.changed.wait()

    # ---- MongoDB
    def members(self):
        """{state: [name of the pid file]} as the members say; of a set without enough of them
        {}."""
        out = {}
        for i in range(1,
                       len(pymongo.uri_parser.parse_uri(self.env["MONGODB_ADMIN_URI"])["nodelist"])
                       + 1):
            try:
                with self.member_client("mongod-%d" % i, serverSelectionTimeoutMS=1500,
                                        socketTimeoutMS=1500, connectTimeoutMS=1500) as c:
                    me = c.admin.command("isMaster")
                    state = "PRIMARY" if me.get("ismaster") else "SECONDARY" if me.get(
                        "secondary") else "OTHER"
            except PyMongoError:
                state = "DOWN"
            out.setdefault(state, []).append("mongod-%d" % i)
        return out

    def mongo_whole(self):
        m = self.members()
        return len(m.get("PRIMARY", ())) == 1 and set(m) <= {"PRIMARY", "SECONDARY"}

    def mongo_caught_up(self):
        """Whole, and no secondary more than 2 s behind the primary."""
        if not self.mongo_whole():
            return False
        try:
            with self.member_client("mongod-1") as c:
                at = [x["optimeDate"] for x in c.admin.command("replSetGetStatus")["members"]]
            return (max(at) - min(at)).total_seconds() <= 2
        except PyMongoError:
            return False

    def member_client(self, name, **times):
        uri = pymongo.uri_parser.parse_uri(self.env["MONGODB_ADMIN_URI"])
        host, port = uri["nodelist"][int(name.rpartition("-")[2]) - 1]
        # An old pymongo has ssl, a newer one tls.
        tls = {k: v for k, v in uri["options"].items() if k.lower().startswith(("tls", "ssl"))}
        times = times or {"serverSelectionTimeoutMS": 3000, "socketTimeoutMS": 15000}
        return pymongo.MongoClient(host, port, username=uri["username"], password=uri["password"],
                                   authSource="admin",
                                   directConnection=True, **tls, **times)

    # ---- RabbitMQ
    def nodes(self):
        return [n for n in ("", "-2", "-3") if "RABBITMQCTL" + n.replace("-", "_") in self.env]

    def ctl(self, node, *args):
        run = subprocess.run([self.env["RABBITMQCTL" + node.replace("-", "_")], "-q", *args],
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=60, check=False)
        if run.returncode != 0:
            self.log("rabbitmqctl%s %s: exit %d: %s" % (node, args[0], run.returncode,
                                                        run.stdout[-300:]))
        return run.stdout

    def broker(self):
        """A channel of the first node that has one."""
        last = None
        for node in self.nodes():
            try:
                p = pika.URLParameters(self.env["AMQP_ADMIN_URI" + node.replace("-", "_")])
                p.socket_timeout = p.blocked_connection_timeout = 5
                return pika.BlockingConnection(p).channel()
            except Exception as e:      # pika has many; the next node is asked
                last = e
        raise RuntimeError("no node answers: %r" % last)

    # ---- the proxy before S3
    def proxy(self, mode, **more):
        return proxy.order(self.run + "/chaos.sock", mode, **more)


def until(probe, seconds):
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


# ---- the kinds: (weight, resources, function(site, r, hold) with hold(seconds))

def workers_kill(s, r, hold):
    struck = 0
    for name in r.sample(s.workers(), r.choice((1, 1, 1, 2, 3))):
        pid = s.pid_of(name)
        if pid and s.kill(pid, KILL, "worker"):
            struck += 1
            s.watch.lost_worker(pid, "kill")
    until(lambda: all(s.pid_of(n) for n in s.workers()), 30)
    return struck > 0


def worker_stop(s, r, hold):
    pid = s.pid_of(r.choice(s.workers()))
    if not pid or not s.kill(pid, STOP, "worker"):
        return False
    s.watch.lost_worker(pid, "stop")
    hold(r.uniform(5.5, 9))
    s.kill(pid, CONT, "worker")


def worker_term(s, r, hold):
    pid = s.pid_of(r.choice(s.workers()))
    if not pid or not s.kill(pid, TERM, "worker"):
        return False
    until(lambda: pid not in s.pids("export-worker"), 30)
    until(lambda: all(s.pid_of(n) for n in s.workers()), 30)


def pool_pids(s, r):
    pool = r.choice(s.pools() or [""])
    return [p for p, e in s.pids("export-api").items()
            if e.get(b"SUPERVISOR_PROCESS_NAME", b"").decode() == pool], pool


def handlers_kill(s, r, hold):
    pids, _ = pool_pids(s, r)
    return sum(s.kill(pid, KILL, "handler") for pid
               in r.sample(sorted(pids), r.randint(1, len(pids)) if pids else 0)) > 0


def handler_stop(s, r, hold):
    pids, _ = pool_pids(s, r)
    pid = r.choice(sorted(pids)) if pids else 0
    if not pid or not s.kill(pid, STOP, "handler"):
        return False
    hold(r.uniform(0.5, 4))
    s.kill(pid, CONT, "handler")


def multiwatch_kill(s, r, hold):
    pids = s.pids("multiwatch")
    if not pids:
        return False
    pid = r.choice(sorted(pids))
    # They end with it, and supervisord no longer reads what they say.
    pool = [p for p, e in s.pids("export-api").items()
            if e.get(b"SUPERVISOR_PROCESS_NAME") == pids[pid].get(b"SUPERVISOR_PROCESS_NAME")]
    if not s.kill(pid, KILL, "multiwatch"):
        return False
    s.killed.update(pool)
    until(lambda: len(s.pids("multiwatch")) >= len(pids), 30)
    until(lambda: len(s.pids("export-api")) >= 2 * len(pids), 30)
    return True


def member(s, r, state):
    until(lambda: s.members().get(state), 15)
    names = s.members().get(state)
    return r.choice(names) if names else None


def mongo_kill(s, r, hold, state):
    name = member(s, r, state)
    pid = name and s.pid_of(name)
    if not pid or not s.kill(pid, KILL, name + " " + state):
        return False
    hold(r.choice((r.uniform(0, 6), r.uniform(6, 18))))     # around the time an election takes
    s.up("mongo")
    until(s.mongo_whole, 60)


def mongo_stop(s, r, hold, state):
    """Longer than an election takes, or shorter."""
    name = member(s, r, state)
    pid = name and s.pid_of(name)
    if not pid or not s.kill(pid, STOP, name):
        return False
    hold(r.uniform(1, 22))
    s.kill(pid, CONT, name)
    until(s.mongo_caught_up, 60)


def mongo_sluggish(s, r, hold, state):
    """Each answer takes some tenths of a second: stopped most of the time, and going on."""
    name = member(s, r, state)
    pid = name and s.pid_of(name)
    if not pid:
        return False
    end = time.monotonic() + r.uniform(3, 15)
    while time.monotonic() < end and s.kill(pid, STOP, name):
        ending = hold(r.uniform(0.1, 0.5))
        s.kill(pid, CONT, name)
        if ending:
            break
        time.sleep(r.uniform(0.02, 0.08))
    until(s.mongo_caught_up, 60)


def mongo_lag(s, r, hold, seconds):
    """A secondary answers, and applies nothing of what the primary is told: as backups do it."""
    name = member(s, r, "SECONDARY")
    if not name:
        return False
    with s.member_client(name, serverSelectionTimeoutMS=5000, socketTimeoutMS=60000) as c:
        c.admin.command("fsync", lock=True)
        try:
            hold(seconds)
        finally:
            if not until(lambda: unlocked(c), 60):
                s.stuck = "%s stays locked" % name
    until(s.mongo_caught_up, 60)


def unlocked(client):
    try:
        return client.admin.command("fsyncUnlock")["lockCount"] == 0
    except PyMongoError as e:
        return "not locked" in str(e)


def mongo_stepdown(s, r, hold):
    name = member(s, r, "PRIMARY")
    if name:
        try:
            with s.member_client(name) as c:
                c.admin.command("replSetStepDown", r.randint(3, 8), secondaryCatchUpPeriodSecs=2)
        except PyMongoError as e:
            s.journal.add("note", why="stepDown of %s: %s" % (name, str(e)[:100]))
    until(s.mongo_whole, 60)


def rabbit_kill(s, r, hold):
    node = r.choice(s.nodes())
    pid = s.pid_of("rabbitmq" + node)
    if not pid or not s.kill(pid, KILL, "rabbitmq" + node):
        return False
    hold(r.uniform(0, 8))
    s.up("rabbit")
    hold(2)                         # its queues' members catch up: never two nodes at once


def rabbit_alarm(s, r, hold):
    node = r.choice(s.nodes())
    s.ctl(node, "set_disk_free_limit", "20000GB")
    try:
        hold(r.uniform(1, 6))
    finally:
        s.ctl(node, "set_disk_free_limit", "50MB")


def rabbit_purge(s, r, hold):
    channel = s.broker()
    try:
        channel.queue_purge("exports.jobs")
    finally:
        channel.connection.close()


def rabbit_hang_up(s, r, hold):
    s.ctl(r.choice(s.nodes()), "close_all_connections", "chaos")


def proxied(mode, low, high, chance=(1, 1), **more):
    def strike(s, r, hold):
        s.proxy(mode, p=r.uniform(*chance), **{k: v(r) for k, v in more.items()})
        try:
            hold(r.uniform(low, high))
        finally:
            s.proxy("pass")
    return strike


def s3_stop(s, r, hold, seconds):
    """S3 hangs: it takes connections and bytes, and answers nothing."""
    pid = s.pid_of("s3") or s.pid_of("s3-1/s3")
    if not pid or not s.kill(pid, STOP, "s3"):
        return False
    hold(seconds)
    s.kill(pid, CONT, "s3")


def s3_kill(s, r, hold):
    pid = s.pid_of("s3")
    if not pid or not s.kill(pid, KILL, "s3"):
        return False
    hold(r.uniform(0, 5))
    s.up("s3")


def all_kill(s, r, hold):
    """Power loss, but for the page cache."""
    for name in s.workers():
        s.watch.lost_worker(s.pid_of(name) or 0, "all")
    pids = sorted(s.pids(""))
    r.shuffle(pids)
    for _ in range(3):                  # what was forked meanwhile, too
        for pid in pids:
            s.kill(pid, KILL, "all")
        pids = sorted(s.pids(""))
    hold(r.uniform(0, 3))
    s.up("all")
    until(s.mongo_whole, 60)


KINDS = {
    "worker kill -9": (9, {"workers"}, workers_kill),
    "worker SIGSTOP past its lease": (3, {"workers"}, worker_stop),
    "worker SIGTERM": (2, {"workers"}, worker_term),
    "handlers kill -9": (5, {"api"}, handlers_kill),
    "handler SIGSTOP": (2, {"api"}, handler_stop),
    "multiwatch kill -9": (2, {"api"}, multiwatch_kill),
    "mongod primary kill -9": (2, {"mongo"}, lambda s, r, hold: mongo_kill(s, r, hold, "PRIMARY")),
    "mongod secondary kill -9": (1, {"mongo"}, lambda s, r,
                                 hold: mongo_kill(s, r, hold, "SECONDARY")),
    "mongod primary SIGSTOP": (2, {"mongo"},
                               lambda s, r, hold: mongo_stop(s, r, hold, "PRIMARY")),
    "mongod primary sluggish": (1, {"mongo"},
                                lambda s, r, hold: mongo_sluggish(s, r, hold, "PRIMARY")),
    "mongod secondary fsyncLock": (4, {"mongo"}, lambda s, r, hold: mongo_lag(
        s, r, hold, r.choice((r.uniform(2, 6), r.uniform(6, 25))))),
    "mongod secondary SIGSTOP": (2, {"mongo"},
                                 lambda s, r, hold: mongo_stop(s, r, hold, "SECONDARY")),
    "mongod secondary sluggish": (2, {"mongo"},
                                  lambda s, r, hold: mongo_sluggish(s, r, hold, "SECONDARY")),
    "mongod stepDown": (3, {"mongo"}, mongo_stepdown),
    "rabbitmq node kill -9": (2, {"rabbit"}, rabbit_kill),
    "rabbitmq disk alarm": (1, {"rabbit"}, rabbit_alarm),
    "rabbitmq purge": (2, {"rabbit"}, rabbit_purge),
    "rabbitmq close all connections": (2, {"rabbit"}, rabbit_hang_up),
    "s3 kill -9": (1, {"s3"}, s3_kill),
    "s3 SIGSTOP": (2, {"s3"}, lambda s, r, hold: s3_stop(
        s, r, hold, r.choice((r.uniform(1, 8), r.uniform(8, 25), r.uniform(25, 45))))),
    "s3 refuse": (1, {"s3"}, proxied("refuse", 0.5, 5)),
    "s3 connections reset": (2, {"s3"}, proxied("down", 0.5, 5)),
    "s3 slow": (1, {"s3"},
                proxied("slow", 2, 6, bytes_s=lambda r: r.choice((100000, 400000, 1500000)))),
    "s3 trickle": (2, {"s3"}, proxied("trickle", 3, 25,
                                      bytes_s=lambda r: r.choice((50, 300, 900, 5000)))),
    "s3 answers late": (2, {"s3"}, proxied("late", 3, 20, (0.3, 1),
                                           late_s=lambda r: r.uniform(0.3, 12))),
    "s3 stall": (2, {"s3"}, proxied("stall", 1, 8)),
    "s3 reset in mid-part": (2, {"s3"}, proxied("reset_part", 1, 5, (0.4, 1))),
    "s3 503 SlowDown": (2, {"s3"}, proxied("slowdown", 1, 5, (0.3, 1))),
    "s3 500 InternalError": (2, {"s3"}, proxied("internal", 1, 5, (0.3, 1))),
    "s3 RequestTimeTooSkewed": (1, {"s3"},
                                proxied("skewed", 1, 4, (0.3, 0.8),
                                        skew_s=lambda r: r.uniform(-500, 500))),
    "s3 Complete: 200 with Error": (2, {"s3"}, proxied("error_complete", 1, 5, (0.5, 1))),
    "s3 Complete: answer lost": (3, {"s3"}, proxied("lost_complete", 1, 5, (0.5, 1))),
    "s3 part: answer lost": (1, {"s3"}, proxied("lost_part", 1, 4, (0.3, 1))),
    "s3 begin: answer lost": (1, {"s3"}, proxied("lost_begin", 1, 4, (0.3, 0.8))),
    "s3 answers cut short": (1, {"s3"}, proxied("cut_answer", 1, 4, (0.3, 0.8))),
    "all killed at once": (1, {"workers", "api", "mongo", "rabbit", "s3"}, all_kill),
}
LAG = "mongod secondary fsyncLock"
LAGS = {LAG, "mongod secondary SIGSTOP", "mongod secondary sluggish",
        "mongod secondary's host cut off", "mongod secondary cut from its peers"}
LONE = {"mongod stepDown", "mongod secondary kill -9", "mongod primary kill -9",
        "mongod primary SIGSTOP"} | LAGS


class Chaos:
    """Draws kinds of a table from a shuffled deck and lets them strike, one after the other, until
    stop(). At most `most` are under way at once."""

    def __init__(self, site, seed, log, members, gap, kinds, table, most):
        self.site, self.log, self.gap, self.table, self.most = site, log, gap, table, most
        self.r = random.Random("%d/faults" % seed)
        self.kinds = [k for k in table
                      if (members > 1 or k not in LONE or "kill" in k and "primary" in k) and k
                      in kinds]
        self.deck, self.busy, self.running = [], set(), set()
        self.counts, self.errors = {}, []          # of faults that struck; of those that could not
        self.changed, self.ending = threading.Condition(), threading.Event()

    def hold(self, seconds):
        """Whether all faults are to end."""
        return self.ending.wait(seconds)

    def draw(self):
        """The first kind of the deck whose resources are free; one that needs all is waited for.
        None: there is none now."""
        if sum(t.is_alive() for t in self.running) >= self.most:
            return None
        if not self.deck:
            self.deck = [k for k in self.kinds for _ in range(self.table[k][0])]
            self.r.shuffle(self.deck)
            if LAG in self.deck:        # first: a short run has it, too
                self.deck.remove(LAG)
                self.deck.insert(0, LAG)
        for i, kind in enumerate(self.deck):
            need = self.table[kind][1]
            if not need & self.busy:
                return self.deck.pop(i)
            if len(need) > 1:
                return None
        return None

    def run(self):
        while not self.ending.is_set():
            with self.changed:
                kind = self.draw()
                if kind is None:
                    self.changed.wait(0.5)
                    continue
                self.busy |= self.table[kind][1]
            r = random.Random(self.r.random())
            t = threading.Thread(target=self.strike, args=(kind, r), daemon=True)
            self.running.add(t)
            t.start()
            self.ending.wait(self.r.uniform(*self.gap))

    def strike(self, kind, r):
        began = time.monotonic()
        self.site.journal.add("fault", kind=kind)
        try:
            if self.table[kind][2](self.site, r, self.hold) is not False:
                self.counts[kind] = self.counts.get(kind, 0) + 1
        # a fault that could not be made: reported, and not the fault of the service
        except Exception as e:
            self.errors.append("%s: %s: %s" % (kind, type(e).__name__, e))
            self.log("fault %s: %s: %s" % (kind, type(e).__name__, e))
        self.site.journal.add("repaired", kind=kind, seconds=round(time.monotonic() - began, 1))
        with self.changed:
            self.busy -= self.table[kind][1]
            self.changed.notify_all()

    def stop(self):
        """Ends it; true when all is repaired."""
        self.ending.set()
        for t in list(self.running):
            t.join(240)
        return not self.busy
