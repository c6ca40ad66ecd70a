#!/usr/bin/python3
"""s3_delete = yes: workers remove a result's object when it is deleted or expires, and fragments
when their job has ended; whatever S3 does meanwhile, nothing is forgotten.

Prints TAP. Always on its own stack, with t/3730-removal.conf; t/1100 and t/1150 have the rights.
"""
import datetime
import os
import signal
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    another_worker, call, create, done, finish, freeze, generate, is_, job_document, job_of,
    jobs_of, logged, mongo, objects_of, ok, pid_of, request, s3, section, under_stack, wait_for)

SOON_S = 30
BUCKET = os.environ.get("S3_BUCKET", "")
ONE, TWO = ["vehicle_001"], ["vehicle_001", "vehicle_002"]
serial = 0


def finished(vehicles=None):
    """The id of a FINISHED job; no two requests are the same."""
    global serial
    serial += 1
    body = dict(request(vehicles=vehicles or ONE), endDate="2018-12-01T00:00:00.%03dZ" % serial)
    ident = create(body)
    is_(finish(ident)["state"], "FINISHED", "FINISHED")
    return ident


def status_of(link):
    try:
        with urllib.request.urlopen(link, timeout=20) as reply:
            return reply.status
    except urllib.error.HTTPError as e:
        return e.code


def key_of(ident, fence=1):
    return "exports/%s/%d/export-%s.zip" % (ident, fence, ident)


def delete(ident):
    is_(call("DELETE", "/export/" + ident).status, 204, "DELETE: 204")


def gone(client, ident):
    """Waits until nothing is left of it on S3, and its record says so."""
    wait_for("the record to say so", lambda: "removedAt" in job_document(jobs_of(client), ident),
             SOON_S)
    is_(objects_of(ident), {}, "no object is left")
    is_(job_of(ident)["state"], "EXPIRED", "it is EXPIRED")


def by_index(client):
    """Looking for what is left costs the same however many have been removed."""
    from bson import Int64, ObjectId
    now, jobs = datetime.datetime.utcnow(), client.exports.jobs
    old = {"owner": "old", "state": "EXPIRED", "time": "ms", "csv": "rfc4180",
           "compression": "fast", "requestHash": "h", "attempts": 1, "fence": Int64(1),
           "rank": Int64(1), "turn": Int64(1), "cancelRequested": False, "removedAt": now,
           "startDate": now, "endDate": now, "createdAt": now, "dueAt": now, "finishedAt": now}
    jobs.insert_many([dict(old, _id=ObjectId("%024x" % n)) for n in range(1, 2001)])
    for name in ("jobs", "units"):
        did = client.exports[name].find(
            {"state": "EXPIRED", "removedAt": None, "_id": {"$gt": ObjectId("0" * 24)}}).sort(
                [("_id", 1)]).limit(1).hint("leftovers").explain()["executionStats"]
        ok(did["totalKeysExamined"] <= 2 and did["totalDocsExamined"] <= 1,
           name + ": one look at the index", did)
    jobs.delete_many({"owner": "old"})


def deleted(client):
    is_(call("GET", "/limits").json()["deleteRemoves"], True, "GET /limits says that it removes")
    ident, other = finished(), finished()
    link = job_of(ident)["exportUri"]
    is_(status_of(link), 200, "its link gives the object")
    delete(ident)
    gone(client, ident)
    is_(status_of(link), 404, "the link that was given out is dead")
    wait_for("a line in the log", lambda: "op=removed key=" + key_of(ident) in
             logged("export-worker"), SOON_S)
    is_(list(objects_of(other)), [key_of(other)], "another result is still there")


def expired(client):
    ident = finished()
    jobs_of(client).update_one({"_id": job_document(jobs_of(client), ident)["_id"]},
                               {"$set": {"expiresAt": datetime.datetime(2020, 1, 1)}})
    gone(client, ident)


def died_in_between(client):
    """The object went, its record does not know: as a worker leaves it that dies there."""
    ident = finished()
    s3().delete_object(Bucket=BUCKET, Key=key_of(ident))
    delete(ident)
    gone(client, ident)


