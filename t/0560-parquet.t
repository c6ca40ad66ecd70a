#!/usr/bin/python3
"""Parquet files of the export engine, without servers: random fleets as framed files.

For each seed the archive must be what t/oracle.py says, read by pyarrow, and of a share by DuckDB
and polars, too: names, order, manifest, each value, doubles to the bit; the files must be made as
FORMAT.md says (t/parquetfile.py), and the preview must be what t/preview.py says. It has the same
bytes in windows of other lengths, with other numbers of threads, when every slice takes the exact
path, and when it is made of fragments; where hours are read in parts, or files are cut by their
size, the same rows.

A file that is damaged is refused by these readers, or shows some table: it ends none of them, and
one that was cut off is always refused. The ZIP's CRC tells each changed byte.

Prints TAP; a failing seed with its first difference and the commands that replay it. Where
everything must run, the readers are put into build/readers (t/readers.py).

Environment: PARQUET_SEEDS "a-b,..." (SEEDS below; all are 521-820), and that of t/engine.py.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import engine         # noqa: E402
import fleet          # noqa: E402
import oracle         # noqa: E402
import parquetfile    # noqa: E402
import preview        # noqa: E402
import readers        # noqa: E402
from service import (                   # noqa: E402
    DAY, HOUR, START, done, is_, note, ok, section, skip_all)

BLOCK = 20
SEEDS = "521-560"
SPLITS = ("4278190080", "4096", "65536", "20000")
SEEN = {"PLAIN": 0, "RLE_DICTIONARY": 0, "texts": 0, "nulls": 0, "groups of a day": 0, "parts": 0}
CHANGES, CUTS = 200, 60


# ---- random fleets ------------------------------------------------------------------------

def look(body, table):
    """Count what a file has, so that the seeds can be seen to have it all."""
    meta = parquetfile.metadata_of(body)
    days = len({t // DAY for t in table.times})
    SEEN["groups of a day"] += meta.num_row_groups > days
    for g in range(meta.num_row_groups):
        for i, (_, kind, _) in enumerate(table.columns, 1):
            chunk = meta.row_group(g).column(i)
            SEEN["texts"] += kind == "text"
            SEEN["nulls"] += chunk.statistics.null_count == chunk.num_values
            SEEN["RLE_DICTIONARY" if chunk.has_dictionary_page else "PLAIN"] += 1


def files_of(out):
    """([(name, bytes)], manifest) of an archive."""
    with zipfile.ZipFile(out) as z:
        files = [(name, z.read(name)) for name in z.namelist()]
    return files[:-1], json.loads(files[-1][1])


def made_wrong(out, read=None, limit=None):
    """None, or which file is not made as FORMAT.md says, or not as another reader has it, or
    exceeds the limit with more than one row group."""
    files, manifest = files_of(out)
    for (name, body), entry in zip(files, manifest["files"]):
        table = parquetfile.by_pyarrow(body)
        wrong = parquetfile.wrong(body, table, entry, manifest)
        if not wrong and read:
            wrong = oracle.table_difference("", read(body), table)
        if not wrong and limit and len(body) >= limit and \
                parquetfile.metadata_of(body).num_row_groups > 1:
            wrong = "%d bytes, in several row groups" % len(body)
        if wrong:
            return "%s: %s" % (name, wrong)
        look(body, table)
        SEEN["parts"] += "-part" in name
    return None


def differs(out, expected, request, split=False):
    return oracle.compare(out, expected, split, parquetfile.by_pyarrow) or \
        oracle.form(out, request["endDate"])


def run_seed(folder, seed):
    """None, or what is wrong with the engine's archive of this seed."""
    data, request = fleet.fleet(seed, parquet=True)
    place, out = os.path.join(folder, str(seed)), os.path.join(folder, "%d.zip" % seed)
    fleet.write(place, data, request)
    expected = oracle.expect(data, request)
    other = {0: parquetfile.by_duckdb, 1: parquetfile.by_polars}.get(seed % 3)
    difference = engine.run(place, out) or differs(out, expected, request) or \
        made_wrong(out, other)
    if difference:
        return difference
    difference = preview.wrong(engine.previewed(out), data, request, files_of(out)[1]["files"])
    if difference:
        return "preview: " + difference
    difference = engine.remade(
        place, out, engine.others(seed) + ({"EXACT": "1", "THREADS": "8"},),
        lambda: differs(out, expected, request) or made_wrong(out))
    if difference:
        return difference
    return run_fragments(place, out, seed, expected, request)


