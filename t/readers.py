#!/usr/bin/python3
"""The blocks of docs/API.md, "Reading the files", on a file in which every sample of rows misleads,
and on a Parquet file of the engine: each value is compared, doubles by their bits. No server is
needed; by itself it also compares Parquet files of random fleets, in parquet-java too.

READERS=oldest takes the oldest versions for which the page vouches, newest what pip has today; the
default are those of t/requirements/readers.txt. `make check-readers` installs and runs; so does
t/3310-readers.t, where everything must run.

    install()       by pip; OSError, subprocess.SubprocessError
    installed()     whether the versions are in FOLDER, which is then the first place of imports
    check()         TAP, by t/service.py
"""
import array
import contextlib
import csv
import datetime
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from itertools import zip_longest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import docs                             # noqa: E402
import engine                           # noqa: E402
import fleet                            # noqa: E402
import oracle                           # noqa: E402
import parquetfile                      # noqa: E402
import pinned                           # noqa: E402
from service import (                   # noqa: E402
    HOUR, ROOT, done, is_, note, ok, section, skip, skip_all)

WHICH = os.environ.get("READERS") or "pinned"
NAMES = ["pandas", "pyarrow", "duckdb", "polars"]
SUFFIX = {"pinned": "", "oldest": "-oldest", "newest": "-newest"}[WHICH]
FOLDER = os.path.join(ROOT, "build", "readers" + SUFFIX)
PINNED = os.path.join(ROOT, "t", "requirements", "readers%s.txt" % SUFFIX)

PAGE = "docs/API.md"
ROWS, LATE = 1000000, 8000              # only the last LATE rows say what a column is
START, STEP_MS = 1543536000000, 77
KINDS = {"time": int, "speed": float, "voltage": float, "odo": int, "on": bool, "code": str,
         "note": str, "word": str}
# As FORMAT.md writes them; each is something else to some reader. The second line begins like a
# row, where a reader that cuts the file into pieces may look for one.
TEXTS = ["007", "1e5", "2018-11-30", "true", "NA", "null", "nan", "inf", "0x10", "1.50", "1E+3",
         " spaced ", "a,b", 'said "so"', "x\n1543536000077,1,1,1,true,0,0,0\n", "a\r\nb", "ümlaut",
         "123456789012345678901234", "#5", "", None]
NAN = float("nan")
PARQUET_HOURS, PARQUET_STEP_MS = 30, 5000
PARQUET_SEEDS = range(521, 531)         # as of t/0560-parquet.t


# ---- the file -----------------------------------------------------------------------------

def quoted(text):
    if text is None:
        return ""
    return '"%s"' % text.replace('"', '""') if text == "" or re.search('[,"\r\n]', text) else text


def doubles():
    """(cell, value) of t/data/doubles.txt; -0 is written as 0, and what is not finite not at all.
    """
    found = []
    for line in docs.read("t/data/doubles.txt").splitlines():
        bits, _, cell = line.partition(" ")
        value = struct.unpack(">d", bytes.fromhex(bits))[0]
        if value - value == 0:
            found.append((cell, value + 0.0))
    return found


