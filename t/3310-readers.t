#!/usr/bin/python3
"""The CSV files where people open them, without options: pandas, DuckDB and LibreOffice show the
cells that Python's csv module reads, numbers as numbers, texts as texts, times as times. A long
file in the calls of docs/API.md (t/readers.py). And manifest.json by its schema, and the names that
browsers save.

Prints TAP. pandas, DuckDB and polars are put into build/readers by this test where everything must
run.
"""
import csv
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import readers                          # noqa: E402
import service                          # noqa: E402
from service import (                   # noqa: E402
    DAY, START, create, done, finish, is_, mongo, ok, request, s3, section, skip,
    skip_all, under_stack)

TEXTS = ["plain", "a,b", 'said "so"', "two\nlines", "ümlaut €", "=1+1", "-x", " spaced ", "007x"]


def load(client):
    """An hour of one vehicle: numbers with gaps, whole numbers, switches, texts with all that needs
    quoting."""
    db = client["vehicle_reader"]
    client.drop_database("vehicle_reader")

    def put(name, values):
        db[name].insert_one({"_id": float(START),
                             "values": {"0": {"values": {str(t): v for t, v in values.items()}}}})

    put("speed", {i * 1000 + 77: (i * 37 % 1000) / 8 - 3.25 for i in range(0, 3000, 3)})
    put("odo", {i * 1000 + 77: 120000 + i for i in range(0, 3000, 7)})
    put("on", {i * 1000 + 77: i % 2 == 0 for i in range(0, 3000, 5)})
    put("note", {i * 1000 + 77: TEXTS[i % len(TEXTS)] for i in range(0, 3000, 11)})


def called(name, want):
    """What a link says that the download is called; and what the object itself says."""
    job = finish(create(dict(request(), vehicles=["vehicle_reader"], parameters=["odo"],
                             name=name)))
    with urllib.request.urlopen(job["exportUri"]) as reply:
        is_(reply.headers["Content-Disposition"], "attachment; " + want, "a download's name")
    head = s3().head_object(Bucket=os.environ["S3_BUCKET"], Key="exports/%s/1/export-%s.zip" % (
        job["_id"], job["_id"]))
    is_(head["ContentDisposition"], "attachment; " + want, "the object has the same")


def exported(folder, **more):
    """The rows of the export as lists of texts, and where its CSV lies."""
    job = finish(create(dict(request(), vehicles=["vehicle_reader"], **more)))
    with urllib.request.urlopen(job["exportUri"]) as reply:
        disposition, archive = reply.headers["Content-Disposition"], reply.read()
    name = re.fullmatch('attachment; filename="(export_2018-11-30_2018-11-30.zip)"',
                        disposition or "")
    ok(name, "a browser saves it under its name", disposition)
    path = os.path.join(folder, "vehicle_reader.csv")
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        z.extract("vehicle_reader.csv", folder)
        manifest = json.loads(z.read("manifest.json"))
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.reader(f))
    is_(rows[0], ["time", "speed", "odo", "note", "on"], "the header")
    is_(len(rows) - 1, manifest["files"][0]["rows"], "as many rows as the manifest says")
    return rows, path, manifest


# ---- pandas and DuckDB --------------------------------------------------------------------

def numbers(rows, column):
    return [float(r[column]) if r[column] else None for r in rows[1:]]


def in_pandas(rows, path, rfc3339):
    import pandas
    frame = pandas.read_csv(path)
    is_(list(frame.columns), rows[0], "pandas: the columns")
    is_(len(frame), len(rows) - 1, "pandas: the rows")
    for name, column, kind in (("speed", 1, "f"), ("odo", 2, "f")):
        is_(frame[name].dtype.kind, kind, "pandas: %s is a number" % name)
        is_([None if math.isnan(v) else v for v in frame[name]], numbers(rows, column),
            "pandas: its values")
    is_([None if isinstance(v, float) else v for v in frame["note"]],
        [r[3] or None for r in rows[1:]], "pandas: texts")
    is_([None if isinstance(v, float) else v for v in frame["on"]],
        [{"": None}.get(r[4], r[4] == "true") for r in rows[1:]],
        "pandas: switches")
    if rfc3339:
        times = pandas.to_datetime(frame["time"])
        is_((str(times.dt.tz), times.is_monotonic_increasing), ("UTC", True),
            "pandas: times of UTC")
        is_(int(times[0].timestamp() * 1000), START + 77, "pandas: to the ms")
    else:
        is_(frame["time"].dtype.kind, "i", "pandas: time is a whole number")
        is_(list(frame["time"]), [int(r[0]) for r in rows[1:]], "pandas: to the ms")