def run_fragments(place, out, seed, expected, request):
    """Whatever size a file may have, its parts have the same rows; and the same bytes when the
    archive is made of fragments, but where a vehicle cannot be cut."""
    limit = SPLITS[seed % len(SPLITS)]
    more = {"CSV_SPLIT_BYTES": limit}
    difference = engine.run(place, out, **more) or differs(out, expected, request, True) or \
        made_wrong(out, limit=int(limit))
    if difference:
        return "%s: %s" % (more, difference)
    return engine.in_fragments(place, out, seed, more)


def again(seed):
    return engine.replay(seed, " --parquet")


# ---- edges --------------------------------------------------------------------------------

def in_hour(base, values):
    """A document of points at 0, 1, 2, ... ms."""
    return [(base, oracle.hour(base, *(oracle.v(ms, value) for ms, value in enumerate(values))))]


LAST = 4354819199999                    # the last ms that a ZIP has
EDGES = [                               # what, {parameter: documents}, the range
    ("times far apart", {"p": oracle.column(START, (0, 1), (1, "x"), (9999999998, 2),
                                            (9999999999, 3))}, START, START + 200 * DAY),
    ("before 1970", {"p": oracle.column(-DAY, (0, 1), (HOUR, 2)) + oracle.column(-1, (0, 3), (1, 4),
                                                                                 (2, "x"))},
     -DAY, DAY),
    ("the year 2107", {"p": oracle.column(LAST - HOUR, (0, 1), (HOUR - 1, "x"))}, LAST - DAY, LAST),
    ("large texts", {"p": in_hour(START, ["a" * 3000000, "b" * 3000001, "", "a" * 3000000]),
                     "q": in_hour(START, [0.5, 1.5])}, START, START + HOUR),
    ("large texts, each another", {"p": in_hour(START, ["%d" % i * 500000 for i in range(10)])},
     START, START + HOUR),
    ("many texts twice", {"p": in_hour(START, ["text %d" % (i // 2) for i in range(140000)])},
     START, START + HOUR),
    ("many doubles four times", {"p": in_hour(START, [(i // 4) / 7 for i in range(280000)])},
     START, START + HOUR),
    ("one double, one text", {"p": in_hour(START, [0.5] * 70000),
                              "q": in_hour(START, ["on"] * 70000)}, START, START + HOUR),
    ("odd names", {name: in_hour(START, [i, "x"]) for i, name in enumerate((
        "a.b", "a.c", "a", "a..", "a\nb", "\\", "`", "\"\"", "list.element", "\u00e9", "e\u0301",
        "\U0001f600", "x" * 180, " ", "a ", "A.B"))}, START, START + HOUR)]


def edges(folder):
    for n, (name, data, start, end) in enumerate(EDGES):
        place, out = os.path.join(folder, "edge%d" % n), os.path.join(folder, "edge%d.zip" % n)
        data = {"vehicle_1": data}
        request = {"startDate": start, "endDate": end, "vehicles": None, "parameters": None,
                   "format": "parquet"}
        fleet.write(place, data, request)
        expected = oracle.expect(data, request)
        for more in ({}, {"EXACT": "1"}):
            is_(engine.run(place, out, **more) or differs(out, expected, request), None,
                "%s%s" % (name, ", by the exact path" if more else ""))
        for reader in (parquetfile.by_duckdb, parquetfile.by_polars):
            is_(made_wrong(out, reader), None, name + ", by another reader")


# ---- row groups of a part -----------------------------------------------------------------

def many_columns(folder):
    """The next part begins before the row group that would be number 1 + 131,072 / (1 + columns),
    rounded down: with 32,767 columns a part has 4, with one more 3."""
    data = {"vehicle_1": {"p1": [(START + day * DAY, oracle.hour(
        START + day * DAY, oracle.v(1, day))) for day in range(9)]}}
    place, out = os.path.join(folder, "many"), os.path.join(folder, "many.zip")
    for columns, want in ((32767, [4, 4, 1]), (32768, [3, 3, 3])):
        fleet.write(place, data, {
            "startDate": START, "endDate": START + 9 * DAY, "vehicles": None, "format": "parquet",
            "parameters": ["p%d" % i for i in range(columns)]})
        wrong = engine.run(place, out)
        if not ok(not wrong, "%d columns" % columns, wrong):
            continue
        files, manifest = files_of(out)
        is_([f["name"] for f in manifest["files"]], ["vehicle_1.parquet"] + [
            "vehicle_1-part%d.parquet" % n for n in range(2, 1 + len(want))],
            "%d columns: parts" % columns)
        groups = [parquetfile.metadata_of(body) for _, body in files]
        is_([[meta.num_row_groups, meta.num_rows] for meta in groups], [[n, n] for n in want],
            "%d columns: their row groups and rows" % columns)
        is_([meta.num_columns for meta in groups], [1 + columns] * len(want), "and columns")


# ---- damage -------------------------------------------------------------------------------

def sound_file(folder):
    """(archive, name of its file, its bytes, what the table must be) with several row groups,
    dictionaries, companions."""
    r, data = random.Random(1), {}
    leaves = {"speed": fleet.quarter, "odo": lambda r: (fleet.DOUBLE, fleet.double(r.random())),
              "state": fleet.of_pool([(fleet.STRING, fleet.text(s)) for s in fleet.STATES]),
              "mixed": fleet.wild_leaf}
    for name, leaf in leaves.items():
        data[name] = fleet.column_at(r, list(range(START + 77, START + 4 * DAY, 300000)), leaf)
    request = {"startDate": START, "endDate": START + 4 * DAY, "vehicles": None,
               "parameters": None, "format": "parquet"}
    place, out = os.path.join(folder, "sound"), os.path.join(folder, "sound.zip")
    fleet.write(place, {"vehicle_1": data}, request)
    is_(engine.run(place, out), None, "a file to damage")
    expected = oracle.expect({"vehicle_1": data}, request)
    is_(differs(out, expected, request), None, "it is sound")
    with open(out, "rb") as f:
        archive = f.read()
    (name, body), = files_of(out)[0]
    return archive, name, body, expected[0][0][1]


def changes(r, body):
    """[(what, bytes)]: cut off, or bytes flipped in the footer, a page's header, a page."""
    areas, found = parquetfile.areas(body), []
    cuts = {0, 1, 4, 8, 11, 12, len(body) - 1, len(body) - 4, len(body) - 8, areas["footer"][0][0]}
    while len(cuts) < CUTS:
        cuts.add(r.randrange(len(body)))
    found += [("cut", body[:n]) for n in sorted(cuts)]
    while len(found) < CHANGES:
        area = r.choice(list(areas))
        begin, end = r.choice(areas[area])
        changed = bytearray(body)
        for _ in range(r.choice((1, 1, 1, 2, 5))):
            changed[r.randrange(begin, end)] ^= r.choice((1 << r.randrange(8), r.randrange(1, 256)))
        if changed != body:
            found.append((area, bytes(changed)))
    return found


def stored_at(archive, body):
    """Where in the archive the bytes of its first file are: [(offset in the file, there, length)]
    of its stored blocks."""
    name_n, extra_n = struct.unpack_from("<HH", archive, 26)
    at, seen, blocks = 30 + name_n + extra_n, 0, []
    while seen < len(body) or not blocks:
        n, = struct.unpack_from("<H", archive, at + 1)
        blocks.append((seen, at + 5, n))
        at, seen = at + 5 + n, seen + n
    return blocks


def told_by_crc(folder, archive, name, blocks, changed):
    """Whether the ZIP with this file changed in its place is refused."""
    damaged = bytearray(archive)
    for seen, at, n in blocks:
        damaged[at:at + n] = changed[seen:seen + n]
    path = os.path.join(folder, "damaged.zip")
    with open(path, "wb") as f:
        f.write(damaged)
    try:
        with zipfile.ZipFile(path) as z:
            z.read(name)
        return False
    except zipfile.BadZipFile as e:
        return "CRC" in str(e)


def damage(folder):
    archive, name, body, table = sound_file(folder)
    blocks = stored_at(archive, body)
    ok(b"".join(archive[at:at + n] for _, at, n in blocks) == body, "its bytes are in the ZIP")
    found = changes(random.Random(2), body)
    paths = []
    for i, (what, content) in enumerate([("sound", body)] + found):
        paths.append(os.path.join(folder, "%03d-%s.parquet" % (i, what)))
        with open(paths[-1], "wb") as f:
            f.write(content)
    for reader in parquetfile.READERS:
        outcomes = parquetfile.outcomes(reader, paths)
        got = [outcomes[path] for path in paths]
        is_(got[0], parquetfile.digest(table), "%s: the sound file" % reader)
        said = [(what, line) for (what, _), line in zip(found, got[1:])]
        bad = [(os.path.basename(path), line) for path, line in zip(paths, got)
               if not (line.startswith("refused") or len(line) == 64)]
        is_(bad, [], "%s: %d changes, none ends it" % (reader, len(found)))
        is_([line for what, line in said if what == "cut" and not line.startswith("refused")], [],
            "%s: cut off is refused" % reader)
        for area in ("footer", "headers", "data"):
            mine = [line for what, line in said if what == area]
            note("%s, %s: %d of %d refused, %d as the sound one" % (
                reader, area, sum(line.startswith("refused") for line in mine), len(mine),
                mine.count(got[0])))
    flips = [changed for what, changed in found if what != "cut"]
    is_(sum(told_by_crc(folder, archive, name, blocks, changed) for changed in flips),
        len(flips), "the ZIP's CRC tells each of %d changes" % len(flips))


def main():
    if not os.access(engine.ENGINE, os.X_OK):
        skip_all("%s; run make" % engine.ENGINE)
    try:
        if os.environ.get("EXPORT_TEST_ALL") == "1":
            readers.install()
    except (OSError, subprocess.SubprocessError) as e:
        skip_all("pyarrow, DuckDB and polars: %s" % e)
    if not readers.installed():
        skip_all("pyarrow, DuckDB and polars are not in %s; run t/readers.py" % readers.FOLDER)
    blocks = list(fleet.blocks(os.environ.get("PARQUET_SEEDS", SEEDS), BLOCK))
    n = sum(map(len, blocks))
    test = subprocess.run([sys.executable, os.path.join(HERE, "parquetfile.py"), "--self-test"],
                          stdout=subprocess.PIPE, text=True, check=False)
    is_(test.returncode, 0, "the readers' own test")
    engine.seeds(blocks, run_seed, again)
    note(SEEN)
    if n >= 40:
        is_([what for what, times in SEEN.items() if not times], [], "the seeds have all of %s" %
            ", ".join(SEEN))
        slices, general = (sum(x) for x in zip(*engine.taken))
        ok(0.1 * slices < general < 0.9 * slices,
           "both ways were taken: %d of %d slices by the general one" % (general, slices))
        ok(len(engine.uncut) < n / 3, "most vehicles can be cut by days: all but %d of %d" % (
            len(engine.uncut), n))
    with tempfile.TemporaryDirectory() as folder:
        section("edges", edges, folder)
        section("many columns", many_columns, folder)
        section("damage", damage, folder)
    return done()


if __name__ == "__main__":
    sys.exit(main())
