"""The engine without servers, on the files of t/fleet.py: for t/0500-oracle-files.t and
t/0560-parquet.t.

    ENGINE                      $B/t/engine, which runs FLEETDIR OUT.zip
    run(place, out, **more)     None, or what went wrong; `more` is for its environment
    taken                       [(slices, those by the exact path)] of runs without `more`
    uncut                       seeds whose vehicles cannot be cut by days
    previewed(out)              the preview of the last run to there
    others(seed)                environments of other ways to the same archive: windows of an hour,
                                of all, of something between; hours that are read in parts
    remade(place, out, ways, wrong)
                                None, or how what is made in these ways differs from what is at out,
                                bytes and preview; in parts, what wrong() says of it, and preview
    in_fragments(place, out, seed, more)
                                the same, of fragments of some days of a vehicle
    replay(seed, kind)          the commands that run a seed again, and compare
    seeds(blocks, attempt, again)
                                a check for each block of seeds, ORACLE_JOBS of them at once:
                                attempt(folder, seed) gives None, or what is wrong, which is printed
                                with the commands again(seed)

Environment: B (build) where the engine is; ORACLE_JOBS, how many seeds at once (2);
ENGINE_TIMEOUT, seconds a run may take (120).
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import ROOT, note, ok     # noqa: E402

ENGINE = os.path.join(ROOT, os.environ.get("B", "build"), "t", "engine")
TIMEOUT = float(os.environ.get("ENGINE_TIMEOUT", "120"))
taken, uncut = [], []


def run(place, out, **more):
    try:
        done = subprocess.run([ENGINE, place, out], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False,
                              env=dict(os.environ, PREVIEW=out + ".preview", **more))
    except subprocess.TimeoutExpired:
        return "no end after %g s" % TIMEOUT
    if done.returncode != 0:
        return "exit %d: %s" % (done.returncode, done.stdout[-1500:].decode("utf-8", "replace"))
    for line in done.stdout.decode().splitlines():
        found = re.fullmatch(r"(\d+) slices, (\d+) by the exact path", line)
        if found and not more:
            taken.append((int(found[1]), int(found[2])))
    return None


def previewed(out):
    with open(out + ".preview", "rb") as f:
        return f.read()


def others(seed):
    return ({"THREADS": "1", "WINDOW_HOURS": str(2 + seed % 11)},
            {"THREADS": "8", "WINDOW_HOURS": "1"},
            {"THREADS": str(1 + seed % 5), "WINDOW_HOURS": str((25, 48, 100000)[seed % 3])},
            {"EXACT": "1", "WINDOW_HOURS": str(1 + seed % 30)},
            {"PARTS": str(2 + seed % 7), "THREADS": str(1 + seed % 3)})


def made(out):
    with open(out, "rb") as f:
        return f.read()


def remade(place, out, ways, wrong=None):
    archive, seen = made(out), previewed(out)
    for more in ways:
        difference = run(place, out, **more)
        if not difference and previewed(out) != seen:
            difference = "another preview"
        if "PARTS" in more:
            difference = difference or wrong()
        elif not difference and made(out) != archive:
            difference = "other bytes"
        if difference:
            return "%s: %s" % (more, difference)
    return None


def in_fragments(place, out, seed, more):
    more = dict(more, DAYS=str(1 + seed % 2), VISITS=str((1, 2, 3, 100)[seed % 4]),
                WINDOW_HOURS=str(1 + seed % 30))
    difference = remade(place, out, [more])
    if difference and difference.startswith("%s: exit 3" % more):
        uncut.append(seed)
        return None
    return difference


def replay(seed, kind):
    """The commands that run a seed again and compare."""
    at = "/tmp/f%d" % seed
    return "; ".join((
        "t/fleet.py --write %s --seed %d%s" % (at, seed, kind),
        "%s %s %s.zip" % (os.path.relpath(ENGINE, ROOT), at, at),
        "t/oracle.py %s %s.zip" % (at, at)))


def seeds(blocks, attempt, again):
    def safe(seed):
        try:
            return attempt(folder, seed)
        except Exception as e:          # reported for every seed, also where the oracle is broken
            return "%s: %s" % (type(e).__name__, e)

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("ORACLE_JOBS", "2"))) as pool:
        for block in blocks:
            failed = []
            for seed, wrong in zip(block, pool.map(safe, block)):
                if wrong:
                    failed.append(seed)
                    note("seed %d: %s\n  again: %s" % (seed, wrong, again(seed)))
            ok(not failed, "seeds %d to %d" % (block[0], block[-1]), "failed: %s" % failed)
