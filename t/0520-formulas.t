#!/usr/bin/python3
"""No text of an export begins a formula, wherever a spreadsheet begins a cell that splits at
another separator than its own; and read as it is meant, each text is what it was (FORMAT.md, 3).

The engine exports hostile texts and columns' names, on the fast and on the exact path. A CSV is
read with Python's csv at commas, semicolons and tabs, and cut at each separator, quoted or not.
Prints TAP. Environment: B (build); FORMULAS_SEED (1).
"""
import csv
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import fleet                            # noqa: E402
from service import (                   # noqa: E402
    DAY, HOUR, ROOT, START, done, is_, note, ok, section, seed_of)

ENGINE = os.path.join(ROOT, os.environ.get("B", "build"), "t", "engine")
PARTS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", ";", ";", "\t", "\n", "\r",
         "\r\n", ",", '"', '""', " ", "\0", "\x0b", "\x1f", "'", "a", "1+1", "=1+1", "\u00e4",
         "\uff1e", "\U0001f69a"]
NAMES = ["=cmd", "\uff1dx", "a;=b", "a;'=b", "a\t-b", 'a;"@b', "a\n+b", "a,-b", "x;", "y ;\t"]
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
# What may come between a cell's beginning and its text: programs drop some of it.
PASSED = "".join(map(chr, range(0x21))) + '"'
ROWS = 600


def begins(cell):
    return cell.lstrip(PASSED)[:1] in tuple(SIGNS)


def drawn(r):
    return "".join(r.choice(PARTS) for _ in range(r.randrange(1, 9)))


def telemetry(r):
    """({parameter: {ms: text or number}}, the same as documents)."""
    values = {name: {HOUR // ROWS * i: drawn(r) for i in range(ROWS)} for name in NAMES}
    values["speed"] = {HOUR // ROWS * i: r.randrange(-50, 50) for i in range(ROWS)}
    documents = {}
    for name, points in values.items():
        elements = [(b"%d" % ms, *((fleet.INT32, fleet.int32(v)) if isinstance(v, int) else
                                   (fleet.STRING, fleet.text(v.encode()))))
                    for ms, v in points.items()]
        documents[name] = [(START, fleet.doc([(b"_id", fleet.INT64, fleet.int64(START)),
                                              (b"values", fleet.DOCUMENT, fleet.doc(elements))]))]
    return values, documents


def exported(folder, documents, style, time, **env):
    """(the CSV's text, its columns by the manifest, how many slices took the exact path)."""
    out = os.path.join(folder, "out.zip")
    fleet.write(os.path.join(folder, "in"), {"vehicle_1": documents}, {
        "startDate": START, "endDate": START + DAY, "vehicles": None,
        "parameters": ["speed"] + NAMES, "time": time, "csv": style})
    said = subprocess.run([ENGINE, os.path.join(folder, "in"), out], check=True, timeout=120,
                          stdout=subprocess.PIPE, text=True, env=dict(os.environ, **env)).stdout
    with zipfile.ZipFile(out) as z:
        columns = json.loads(z.read("manifest.json"))["files"][0]["columns"]
        return z.read("vehicle_1.csv").decode("utf-8-sig"), columns, \
            int(re.search(r", (\d+) by the exact path", said)[1])


def read(text, separator):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def meant(name, text, values, columns, separator):
    """At its separator: texts are what they were, numbers are numbers."""
    rows = read(text, separator)
    is_(rows[0], ["time"] + columns, name + ": the header is as the manifest has it")
    is_(len(rows), ROWS + 1, name + ": rows")
    wrong = [cell for row in rows for i, cell in enumerate(row) if i != 1 and begins(cell)]
    is_(wrong, [], name + ": no text begins a formula")
    is_([int(row[1]) for row in rows[1:]], list(values["speed"].values()),
        name + ": numbers are untouched")
    texts = {n: [row[2 + i] for row in rows[1:]] for i, n in enumerate(NAMES)}
    lost = [(was, is_now) for n in NAMES for was, is_now in zip(values[n].values(), texts[n])
            if "'" not in was and is_now.replace("'", "") != was]
    is_(lost, [], name + ": without its apostrophes each text is what it was")
    ok(any(values[n][0] != texts[n][0] for n in NAMES), name + ": some have one", texts)


def elsewhere(name, text, other):
    """At other separators: no cell at all begins a formula."""
    cells = {what: [cell for row in read(text, separator) for cell in row]
             for what, separator in (("the other sign", other), ("tabs", "\t"))}
    cells.update((what, re.split(separators, text)) for what, separators in (
        ("lines", "\n"), ("lines of any kind", "[\r\n]"),
        ("the other sign without quotes", "[%s\r\n]" % other),
        ("tabs without quotes", "[\t\r\n]"), ("all but its own", "[%s\t\r\n]" % other)))
    for what, found in cells.items():
        is_([cell[:40] for cell in found if begins(cell)][:5], [], "%s: at %s" % (name, what))
        ok(len(found) > ROWS, "%s: at %s: %d cells" % (name, what, len(found)))


def main():
    csv.field_size_limit(1 << 30)
    r = random.Random(seed_of("FORMULAS_SEED"))
    values, documents = telemetry(r)
    for style, time in (("rfc4180", "ms"), ("excel", "rfc3339"), ("excel-semicolon", "local")):
        separator, rival = (";", ",") if style == "excel-semicolon" else (",", ";")
        with tempfile.TemporaryDirectory() as folder:
            fast, columns, exact = exported(folder, documents, style, time)
            is_(exact, 0, style + ": on the fast path")
            other, _, exact = exported(folder, documents, style, time, EXACT="1")
            ok(exact > 0 and other == fast, style + ": the exact path's bytes are the same", exact)
        note("%s: %d characters" % (style, len(fast)))
        section(style, meant, style, fast, values, columns, separator)
        section(style, elsewhere, style, fast, rival)
    return done()


if __name__ == "__main__":
    sys.exit(main())
