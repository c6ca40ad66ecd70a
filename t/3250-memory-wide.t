#!/usr/bin/python3
"""A worker's memory is bounded whatever the documents are: many parameters, each with a clock of
its own, documents of 16 MB, strings of 1 MB. Each with 2 and with 8 threads, and each archive is
what it has to be, to the byte.

Prints TAP, the figures as comments. MEMORY_FULL=1: all numbers of parameters.
"""
import hashlib
import io
import os
import struct
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    START, HOUR, another_worker, create, done, fetch, finish, is_, job_of, mongo, note, ok, peak_kb,
    request, section, under_stack)

LIMIT_MB, USUAL_MB = 140, 64
# Parameters, and hours of them; the CSV of an hour of 1,000 has 3.7 GB.
WIDE = ((5, 24), (50, 6), (100, 3), (200, 2), (500, 1), (1000, 1))
SHORT = (5, 100, 1000)
SECONDS = 3600
LARGE_HOURS, LARGE_POINTS = 2, 1300000  # a document: 16 MB
STRINGS, STRING_BYTES = 15, 1000000     # a document: 15 MB
DOUBLE, STRING, DOCUMENT, INT32, INT64 = 1, 2, 3, 16, 18
CHUNK = 1 << 20
END_S = 900


def document(body):
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def leaf(key, value):
    name = b"%d\0" % key
    if isinstance(value, bytes):
        return bytes([STRING]) + name + struct.pack("<i", len(value) + 1) + value + b"\0"
    if isinstance(value, int):
        return bytes([INT32]) + name + struct.pack("<i", value)
    return bytes([DOUBLE]) + name + struct.pack("<d", value)


def hour(t, points):
    """An hour document: points (ms, value) in levels of five minutes."""
    levels = {}
    for ms, value in points:
        key = ms // 300000 * 300000
        levels.setdefault(key, []).append(leaf(ms - key, value))
    values = b"".join(bytes([DOCUMENT]) + b"%d\0" % key + document(
        bytes([DOCUMENT]) + b"values\0" + document(b"".join(leaves)))
        for key, leaves in levels.items())
    return document(bytes([INT64]) + b"_id\0" + struct.pack("<q", t) +
                    bytes([DOCUMENT]) + b"values\0" + document(values))


def put(client, vehicle, parameter, raw):
    from bson.raw_bson import RawBSONDocument
    client[vehicle][parameter].insert_one(RawBSONDocument(raw))


def name_of(n):
    return "p%04d" % n


def value_of(second, h):
    return round(second * 0.1 + h, 1)


def text_of(value):
    return b"%d" % value if value == int(value) else b"%.1f" % value


def rows_of_wide(n, h):
    """The rows of an hour: each parameter has the ms of its number, so no two share a row."""
    texts = [text_of(value_of(s, h)) for s in range(SECONDS)]
    tails = [b"," * (k + 1) for k in range(n)]
    ends = [b"," * (n - 1 - k) + b"\n" for k in range(n)]
    for s in range(SECONDS):
        first = START + h * HOUR + 1000 * s
        yield b"".join(b"%d%s%s%s" % (first + k, tails[k], texts[s], ends[k]) for k in range(n))


class Expected:
    """Bytes that come in pieces, against those of the CSVs of an archive."""

    def __init__(self, archive):
        self.z = zipfile.ZipFile(io.BytesIO(archive))

    def same(self, names, pieces):
        """Whether these entries, one after the other, are header and pieces; each has a header."""
        header = None
        left = iter(pieces)
        want = b""
        for name in names:
            with self.z.open(name) as f:
                line = f.readline()
                header = header or line
                if line != header:
                    return False
                while True:
                    got = f.read(CHUNK)
                    if not got:
                        break
                    while len(want) < len(got):
                        more = next(left, None)
                        if more is None:
                            return False
                        want += more
                    if want[:len(got)] != got:
                        return False
                    want = want[len(got):]
        return want == b"" and next(left, None) is None


