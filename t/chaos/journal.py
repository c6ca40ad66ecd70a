"""The journal of a chaos run: one JSON line a fact, in the order in which the client learned them.
Times are of one monotonic clock."""
import json
import threading
import time

# A state never goes to a lower rank, nor to another of the same.
RANK = {"NOT_STARTED": 0, "STARTED": 1, "FINISHED": 2, "FAILED": 2, "CANCELLED": 2, "EXPIRED": 3}
FINAL = ("FINISHED", "FAILED", "CANCELLED", "EXPIRED")


class Journal:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1, encoding="utf-8")
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def now(self):
        return round(time.monotonic() - self.began, 4)

    def add(self, op, **facts):
        with self.lock:
            self.file.write(json.dumps(dict({"t": self.now(), "op": op}, **facts)) + "\n")


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def went_back(before, after):
    """Whether a client that was sent `before` may not be sent `after` later."""
    return after != before and RANK[after] <= RANK[before] or (after == "EXPIRED" and before
            in ("FAILED", "CANCELLED"))


def backwards(entries):
    """[(id, state sent, state sent later)]: two answers are in order only where their requests did
    not overlap."""
    told, wrong = {}, []
    for e in entries:
        if e.get("state") not in RANK:
            continue
        for end, state in told.get(e["id"], ()):
            if end < e["sent"] and went_back(state, e["state"]):
                wrong.append((e["id"], state, e["state"], end, e["sent"]))
        mine = told.setdefault(e["id"], [])
        if not mine or mine[-1][1] != e["state"]:
            mine.append((e["t"], e["state"]))
    return wrong
