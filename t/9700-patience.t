#!/usr/bin/python3
"""Patience: in one attempt an export outlives servers that are away, hang, answer late or lose an
answer; and a cancel, or SIGTERM, ends one in time whatever S3 does.

Prints TAP. Always on a stack of its own, with the default clock of a job. Every case has a worker
and a proxy of its own, and all wait side by side: the faults last as long as real ones do.
"""
import concurrent.futures
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "chaos")]
sys.dont_write_bytecode = True

import proxy                            # noqa: E402
from service import (                   # noqa: E402
    ROOT, busy, call, configuration, create, done, entries, fetch, finish, freeze, generate, is_,
    job_document, jobs_of, logged, mongo, note, objects_of, ok, pid_of, request, section, skip,
    under_stack, wait_for)

# Some 9 MB: a full part, and another.
BODY = request(days=10, vehicles=["vehicle_001"], compression="fast")
AWAY_S = 60
LATE_S = 45                             # Complete's answer
END_S = 170                             # of a case; prove's own limit is longer
CANCEL_S = 15                           # promised
GRACE_S = 3                             # of the cases with SIGTERM
ABORT_S = 6                             # what is tidied after the end
SHUT_S = 3                              # a process ends

JOBS = None                             # exports.jobs
reference = {}                          # what an undisturbed export of BODY holds
turn = threading.Lock()                 # one job at a time waits for its worker
report = threading.Lock()


def program(crash=False):
    folder = "build-crash" if crash else os.environ.get("BIN", os.path.join(ROOT, "build"))
    return os.path.join(ROOT, folder, "export-worker")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(control):
    try:
        proxy.order(control, "pass")
        return True
    except OSError:
        return False


@contextlib.contextmanager
def proxy_to(name, server_port):
    """A proxy in front of a server: its port, and the function that orders its faults."""
    port = free_port()
    control = os.path.join(os.environ["EXPORT_RUN"], name + ".sock")
    with subprocess.Popen([sys.executable, proxy.__file__, str(port), str(server_port),
                           control]) as process:
        try:
            wait_for("the proxy", lambda: listens(control), 20)
            yield port, lambda mode, **more: proxy.order(control, mode, **more)
        finally:
            process.terminate()


class Case:
    """A worker of its own behind a proxy, with one job."""

    def __init__(self, name, order, conf, env=None, crash=False, body=None):
        self.name, self.order, self.conf = name, order, conf
        self.env, self.crash, self.body = env, crash, body or BODY
        self.process = self.ident = self.now = None

    def begin(self, only=True):
        """The job, claimed by this worker. only: it is told to end then, with much grace, so that
        it takes no other's job."""
        with turn:
            with open(os.path.join(os.environ["EXPORT_RUN"], "log", self.name + ".log"),
                      "wb") as log:
                self.process = subprocess.Popen(
                    [program(self.crash), "-c", self.conf], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=dict(os.environ, **(self.env or {})))
            self.ident = create(self.body, self.name)
            wait_for("the claim of %s" % self.name, lambda: "op=claimed" in logged(self.name), 60)
            if only:
                self.process.send_signal(signal.SIGTERM)

    def doc(self):
        return job_document(JOBS, self.ident)

    def struck(self, mode, seconds=60):
        """Wait until this fault has met a request; the order that is in force goes on."""
        wait_for("%s: a request that meets it" % self.name,
                 lambda: self.order(**self.now).get(mode, 0) > 0, seconds)

    def fault(self, mode, **more):
        self.now = dict(more, mode=mode)
        self.order(**self.now)

    def finished(self):
        """FINISHED in the first attempt, as an undisturbed export."""
        job = finish(self.ident, self.name, END_S)
        d = self.doc()
        with report:
            is_((job["state"], d["attempts"], d["fence"]), ("FINISHED", 1, 1),
                self.name + ": FINISHED in one attempt")
            if job["state"] == "FINISHED":
                is_(entries(fetch(self.ident, self.name)[1]), reference["entries"],
                    self.name + ": the result is right")
                is_(objects_of(self.ident), {d["object"]["key"]: d["object"]["size"]},
                    self.name + ": one object, the one that is named")
                is_(d["progress"]["documents"], reference["documents"],
                    self.name + ": nothing was read twice")

    def exits(self, code, seconds, name):
        began = time.monotonic()
        got = self.process.wait(END_S)
        took = time.monotonic() - began
        with report:
            ok(got == code and took <= seconds * busy(), "%s: %s" % (self.name, name),
               "exit %d after %.1f s" % (got, took))


