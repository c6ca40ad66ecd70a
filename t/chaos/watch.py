"""Every change of exports.jobs that a majority has, through a change stream: what no poll can miss.
It judges as it goes."""
import threading
import time

import pymongo
from pymongo.errors import PyMongoError

from journal import FINAL, RANK

MAY = {("NOT_STARTED", "STARTED"), ("NOT_STARTED", "CANCELLED"), ("NOT_STARTED", "FAILED"),
       ("STARTED", "FINISHED"),
       ("STARTED", "FAILED"), ("STARTED", "CANCELLED"), ("FINISHED", "EXPIRED")}


class Watch(threading.Thread):
    """wrong: texts. held(worker) and recovered(): see there. Ends with stop()."""

    def __init__(self, uri, max_attempts, journal):
        super().__init__(daemon=True)
        self.uri, self.max_attempts, self.journal = uri, max_attempts, journal
        self.jobs, self.waits, self.recoveries = {}, [], []
        self.wrong, self.gaps = [], 0
        self.lock = threading.Lock()
        self.ready, self.ending = threading.Event(), False

    def run(self):
        token = None
        while not self.ending:
            try:
                with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=5000,
                                         socketTimeoutMS=20000) as client:
                    with client.exports.jobs.watch(resume_after=token,
                                                   max_await_time_ms=500) as stream:
                        self.ready.set()
                        while not self.ending:
                            event = stream.try_next()
                            token = stream.resume_token or token
                            if event:
                                self.take(event)
            except PyMongoError as e:
                self.gaps += 1
                if not self.ending:
                    self.journal.add("watch", why="%s: %s" % (type(e).__name__, str(e)[:200]))
                    time.sleep(0.5)

    def stop(self):
        self.ending = True
        self.join(30)

    def take(self, event):
        ident, kind = str(event["documentKey"]["_id"]), event["operationType"]
        with self.lock:
            if kind == "insert":
                d = event["fullDocument"]
                if ident in self.jobs:
                    self.wrong.append("%s: inserted twice" % ident)
                self.jobs[ident] = {"state": d["state"], "fence": d["fence"],
                                    "attempts": d["attempts"], "worker": d.get("worker")}
            elif kind == "update":
                self.update(ident, event["updateDescription"])
            else:
                self.wrong.append("%s: %s" % (ident, kind))

    def update(self, ident, description):
        new, gone = description["updatedFields"], description["removedFields"]
        job = self.jobs.get(ident)
        if job is None:
            self.wrong.append("%s: updated before it was there" % ident)
            return
        if job["state"] in FINAL and new.get("state") != "EXPIRED":
            self.wrong.append("%s: changed after its end (%s): %s, removed %s"
                              % (ident, job["state"], sorted(new), gone))
        if "state" in new and (job["state"], new["state"]) not in MAY:
            self.wrong.append("%s: went from %s to %s" % (ident, job["state"], new["state"]))
        if "fence" in new and new["fence"] != job["fence"] + 1:
            self.wrong.append("%s: fence went from %d to %d" % (ident, job["fence"], new["fence"]))
        if "attempts" in new and abs(new["attempts"] - job["attempts"]) != 1:
            self.wrong.append("%s: attempts went from %d to %d" % (ident, job["attempts"],
                    new["attempts"]))
        if new.get("attempts", 0) > self.max_attempts:
            self.wrong.append("%s: attempt %d of %d" % (ident, new["attempts"], self.max_attempts))
        for key in ("state", "fence", "attempts", "worker"):
            if key in new:
                job[key] = new[key]
        if "worker" in gone:
            job["worker"] = None
        if "object" in new and "exports/%s/%d/export-%s.zip" % (ident, job["fence"],
                ident) != new["object"]["key"]:
            self.wrong.append("%s: fence %d, key %s" % (ident, job["fence"], new["object"]["key"]))
        self.recovered(ident, job)

    # From the end of a worker to the next claim of the job that it held, or the job's end.
    def lost_worker(self, pid, why):
        """To be called when the worker of this pid was killed or stopped; whether it held a job."""
        with self.lock:
            for ident, job in self.jobs.items():
                if job["worker"] and job["worker"].endswith(":%d"
                                                            % pid) and job["state"] == "STARTED":
                    self.waits.append((ident, job["fence"], time.monotonic(), why))
                    return True
        return False

    def recovered(self, ident, job):
        for w in [w for w in self.waits if w[0] == ident]:
            if job["fence"] > w[1] or RANK[job["state"]] >= 2:
                self.recoveries.append((time.monotonic() - w[2], ident, w[3]))
                self.waits.remove(w)
