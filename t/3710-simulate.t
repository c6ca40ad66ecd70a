#!/usr/bin/python3
"""scripts/simulate against the service: 60 exports of six owners on two workers wait as long as it
says. The simulation is given how long each export took, since that depends on the machine.

Prints TAP. Always on a stack of its own, with t/3710-simulate.conf and WORKERS=2.
Environment: SIMULATE_SEED, of who requests what and when (11).
"""
import json
import os
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    ROOT, create, done, finish, generate, is_, job_document, jobs_of, mongo, note, ok, request,
    section, seed_of, under_stack, wait_for)

WORKERS, OWNERS, JOBS, WITHIN_S, DAYS = 2, 6, 60, 12, 30


def simulate(*args, stdin=None):
    return subprocess.run([os.path.join(ROOT, "scripts", "simulate"), *map(str, args)], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False)


def took(d):
    return (d["finishedAt"] - d["claimedAt"]).total_seconds()


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def against_the_service(client):
    draw = random.Random(seed_of("SIMULATE_SEED", 11))
    plan = sorted((draw.uniform(0, WITHIN_S), draw.choice([0, 0, 0, 1, 1, 2, 3, 4, 5]),
                   draw.randint(1, 12)) for _ in range(JOBS))
    began, idents = time.monotonic(), []
    for n, (at_s, owner, days) in enumerate(plan):
        wait_for("its time", lambda at=at_s: time.monotonic() - began >= at, 60)
        # No two alike: they would be joined.
        idents.append(create(request(days=days, vehicles=["vehicle_001"],
                                     parameters=["speed", "soc", "current", "odo", "voltage",
                                                 "x%d" % n]), "owner%d" % owner))
    for ident, (_, owner, _) in zip(idents, plan):
        finish(ident, "owner%d" % owner, seconds=180)
    found = [job_document(jobs_of(client), ident) for ident in idents]
    first = min(d["createdAt"] for d in found)
    trace = [{"at_s": (d["createdAt"] - first).total_seconds(), "owner": d["owner"],
              "points": took(d)} for d in found]
    got = simulate("--workers", WORKERS, "--overhead-s", 0, "--points-s", 1, "--trace", "-",
                   stdin=json.dumps(trace))
    if not ok(got.returncode == 0, "simulate takes the trace", got.stderr):
        return
    said = json.loads(got.stdout)
    is_(len(said), JOBS, "an answer for each")
    waits = sorted((d["claimedAt"] - d["createdAt"]).total_seconds() for d in found)
    expected = sorted(s["wait_s"] for s in said)
    note("exports took %.2f to %.2f s" % (min(map(took, found)), max(map(took, found))))
    note("wait in s, mean %.2f, said %.2f; p90 %.2f, said %.2f; longest %.2f, said %.2f" % (
        mean(waits), mean(expected), waits[JOBS * 9 // 10], expected[JOBS * 9 // 10], waits[-1],
        expected[-1]))
    ok(mean(expected) > 2, "there is something to wait for", mean(expected))
    for name, f in (("the mean", mean), ("half of them", lambda v: v[JOBS // 2]),
                    ("nine in ten", lambda v: v[JOBS * 9 // 10])):
        ok(abs(f(waits) - f(expected)) <= 0.3 * f(expected) + 2,
           "the wait of %s is within 30 %% and two seconds of what it says" % name,
           "%.2f, said %.2f" % (f(waits), f(expected)))

    def by(owner, pairs):
        return mean(w for o, w in pairs if o == owner)

    real = [(d["owner"], (d["claimedAt"] - d["createdAt"]).total_seconds()) for d in found]
    model = [(s["owner"], s["wait_s"]) for s in said]
    crowd = by("owner0", real)
    others = mean(w for o, w in real if o in ("owner3", "owner4", "owner5"))
    # By turn whoever comes late waits for what has begun only, but is not put before it.
    ok(others < crowd * 2 / 3, "owners of few exports wait less",
       "%.2f, the crowd %.2f" % (others, crowd))
    others = mean(w for o, w in model if o in ("owner3", "owner4", "owner5"))
    ok(others < by("owner0", model) * 2 / 3,
       "the simulation says the same")


def by_itself():
    got = simulate("--workers", "2,8", "--owners", "50", "--days", "1", "--seed", "3")
    ok(got.returncode == 0 and got.stdout.count("workers:") == 2, "two sizes side by side",
       got.stderr)
    is_(simulate("--workers", "2,8", "--owners", "50", "--days", "1", "--seed", "3").stdout,
        got.stdout, "the same seed, the same answer")
    # One worker, three jobs of ten seconds and one of another owner that comes last: it has the
    # turn of the second one, which is older. Known by hand.
    trace = [{"at_s": 0, "owner": "a", "points": 100}] * 3 + [
        {"at_s": 1, "owner": "b", "points": 100}]
    said = json.loads(simulate("--workers", 1, "--overhead-s", 1, "--points-s", 10, "--trace", "-",
                               stdin=json.dumps(trace)).stdout)
    is_([(s["owner"], round(s["wait_s"], 6), round(s["took_s"], 6)) for s in said],
        [("a", 0, 11), ("a", 11, 11), ("a", 33, 11), ("b", 21, 11)], "by turn, by hand")
    said = json.loads(simulate("--workers", 2, "--overhead-s", 0, "--points-s", 10,
                               "--total-points-s", 10, "--trace", "-",
                               stdin=json.dumps(trace[:2])).stdout)
    is_([round(s["took_s"], 6) for s in said], [20, 20], "a ceiling for all is shared")
    with open(os.path.join(ROOT, "docs", "PERFORMANCE.md"), encoding="utf-8") as f:
        table = [line for line in f if re.match(r"\| [\d,]+ x [\d,]+ x [\d,]+ \|", line)]
    sizes = ",".join(line.split("|")[1].replace(",", "").replace(" ", "") for line in table)
    is_(simulate("--size", sizes).stdout.splitlines(keepends=True)[2:], table,
        "the table of sizes in docs/PERFORMANCE.md is what it says")
    ok(len(table) >= 4, "which has some lines", table)
    ok(simulate("--workers", "none").returncode != 0, "an invalid number of workers")


def main():
    os.environ["WORKERS"] = str(WORKERS)
    under_stack(__file__, own=True)
    generate("--vehicles", "1", "--days", str(DAYS))
    section("by itself", by_itself)
    section("against the service", against_the_service, mongo())
    return done()


if __name__ == "__main__":
    sys.exit(main())