@contextlib.contextmanager
def case(name, order=None, env=None, crash=False, body=None, **changes):
    """A Case whose worker has these settings; its worker is gone in the end, and its job, too."""
    conf = configuration(os.path.join(os.environ["EXPORT_RUN"], name + ".conf"),
                         **dict({"grace_ms": 600000}, **changes))
    c = Case(name, order, conf, env, crash, body)
    try:
        yield c
    finally:
        if c.process is not None:
            c.process.kill()
            c.process.wait()
        if c.ident is not None:
            call("DELETE", "/export/" + c.ident, user=name)


@contextlib.contextmanager
def s3_case(name, **more):
    with proxy_to(name, os.environ["S3_ENDPOINT"].rpartition(":")[2]) as (port, order), \
            case(name, order, s3_endpoint="http://127.0.0.1:%d" % port, **more) as c:
        yield c


# ---- servers that are away, or late -------------------------------------------------------

def away(name, mode):
    """S3 refuses, or hangs, for a minute in the middle of an upload."""
    with s3_case(name) as c:
        c.fault("stall", aim=["part"])
        c.begin()
        c.struck("stall")
        c.fault(mode)
        began = time.monotonic()
        while time.monotonic() - began < AWAY_S:
            if c.doc()["attempts"] != 1 or c.doc().get("error"):
                break
            time.sleep(1)
        c.fault("pass")
        c.finished()
        c.exits(0, SHUT_S + ABORT_S, "then its worker ends")


def struck_once(name, mode, delay_s=0):
    """A fault that meets one request of the upload."""
    with s3_case(name) as c:
        c.fault(mode, times=1, delay_s=delay_s)
        c.begin()
        c.finished()
        with report:
            is_(c.order("pass").get(mode), 1, name + ": it did meet it")
        c.exits(0, SHUT_S + ABORT_S, "then its worker ends")


def database_away(name):
    """MongoDB refuses for a minute when the object is whole and FINISHED is to be written."""
    server = os.environ["MONGODB_ADMIN_URI"].partition("@")[2].partition("/")[0].partition(",")[0]
    with tcp_relay(int(server.rpartition(":")[2])) as relay, s3_case(
            name, mongodb_uri="mongodb://127.0.0.1:%d/?directConnection=true" % relay.port) as c:
        c.fault("late_complete", delay_s=3)
        c.begin()
        c.struck("late_complete")
        relay.refuse()
        began = time.monotonic()
        wait_for("the write that fails", lambda: "op=finish" in logged(name), 60)
        while time.monotonic() - began < AWAY_S:
            time.sleep(1)
        relay.serve()
        c.finished()
        c.exits(0, SHUT_S + ABORT_S, "then its worker ends")


class Relay:
    """Bytes between a port of its own and a server, or nobody on that port."""

    def __init__(self, server_port):
        self.server_port, self.port = server_port, free_port()
        self.listener, self.open, self.lock = None, set(), threading.Lock()

    def serve(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def refuse(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for s in self.open:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.server_port))
                with self.lock:
                    self.open.update((client, server))
                for a, b in ((client, server), (server, client)):
                    threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tcp_relay(server_port):
    relay = Relay(server_port)
    relay.serve()
    try:
        yield relay
    finally:
        with contextlib.suppress(OSError):
            relay.refuse()


# ---- ends ---------------------------------------------------------------------------------

def cancelled(name, mode, phase):
    """DELETE of a job whose upload has met a fault that does not end."""
    with s3_case(name) as c:
        in_phase(c, mode, phase)
        began = time.monotonic()
        status = call("DELETE", "/export/" + c.ident, user=name).status
        job = finish(c.ident, name, 120)
        took = time.monotonic() - began
        with report:
            is_((status, job["state"]), (202, "CANCELLED"), name + ": CANCELLED")
            ok(took <= CANCEL_S, "%s: within %d s" % (name, CANCEL_S), "%.1f s" % took)
            note("%s: CANCELLED after %.1f s" % (name, took))
        c.exits(0, ABORT_S + SHUT_S, "its worker tidies up no longer than it may")


