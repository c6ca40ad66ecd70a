#!/usr/bin/python3
"""What the service promises in seconds, with a job's clock as it comes: a cancel takes effect
within 15 s in each phase of a job, and a job whose worker was killed is claimed again within lease
+ retry delay + idle poll (105 s).

Prints TAP, and the seconds. Always on a stack of its own: two workers, and a proxy before S3 that
holds requests back on order.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "chaos"))
sys.dont_write_bytecode = True

import proxy                            # noqa: E402
from service import (                   # noqa: E402
    ROOT, call, create, done, finish, generate, is_, job_document, jobs_of, mongo, note, objects_of,
    ok, pid_of, request, section,
    setting, under_stack, wait_for)

OWNER = "clock"
CANCEL_S = 15                           # promised
LONG = request(days=60, vehicles=["vehicle_001"], compression="small")
PORTS = range(29700, 30700)             # of the proxy: outside of t/ports.py's

JOBS = None
CONTROL = None


def doc(ident):
    return job_document(JOBS, ident)


def in_phase(ident, phase):
    return doc(ident).get("progress", {}).get("phase") == phase


def cancelled_in(name, ident):
    """DELETE, until GET says CANCELLED."""
    began = time.monotonic()
    is_(call("DELETE", "/export/" + ident, user=OWNER).status, 202, name + ": taken")
    job = finish(ident, OWNER, 3 * CANCEL_S)
    took = time.monotonic() - began
    note("cancelled while %s: %.1f s" % (name, took))
    is_(job["state"], "CANCELLED", name + ": CANCELLED")
    ok(took <= CANCEL_S, name + ": within 15 s", "%.1f s" % took)
    is_(objects_of(ident), {}, name + ": no object")


def started(body):
    ident = create(body, OWNER)
    wait_for("the claim", lambda: doc(ident)["state"] == "STARTED", 60)
    return ident


def exporting():
    """S3 takes a part so slowly that the export outlasts the cancel."""
    proxy.order(CONTROL, "slow", bytes_s=200000)
    try:
        ident = started(LONG)
        wait_for("bytes on S3", lambda: doc(ident)["progress"].get("bytesWritten", 0) > 0, 60)
        is_(doc(ident)["progress"]["phase"], "exporting", "exporting: it is")
        cancelled_in("exporting", ident)
    finally:
        proxy.order(CONTROL, "pass")


def finishing():
    """S3 takes all parts and says nothing to Complete."""
    before = proxy.order(CONTROL, "stall", aim=["complete"]).get("stall", 0)
    try:
        ident = started(request(vehicles=["vehicle_001"]))
        wait_for("Complete",
                 lambda: proxy.order(CONTROL, "stall", aim=["complete"]).get("stall", 0) > before,
                 60)
        cancelled_in("finishing", ident)
    finally:
        proxy.order(CONTROL, "pass")


def waiting():
    """Both workers are busy, and a third job waits; then a job waits for its next attempt."""
    busy = [started(dict(LONG, time=t)) for t in ("ms", "rfc3339")]
    ident = create(request(vehicles=["vehicle_001"]), OWNER)
    is_(doc(ident)["state"], "NOT_STARTED", "queued: it is")
    cancelled_in("queued", ident)
    proxy.order(CONTROL, "internal")
    try:
        for ident in busy:
            wait_for("an attempt that failed", lambda: "error" in doc(ident) and "worker" not
                     in doc(ident), 90)
            cancelled_in("waiting for the next attempt", ident)
    finally:
        proxy.order(CONTROL, "pass")


def worker_killed():
    limit = (setting("lease_ms", 60000) + setting("backoff_ms", 30000)
             + setting("idle_ms", 15000)) / 1000
    is_(limit, 105, "lease + retry delay + idle poll, as they come")
    idents = [started(dict(LONG, time=t)) for t in ("ms", "rfc3339")]
    killed = {}
    for ident in idents:
        pid = int(re.search(r":(\d+)$", doc(ident)["worker"])[1])
        ok(pid in (pid_of("WORKER_PIDFILE"), pid_of("WORKER_PIDFILE_2")), "a worker of ours", pid)
        os.kill(pid, signal.SIGKILL)
        killed[ident] = time.monotonic()
    waits = {}

    def all_claimed():
        for ident in idents:
            if ident not in waits and doc(ident)["fence"] == 2:
                waits[ident] = time.monotonic() - killed[ident]
        return len(waits) == len(idents)

    wait_for("the next claims", all_claimed, 2 * limit)
    for ident in idents:
        note("claimed again %.1f s after kill -9" % waits[ident])
        ok(waits[ident] <= limit, "claimed again within 105 s", "%.1f s" % waits[ident])
        is_(finish(ident, OWNER, 120)["state"], "FINISHED", "and FINISHED")


def free_port():
    for port in PORTS:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", (port + os.getpid() - PORTS[0]) % len(PORTS)
                               + PORTS[0]))
                return listener.getsockname()[1]
            except OSError:
                pass
    raise SystemExit("no free port")


def main():
    global JOBS, CONTROL
    os.environ.setdefault("WORKERS", "2")
    if "S3_PROXY" not in os.environ:
        os.environ["S3_PROXY"] = str(free_port())
    under_stack(__file__, own=True)
    client = mongo()
    JOBS = jobs_of(client)
    CONTROL = os.path.join(os.environ["EXPORT_RUN"], "proxy.sock")
    with subprocess.Popen([sys.executable, os.path.join(ROOT, "t", "chaos", "proxy.py"),
                           os.environ["S3_PROXY"],
                           os.environ["S3_ENDPOINT"].rpartition(":")[2], CONTROL]) as process:
        try:
            wait_for("the proxy", lambda: os.path.exists(CONTROL), 10)
            generate("--vehicles", "1", "--days", "60")
            for name, f in (("exporting", exporting),
                            ("finishing", finishing), ("waiting", waiting),
                            ("worker killed", worker_killed)):
                section(name, f)
        finally:
            process.terminate()
    return done()


if __name__ == "__main__":
    sys.exit(main())
