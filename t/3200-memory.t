#!/usr/bin/python3
"""A worker's memory does not grow with the export: its peak in an export of 60 days and in a longer
one of the same vehicle.

Prints TAP, the figures as comments. LONG=1 in the environment: a year in place of 120 days.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    create, done, fetch, finish, generate, is_, job_document, jobs_of, mongo, note, ok, peak_kb,
    pid_of, request, section, under_stack, worker_anew)

# Long enough for all that is ever read, made and uploaded at once.
SHORT_DAYS = 60
LONG_DAYS = 365 if os.environ.get("LONG") == "1" else 120
RATIO_MAX, RUNS_MAX = 1.05, 6
PEAK_MAX_KB = 80 * 1024
PREFIX = "vehicle_memory_"
END_S = 1800


def measure(jobs, days, times):
    """The peak of a new worker in this many exports of this many days, in KiB. A short one is run
    a few times: how much of an idle worker's pages the machine has taken back just then would
    otherwise decide its peak."""
    pid = worker_anew()
    idle = peak_kb(pid)
    for _ in range(times):
        ident = create(request(days=days, vehicles=[PREFIX + "001"]))
        job = finish(ident, seconds=END_S)
    is_(job["state"], "FINISHED", "%d days: FINISHED" % days)
    is_(pid_of("WORKER_PIDFILE"), pid, "%d days: by one worker" % days)
    peak = peak_kb(pid)
    fetch(ident)
    d = job_document(jobs, ident)
    seconds = (d["finishedAt"] - d["startedAt"]).total_seconds()
    note("%d days: peak %.1f MiB (%.1f before it), %.2f s, %.1f million points, %.1f million "
         "points a second, ZIP of %.1f MB" % (
        days, peak / 1024, idle / 1024, seconds, d["progress"]["points"] / 1e6,
        d["progress"]["points"] / 1e6 / max(seconds, 0.001),
        d["object"]["size"] / 1e6))
    ok(peak < PEAK_MAX_KB, "%d days: less than 80 MiB" % days, "%d KiB" % peak)
    return peak


def compare(jobs):
    short = measure(jobs, SHORT_DAYS, 3)
    # What grows with the days is in the peak of each; whether one more part of the upload, or
    # window of documents, was there at some moment is the machine's affair.
    long = measure(jobs, LONG_DAYS, 1)
    for _ in range(RUNS_MAX - 1):
        if long > RATIO_MAX * short:
            long = min(long, measure(jobs, LONG_DAYS, 1))
    note("ratio %.3f" % (long / short))
    ok(long <= RATIO_MAX * short, "%d days need at most %.2f times the memory of %d: %d KiB for "
                                  "%d KiB" % (
        LONG_DAYS, RATIO_MAX, SHORT_DAYS, long, short))


def main():
    if os.environ.get("B", "build").rstrip("/").endswith("-san"):
        print("1..0 # SKIP sanitizers take memory of their own")
        return 0
    under_stack(__file__)
    client = mongo()
    generate("--prefix", PREFIX, "--vehicles", "1", "--days", str(LONG_DAYS), "--drop")
    section("memory", compare, jobs_of(client))
    client.drop_database(PREFIX + "001")
    return done()


if __name__ == "__main__":
    sys.exit(main())
