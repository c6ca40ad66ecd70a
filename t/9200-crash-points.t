#!/usr/bin/python3
"""Each crash point of lib/base/crash.h: the process dies just there, and the job still ends once,
with the right result.

Prints TAP. Needs the build with crash points (make CRASH=1, into build-crash/). The stack runs
without workers and with the release's handlers; this test starts workers and handlers that have
crash points.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    ROOT, call, configuration, create, done, fetch, finish, generate, job_of, mongo, ok, request,
    section, skip_all, wait_for)

BIN = os.path.join(ROOT, "build-crash")
CRASH_S, END_S = 120, 120
SLOW_DAYS = 6                           # several times renew_ms
# These need a job that is cancelled, an attempt that fails, a long job, and several vehicles.
FINISHED_WITHOUT = ("before_abort", "after_abort", "after_cancelled")
RETRIED = ("before_retry", "after_retry")
RENEWED = ("before_renew", "after_renew")
SPLIT = ("after_plan", "after_unit_claim", "after_unit", "before_piece")

serial = 0


def body(slow, vehicles=("vehicle_001",)):
    """A request like no other, so that none is joined: the range ends a few ms later each time."""
    global serial
    serial += 1
    day = SLOW_DAYS if slow else 1
    return dict(request(), endDate="2018-12-%02dT00:00:00.%03dZ" % (day, serial),
                vehicles=list(vehicles), compression="small" if slow else "fast")


def worker(conf, **env):
    return subprocess.Popen([os.path.join(BIN, "export-worker"), "-c", conf],
                            env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(process):
    if process.poll() is None:
        process.terminate()
    process.wait(timeout=30)


def with_dead_storage(folder):
    """The configuration with an S3 endpoint where nobody listens, and little patience."""
    return configuration(os.path.join(folder, "dead.conf"), s3_endpoint="http://127.0.0.1:9",
                         patience_ms=1000)


def doc(ident):
    from bson import ObjectId
    return mongo().exports.jobs.find_one({"_id": ObjectId(ident)})


def dies(process, point):
    try:
        code = process.wait(timeout=CRASH_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return ok(False, point + ": the worker dies there", "it lives on")
    return ok(code == -signal.SIGABRT, point + ": the worker dies there", "exit %s" % code)


def worker_point(point, folder):
    cancelled = point in FINISHED_WITHOUT
    conf = with_dead_storage(folder) if point in RETRIED else os.environ["EXPORT_CONF"]
    vehicles = ["vehicle_001", "vehicle_fleet_001"] if point in SPLIT else ["vehicle_001"]
    ident = create(body(cancelled or point in RENEWED, vehicles))
    crashing = worker(conf, CRASH_AT=point)
    if cancelled:
        wait_for("the job to run", lambda: job_of(ident)["progress"]["documents"] > 0, CRASH_S)
        call("DELETE", "/export/" + ident)
    if not dies(crashing, point):
        return
    began = time.monotonic()
    next_one = worker(os.environ["EXPORT_CONF"])
    try:
        job = finish(ident, seconds=END_S)
        took = time.monotonic() - began
        want = "CANCELLED" if cancelled else "FINISHED"
        record = doc(ident)
        good = job["state"] == want and record["attempts"] <= 8 and "worker" not in record
        if good and want == "FINISHED":
            fetch(ident)                    # raises where size or SHA-256 are not as recorded
            good = "/%d/" % record["fence"] in record["object"]["key"]
        ok(good, "%s: then %s, in %.1f s" % (point, want, took), "%s\n%s" % (job, record))
    finally:
        stop(next_one)


def through(sock, method, path, text=""):
    """A request straight to a handler, over FastCGI."""
    env = dict(os.environ, REQUEST_METHOD=method, REQUEST_URI=path, CONTENT_TYPE="application/json",
               CONTENT_LENGTH=str(len(text)), HTTP_HOST="x", SERVER_PROTOCOL="HTTP/1.1")
    return subprocess.run(["cgi-fcgi", "-bind", "-connect", sock], env=env, input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30,
                          check=False).stdout


def api_point(point, folder):
    import json
    sock = os.path.join(folder, point + ".sock")
    handler = subprocess.Popen(["spawn-fcgi", "-n", "-s", sock, "--",
                                os.path.join(BIN, "export-api"), "-c", os.environ["EXPORT_CONF"]],
                               env=dict(os.environ, CRASH_AT=point), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the socket", lambda: os.path.exists(sock), 10)
        wait_for("the handler", lambda: "ok" in through(sock, "GET", "/health"), 10)
        jobs = mongo().exports.jobs
        before = jobs.count_documents({})
        deleting = "delete" in point
        if deleting:
            ident = create(body(False))
            before += 1
            through(sock, "DELETE", "/export/" + ident)
        else:
            through(sock, "POST", "/export", json.dumps(body(False)))
        code = handler.wait(timeout=20)
        ok(code == -signal.SIGABRT, point + ": the handler dies there", "exit %s" % code)
        stored = jobs.count_documents({}) - before
        if deleting:
            want = "CANCELLED" if point == "api_after_delete" else "FINISHED"
        else:
            want = None if point == "api_before_insert" else "FINISHED"
            if not ok(stored == (0 if want is None else 1), point + ": the job is there, or is not",
                      stored):
                return
            if want is None:
                return
            ident = str(jobs.find_one({}, sort=[("_id", -1)])["_id"])
        next_one = worker(os.environ["EXPORT_CONF"])
        try:
            ok(finish(ident, seconds=END_S)["state"] == want, "%s: then %s" % (point, want),
               doc(ident))
        finally:
            stop(next_one)
    finally:
        stop(handler)


def hang(folder):
    """A worker that hangs in the middle ends itself after stall_ms, and the job goes on."""
    path = configuration(os.path.join(folder, "stall.conf"), stall_ms=1500)
    ident = create(body(False))
    process = worker(path, HANG_AT="after_slice")
    ok(process.wait(timeout=CRASH_S) == 70, "an export that hangs: the worker ends itself with 70",
       process.returncode)
    next_one = worker(os.environ["EXPORT_CONF"])
    try:
        ok(finish(ident, seconds=END_S)["state"] == "FINISHED", "and another finishes the job",
           doc(ident))
    finally:
        stop(next_one)


def main():
    listed = subprocess.run([os.path.join(BIN, "export-worker"), "--crash-points"],
                            stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    ok(len(listed) >= 20, "%d crash points" % len(listed))
    release = subprocess.run([os.path.join(ROOT, os.environ.get("B", "build"), "export-worker"),
                              "--crash-points"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, check=False)
    ok(release.returncode == 64, "the release has none", release.returncode)
    generate("--uri", os.environ["MONGODB_ADMIN_URI"], "--vehicles", "1", "--days", "8", "--start",
             "2018-11-30", "--busy")
    generate("--uri", os.environ["MONGODB_ADMIN_URI"], "--vehicles", "1", "--days", "2", "--prefix",
             "vehicle_fleet_")
    with tempfile.TemporaryDirectory() as folder:
        for point in listed:
            section(point, api_point if point.startswith("api_") else worker_point, point, folder)
        section("hang", hang, folder)
    return done()


def under_servers():
    """This file again, on a stack without workers."""
    if os.environ.get("WITH_STACK") == os.path.abspath(__file__):
        return
    if not os.path.exists(os.path.join(BIN, "export-worker")):
        skip_all("build-crash/; run make CRASH=1")
    os.environ["WITH_STACK"] = os.path.abspath(__file__)
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.execv(wrapper,
             [wrapper, "--conf", os.path.join(ROOT, "t", "9200-crash-points.conf"), "--only",
              "mongo rabbit s3 provision api nginx", sys.executable, os.path.abspath(__file__)])


under_servers()
sys.exit(main())
