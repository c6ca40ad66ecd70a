#!/usr/bin/python3
"""One slow thing never stops the rest: what the API answers, and how soon, while the broker has an
alarm or stands still, while mongod stands still, and while dry runs are slow.

Prints TAP. Each figure is compared with the one of the same stack before the fault. A busy machine
may delay what is asked in one window of time, a fault does in each: one of WINDOWS has to hold.
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
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    JSON_TYPE, call, done, freeze, is_, logged, mongo, note, ok, pid_of, post, request, section,
    under_stack, wait_for)

RATE = 20                               # POST a second
POSTS = 13 * RATE                       # longer than the rest of 10 s after a failure
MORE_S = 0.1                            # promised
WINDOWS = 3
LATER_S = 60
PATHS = ["/health", "/limits", "/metrics", "/ready", "/"]
POLLERS = 8                             # more than there are handlers
DRY_RUNS = 40
SLOW_MS = 1500                          # what an estimate takes then
DRY_MAX = 3                             # of nginx/export.conf

begun = 0                               # requests so far: each is another owner's


def quantile(times, q):
    return sorted(times)[min(len(times) - 1, int(q * len(times)))]


def timed(f):
    began = time.monotonic()
    status = f().status
    return status, time.monotonic() - began


def create_one(number):
    return timed(lambda: post(request(vehicles=["vehicle_001"], parameters=["speed"]),
                              "owner-%d" % number))


@contextlib.contextmanager
def probing(paths):
    """{path: [(status, seconds)]} of what is asked over and over meanwhile."""
    seen, stop = {path: [] for path in paths}, threading.Event()

    def probe(path):
        while not stop.wait(0.1):
            seen[path].append(timed(lambda: call("GET", path)))
    threads = [threading.Thread(target=probe, args=(path,)) for path in paths]
    for t in threads:
        t.start()
    try:
        yield seen
    finally:
        stop.set()
        for t in threads:
            t.join()


def load(posts=POSTS):
    """RATE POSTs a second, and what is asked meanwhile, as of probing()."""
    global begun
    with probing(["/health"]) as seen, concurrent.futures.ThreadPoolExecutor(200) as pool:
        waiting, began = [], time.monotonic()
        for i in range(posts):
            time.sleep(max(0, began + i / RATE - time.monotonic()))
            begun += 1
            waiting.append(pool.submit(create_one, begun))
        got = [w.result() for w in waiting]
    return dict(seen, POST=got)


def p99(got):
    return quantile([t for _, t in got], 0.99)


def told(name, got):
    times = [t for _, t in got]
    note("%s: %d, median %.0f ms, p99 %.0f ms, max %.0f ms, status %s" % (name, len(times),
         1e3 * quantile(times, 0.5), 1e3 * quantile(times, 0.99), 1e3 * max(times),
         sorted({s for s, _ in got})))


def windows(usual, measure):
    """[what was asked], as of probing(), up to the first window in which all is as usual."""
    seen = []
    while len(seen) < WINDOWS:
        seen.append(measure())
        if all(p99(seen[-1][what]) <= p99(usual[what]) + MORE_S for what in usual):
            break
    return seen


def as_before(name, usual, seen, unready=()):
    """What is asked is answered as usual, in every one of the windows, and in the last as soon."""
    for what in usual:
        label = "%s: %s" % (name, what)
        told(label + ", usually", usual[what])
        told(label, seen[-1][what])
        statuses = {status for window in seen for status, _ in window[what]}
        want = {202} if what == "POST" else statuses & {200, 503} if what in unready else {200}
        is_(statuses, want,
            label + ": every answer is a " + " or a ".join(map(str, sorted(want))))
        before, during = p99(usual[what]), p99(seen[-1][what])
        ok(during <= before + MORE_S, label + ": p99 at most %.0f ms more" % (1e3 * MORE_S),
           "%.0f ms, usually %.0f ms" % (1e3 * during, 1e3 * before))


def ctl(*args):
    subprocess.run([os.environ["RABBITMQCTL"], "-q", *args], stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=True)


@contextlib.contextmanager
def alarm():
    ctl("set_disk_free_limit", "999999999999999")
    try:
        yield
    finally:
        ctl("set_disk_free_limit", "50MB")


@contextlib.contextmanager
def stopped(variable):
    pid = pid_of(variable)
    freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def broker(name, fault, usual):
    """POST and /health while the broker is ill; and the API publishes again when it is well."""
    since, began = len(logged("export-api").encode()), time.monotonic()
    with fault:
        seen = windows(usual, load)
    took = time.monotonic() - began
    as_before(name, usual, seen)
    lines = logged("export-api", since).splitlines()
    lost = [x for x in lines if "op=amqp" in x]
    ok(lost, name + ": the log says why")
    # Per process one at once, and one every 10 s.
    ok(len(lost) <= 4 * (2 + took // 10), name + ": no more than a trial each 10 s",
       "\n".join(lost))
    ok(sum("op=publish" in x for x in lines) > len(seen) * POSTS / 2,
       name + ": jobs go unpublished")


def well_again():
    """Each process publishes again at the latest 10 s after its last failure."""
    def none_lost():
        since = len(logged("export-api").encode())
        for _ in range(8):
            post_one()
        return "op=publish" not in logged("export-api", since)

    def post_one():
        global begun
        begun += 1
        return create_one(begun)
    wait_for("publishing again", none_lost, LATER_S)
    ok(True, "with the broker well again the API publishes")


def watch(seconds=5):
    """What PATHS take for some seconds."""
    with probing(PATHS) as seen:
        time.sleep(seconds)
    return seen


def database_stopped():
    """Handlers wait for a mongod that is there and does not answer."""
    usual = watch()
    with stopped("MONGOD_PIDFILE"), concurrent.futures.ThreadPoolExecutor(POLLERS) as pool:
        polls = [pool.submit(lambda: call("GET", "/export", user="poller").status)
                 for _ in range(POLLERS)]
        seen = windows(usual, lambda: watch(10))    # longer than a look that fails
        is_((call("GET", "/ready").status, value("export_database_up")), (503, 0),
            "mongod stopped: /ready and /metrics say so")
        got = {p.result() for p in polls}
        ok(got <= {503, 504}, "mongod stopped: the rest is a 503", got)
    as_before("mongod stopped", usual, seen, ("/ready",))
    wait_for("the database", lambda: call("GET", "/ready").status == 200 and
             value("export_database_up") == 1, LATER_S)
    ok(True, "mongod goes on: /ready and /metrics say so")


def value(name):
    text = call("GET", "/metrics").body.decode()
    return next(float(line.split()[1]) for line in text.splitlines()
                if line.startswith(name + " "))


@contextlib.contextmanager
def slow_estimates():
    """By a fail point of mongod: whatever reads the catalogue takes SLOW_MS."""
    admin = mongo().admin
    admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data={
        "failCommands": ["aggregate", "find"], "namespace": "exports.vehicles",
        "blockConnection": True, "blockTimeMS": SLOW_MS})
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


BODY = b'{"startDate":"2018-11-30","endDate":"2018-12-01"}'


def dry_run(user):
    return call("POST", "/export?dryRun=true", BODY, JSON_TYPE, user)


def dry_runs():
    """Many people estimate at once, and the database is slow at that."""
    usual, got, waited = watch(), [], []

    def estimating():
        with concurrent.futures.ThreadPoolExecutor(DRY_RUNS + POLLERS) as pool:
            runs = [pool.submit(dry_run, "dry-%d" % i) for i in range(DRY_RUNS)]
            polls = [pool.submit(lambda: timed(lambda: call("GET", "/export", user="poller")))
                     for _ in range(POLLERS)]
            asked = watch(SLOW_MS / 1000)
            got[:] = [r.result() for r in runs]
            waited[:] = [p.result() for p in polls]
        return asked

    with slow_estimates():
        as_before("dry runs", usual, windows(usual, estimating))
    statuses = [g.status for g in got]
    note("dry runs: %s" % {s: statuses.count(s) for s in set(statuses)})
    ok(set(statuses) == {200, 429} and DRY_MAX <= statuses.count(200) <= 2 * DRY_MAX,
       "dry runs: %d at a time, others a 429" % DRY_MAX)
    is_({g.header("Retry-After") for g in got if g.status == 429}, {"1"}, "to come again")
    told("dry runs: GET /export", waited)
    ok(p99(waited) < SLOW_MS / 1000, "dry runs: a handler is left")


def hung_up():
    """Requests whose client has gone before a handler was free are not begun."""
    since = len(logged("export-api").encode())
    with slow_estimates():
        for i in range(DRY_RUNS):
            leave("GET", "/vehicles/vehicle_%03d" % i)
        status, took = timed(lambda: call("GET", "/export", user="poller"))
    note("after %d that hung up: %.0f ms" % (DRY_RUNS, 1e3 * took))
    # Four are in hand; each takes SLOW_MS.
    ok(status == 200 and took < 3 * SLOW_MS / 1000, "hung up: nobody waits for the gone", took)
    gone = logged("export-api", since).count("op=gone")
    ok(gone >= DRY_RUNS / 2, "hung up: they were not begun", gone)


def leave(method, path):
    host, port = os.environ["EXPORT_URL"].split("//")[1].split(":")
    with socket.create_connection((host, int(port)), 30) as s:
        s.sendall(("%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (method, path)).encode())
        time.sleep(0.01)                # nginx passes it on before it sees the end


def main():
    os.environ["MONGO_FAULTS"] = "yes"
    under_stack(__file__, own=True)
    # Nothing but the API at work: jobs pile up.
    with stopped("WORKER_PIDFILE"):
        load(2 * RATE)                  # connections are made
        usual = load()
        section("mongod stopped", database_stopped)
        section("dry runs", dry_runs)
        section("hung up", hung_up)
        section("alarm", broker, "alarm", alarm(), usual)
        section("well again", well_again)
        section("broker stopped", broker, "broker stopped", stopped("RABBITMQ_PIDFILE"), usual)
        section("well again", well_again)
    return done()


if __name__ == "__main__":
    sys.exit(main())
