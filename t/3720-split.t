#!/usr/bin/python3
"""Several workers make a large job: the archive is the same to the byte as that of one worker, a
small job has no units, a lost worker costs its unit and not the job, DELETE ends all of it, and a
piece that is gone or broken is made again.

Prints TAP. Always on its own stack, with t/3720-split.conf. The test starts the workers itself,
each with its log.
"""
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import fleet                            # noqa: E402
from service import (                   # noqa: E402
    DAY, HOUR, ROOT, START, call, configuration, create, differs, done, fetch, finish, freeze,
    generate, is_, job_document, jobs_of, load, mongo, note, ok, request, s3, section, setting,
    stack, under_stack, wait_for)

VEHICLES, DAYS, UNITS = 12, 2, 12
LEAST_SPLIT = 65536
B = os.path.join(ROOT, os.environ.get("B", "build"))


class Worker:
    """A worker that the test starts; lines(op): the fields of its log lines of this op."""
    number = 0

    def __init__(self, folder, **settings):
        Worker.number += 1
        self.log = os.path.join(folder, "worker%d.log" % Worker.number)
        conf = configuration(os.path.join(folder, "worker%d.conf" % Worker.number), worker_log=None,
                             **settings)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([os.path.join(B, "export-worker"), "-c", conf],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def lines(self, op):
        with open(self.log, encoding="utf-8") as f:
            return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in f
                    if re.search(r"\bop=%s\b" % op, line)]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=30)


class Workers:
    """n of them for one section, all ended after it."""

    def __init__(self, folder, n, **settings):
        self.folder, self.settings, self.n, self.all = folder, settings, n, []

    def more(self, **settings):
        self.all.append(Worker(self.folder, **dict(self.settings, **settings)))
        return self.all[-1]

    def __enter__(self):
        for _ in range(self.n):
            self.more()
        return self

    def __exit__(self, *_):
        for w in self.all:
            w.stop()

    def lines(self, op):
        return [dict(line, worker=k) for k, w in enumerate(self.all) for line in w.lines(op)]


def pieces_of(ident):
    found = s3().list_objects_v2(Bucket=os.environ["S3_BUCKET"], Prefix="units/%s/" % ident)
    return sorted(x["Key"] for x in found.get("Contents", []))


def units_of(ident):
    from bson import ObjectId
    return list(mongo().exports.units.find({"job": ObjectId(ident)}).sort("unit", 1))