def measure(name, body, limit_mb, check):
    """Exports it with 2 and with 8 threads, each time by a new worker; the archive of the first is
    checked, the second has the same CSVs."""
    first = None
    for threads in (2, 8):
        what = "%s, %d threads" % (name, threads)
        with another_worker(threads=threads) as worker:
            ident = create(body)
            job = finish(ident, seconds=END_S)
            is_(job["state"], "FINISHED", what + ": FINISHED")
            is_(worker.poll(), None, what + ": by one worker")
            peak = peak_kb(worker.pid) / 1024
        note("%s: peak %.1f MiB, %d points, %d bytes" % (
            what, peak, job_of(ident)["progress"]["points"], job.get("size", 0)))
        ok(peak <= limit_mb, "%s: at most %d MiB" % (what, limit_mb), "%.1f MiB" % peak)
        if job["state"] != "FINISHED":
            continue
        archive = fetch(ident)[1]
        with zipfile.ZipFile(io.BytesIO(archive)) as z:
            sums = [(i.filename, i.file_size, i.CRC) for i in z.infolist()[:-1]]
        if first is None:
            first = sums
            ok(check(archive, [s[0] for s in sums]), what + ": the rows that it has to have")
        else:
            is_(hashlib.sha256(repr(sums).encode()).hexdigest(),
                hashlib.sha256(repr(first).encode()).hexdigest(), what + ": the same files")


def wide(client, n, hours):
    vehicle = "vehicle_wide_%d" % n
    client.drop_database(vehicle)
    for h in range(hours):
        for k in range(n):
            put(client, vehicle, name_of(k), hour(START + h * HOUR, [
                (1000 * s + k, float(value_of(s, h))) for s in range(SECONDS)]))

    def check(archive, names):
        return Expected(archive).same(names, (piece for h in range(hours)
                                              for piece in rows_of_wide(n, h)))
    measure("%d parameters" % n, request(vehicles=[vehicle]),
            USUAL_MB if n == 5 else LIMIT_MB, check)
    client.drop_database(vehicle)


def large(client):
    vehicle = "vehicle_large_001"
    client.drop_database(vehicle)
    step = HOUR / LARGE_POINTS
    for h in range(LARGE_HOURS):
        raw = hour(START + h * HOUR, [(int(i * step), i % 5000) for i in range(LARGE_POINTS)])
        for n in range(5):
            put(client, vehicle, name_of(n), raw)

    def rows():
        for h in range(LARGE_HOURS):
            for at in range(0, LARGE_POINTS, 10000):
                yield b"".join(b"%d%s\n" % (START + h * HOUR + int(i * step),
                                            b",%d" % (i % 5000) * 5)
                               for i in range(at, at + 10000))

    measure("documents of 16 MB", request(vehicles=[vehicle]), LIMIT_MB,
            lambda archive, names: Expected(archive).same(names, rows()))
    client.drop_database(vehicle)


def strings(client):
    vehicle = "vehicle_strings_001"
    client.drop_database(vehicle)

    def text(n, i):
        return (b"%02d%02d" % (n, i) + hashlib.sha256(b"%d %d" % (n, i)).hexdigest().encode() *
                (STRING_BYTES // 64))[:STRING_BYTES]

    for n in range(5):
        put(client, vehicle, name_of(n), hour(START, [(i * 200000 + n, text(n, i))
                                                      for i in range(STRINGS)]))

    def rows():
        for i in range(STRINGS):
            for n in range(5):
                yield b"%d%s%s%s\n" % (START + i * 200000 + n, b"," * (n + 1), text(n, i),
                                       b"," * (4 - n))

    measure("an hour of strings of 1 MB", request(vehicles=[vehicle]), LIMIT_MB,
            lambda archive, names: Expected(archive).same(names, rows()))
    client.drop_database(vehicle)


def main():
    if "san" in os.environ.get("B", "build"):
        print("1..0 # SKIP sanitizers take memory of their own")
        return 0
    under_stack(__file__)
    client = mongo()
    for n, hours in WIDE:
        if n not in SHORT and os.environ.get("MEMORY_FULL") != "1":
            continue
        section("%d parameters" % n, wide, client, n, hours)
    section("large documents", large, client)
    section("strings", strings, client)
    return done()


if __name__ == "__main__":
    sys.exit(main())
