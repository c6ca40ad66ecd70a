"""What GET /export/:id/preview shows of an export, in plain Python, written from docs/API.md.

    wrong(answer, data, request, files) -> None, or how the answer's text differs

data and request are those of t/oracle.py, files the manifest's: [{"name", "vehicle", "rows"}, ...].
An answer of no bytes is that of an export without rows.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import oracle                            # noqa: E402

FILES, VEHICLES, COLUMNS, SERIES, ROWS, CELL, BINS = 100, 4, 12, 24, 20, 64, 240
# Where less than this is written of a part, nothing of it may be left out.
FILES_BYTES, TEXTS_BYTES, BINS_BYTES = 32 * 1024, 24 * 1024, 255 * 1024
ONE = 1 << 62


def shown(cell, parquet):
    """A cell as it is shown: without its quotes, of Parquet without apostrophes, too; CELL bytes at
    most, UTF-8 up to where it ends."""
    if cell is None:
        return ""
    if parquet:
        cell = cell.plain.encode()
    elif cell.startswith(b'"'):
        cell = cell[1:-1].replace(b'""', b'"')
    cell = cell[:CELL]
    try:
        return cell.decode()
    except UnicodeDecodeError as e:
        return cell[:e.start].decode()


class Bin:
    """Count, smallest, largest; the sum of usual numbers as thousandths, of others as multiples of
    2^-62."""

    def __init__(self):
        self.n, self.min, self.max = 0, float("inf"), float("-inf")
        self.usual, self.others = 0, 0

    def add(self, x):
        self.n += 1
        self.min, self.max = min(self.min, x), max(self.max, x)
        milli = int(abs(x) * 1000 + 0.5) if abs(x) < 99999 else 0
        if abs(x) < 1e8 and x == int(x):
            self.usual += 1000 * int(x)
        elif abs(x) < 99999 and milli / 1000 == abs(x):
            self.usual += milli if x > 0 else -milli
        elif abs(x) >= 2.0 ** 60:
            self.others = None
        elif self.others is not None:
            self.others += int(x) * ONE + int((x - int(x)) * ONE)

    def shown(self, i):
        return [i, self.n, self.min, self.max, None if self.others is None else
                float(self.usual) / 1000 + self.others / ONE]


def series(cells, start, end):
    """The bins of a column; a step that begins before the range counts at its start."""
    bins = {}
    for ms in sorted(cells):
        if oracle.is_number(cells[ms]):
            at = max(ms, start) - start
            bins.setdefault(at * BINS // (end - start), Bin()).add(float(cells[ms].value))
    return [bins[i].shown(i) for i in sorted(bins)] or None


def vehicle_of(vehicle, collections, request):
    """None, where it has no rows."""
    start, end = request["startDate"], request["endDate"]
    parameters = oracle.columns_of(collections, request["parameters"])
    separator = b";" if request.get("csv") == "excel-semicolon" else b","
    parquet = oracle.is_parquet(request)
    cells = [oracle.column_of(collections.get(p, []), request, separator)[0] for p in parameters]
    times = sorted(set().union(*cells))[:ROWS]
    stamp = oracle.rfc3339 if parquet else oracle.stamp_of(request)
    return times and {
        "vehicle": vehicle, "parameters": parameters[:COLUMNS], "parametersTotal": len(parameters),
        "rows": [[stamp(ms)] + [shown(p.get(ms), parquet) for p in cells[:COLUMNS]]
                 for ms in times],
        "bins": [series(p, start, end) for p in cells[:COLUMNS]]}


def vehicles_of(data, request):
    """The first that have rows, up to a number of them and of their columns."""
    out, used = [], 0
    for vehicle in request["vehicles"] or sorted(data, key=str.encode):
        one = vehicle_of(vehicle, data[vehicle], request) if vehicle in data else None
        if not one:
            continue
        used += len(one["parameters"])
        if used > SERIES or len(out) == VEHICLES:
            break
        out.append(one)
    return out


def wrong_vehicle(got, want, room):
    for member in ("vehicle", "parameters", "parametersTotal"):
        if got[member] != want[member]:
            return "%s is %a, not %a" % (member, got[member], want[member])
    rows = got["rows"]
    if rows != want["rows"][:len(rows)] or len(rows) < len(want["rows"]) and \
            len(json.dumps(want["rows"])) < TEXTS_BYTES // 2:
        return "%s: rows are %a, not %a" % (got["vehicle"], rows, want["rows"])
    for name, a, b in zip(got["parameters"], got["bins"], want["bins"]):
        if a != b and (a is not None or room > 0):
            return "%s, %s: bins are %a, not %a" % (
                got["vehicle"], name, [x for x in a or [] if x not in (b or [])] or a,
                [x for x in b or [] if x not in (a or [])] or b)
    return None


def wrong(answer, data, request, files):
    want = vehicles_of(data, request)
    if not want or not answer:
        return None if not want and not answer else "%r, of %d vehicles" % (answer[:200], len(want))
    got = json.loads(answer, parse_int=float)   # the nearest double, however it is written
    if list(got) != ["from", "to", "files", "filesTotal", "vehicles"]:
        return "members %s" % list(got)
    if (got["from"], got["to"]) != (request["startDate"], request["endDate"]):
        return "range %s to %s" % (got["from"], got["to"])
    lines = [{k: f[k] for k in ("name", "vehicle", "rows")} for f in files]
    few = len(json.dumps(lines[:FILES])) > FILES_BYTES
    if got["filesTotal"] != len(lines) or got["files"] != lines[:len(got["files"])] or \
            len(got["files"]) < min(len(lines), FILES) and not few:
        return "files are %a, not %a" % (got["files"], lines)
    if len(got["vehicles"]) != len(want):
        return "%d vehicles, not %d" % (len(got["vehicles"]), len(want))
    room = BINS_BYTES - sum(len(json.dumps(v["bins"])) for v in want)
    for a, b in zip(got["vehicles"], want):
        difference = wrong_vehicle(a, b, room)
        if difference:
            return difference
    return None