def skipped_in(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        return json.loads(z.read("manifest.json"))["skippedVehicles"]


def whole(ident, reference, name, seconds=90):
    """The job ends well, with the archive that one worker makes, and leaves no unit."""
    if not is_(finish(ident, seconds=seconds)["state"], "FINISHED", name + ": FINISHED"):
        return note(job_document(jobs_of(mongo()), ident))
    job, archive = fetch(ident)
    is_(differs(archive, reference), None, name + ": the same archive to the byte")
    is_(job.get("skippedVehicles", []), skipped_in(reference), name + ": the same vehicles skipped")
    wait_for("the units to go", lambda: not units_of(ident), 10)
    return ok(True, name + ": no unit is left")


def by_one(folder, body, **settings):
    with Workers(folder, 1, split_documents=0, **settings) as workers:
        ident = create(body)
        finish(ident)
        is_(len(workers.lines("unit_claimed")), 0, "split_documents = 0: no units")
        return fetch(ident)[1], call("GET", "/export/%s/preview" % ident).json()


def small(folder, split):
    with Workers(folder, 2, split_documents=split) as workers:
        for what in (request(days=DAYS, vehicles=["vehicle_001", "vehicle_002"]),
                     request(days=DAYS, vehicles=["vehicle_003"])):
            finish(create(what))
        is_(len(workers.lines("unit_claimed")) + len(workers.lines("split")), 0,
            "jobs of few documents have no units")


def several(folder, body, split, reference, preview, n):
    with Workers(folder, n, split_documents=split, read_documents_s=300) as workers:
        ident = create(body)
        whole(ident, reference, "%d workers" % n)
        is_(call("GET", "/export/%s/preview" % ident).json(), preview,
            "%d workers: the same preview" % n)
        wait_for("the last line", lambda: len(workers.lines("unit_done")) >= UNITS, 10)
        made = workers.lines("unit_done")
        is_(sorted(int(x["unit"]) for x in made), list(range(UNITS)),
            "%d workers: each unit was made once" % n)
        ok(len({x["worker"] for x in made}) == n, "%d workers: each made some" % n, made)
        is_([x["units"] for x in workers.lines("split")], [str(UNITS)],
            "%d workers: the log says that it is split" % n)
        progress = job_document(jobs_of(mongo()), ident)["progress"]
        ok(progress["documents"] == progress["documentsTotal"] > 0,
           "%d workers: the progress is the sum of the units'" % n, progress)
        is_(len(pieces_of(ident)), UNITS,
            "%d workers: the pieces are left to the lifecycle rule" % n)


def other_settings(folder, body, split):
    """The worker that plans a job sets csv_split_bytes for all units. It has no more connections
    than it needs."""
    reference, _ = by_one(folder, body, csv_split_bytes=LEAST_SPLIT)
    uri = setting("mongodb_uri", "") + "&maxPoolSize=14"
    with Workers(folder, 1, split_documents=split, read_documents_s=300,
                 csv_split_bytes=LEAST_SPLIT, mongodb_uri=uri) as workers:
        ident = create(body)
        wait_for("the plan", lambda: workers.lines("split"), 30)
        other = workers.more(csv_split_bytes=1000 * LEAST_SPLIT)
        whole(ident, reference, "csv_split_bytes differ")
        ok(other.lines("unit_done"), "csv_split_bytes differ: the other worker made a unit")


def local_times(folder, body, split):
    """Units write the times of the offsets that the job has, whatever their hosts' tzdata says."""
    body = dict(body, time="local", timeZone="Asia/Kathmandu", csv="excel-semicolon")
    reference, _ = by_one(folder, body)
    with Workers(folder, 2, split_documents=split, read_documents_s=300) as workers:
        ident = create(body)
        wait_for("the plan", lambda: workers.lines("split"), 30)
        kept = job_document(jobs_of(mongo()), ident)["zoneOffsets"]
        is_((kept, {u["zoneOffsets"] for u in units_of(ident)}), ("20700", {"20700"}),
            "local times: job and units have the zone's offsets")
        whole(ident, reference, "local times")


def units_in_headers(folder, body, split):
    """The archive names its columns; who makes its parts need not know a unit."""
    body = dict(body, header="unit")
    known = mongo().exports.parameters
    known.replace_one({"_id": "speed"}, {"_id": "speed", "unit": "km/h"}, upsert=True)
    try:
        reference, _ = by_one(folder, body)
        with zipfile.ZipFile(io.BytesIO(reference)) as z:
            ok(b"speed [km/h]" in z.read(z.namelist()[0]).partition(b"\n")[0],
               "units in headers: there is one")
        with Workers(folder, 2, split_documents=split, read_documents_s=300) as workers:
            ident = create(body)
            wait_for("the plan", lambda: workers.lines("split"), 30)
            whole(ident, reference, "units in headers")
    finally:
        known.delete_one({"_id": "speed"})


def slow_pair(folder, split):
    """Two workers that read slowly."""
    return Workers(folder, 2, split_documents=split, read_documents_s=150)


def begun(workers, ident, done_units=3):
    """(coordinator, helper), when the job is split, some units are done, and both work on one."""
    wait_for("some units", lambda: len(workers.lines("unit_done")) >= done_units and
             len({u["worker"] for u in units_of(ident) if u["state"] == "STARTED"
                  and "worker" in u}) == 2, 60)
    first = next(k for k, w in enumerate(workers.all) if w.lines("split"))
    return workers.all[first], workers.all[1 - first]


def lost(folder, body, split, reference, total, which):
    with slow_pair(folder, split) as workers:
        ident = create(body)
        coordinator, helper = begun(workers, ident)
        gone = coordinator if which == "the job's" else helper
        gone.kill()
        ok(not os.path.exists("/dev/shm/mongoc-%d" % gone.process.pid),
           which + " worker lost: it leaves no file in shared memory")
        before = len(workers.lines("unit_done"))
        if which == "the job's":
            workers.more()
        whole(ident, reference, which + " worker lost")
        is_(job_document(jobs_of(mongo()), ident)["attempts"], 2 if which == "the job's" else 1,
            which + " worker lost: attempts at the job")
        progress = job_document(jobs_of(mongo()), ident)["progress"]
        ok(progress["documents"] == progress["documentsTotal"] == total,
           which + " worker lost: the progress is whole", progress)
        claims = len(workers.lines("unit_claimed"))
        ok(claims <= UNITS + 2, which + " worker lost: it cost its unit",
           "%d claims of %d units, %d done before" % (claims, UNITS, before))


def terminated(folder, body, split, reference):
    with slow_pair(folder, split) as workers:
        ident = create(body)
        coordinator, _ = begun(workers, ident)
        is_(coordinator.stop(), 0, "SIGTERM to the job's worker: it exits with 0")
        ok(coordinator.lines("handed_back"), "the job is handed back")
        whole(ident, reference, "SIGTERM to the job's worker")
        is_(job_document(jobs_of(mongo()), ident)["attempts"], 1, "the attempt is not charged")


def cancelled(folder, body, split):
    with slow_pair(folder, split) as workers:
        ident = create(body)
        begun(workers, ident, 1)
        began = time.monotonic()
        is_(call("DELETE", "/export/" + ident).status, 202, "DELETE of a job that is split: 202")
        before = len(workers.lines("unit_claimed"))
        is_(finish(ident)["state"], "CANCELLED", "CANCELLED")
        ok(time.monotonic() - began < 15, "in time", time.monotonic() - began)
        wait_for("the units to go", lambda: not units_of(ident), 10)
        ok(True, "its units go")
        other = create(request(vehicles=["vehicle_001"], time="rfc3339"))
        is_(finish(other)["state"], "FINISHED", "the workers go on")
        wait_for("both workers to be idle", lambda: mongo().exports.units.count_documents({}) == 0,
                 10)
        ok(len(workers.lines("unit_done")) < UNITS, "not all units were made",
           len(workers.lines("unit_done")))
        claims = len(workers.lines("unit_claimed")) - before
        ok(claims <= len(workers.all), "after the DELETE no worker claimed more than one", claims)


def cancelled_unseen(folder, body, split):
    """While the job's own worker does not see the DELETE, its helpers do."""
    with Workers(folder, 2, split_documents=split, read_documents_s=300) as workers:
        ident = create(body)
        coordinator, helper = begun(workers, ident, 1)
        freeze(coordinator.process.pid)
        is_(call("DELETE", "/export/" + ident).status, 202, "DELETE while its worker hangs: 202")
        before = len(helper.lines("unit_claimed"))
        is_(finish(ident)["state"], "CANCELLED", "CANCELLED when the lease is over")
        claims = len(helper.lines("unit_claimed")) - before
        ok(claims <= 1, "the helper made no more units", claims)
        coordinator.process.send_signal(signal.SIGCONT)
        wait_for("the units to go", lambda: not units_of(ident), 30)
        ok(True, "its units go")


def cancelled_between(folder, body, split):
    """While no worker holds the job only the job itself can stop the helpers."""
    with slow_pair(folder, split) as workers:
        ident = create(body)
        coordinator, helper = begun(workers, ident, 1)
        freeze(helper.process.pid)
        coordinator.stop()
        is_(call("DELETE", "/export/" + ident).status, 202, "DELETE of a split job that waits: 202")
        is_(finish(ident)["state"], "CANCELLED", "CANCELLED at once")
        helper.process.send_signal(signal.SIGCONT)
        wait_for("the helper to see it", lambda: not units_of(ident), 30)
        ok(len(helper.lines("unit_claimed")) <= len(helper.lines("unit_done")) + 2,
           "the helper makes no more units", helper.lines("unit_claimed"))


def failed(folder, body, split):
    """A unit that ends for good ends its job, with the same error."""
    with slow_pair(folder, split) as workers:
        ident = create(body)
        begun(workers, ident, 1)
        last = units_of(ident)[-1]
        error = {"code": "unknown_vehicle",
                 "message": "There is no vehicle of this name: vehicle_012"}
        mongo().exports.units.update_one({"_id": last["_id"]},
                                         {"$set": {"state": "FAILED",
                                                   "error": dict(error, detail="vehicle_012")}})
        job = finish(ident)
        is_((job["state"], job.get("error")), ("FAILED", error), "FAILED, as the unit did")
        wait_for("the units to go", lambda: not units_of(ident), 10)
        ok(True, "its units go")


def spoil(unit, how):
    """gone: no object; broken: another byte; longer, shorter: object and record, not the facts."""
    storage, place = s3(), {"Bucket": os.environ["S3_BUCKET"], "Key": unit["object"]["key"]}
    data = bytearray(storage.get_object(**place)["Body"].read())
    if how == "gone":
        storage.delete_object(**place)
        return
    if how == "broken":
        data[len(data) // 2] ^= 1
    elif how == "longer":
        data += b"\0" * 100
    elif how == "shorter":
        del data[-1:]
    storage.put_object(Body=bytes(data), **place)
    mongo().exports.units.update_one({"_id": unit["_id"]}, {"$set": {"object.size": len(data)}})


def spoiled(folder, body, split, reference, how):
    with slow_pair(folder, split) as workers:
        ident = create(body)
        begun(workers, ident)
        for w in workers.all:
            w.kill()
        for unit in units_of(ident):
            if unit["state"] == "FINISHED":
                spoil(unit, how)
        workers.more(read_documents_s=0)
        whole(ident, reference, "a piece is " + how)
        ok(workers.all[-1].lines("piece"), "a piece is %s: the log says so" % how)


def skipped(client, folder):
    """The manifest's count of skipped documents is of all, also where units list only the first."""
    data = {"vehicle_skip_%d" % n: {"speed": fleet.crowd(random.Random(n), START, START + DAY)}
            for n in range(3)}
    total = sum(len(collections["speed"]) for collections in data.values())
    load(client, data)
    body = request(days=DAYS, vehicles=sorted(data))
    reference, _ = by_one(folder, body)
    with zipfile.ZipFile(io.BytesIO(reference)) as z:
        manifest = json.loads(z.read("manifest.json"))
    is_((manifest["skippedDocumentsTotal"], len(manifest["skippedDocuments"])), (total, 1000),
        "skipped documents: all are counted, 1000 listed")
    with Workers(folder, 2, split_documents=60) as workers:
        whole(create(body), reference, "more skipped documents than are listed")
        ok(len(workers.lines("unit_claimed")) >= len(data), "each vehicle was a unit at least")
    for vehicle in data:
        client.drop_database(vehicle)


def by_days(client, folder, days):
    """One large vehicle is shared by days: the same archive, preview and all."""
    generate("--prefix", "vehicle_large_", "--vehicles", "1", "--days", str(days))
    body = request(days=days, vehicles=["vehicle_large_001"])
    reference, preview = by_one(folder, body)
    for n in (2, 3):
        with Workers(folder, n, split_documents=200, read_documents_s=100) as workers:
            ident = create(body)
            whole(ident, reference, "one vehicle, %d workers" % n)
            is_(call("GET", "/export/%s/preview" % ident).json(), preview,
                "one vehicle, %d workers: the same preview" % n)
            wait_for("the last line", lambda: len(workers.lines("unit_done")) >= days, 10)
            made = workers.lines("unit_done")
            is_(sorted(int(x["unit"]) for x in made), list(range(days)),
                "one vehicle, %d workers: a unit a day" % n)
            ok(len({x["worker"] for x in made}) == n, "one vehicle: each of %d made some" % n, made)
            progress = job_document(jobs_of(mongo()), ident)["progress"]
            ok(progress["documents"] == progress["documentsTotal"] > 0,
               "one vehicle, %d workers: the progress is whole" % n, progress)
    cut, _ = by_one(folder, body, csv_split_bytes=1000 * 1000)
    with zipfile.ZipFile(io.BytesIO(cut)) as z:
        ok(len(z.namelist()) > 3, "one vehicle: a CSV of some parts", z.namelist())
    with Workers(folder, 2, split_documents=200, csv_split_bytes=1000 * 1000) as workers:
        whole(create(body), cut, "one vehicle, a CSV of some parts")
        ok(workers.lines("unit_done"), "one vehicle, a CSV of some parts: made in units")
    client.drop_database("vehicle_large_001")


def far_reaching(client, folder):
    """Documents that reach hours beyond midnight: the vehicle is made whole after all."""
    points = [(b"%d" % ms, fleet.INT32, fleet.int32(ms)) for ms in range(0, 5 * HOUR, 60000)]
    data = {"vehicle_far": {"speed": [
        (START + h * HOUR, fleet.doc([(b"_id", fleet.INT64, fleet.int64(START + h * HOUR)),
                                      (b"values", fleet.DOCUMENT, fleet.doc(points))]))
        for h in range(48)]}}
    load(client, data)
    body = request(days=2, vehicles=["vehicle_far"])
    reference, _ = by_one(folder, body)
    with Workers(folder, 2, split_documents=20) as workers:
        ident = create(body)
        whole(ident, reference, "documents beyond midnight")
        is_(job_document(jobs_of(client), ident)["attempts"], 1,
            "documents beyond midnight: one attempt")
        ok(workers.lines("unit_failed"), "a unit had found it out")
    client.drop_database("vehicle_far")


def main():
    under_stack(__file__, own=True)
    stack("down", "worker")
    generate("--vehicles", str(VEHICLES), "--days", str(DAYS))
    # Two of them do not exist, whoever makes it, in whatever attempt.
    body = request(days=DAYS, unknownVehicles="skip", vehicles=["vehicle_000"] + [
        "vehicle_%03d" % (i + 1) for i in range(VEHICLES)] + ["vehicle_none"])
    client = mongo()
    with tempfile.TemporaryDirectory() as folder:
        reference, preview = by_one(folder, body)
        with Workers(folder, 1):        # what is not in the catalogue is taken for larger
            wait_for("the catalogue", lambda: client.exports.vehicles.count_documents(
                {"parameters.0": {"$exists": True}}) >= VEHICLES, 60)
        total = client.exports.jobs.find_one()["progress"]["documentsTotal"]
        split = total * 95 // 100       # 16 units of it; so each vehicle makes one
        note("%d documents" % total)
        section("small", small, folder, split)
        for n in (1, 2, 3):
            section("%d workers" % n, several, folder, body, split, reference, preview, n)
        section("other settings", other_settings, folder, body, split)
        section("local times", local_times, folder, body, split)
        section("units in headers", units_in_headers, folder, body, split)
        for which in ("another", "the job's"):
            section(which + " worker lost", lost, folder, body, split, reference, total, which)
        section("terminated", terminated, folder, body, split, reference)
        section("cancelled", cancelled, folder, body, split)
        section("cancelled between", cancelled_between, folder, body, split)
        section("cancelled unseen", cancelled_unseen, folder, body, split)
        section("failed", failed, folder, body, split)
        for how in ("gone", "broken", "longer", "shorter"):
            section("a piece is " + how, spoiled, folder, body, split, reference, how)
        section("skipped", skipped, client, folder)
        section("by days", by_days, client, folder, 6)
        section("far-reaching", far_reaching, client, folder)
    return done()


if __name__ == "__main__":
    sys.exit(main())
