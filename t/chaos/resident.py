"""Memory and file descriptors of the service's processes over a run: whether they grow."""
import collections
import os
import statistics
import time

PROGRAMS = ("export-worker", "export-api")


def measure(pid):
    """(resident kB, open files) of a process, None when it is gone."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            kb = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        return kb, len(os.listdir("/proc/%d/fd" % pid))
    except (OSError, StopIteration):
        return None


class Resident:
    """sample() now and then; lines() in the end."""

    def __init__(self, site):
        # (program, pid): [(time, kB, files)]
        self.site, self.seen = site, collections.defaultdict(list)

    def sample(self):
        now = time.monotonic()
        for program in PROGRAMS:
            for pid in self.site.pids(program):
                found = measure(pid)
                if found:
                    self.seen[program, pid].append((now, *found))

    def lines(self):
        """The most of each program, and for the processes that lived through most of the run: the
        median of its second fifth against that of its last."""
        times = [s[0] for samples in self.seen.values() for s in samples]
        if not times:
            return
        first, span = min(times), max(times) - min(times)
        for program in PROGRAMS:
            all_ = [s for (p, _), samples in self.seen.items() if p == program for s in samples]
            if all_:
                yield "%s: resident at most %d kB, open files at most %d" % (program,
                        max(s[1] for s in all_), max(s[2] for s in all_))
            for (p, pid), samples in sorted(self.seen.items()):
                early, late = ([s for s in samples if first + span * a <= s[0] <= first + span * b]
                               for a, b in ((0.2, 0.4), (0.8, 1)))
                if p == program and early and late and samples[0][0] < first + span * 0.2:
                    yield "  %d: %d -> %d kB, %d -> %d files, in %.1f min" % (
                        pid, statistics.median(s[1] for s in early),
                        statistics.median(s[1] for s in late),
                        statistics.median(s[2] for s in early),
                        statistics.median(s[2] for s in late), span / 60)