def of_each_claim(client):
    """What an attempt left that died between its last request to S3 and the job's record."""
    ident = finished()
    jobs = jobs_of(client)
    jobs.update_one({"_id": job_document(jobs, ident)["_id"]}, {"$set": {"fence": 3}})
    for fence in (2, 3):
        s3().put_object(Bucket=BUCKET, Key=key_of(ident, fence), Body=b"left")
    delete(ident)
    gone(client, ident)


def fragments(client):
    begun = len(logged("export-worker"))
    ident = finished(TWO)
    ok("op=split" in logged("export-worker", begun), "it was split")
    wait_for("the units to go", lambda: client.exports.units.count_documents({}) == 0, SOON_S)
    found = s3().list_objects_v2(Bucket=BUCKET, Prefix="units/%s/" % ident)
    is_(found.get("KeyCount"), 0, "no fragment is left")
    ok("op=removed key=units/" + ident in logged("export-worker", begun), "they were removed")
    is_(list(objects_of(ident)), [key_of(ident)], "the result is there")


def storage_away(client):
    """It hangs, then answers again."""
    ident, pid = finished(), pid_of("S3_PIDFILE")
    begun = len(logged("export-worker"))
    freeze(pid)
    try:
        delete(ident)
        wait_for("the worker to say so", lambda: "op=s3_remove" in
                 logged("export-worker", begun), SOON_S)
        ok("removedAt" not in job_document(jobs_of(client), ident), "the record still wants it")
        other = create(request(vehicles=ONE, first=1))
        is_(call("DELETE", "/export/" + other).status, 202, "a job can be cancelled")
        wait_for("CANCELLED", lambda: job_of(other)["state"] == "CANCELLED", SOON_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    gone(client, ident)


def refused(client):
    """One that S3 keeps refusing does not hold up those that come after it."""
    from bson import Int64, ObjectId
    units = client.exports.units
    template = {
        "owner": "a", "state": "EXPIRED", "time": "ms", "csv": "rfc4180", "compression": "fast",
        "requestHash": "h", "attempts": 1, "fence": Int64(1), "rank": Int64(1), "turn": Int64(1),
        "cancelRequested": False, "vehicles": ONE, "plan": Int64(2), "unit": Int64(0)}
    now = datetime.datetime.utcnow()
    template.update({k: now for k in ("startDate", "endDate", "createdAt", "dueAt")})
    keys = ["other/1", "units/%s/2-0-1" % ObjectId(), "other/2", "units/%s/2-0-1" % ObjectId()]
    for n, key in enumerate(keys):
        s3().put_object(Bucket=BUCKET, Key=key, Body=b"x")
        ident = ObjectId("%024x" % (n + 1))
        units.insert_one(dict(template, _id=ident, job=ident,
                              object={"key": key, "size": Int64(1), "etag": "e"}))
    wait_for("the others to go", lambda: units.count_documents({}) == 2, SOON_S)
    is_(sorted(u["object"]["key"] for u in units.find()), ["other/1", "other/2"],
        "what is refused is tried again, the others are done")
    found = s3().list_objects_v2(Bucket=BUCKET)
    is_({x["Key"] for x in found["Contents"]} & set(keys), {"other/1", "other/2"},
        "their objects are gone")
    units.delete_many({})


def cancelled_too_late():
    """A cancel that comes before FINISHED is written, and after the upload is complete, as the
    worker hears of it only then: the object is nobody's."""
    with another_worker(read_documents_s=40, lease_ms=60000, renew_ms=30000):
        ident = create(request(vehicles=["vehicle_003"]))
        wait_for("STARTED", lambda: job_of(ident)["state"] == "STARTED", SOON_S)
        is_(call("DELETE", "/export/" + ident).status, 202, "DELETE: 202")
        wait_for("CANCELLED", lambda: job_of(ident)["state"] == "CANCELLED", SOON_S)
        wait_for("the object to go", lambda: "op=removed key=" + key_of(ident) in
                 logged("another-worker"), SOON_S)
        is_(objects_of(ident), {}, "no object is left")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", "3", "--days", "3")
    client = mongo()
    section("index", by_index, client)
    section("deleted", deleted, client)
    section("expired", expired, client)
    section("died in between", died_in_between, client)
    section("each claim", of_each_claim, client)
    section("fragments", fragments, client)
    section("storage away", storage_away, client)
    section("refused", refused, client)
    section("cancelled too late", cancelled_too_late)
    return done()


if __name__ == "__main__":
    sys.exit(main())
