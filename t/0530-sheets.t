#!/usr/bin/python3
"""LibreOffice reads both forms for spreadsheets under the settings that each is for: times as
times, numbers as numbers, texts as texts; and no file has more rows than a sheet, however made.

The engine exports, on the fast and on the exact path. soffice converts under en-US (CSV of commas)
and de-DE (semicolons), and each cell is compared. Prints TAP. Environment: B (build).
"""
import csv
import io
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import fleet                            # noqa: E402
import oracle                           # noqa: E402
from service import DAY, HOUR, ROOT, START, done, is_, ok, section, skip   # noqa: E402

ENGINE = os.path.join(ROOT, os.environ.get("B", "build"), "t", "engine")
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TEXTS = ["ok", "a,b", "a;b", 'say "x"', "=1+1", "ok; =1", "ok, =1", "-1.5", "\u00e4\u20ac",
         "two\nlines", "", "@x"]
NUMBERS = [0.5, -0.25, 12.345, 1e-7, 1.5e-7, 123456789012345680000.0, 1e21, -1234567.891, 99.0]


def documents(base):
    """{parameter: documents} of an hour before a change and one after it."""
    r, found = random.Random(1), {"speed": [], "odo": [], "note": []}
    for hour in (base - HOUR, base, base + HOUR):
        leaves = {"speed": [], "odo": [], "note": []}
        for i in range(60):
            ms = b"%d" % (i * 60000 + r.randrange(60000))
            leaves["speed"].append((ms, fleet.DOUBLE, fleet.double(r.choice(NUMBERS))))
            leaves["odo"].append((ms, fleet.INT32, fleet.int32(r.randrange(-10 ** 6, 10 ** 6))))
            leaves["note"].append((ms, fleet.STRING, fleet.text(r.choice(TEXTS).encode())))
        for name, elements in leaves.items():
            found[name].append((hour, fleet.doc([(b"_id", fleet.INT64, fleet.int64(hour)), (
                b"values", fleet.DOCUMENT, fleet.doc(elements))])))
    return found


def engine(folder, data, request, **env):
    """The archive's path."""
    place, out = os.path.join(folder, "in"), os.path.join(folder, "out.zip")
    fleet.write(place, data, request)
    subprocess.run([ENGINE, place, out], check=True, timeout=300, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, **env))
    return out


# ---- LibreOffice --------------------------------------------------------------------------

def converted(folder, path, separator, language):
    """Rows of (kind, value, text shown) of the sheet; None where LibreOffice fails. With the
    default of its dialogue of import, but for special numbers, such as times: they are
    recognised."""
    run = subprocess.run(
        ["soffice", "-env:UserInstallation=file://" + os.path.join(folder, "profile"), "--headless",
         "--convert-to", "fods", "--infilter=CSV:%d,34,76,1,,%d,false,true" % (
             ord(separator), language), "--outdir", folder, path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
        timeout=180, check=False)
    sheet = os.path.splitext(path)[0] + ".fods"
    if not ok(run.returncode == 0 and os.path.exists(sheet), "LibreOffice opens it",
              run.stdout[-800:]):
        return []
    rows = []
    for row in next(ElementTree.parse(sheet).iter(TABLE + "table")).iter(TABLE + "table-row"):
        cells = []
        for cell in row.findall(TABLE + "table-cell"):
            text = "\n".join("".join(p.itertext()) for p in cell.findall(TEXT + "p"))
            cells.extend([(cell.get(OFFICE + "value-type"), cell.get(OFFICE + "value"), text)] *
                         min(int(cell.get(TABLE + "number-columns-repeated") or 1), 10))
        rows.append(cells)
    return rows


def spreadsheet(folder, style, zone, shift, language):
    """shift: when the zone's clock is set back."""
    separator, point = (";", ",") if style == "excel-semicolon" else (",", ".")
    request = {"startDate": shift - HOUR, "endDate": shift + 2 * HOUR, "vehicles": None,
               "parameters": ["speed", "odo", "note"], "time": "local", "timeZone": zone,
               "csv": style}
    data = {"vehicle_1": documents(shift)}
    out = engine(folder, data, request)
    is_(oracle.compare(out, oracle.expect(data, request)), None, style + ": as FORMAT.md says")
    with open(out, "rb") as f:
        fast = f.read()
    with open(engine(folder, data, request, EXACT="1"), "rb") as f:
        is_(f.read() == fast, True, style + ": the exact path's bytes are the same")
    with zipfile.ZipFile(out) as z:
        path = z.extract("vehicle_1.csv", folder)
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.reader(f, delimiter=separator))
    got = converted(folder, path, separator, language)[:len(rows)]
    is_(len(got), len(rows), style + ": rows")
    is_([text for _, _, text in got[0][:4]], rows[0], style + ": the header")
    times = [(kind, text.replace(",", ".")) for row in got[1:] for kind, _, text in row[:1]]
    is_(times, [("date", row[0].replace(",", ".")) for row in rows[1:]],
        style + ": times are times, to the ms")
    ok(times.count(times[0]) == 1 and sorted(times) != times, style + ": the clock is set back")
    for i, name in ((1, "speed"), (2, "odo")):
        wrong = [(row[i], want[i]) for row, want in zip(got[1:], rows[1:])
                 if row[i][0] != "float" or
                 abs(float(row[i][1]) - float(want[i].replace(point, "."))) >
                 1e-14 * abs(float(row[i][1]))]
        is_(wrong[:3], [], "%s: %s are numbers" % (style, name))
    wrong = [(row[3], want[3]) for row, want in zip(got[1:], rows[1:])
             if want[3] and (row[3][0] != "string" or row[3][2] != want[3])]
    is_(wrong[:3], [], style + ": texts are texts")


