"""The journal of a chaos run: one JSON line a fact, in the order in which the client learned them.
Times are of one monotonic clock."""
import datetime
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
        self.add("began", wall=time.time())

    def now(self):
        return round(time.monotonic() - self.began, 4)

    def add(self, op, **facts):
        with self.lock:
            self.file.write(json.dumps(dict({"t": self.now(), "op": op}, **facts)) + "\n")


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def created(entries, documents):
    """{id: the latest time that is before the job was created}: its POST was sent then, or an
    earlier one that got no answer; the database's clock says which."""
    wall = next(e["wall"] for e in entries if e["op"] == "began")
    out = {}
    for e in entries:
        if e["op"] == "post" and e["status"] == 202 and e["id"] in documents:
            at = documents[e["id"]]["createdAt"].replace(tzinfo=datetime.timezone.utc)
            out.setdefault(e["id"], min(e["sent"], at.timestamp() - wall))
    return out


def intervals(entries, kinds):
    """[(begin, end)] of the faults of these kinds."""
    out, begun = [], {}
    for e in entries:
        if e["op"] == "fault" and e["kind"] in kinds:
            begun[e["kind"]] = e["t"]
        elif e["op"] == "repaired" and e["kind"] in begun:
            out.append((begun.pop(e["kind"]), e["t"]))
    return out


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