def in_phase(c, mode, phase, only=True):
    """The job's upload has come to this request, which the fault has met."""
    more = {"bytes_s": 2000 if phase == "part" else 2} if mode == "trickle" else {}
    c.fault("stall" if mode == "refuse" else mode, aim=[phase], **more)
    c.begin(only)
    c.struck(c.now["mode"])
    # The same for whatever comes, also for the abort.
    c.fault(mode, **more)


def told_to_end(name, mode):
    """SIGTERM to a worker whose upload hangs: it gives the job back after its grace period."""
    with s3_case(name, grace_ms=GRACE_S * 1000) as c:
        in_phase(c, mode, "part", only=False)
        with turn:                      # nobody else takes it, once it is given back
            c.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            wait_for("the job given back", lambda: "worker" not in c.doc(), 60)
            took = time.monotonic() - began
            d = c.doc()
            call("DELETE", "/export/" + c.ident, user=name)
        with report:
            is_((d["state"], d["attempts"]), ("STARTED", 0), name + ": given back, not charged")
            ok(took <= GRACE_S + SHUT_S, "%s: within grace_ms" % name, "%.1f s" % took)
            note("%s: given back after %.1f s" % (name, took))
        c.exits(0, ABORT_S + SHUT_S, "exit 0")


def hangs(name, where, body, split):
    """A thread that does nothing, while others of its worker wait and poll."""
    if not os.access(program(crash=True), os.X_OK):
        with report:
            skip(name, program(crash=True) + "; run make CRASH=1")
        return
    with case(name, None, {"HANG_AT": where}, True, body, stall_ms=5000, renew_ms=1000,
              split_documents=split) as c:
        c.begin()
        wait_for(name + ": the hang", lambda: "op=hang" in logged(name), 60)
        c.exits(70, 5 + 1 + SHUT_S, "ended by stall_ms")


def not_slow(name):
    """A stall_ms shorter than S3's silence does not end a worker that only waits."""
    with s3_case(name, stall_ms=5000, renew_ms=1000) as c:
        c.fault("late_complete", delay_s=15)
        c.begin()
        c.finished()
        c.exits(0, SHUT_S + ABORT_S, "then its worker ends")


# ---- all ----------------------------------------------------------------------------------

def undisturbed():
    ident = create(BODY, "undisturbed")
    is_(finish(ident, "undisturbed", 120)["state"], "FINISHED", "undisturbed: FINISHED")
    job, archive = fetch(ident, "undisturbed")
    reference["entries"] = entries(archive)
    reference["documents"] = job_document(JOBS, ident)["progress"]["documents"]
    ok(len(archive) > 6 << 20, "undisturbed: more than one part", len(archive))


def all_cases():
    cases = [
        (database_away, "finish-away"),
        (away, "s3-refuses", "refuse"),
        (away, "s3-hangs", "stall"),
        (struck_once, "complete-late", "late_complete", LATE_S),
        (struck_once, "complete-spaces", "space_complete", LATE_S),
        (struck_once, "complete-lost", "lost_complete", 0),
        (struck_once, "part-damaged", "damaged_part", 0),
        (not_slow, "complete-slow"),
        (hangs, "sender-hangs", "before_part", BODY, 0),
        (hangs, "assembler-hangs", "before_piece",
         request(vehicles=["vehicle_001", "vehicle_002"]), 10),
    ]
    cases += [(cancelled, "cancel-%s-%s" % (phase, mode), mode, phase)
              for phase in ("begin", "part", "complete") for mode in ("stall", "refuse", "trickle")]
    cases += [(told_to_end, "sigterm-" + mode, mode) for mode in ("stall", "refuse", "trickle")]
    return cases


def main():
    global JOBS
    under_stack(__file__, own=True)
    generate("--vehicles", "2", "--days", "10")
    JOBS = jobs_of(mongo())
    section("undisturbed", undisturbed)
    stopped = pid_of("WORKER_PIDFILE")
    freeze(stopped)
    try:
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            for f, name, *args in all_cases():
                pool.submit(section, name, f, name, *args)
    finally:
        os.kill(stopped, signal.SIGCONT)
    return done()


if __name__ == "__main__":
    sys.exit(main())