def in_duckdb(rows, path, rfc3339):
    import duckdb
    db = duckdb.connect()
    table = db.sql("FROM '%s'" % path)
    is_(table.columns, rows[0], "DuckDB: the columns")
    types = dict(zip(table.columns, map(str, table.types)))
    is_((types["speed"], types["odo"], types["on"], types["note"]),
        ("DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR"), "DuckDB: the types")
    got = table.fetchall()
    is_(len(got), len(rows) - 1, "DuckDB: the rows")
    is_([r[1] for r in got], numbers(rows, 1), "DuckDB: numbers")
    is_([r[2] for r in got], [int(r[2]) if r[2] else None for r in rows[1:]],
        "DuckDB: whole numbers")
    is_([r[3] for r in got], [r[3] or None for r in rows[1:]], "DuckDB: texts")
    is_([r[4] for r in got], [{"": None}.get(r[4], r[4] == "true") for r in rows[1:]],
        "DuckDB: switches")
    if rfc3339:
        ok(types["time"].startswith("TIMESTAMP"), "DuckDB: time is a time", types["time"])
        is_(db.sql("SELECT epoch_ms(min(time)) FROM '%s'" % path).fetchone()[0], START + 77,
            "DuckDB: to the ms")
    else:
        is_(types["time"], "BIGINT", "DuckDB: time is a whole number")


# ---- LibreOffice --------------------------------------------------------------------------

def in_libreoffice(rows, path, folder):
    """With the defaults of its dialogue: comma, quotation mark, UTF-8 (76). Without a dialogue it
    would take Windows-1252."""
    done_ = subprocess.run(["soffice", "-env:UserInstallation=file://"
                            + os.path.join(folder, "profile"), "--headless", "--convert-to",
                            "fods", "--infilter=Text - txt - csv (StarCalc):44,34,76", "--outdir",
                            folder, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True,
                           stdin=subprocess.DEVNULL, timeout=180, check=False)
    if not ok(done_.returncode == 0 and os.path.exists(path[:-3] + "fods"), "LibreOffice opens it",
              done_.stdout[-800:]):
        return
    got = readers.sheet(path[:-3] + "fods")
    is_([v for _, v in got[0][:5]], rows[0], "LibreOffice: the header")
    got = got[1:len(rows)]
    is_(len(got), len(rows) - 1, "LibreOffice: the rows")
    is_([int(float(r[0][1])) for r in got], [int(r[0]) for r in rows[1:]], "LibreOffice: the times")
    for name, column in (("speed", 1), ("odo", 2)):
        cells = [r[column] if len(r) > column else (None, "") for r in got]
        is_([float(v) if k == "float" else None for k, v in cells], numbers(rows, column),
            "LibreOffice: %s are numbers" % name)
    texts = [(r[3] if len(r) > 3 else (None, "")) for r in got]
    wrong = [(t, w[3]) for t,
             w in zip(texts, rows[1:]) if re.sub(" +", " ", t[1]).strip() != re.sub(" +", " ",
                     w[3]).strip() or
             (w[3] and t[0] != "string")]
    is_(wrong, [], "LibreOffice: texts are texts, no formula among them")


def by_schema(manifests):
    import jsonschema
    with open(os.path.join(service.ROOT, "nginx", "www", "manifest.schema.json"),
              encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    for i, manifest in enumerate(manifests):
        is_([e.message for e in check.iter_errors(manifest)], [],
            "manifest %d is as its schema says" % (i + 1))
        ok(not check.is_valid(dict(manifest, more=1)), "with a member more it is not")
        ok(not check.is_valid({k: v for k, v in manifest.items() if k != "files"}),
           "nor with one less")
    got = service.call("GET", "/manifest.schema.json")
    is_((got.status, got.type(), got.json() == schema), (200, "application/schema+json", True),
        "the schema is served")


def main():
    under_stack(__file__, own=True)
    try:
        if os.environ.get("EXPORT_TEST_ALL") == "1":
            readers.install()
    except (OSError, subprocess.SubprocessError) as e:
        skip_all("pandas, DuckDB and polars: %s" % e)
    have = readers.installed()
    load(mongo())
    manifests = []
    with tempfile.TemporaryDirectory() as folder:
        for more in ({}, {"time": "rfc3339"}, {"csv": "excel"}):
            rows, path, manifest = exported(folder, parameters=["speed", "odo", "note", "on"],
                                            **more)
            manifests.append(manifest)
            if have:
                section("pandas", in_pandas, rows, path, "time" in more)
                section("DuckDB", in_duckdb, rows, path, "time" in more)
            else:
                skip("pandas and DuckDB", "they are not in build/readers")
            if "time" in more:
                continue
            if any(os.access(os.path.join(p, "soffice"), os.X_OK) for p in os.get_exec_path()):
                section("LibreOffice", in_libreoffice, rows, path, folder)
            else:
                skip("LibreOffice", "soffice; run scripts/deps")
    if have:
        readers.check()
    else:
        skip("long files", "pandas, DuckDB and polars are not in build/readers")
    section("the schema", by_schema, manifests)
    days = "_2018-11-30_2018-11-30.zip"
    section("names", called, "Flotte M\u00fcller: \"Herbst\"/1",
            "filename=\"flotte-m-ller-herbst-1%s\"; "
            "filename*=UTF-8''flotte-m%%C3%%BCller-herbst-1%s" % (days, days))
    return done()


if __name__ == "__main__":
    sys.exit(main())
