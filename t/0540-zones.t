#!/usr/bin/python3
"""Times of day in zones, against Python's own reader of the same database.

Random zones and ranges: times anywhere in the range, and those around each change, which also are
where Python has changes; years up to 9999, before a zone's first change and after its last one.
Then every zone that the system has. Prints TAP. Environment: B (build); ZONES_SEED (1).
"""
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import ROOT, done, is_, ok, seed_of, skip_all     # noqa: E402

TOOL = os.path.join(ROOT, os.environ.get("B", "build"), "t", "zones")
DAY = 86400000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
LAST = 253402300799999 - DAY           # of year 9999, less what an offset may add
SINCE_1800 = -5364662400000
ODD = ["UTC", "Asia/Kathmandu", "Pacific/Chatham", "Africa/Monrovia", "Australia/Lord_Howe",
       "Africa/Casablanca", "Africa/El_Aaiun", "Europe/Dublin", "Pacific/Apia", "America/Nuuk",
       "Antarctica/Troll", "America/Scoresbysund", "Asia/Gaza", "Etc/GMT+12", "Pacific/Kiritimati",
       "America/Santiago", "Asia/Tehran", "Europe/London", "Europe/Amsterdam", "Etc/UTC"]
UNKNOWN = ["Europe/Nowhere", "europe/berlin", "Europe", "Europe/", "/Europe/Berlin", "", "..",
           "../../etc/passwd", "Europe/../UTC", "Europe//Berlin", "posix/Europe/Berlin", "zone.tab",
           "right/Europe/Berlin", "localtime", "posixrules", "tzdata.zi", "Europe/Berlin.", "+1",
           "leapseconds", "a" * 65, "UTC+1"]


def text(ms, zone):
    t = (EPOCH + datetime.timedelta(milliseconds=ms)).astimezone(zone)
    return "%04d-%02d-%02d %02d:%02d:%02d.%03d" % (t.year, t.month, t.day, t.hour, t.minute,
                                                   t.second, ms % 1000)


def offset(ms, zone):
    return (EPOCH + datetime.timedelta(milliseconds=ms)).astimezone(zone).utcoffset()


def changes(a, b, zone):
    """When its offset changes in [a, b): Unix ms, by halving steps of five days."""
    found = []
    for left in range(a, b, 5 * DAY):
        right = min(left + 5 * DAY, b - 1)
        if offset(left, zone) == offset(right, zone):
            continue
        while right - left > 1:
            middle = (left + right) // 2
            if offset(middle, zone) == offset(left, zone):
                left = middle
            else:
                right = middle
        found.append(right)
    return found


def ranges(r, names):
    """(name, from, to) of 200 draws."""
    for i in range(200):
        name = ODD[i] if i < len(ODD) else r.choice(names)
        era = r.randrange(6)
        if era == 0:
            a = r.randrange(SINCE_1800, 0)
        elif era == 1:
            a = r.randrange(2145916800000, LAST)       # after 2037: only rules
        elif era == 2:
            a = 0
        else:
            a = r.randrange(0, 4102444800000)
        b = a + r.choice((1, 3600000, DAY, 30 * DAY, 366 * DAY, 5000 * DAY, 40000 * DAY))
        yield name, a, min(b, LAST)


def ask(lines):
    run = subprocess.run([TOOL], input="".join("%s\n" % x for x in lines), text=True,
                         stdout=subprocess.PIPE, timeout=120, check=False,
                         env=dict(os.environ, MONGOC_DISABLE_SHM="1"))
    return run.returncode, run.stdout.splitlines()


def wrong_of(r, name, a, b):
    """None, or the first difference."""
    zone = zoneinfo.ZoneInfo(name)
    few = b - a <= 5000 * DAY
    moments = changes(a, b, zone) if few else []
    times = sorted({t for m in moments for t in (m - 61000, m - 1, m, m + 1, m + 59999)
                    if a <= t < b} | {a, b - 1} | {r.randrange(a, b) for _ in range(200)})
    status, lines = ask(["zone %s %d %d" % (name, a, b)] + times)
    if status != 0 or len(lines) != len(times) + 1:
        return "exit %d, %d lines for %d times: %s" % (status, len(lines), len(times), lines[-1:])
    table = [int(n) for n in lines[0].split()]
    if few and [n * 1000 for n in table[1::2]] != moments:
        return "changes: want %s, got %s" % (moments, table)
    for t, got in zip(times, lines[1:]):
        if got != text(t, zone):
            return "%d: want %s, got %s" % (t, text(t, zone), got)
    return None


def main():
    if not os.access(TOOL, os.X_OK):
        skip_all("%s; run make" % TOOL)
    r = random.Random(seed_of("ZONES_SEED"))
    names = sorted(n for n in zoneinfo.available_timezones() if n != "localtime")
    ok(len(names) > 300, "%d zones" % len(names))
    bad = [(name, a, b, wrong) for name, a, b in ranges(r, names)
           for wrong in [wrong_of(r, name, a, b)] if wrong]
    is_(bad[:3], [], "200 zones and ranges")
    bad = [(name, wrong) for name in names for wrong in [wrong_of(r, name, 0, 2 * 366 * DAY)]
           if wrong]
    is_(bad[:3], [], "all zones: 1970 and 1971")
    bad = [(name, wrong) for name in names
           for wrong in [wrong_of(r, name, 1514764800000, 1514764800000 + 3 * 366 * DAY)] if wrong]
    is_(bad[:3], [], "all zones: 2018 to 2020")
    for name in UNKNOWN:
        is_(ask(["zone %s 0 1" % (name or "''")]), (0, ["unknown"]), "no zone: %r" % name[:30])
    return done()


if __name__ == "__main__":
    sys.exit(main())
