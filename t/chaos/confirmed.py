"""What an archive must have of vehicles that go on sending (telemetry.py): each document that a
majority had before the job was created, in that version or a later one. What came later may be in
or not: a session that begins at the claim promises at least that time, not one time for all. But
each document is whole, and the archive is, to the byte, the export of the documents it shows.
"""
import os
import sys
import zipfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

import fleet    # noqa: E402
import oracle   # noqa: E402
from telemetry import PARAMETERS, START, document, stamp     # noqa: E402


def found_in(path, request):
    """{(vehicle, parameter, hour): {versions}} and {vehicle: columns} of an archive; raises
    ValueError for what none of these vehicles sent."""
    with zipfile.ZipFile(path) as archive:
        files = [(i.filename, archive.read(i)) for i in archive.infolist()
                 if i.filename.endswith(".csv")]
    found, columns = {}, {}
    if len(files) != len(request["vehicles"]):
        raise ValueError("%d files for %d vehicles" % (len(files), len(request["vehicles"])))
    for vehicle, (name, body) in zip(request["vehicles"], files):
        header, *rows = body.decode("utf-8-sig").split("\r\n" if request["csv"] == "excel"
                                                      else "\n")
        columns[vehicle] = header.split(",")[1:]
        for row in rows[:-1]:
            t, *cells = row.split(",")
            hour = (int(t) - START) // fleet.HOUR
            if len(cells) != len(columns[vehicle]):
                raise ValueError("%s: %r below %r" % (name, row, header))
            for parameter, cell in zip(columns[vehicle], cells):
                if cell:
                    found.setdefault((vehicle, parameter, hour), set()).add(int(cell))
    return found, columns


def data_of(found, columns):
    """The data, as t/oracle.py takes it, of which an archive with these versions is the export."""
    data = {v: {p: [] for p in columns[v]} for v in columns}
    for (vehicle, parameter, hour), versions in sorted(found.items()):
        data[vehicle][parameter].append((stamp(hour), document(vehicle, parameter, hour,
                                                               max(versions))))
    return data


def unsound(path, request):
    """(None or what is wrong with an archive whatever its time, {(vehicle, parameter, hour):
    version}, {vehicle: columns}): it must be, to the byte, the export of whole documents."""
    try:
        found, columns = found_in(path, request)
    except (ValueError, zipfile.BadZipFile, zlib.error) as e:
        return "no such telemetry: %s" % e, {}, {}
    torn = sorted(d for d, versions in found.items() if len(versions) > 1)
    wrong = "versions %s of %s" % (sorted(found[torn[0]]), torn[0]) if torn else \
        oracle.compare(path, oracle.expect(data_of(found, columns), request)) or \
        oracle.form(path, request["endDate"])
    return wrong, {d: max(versions) for d, versions in found.items()}, columns


class Confirmed:
    """What a majority had at a time, from the journal."""

    def __init__(self, entries):
        self.writes = [(e["t"], (e["vehicle"], e["parameter"], e["hour"]), e["n"])
                       for e in entries if e["op"] == "write"]
        self.newest = {}
        for e in entries:
            if e["op"] in ("write", "unconfirmed"):
                self.newest[e["vehicle"], e["parameter"], e["hour"]] = e["n"]

    def before(self, t, request):
        """{(vehicle, parameter, hour): (version, when it was confirmed)} that this request asks
        for."""
        out = {}
        for at, which, n in self.writes:
            if at >= t:
                break
            vehicle, parameter, hour = which
            if vehicle in request["vehicles"] and request["startDate"] <= stamp(
                    hour) < request["endDate"] and parameter in (request["parameters"]
                                                                or PARAMETERS):
                out[which] = (n, at)
        return out

    def lacking(self, t, request, versions, columns):
        """None, or what an archive lacks that was confirmed before t. Whatever was written after t
        may be in or not."""
        want = self.before(t, request)
        short = sorted(d for d, (n, _) in want.items() if versions.get(d, 0) < n
                       or d[1] not in columns[d[0]])
        if not short:
            return None
        d = max(short, key=lambda d: want[d][1])
        return ("%d of %d documents that a majority had before %.3f are missing (%d) or old; the "
                "last: %s %s hour %d, version %d confirmed at %.3f, has %s" % (
                    len(short), len(want), t, sum(d not in versions for d in short), *d, *want[d],
                    versions.get(d, "none")))

    def invented(self, versions):
        """None, or a version that was never sent."""
        for d, n in sorted(versions.items()):
            if n > self.newest.get(d, 0):
                return "version %d of %s was never written" % (n, d)
        return None
