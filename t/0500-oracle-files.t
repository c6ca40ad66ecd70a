#!/usr/bin/python3
"""The export engine without servers, against the oracle: random fleets as framed files.

For each seed `$B/t/engine FLEETDIR OUT.zip` runs on what t/fleet.py writes, and the archive must
be what t/oracle.py says, to the byte, and its preview what t/preview.py says; and the same bytes
again in windows of other lengths, with other numbers of threads, and when every slice takes the
exact path. Where hours are read in parts, the archive is what the oracle says, too; where CSVs are
cut by their size, their parts are; where it is made of fragments of some days of a vehicle, it has
the same bytes. The preview is always the same.
Odd seeds have documents that are not sound BSON, even ones only what a
mongod holds; those above 300 are usual telemetry, most of which takes the fast path, those above
400 are about fixed steps, and those above 460 about files by days and months.
Prints TAP; a failing seed with its first difference and the two commands that replay it.

Environment: ORACLE_SEEDS "a-b,..." (SEEDS below; all are 1-520), and that of t/engine.py.
"""
import json
import os
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import engine    # noqa: E402
import fleet     # noqa: E402
import oracle    # noqa: E402
import preview   # noqa: E402
from service import HOUR, START, done, is_, ok, section, skip_all     # noqa: E402

BLOCK = 20
SEEDS = "1-100,301-320,401-430,461-490"
USUAL_FROM, STEPS_FROM, DAYS_FROM = 300, 400, 460
SPLITS = ("4278190080", "65536", "300000", "1000000", "70000")


def unsound(seed):
    return seed <= USUAL_FROM and seed % 2 == 1


def usual(seed):
    return USUAL_FROM < seed <= STEPS_FROM


def steps(seed):
    return STEPS_FROM < seed <= DAYS_FROM


def days(seed):
    return seed > DAYS_FROM


def run_seed(folder, seed):
    """None, or what is wrong with the engine's archive of this seed."""
    data, request = fleet.fleet(seed, unsound(seed), usual(seed), steps(seed), days(seed))
    place, out = os.path.join(folder, str(seed)), os.path.join(folder, "%d.zip" % seed)
    fleet.write(place, data, request)
    expected = oracle.expect(data, request)
    difference = engine.run(place, out) or oracle.compare(out, expected) or \
        oracle.form(out, request["endDate"])
    if difference:
        return difference
    with zipfile.ZipFile(out) as z:
        files = json.loads(z.read("manifest.json"))["files"]
    difference = preview.wrong(engine.previewed(out), data, request, files)
    if difference:
        return "preview: " + difference
    difference = engine.remade(place, out, engine.others(seed),
                               lambda: oracle.compare(out, expected))
    if difference:
        return difference
    return run_fragments(place, out, seed, expected)


def run_fragments(place, out, seed, expected):
    """Whatever size a CSV may have, its parts have the same rows; and the same bytes when the
    archive is made of fragments, but where a vehicle cannot be cut."""
    more = {"CSV_SPLIT_BYTES": SPLITS[seed % len(SPLITS)]}
    difference = engine.run(place, out, **more) or oracle.compare(out, expected, split=True)
    if difference:
        return "%s: %s" % (more, difference)
    return engine.in_fragments(place, out, seed, more)


def again(seed):
    return engine.replay(seed, " --unsound" if unsound(seed) else " --usual" if usual(seed) else
                         " --steps" if steps(seed) else " --days" if days(seed) else "")


def carried(folder):
    """memory_max_bytes bounds the documents that are carried on together, to the byte."""
    points = [(b"%d" % ms, fleet.INT32, fleet.int32(ms)) for ms in (5, HOUR + 5)]
    raw = fleet.doc([(b"_id", fleet.INT64, fleet.int64(START)),
                     (b"values", fleet.DOCUMENT, fleet.doc(points))])
    place, out = os.path.join(folder, "hour"), os.path.join(folder, "hour.zip")
    fleet.write(place, {"vehicle_1": {"speed": [(START, raw)], "soc": [(START, raw)]}},
                {"startDate": START, "endDate": START + 2 * HOUR})
    for name, limit, want in (("one", len(raw), False),
                              ("a byte less than both", 2 * len(raw) - 1, False),
                              ("both", 2 * len(raw), True)):
        wrong = engine.run(place, out, CARRY_BYTES=str(limit))
        if want:
            is_(wrong, None, "two documents carried on, memory for %s: done" % name)
        else:
            ok(wrong and wrong.startswith("exit 1") and "memory_max_bytes" in wrong,
               "two documents carried on, memory for %s: too large" % name, wrong)


def main():
    if not os.access(engine.ENGINE, os.X_OK):
        skip_all("%s; run make" % engine.ENGINE)
    blocks = list(fleet.blocks(os.environ.get("ORACLE_SEEDS", SEEDS), BLOCK))
    n = sum(map(len, blocks))
    test = subprocess.run([sys.executable, os.path.join(HERE, "oracle.py"), "--self-test"],
                          stdout=subprocess.PIPE, text=True, check=False)
    is_(test.returncode, 0, "the oracle's own test")
    engine.seeds(blocks, run_seed, again)
    with tempfile.TemporaryDirectory() as folder:
        section("documents carried on", carried, folder)
    if blocks[-1][-1] > USUAL_FROM:
        slices, general = (sum(x) for x in zip(*engine.taken))
        ok(0.2 * slices < general < 0.8 * slices,
           "both ways were taken: %d of %d slices by the general one" % (general, slices))
        ok(len(engine.uncut) < n / 4, "most vehicles can be cut by days: all but %d of %d" % (
            len(engine.uncut), n))
    return done()


if __name__ == "__main__":
    sys.exit(main())