def cells():
    """{name: [(cell, value)]}, one a row."""
    pool, early = doubles(), ROWS - LATE
    many = (pool * (ROWS // len(pool) + 1))[:ROWS]
    texts = [(quoted(t), t) for t in TEXTS] * (ROWS // len(TEXTS) + 1)
    whole, digit = [(str(n), float(n)) for n in range(200)], [(str(n), str(n)) for n in range(10)]
    gap, on = ("", None), [("true", True), ("", None), ("false", False)]
    code = [("%03d" % n, "%03d" % n) for n in range(8)]
    odo = [2 ** 53 + 1 + 2 * i for i in range(ROWS)]
    return {
        "time": [(str(t), t) for t in range(START, START + ROWS * STEP_MS, STEP_MS)],
        "speed": [whole[i % 200] if i % 7 else gap for i in range(early)] + many[:LATE],
        "voltage": [many[i] if i % 3 else gap for i in range(ROWS)],
        "odo": [gap if i % 2 else (str(n), n) for i, n in enumerate(odo)],
        "on": [gap] * early + [on[i % 3] for i in range(LATE)],
        "code": [code[i % 8] for i in range(ROWS)],
        "note": [digit[i % 10] for i in range(early)] + texts[:LATE],
        "word": texts[:ROWS],
    }


def written(path):
    """The file; returns the values, {name: [one a row]}."""
    columns = cells()
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(",".join(columns) + "\n")
        f.writelines(",".join(row) + "\n" for row in zip(*([c for c, _ in column]
                                                           for column in columns.values())))
    return {name: [v for _, v in column] for name, column in columns.items()}


# ---- what a reader made of it -------------------------------------------------------------

def first_wrong(kind, got, want):
    """None, or the first difference."""
    if len(got) != len(want):
        return "%d rows of %d" % (len(got), len(want))
    others = set(map(type, got)) - {kind, type(None)}
    if others:
        return "among %s: %s, such as %r" % (kind, others, next(v for v in got
                                                                if type(v) in others))
    if kind is float:
        got, want = ([NAN if v is None else v for v in values] for values in (got, want))
        if array.array("d", got).tobytes() == array.array("d", want).tobytes():
            return None
        got, want = ([struct.pack("<d", v) for v in values] for values in (got, want))
    at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), None)
    return None if at is None else "row %d: want %r, got %r" % (at, want[at], got[at])


def exact(reader, got, want):
    is_(list(got), list(want), reader + ": the columns")
    for name in want:
        wrong = first_wrong(KINDS[name], got.get(name, []), want[name])
        ok(wrong is None, "%s: %s, each value" % (reader, name), wrong)


def block(language, word):
    found = [lines for kind, _, lines in docs.blocks(PAGE) if kind == language and
             word in "\n".join(lines)]
    if len(found) != 1:
        raise ValueError("%s has %d blocks with %s" % (PAGE, len(found), word))
    return "\n".join(found[0])


def run(word):
    """The names that a block of Python leaves."""
    names = {}
    exec(compile(block("python", word), PAGE, "exec"), names)
    return names


def of_pandas(frame):
    return {name: frame[name].astype(object).where(frame[name].notna(), None).tolist()
            for name in frame.columns}


def without_empty(want):
    """pandas takes "" for no point, as the page says."""
    return {name: [v if v != "" else None for v in values] if KINDS[name] is str else values
            for name, values in want.items()}


def in_pandas(want):
    import pandas
    note("pandas " + pandas.__version__)
    exact("pandas", of_pandas(run("import pandas\ntypes")["frame"]), without_empty(want))


def in_polars(want):
    import polars
    note("polars " + polars.__version__)
    frame = run("polars.read_csv")["frame"]
    exact("polars", {name: frame[name].to_list() for name in frame.columns}, want)


def in_duckdb(want):
    import duckdb
    note("DuckDB " + duckdb.__version__)
    result = duckdb.connect().execute(block("sql", "read_csv"))
    names = [d[0] for d in result.description]
    exact("DuckDB", dict(zip(names, map(list, zip(*result.fetchall())))), want)


def whole_archive(want, path):
    """frames() of the page, on the file's ends, whose columns are not called as its parameters."""
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    text = io.StringIO()
    header = ["time", "speed [km/h]"] + rows[0][2:]
    cut = range(ROWS - LATE, ROWS)
    out = csv.writer(text, lineterminator="\n")
    out.writerow(header)
    out.writerows(rows[1 + i] for i in cut)
    for more in (0, 1):
        with zipfile.ZipFile("archive.zip", "w") as z:
            z.writestr("v.csv", text.getvalue())
            z.writestr("manifest.json", json.dumps({"files": [{
                "name": "v.csv", "vehicle": "vehicle_1", "columns": header[1:],
                "parameters": rows[0][1:], "rows": LATE + more}]}))
        read = run("def frames")["frames"]("archive.zip", {
            "speed": "float64", "voltage": "float64", "odo": "Int64", "on": "boolean"})
        if more:
            try:
                list(read)
                ok(False, "an archive: a row that is missing is an error")
            except ValueError as e:
                ok("rows" in str(e), "an archive: a row that is missing is an error", e)
        else:
            vehicle, frame = next(read)
            is_(vehicle, "vehicle_1", "an archive: the vehicle")
            frame = frame.rename(columns={"speed [km/h]": "speed"})
            exact("an archive", of_pandas(frame),
                  {k: [v[i] for i in cut] for k, v in without_empty(want).items()})


# ---- Parquet ------------------------------------------------------------------------------

def parquet_archive(data, request):
    """The engine's archive in the current folder."""
    fleet.write("fleet", data, request)
    wrong = engine.run("fleet", "archive.zip")
    if wrong:
        raise OSError(wrong)
    shutil.rmtree("fleet")
    return "archive.zip"


def parquet_written():
    """vehicle_001.parquet; returns what it has. Doubles of t/data/doubles.txt, all of their bits;
    whole numbers around 2^53; switches; texts that look like other things."""
    doubles = [struct.unpack(">d", bytes.fromhex(line.split()[0]))[0]
               for line in docs.read("t/data/doubles.txt").splitlines()]
    leaves = {
        "speed": [(fleet.DOUBLE, fleet.double(x)) for x in doubles],
        "odo": [(fleet.INT64, fleet.int64(2 ** 53 + n)) for n in range(-5, 6)],
        "on": [(fleet.BOOL, b"\1"), (fleet.BOOL, b"\0")],
        "note": [(fleet.STRING, fleet.text(t.encode())) for t in TEXTS if t is not None],
        "mixed": [(fleet.INT32, fleet.int32(7)), (fleet.STRING, fleet.text(b"7")),
                  (fleet.DECIMAL, fleet.decimal(fleet.ZERO_EXPONENT - (2 << 49), 150))]}
    data = {}
    for gap, (name, pool) in enumerate(leaves.items(), 2):
        data[name], n = [], 0
        for hour in range(START, START + PARQUET_HOURS * HOUR, HOUR):
            elements = []
            for ms in range(0, HOUR, PARQUET_STEP_MS):
                n += 1
                if n % gap:
                    elements.append((b"%d" % ms, *pool[n % len(pool)]))
            data[name].append((hour, fleet.doc([(b"_id", fleet.INT64, fleet.int64(hour)), (
                b"values", fleet.DOCUMENT, fleet.doc(elements))])))
    data = {"vehicle_001": data}
    request = {"startDate": START, "endDate": START + PARQUET_HOURS * HOUR, "vehicles": None,
               "parameters": None, "format": "parquet"}
    with zipfile.ZipFile(parquet_archive(data, request)) as z:
        z.extract("vehicle_001.parquet")
    (_, table), = oracle.expect(data, request)[0]
    note("%d rows, %d doubles" % (len(table.times), len(doubles)))
    return table


def as_table(table, times, columns):
    """What a reader has, {name: values}, with the kinds of the columns that must be there."""
    kinds = {name: kind for name, kind, _ in table.columns}
    return oracle.Table(times, [(name, kinds.get(name), values)
                                for name, values in columns.items()])


def parquet_exact(reader, got, table):
    wrong = oracle.table_difference("vehicle_001.parquet", got, table)
    ok(wrong is None, "%s: a Parquet file, each value" % reader, wrong)


def parquet_in_pandas(table):
    frames = [run("pandas.read_parquet(\"")["frame"]]
    frames += [frame for _, frame in run("def tables")["tables"]("archive.zip")]
    for what, frame in zip(("pandas", "pandas, an archive"), frames, strict=True):
        columns = of_pandas(frame)
        del columns["time"]
        times = frame["time"].astype("datetime64[ms, UTC]").astype("int64").tolist()
        parquet_exact(what, as_table(table, times, columns), table)


def parquet_in_polars(table):
    import polars
    frame = run("polars.read_parquet")["frame"]
    is_(frame["time"].dtype, polars.Datetime("ms", "UTC"), "polars: time is a time")
    columns = {name: frame[name].to_list() for name in frame.columns[1:]}
    parquet_exact("polars", as_table(table, frame["time"].cast(polars.Int64).to_list(), columns),
                  table)


def parquet_in_duckdb(table):
    import duckdb
    result = duckdb.connect().execute(block("sql", ".parquet"))
    names = [d[0] for d in result.description]
    time, *columns = map(list, zip(*result.fetchall()))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    times = [(t - epoch) // datetime.timedelta(milliseconds=1) for t in time]
    parquet_exact("DuckDB", as_table(table, times, dict(zip(names[1:], columns))), table)


def parquet_fleets(java):
    """Files of random fleets; java: in parquet-java, too."""
    for seed in PARQUET_SEEDS:
        data, request = fleet.fleet(seed, parquet=True)
        files, _ = oracle.expect(data, request)
        folder = "seed-%d" % seed
        with zipfile.ZipFile(parquet_archive(data, request)) as z:
            z.extractall(folder)
        paths, wrong = [os.path.join(folder, name) for name, _ in files], []
        for (name, table), path in zip(files, paths):
            with open(path, "rb") as f:
                body = f.read()
            for reader, read in parquetfile.READERS.items():
                found = oracle.table_difference(name, read(body), table)
                wrong += ["%s: %s" % (reader, found)] * bool(found)
        for (name, table), lines in zip(files, parquetfile.by_java(paths) if java else []):
            at = next((i for i, (got, want) in enumerate(zip_longest(lines, table.lines()))
                       if got != want), None)
            if at is not None:
                wrong.append("parquet-java: %s: line %d: %.300s" % (name, at, lines[at:at + 1]))
        is_(wrong[:3], [], "seed %d: %d Parquet files in %s" % (seed, len(files), ", ".join(
            list(parquetfile.READERS) + ["parquet-java"] * java)))
        shutil.rmtree(folder)


def check_parquet():
    if not os.access(engine.ENGINE, os.X_OK):
        skip("a Parquet file", "%s; run make %s" % (engine.ENGINE, os.path.relpath(engine.ENGINE)))
        return
    table = section("a Parquet file", parquet_written)
    if table:
        section("pandas, Parquet", parquet_in_pandas, table)
        section("polars, Parquet", parquet_in_polars, table)
        section("DuckDB, Parquet", parquet_in_duckdb, table)


def check_fleets():
    """What a run of this file by itself has in addition."""
    if not os.access(engine.ENGINE, os.X_OK):
        return
    try:
        parquetfile.install_java()
        java = True
    except (OSError, subprocess.SubprocessError) as e:
        java = not skip("parquet-java", e)
    with tempfile.TemporaryDirectory(prefix="export-readers.") as folder, contextlib.chdir(folder):
        section("fleets", parquet_fleets, java)


# ---- LibreOffice --------------------------------------------------------------------------

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def sheet(path):
    """The rows of the first sheet of a flat ODS: (type, value) of each cell; repeated
    cells and rows are expanded."""
    table = next(ElementTree.parse(path).iter(TABLE + "table"))
    rows = []
    for row in table.iter(TABLE + "table-row"):
        cells = []
        for cell in row.findall(TABLE + "table-cell"):
            kind = cell.get(OFFICE + "value-type")
            value = cell.get(OFFICE + "value") or "\n".join("".join(p.itertext()) for p
                                                            in cell.findall(TEXT + "p"))
            n = int(cell.get(TABLE + "number-columns-repeated") or 1)
            cells.extend([(kind, value)] * min(n, 100))
        n = int(row.get(TABLE + "number-rows-repeated") or 1)
        rows.extend([cells] * min(n, 10))
    return rows


def in_libreoffice(want, path):
    """The page's filter keeps the cells of its text columns as they are; no row depends on another,
    so the file's last ones suffice."""
    infilter = re.search(r'--infilter="(Text[^"]*)"', docs.prose(PAGE))[1]
    columns = {4: "odo", 6: "code", 7: "note"}          # counted from 1
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    with open("short.csv", "w", encoding="utf-8", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(rows[:1] + rows[-400:])
    subprocess.run(["soffice", "-env:UserInstallation=file://" + os.path.abspath("profile"),
                    "--headless", "--convert-to", "fods", "--infilter=" + infilter, "short.csv"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=180)
    got = sheet("short.fods")
    is_([v for _, v in got[0][:len(rows[0])]], rows[0], "LibreOffice: the header")
    for at, name in columns.items():
        found = [row[at - 1] if len(row) >= at else (None, "") for row in got[1:401]]
        texts = [str(v) if v is not None else "" for v in want[name][-400:]]
        # Its own file has some of the white space as elements.
        wrong = [(kind, value, w) for (kind, value), w in zip(found, texts, strict=True)
                 if (kind != "string" and w) or value.split() != w.split()]
        is_(wrong[:5], [], "LibreOffice: %s as it is" % name)


# ---- both ways in -------------------------------------------------------------------------

def install():
    if WHICH == "newest":
        pinned.newest(FOLDER, NAMES)
    else:
        pinned.install(FOLDER, PINNED)


def installed():
    have = os.path.isdir(FOLDER) if WHICH == "newest" else pinned.installed(FOLDER, PINNED)
    if have:
        sys.path.insert(0, FOLDER)
    return have


def check():
    with tempfile.TemporaryDirectory(prefix="export-readers.") as folder, contextlib.chdir(folder):
        path = "vehicle_001.csv"
        want = written(path)
        section("pandas, long", in_pandas, want)
        section("polars, long", in_polars, want)
        section("DuckDB, long", in_duckdb, want)
        section("an archive", whole_archive, want, path)
        check_parquet()
        if any(os.access(os.path.join(p, "soffice"), os.X_OK) for p in os.get_exec_path()):
            section("LibreOffice, texts", in_libreoffice, want, path)
        else:
            skip("LibreOffice, texts", "soffice; run scripts/deps")


def main():
    try:
        install()
    except (OSError, subprocess.SubprocessError) as e:
        skip_all("%s pandas, pyarrow, DuckDB and polars: %s" % (WHICH, e))
    installed()
    check()
    check_fleets()
    return done()


if __name__ == "__main__":
    sys.exit(main())