# ---- more rows than a sheet has -----------------------------------------------------------

def many(hours, per_hour):
    """Documents of one parameter: per_hour rows in each hour."""
    step, found = HOUR // per_hour, []
    elements = fleet.doc([(b"%d" % (i * step), fleet.INT32, fleet.int32(i % 7))
                          for i in range(per_hour)])
    for n in range(hours):
        found.append((START + n * HOUR, fleet.doc([
            (b"_id", fleet.INT64, fleet.int64(START + n * HOUR)),
            (b"values", fleet.DOCUMENT, elements)])))
    return {"vehicle_1": {"speed": found}}


def parts(path):
    """[(name, lines)] of the CSVs, each with its header."""
    found = []
    with zipfile.ZipFile(path) as z:
        for name in z.namelist()[:-1]:
            with io.BufferedReader(z.open(name)) as f:
                found.append((name, sum(1 for _ in f)))
    return found


def full_sheets(folder):
    days, per_hour = 2, 30000
    request = {"startDate": START, "endDate": START + days * DAY, "vehicles": None,
               "parameters": None, "time": "ms", "csv": "rfc4180"}
    data, rows = many(24 * days, per_hour), 24 * days * per_hour
    is_(parts(engine(folder, data, request)), [("vehicle_1.csv", rows + 1)],
        "a CSV that is for no sheet: one file")
    for style in ("excel", "excel-semicolon"):
        request["csv"] = style
        with open(engine(folder, data, request), "rb") as f:
            archive = f.read()
        found = parts(io.BytesIO(archive))
        is_([name for name, _ in found], ["vehicle_1.csv", "vehicle_1-part2.csv"],
            style + ": two files")
        is_(sum(n for _, n in found), rows + len(found), style + ": no row is lost")
        ok(983041 <= found[0][1] <= 1048576, style + ": the first one fills a sheet", found)
        for more in ({"THREADS": "1", "WINDOW_HOURS": "1"}, {"THREADS": "8"}, {"EXACT": "1"},
                     {"DAYS": "1"}, {"DAYS": "1", "VISITS": "2"}):
            with open(engine(folder, data, request, **more), "rb") as f:
                ok(f.read() == archive, "%s: the same bytes with %s" % (style, more))


def main():
    have = any(os.access(os.path.join(p, "soffice"), os.X_OK) for p in os.get_exec_path())
    with tempfile.TemporaryDirectory() as folder:
        for style, zone, shift, language in (
                ("excel", "America/New_York", 1541311200000, 1033),
                ("excel-semicolon", "Europe/Berlin", 1540688400000, 1031)):
            if have:
                section(style, spreadsheet, folder, style, zone, shift, language)
            else:
                skip(style, "soffice; run scripts/deps")
        section("full sheets", full_sheets, folder)
    return done()


if __name__ == "__main__":
    sys.exit(main())
