#!/usr/bin/python3
"""A worker's memory is bounded whatever the documents are: a vehicle of 200 parameters, and one
of five whose documents have the 16 MB that MongoDB allows.

Prints TAP, the figures as comments.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    START, HOUR, create, done, finish, is_, job_of, mongo, note, ok, peak_kb, pid_of, request,
    section, under_stack, worker_anew)

WIDE, LARGE = "vehicle_wide_001", "vehicle_large_001"
PARAMETERS, WIDE_HOURS, LARGE_HOURS = 200, 4, 2
WIDE_POINTS = 3600                      # a document: each second
LARGE_POINTS = 1300000                  # a document: 16 MB
DOUBLE, DOCUMENT, INT32, INT64 = 1, 3, 16, 18
DOCUMENT_MAX = 16 * 1024 * 1024


def document(body):
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def hour(t, points):
    """An hour document: points (ms, value) in levels of five minutes."""
    levels = {}
    for ms, value in points:
        key = ms // 300000 * 300000
        leaf = (b"\x10%d\0" % (ms - key) + struct.pack("<i", value)) if isinstance(value,
                int) else (
            b"\x01%d\0" % (ms - key) + struct.pack("<d", value))
        levels.setdefault(key, []).append(leaf)
    values = b"".join(b"\x03%d\0" % key + document(b"\x03values\0" + document(b"".join(leaves)))
                      for key, leaves in levels.items())
    return document(b"\x12_id\0" + struct.pack("<q", t) + b"\x03values\0" + document(values))


def measure(name, body, points, limit_mb):
    pid = worker_anew()
    ident = create(body)
    job = finish(ident, seconds=300)
    is_(job["state"], "FINISHED", name + ": FINISHED")
    is_(pid_of("WORKER_PIDFILE"), pid, name + ": by one worker")
    is_(job_of(ident)["progress"]["points"], points, name + ": all points are there")
    peak = peak_kb(pid) / 1024
    note("%s: peak %.1f MiB" % (name, peak))
    ok(peak < limit_mb, "%s: less than %d MiB" % (name, limit_mb), "%.1f MiB" % peak)


def wide(client):
    from bson.raw_bson import RawBSONDocument
    for h in range(WIDE_HOURS):
        points = [(1000 * s + 7, round(s * 0.1 + h, 1)) for s in range(WIDE_POINTS)]
        raw = hour(START + h * HOUR, points)
        for n in range(PARAMETERS):
            client[WIDE]["p%03d" % n].insert_one(RawBSONDocument(raw))
    measure("200 parameters", request(vehicles=[WIDE]), PARAMETERS * WIDE_HOURS * WIDE_POINTS, 128)


def large(client):
    from bson.raw_bson import RawBSONDocument
    for h in range(LARGE_HOURS):
        raw = hour(START + h * HOUR,
                   [(n * HOUR // LARGE_POINTS, n % 5000) for n in range(LARGE_POINTS)])
        if h == 0:
            note("a document of %.2f MiB" % (len(raw) / 1048576))
        ok(DOCUMENT_MAX * 0.9 < len(raw) <= DOCUMENT_MAX, "a document as large as MongoDB allows",
           len(raw))
        for n in range(5):
            client[LARGE]["p%d" % n].insert_one(RawBSONDocument(raw))
    measure("documents of 16 MB", request(vehicles=[LARGE]), 5 * LARGE_HOURS * LARGE_POINTS, 256)


def main():
    if "san" in os.environ.get("B", "build"):
        print("1..0 # SKIP sanitizers take memory of their own")
        return 0
    under_stack(__file__)
    client = mongo()
    for name, f in ((WIDE, wide), (LARGE, large)):
        client.drop_database(name)
        section(name, f, client)
        client.drop_database(name)
    return done()


if __name__ == "__main__":
    sys.exit(main())
