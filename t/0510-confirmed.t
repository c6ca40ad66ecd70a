#!/usr/bin/python3
"""The judge of t/chaos/ on archives that build/t/engine makes of telemetry that goes on: it finds
what is missing, old, torn or was never sent, and nothing else.

Prints TAP. Environment: B (build) where the engine is.
"""
import datetime
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE + "/chaos", HERE]
sys.dont_write_bytecode = True

from service import done, is_, ok, section, skip_all     # noqa: E402
try:
    import confirmed        # noqa: E402
    import journal          # noqa: E402
    import telemetry        # noqa: E402
except ImportError as e:
    skip_all("%s; run scripts/deps" % e)
import fleet                # noqa: E402

ENGINE = os.path.join(os.path.dirname(HERE), os.environ.get("B", "build"), "t", "engine")
V, W = telemetry.VEHICLES[:2]
REQUEST = {"startDate": telemetry.stamp(0), "endDate": telemetry.stamp(24), "vehicles": [W, V],
           "parameters": None, "time": "ms", "csv": "rfc4180"}

# (when it was confirmed, vehicle, parameter, hour, version)
WRITES = [(1, V, "speed", 0, 1), (2, V, "speed", 1, 1), (3, W, "soc", 5, 1), (4, V, "speed", 0, 2),
          (5, V, "speed", 30, 1), (6, V, "door", 7, 1), (7, W, "soc", 5, 2), (8, V, "speed", 0, 3)]
ENTRIES = [{"op": "write", "t": t, "vehicle": v, "parameter": p, "hour": h, "n": n}
           for t, v, p, h, n in WRITES]
AT_5 = {(V, "speed", 0): 2, (V, "speed", 1): 1, (W, "soc", 5): 1}

# Of a job created at 5.5: (name, what its archive has, columns of V, what is found)
ROWS = [
    ("as confirmed", AT_5, ["speed"], None),
    ("newer", {**AT_5, (V, "speed", 0): 3, (W, "soc", 5): 2}, ["speed"], None),
    ("newer, and not all that is", {**AT_5, (W, "soc", 5): 2}, ["speed"], None),
    ("a new column", AT_5, ["speed", "door"], None),
    ("a new column and its document", {**AT_5, (V, "door", 7): 1}, ["speed", "door"], None),
    ("unconfirmed", {**AT_5, (V, "speed", 2): 1}, ["speed"], None),
    ("an old version", {**AT_5, (V, "speed", 0): 1}, ["speed"],
     "1 of 3 documents that a majority had before 5.500 are missing (0) or old; the last: %s speed "
     "hour 0, version 2 confirmed at 4.000, has 1" % V),
    ("a document missing", {d: n for d, n in AT_5.items() if d[2] != 1}, ["speed"],
     "1 of 3 documents that a majority had before 5.500 are missing (1) or old; the last: %s speed "
     "hour 1, version 1 confirmed at 2.000, has none" % V),
    ("a column missing", {(W, "soc", 5): 1}, [],
     "2 of 3 documents that a majority had before 5.500 are missing (2) or old; the last: %s speed "
     "hour 0, version 2 confirmed at 4.000, has none" % V),
    ("never written", {**AT_5, (V, "speed", 0): 4}, ["speed"],
     "version 4 of %s was never written" % ((V, "speed", 0),)),
]


def judged(path, at, request=REQUEST):
    """None, or what the judge says of an archive of a job created at this time."""
    wrong, versions, columns = confirmed.unsound(path, request)
    told = confirmed.Confirmed(ENTRIES + [{"op": "unconfirmed", "vehicle": V, "parameter": "speed",
                                           "hour": 2, "n": 1}])
    return wrong or told.lacking(at, request, versions, columns) or told.invented(versions)


def archive(folder, data, request=REQUEST):
    place, out = os.path.join(folder, "fleet"), os.path.join(folder, "out.zip")
    subprocess.run(["rm", "-rf", place], check=True)
    fleet.write(place, data, request)
    subprocess.run([ENGINE, place, out], stdout=subprocess.DEVNULL, check=True)
    return out


def data_of(versions, columns):
    return confirmed.data_of({d: {n} for d, n in versions.items()},
                             {V: columns, W: ["soc"]})


def rows(folder):
    for name, versions, columns, want in ROWS:
        is_(judged(archive(folder, data_of(versions, columns)), 5.5), want, name)
    empty = archive(folder, data_of({}, ["speed"]))
    is_(judged(empty, 0.5), None, "nothing was confirmed: nothing may be missing")
    is_(judged(empty, 1), None, "confirmed after the POST was sent: nothing may be missing")
    ok(judged(empty, 1.1), "confirmed before: it may not")


def requests(folder):
    narrow = dict(REQUEST, vehicles=[V], parameters=["door", "speed"], csv="excel",
                  endDate=telemetry.stamp(1))
    data = {V: data_of(AT_5, ["speed"])[V]}
    is_(judged(archive(folder, data, narrow), 5.5, narrow), None,
        "what is outside of the request is not missed")
    one = dict(REQUEST, vehicles=[V])
    is_(judged(archive(folder, data, one), 5.5, one), None, "nor another vehicle")
    data = {V: data_of({(V, "speed", 0): 1}, ["speed"])[V]}
    ok(judged(archive(folder, data, narrow), 5.5, narrow), "what is inside is")


def torn(folder):
    """A document of which a part is missing, or that has two versions' points."""
    first, second = (telemetry.document(V, "speed", 0, n) for n in (2, 3))
    data = data_of(AT_5, ["speed"])
    at, speed = telemetry.stamp(0), data[V]["speed"]
    speed[0] = (at, first)
    speed.insert(1, (at + 1, second))
    ok("versions [2, 3] of" in (judged(archive(folder, data), 5.5) or ""), "two versions of one")
    end = first.rindex(b"\x10", 0, len(first) - 7)      # its last point
    half = first[:end] + b"\0\0"
    inner = half.index(b"\3values\0") + 8
    half = fleet.int32(len(half)) + half[4:inner] + fleet.int32(len(half) - inner - 1) + \
        half[inner + 4:]
    data = data_of(AT_5, ["speed"])
    data[V]["speed"][0] = (at, half)
    found = judged(archive(folder, data), 5.5) or ""
    ok(V + ".csv" in found, "a part of a document", found)


def created():
    """The time before which a write counts."""
    def post(sent, t, status, ident=None):
        return {"op": "post", "sent": sent, "t": t, "status": status, "id": ident}

    def at(wall):
        return {"createdAt": datetime.datetime.fromtimestamp(wall, datetime.timezone.utc).replace(
            tzinfo=None)}

    entries = [{"op": "began", "t": 0, "wall": 1e9}, post(10, 11, 202, "a"), post(12, 13, 0),
               post(20, 21, 202, "b"), post(30, 31, 202, "a")]
    is_(journal.created(entries, {"a": at(1e9 + 10.5), "b": at(1e9 + 12.5)}), {"a": 10, "b": 12.5},
        "the POST that made the job, also where it had no answer")


def main():
    if not os.access(ENGINE, os.X_OK):
        skip_all("no %s; run make %s" % (ENGINE, os.path.relpath(ENGINE)))
    with tempfile.TemporaryDirectory() as folder:
        section("rows", rows, folder)
        section("requests", requests, folder)
        section("torn", torn, folder)
    section("created", created)
    return done()


if __name__ == "__main__":
    sys.exit(main())
