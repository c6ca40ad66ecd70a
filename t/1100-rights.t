#!/usr/bin/python3
"""Rights, limits and lifetimes, as scripts/provision sets them up on the real servers.

The table of rights, each line from both sides: what a service may do passes, all else is refused.
It runs with the services' own users and passwords, on servers without the service: a message
stays until a check here consumes it.

Prints TAP. Always on a stack of its own.
"""
import datetime
import functools
import os
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (       # noqa: E402
    ROOT, configuration, done, is_, mongo, ok, s3, section, setting, skip_all, wait_for)

try:
    import boto3
    import pika
    import pymongo
    from botocore.config import Config
    from botocore.exceptions import ClientError
    from bson import ObjectId
    from pymongo.errors import OperationFailure, WriteError
except ImportError as e:
    skip_all("%s; run scripts/deps" % e)

DAY_S = 86400
NOW = datetime.datetime.utcnow()
BODY = b"65f000000000000000000000"
PART = b"x" * (5 << 20)                 # the smallest that is not the last of an upload
PREFIX = "exports/65f000000000000000000000/1/"


def secret(key):
    """What is in the file that this setting names."""
    with open(setting(key, ""), encoding="utf-8") as f:
        return f.read().strip()


def may(name, f):
    """f succeeds; its result."""
    try:
        value = f()
    except Exception as e:
        ok(False, name, repr(e))
        return None
    ok(True, name)
    return value


def may_not(name, f, is_refusal):
    """f fails because it is refused, and in no other way."""
    try:
        value = f()
    except Exception as e:
        return ok(is_refusal(e), name, "failed in another way: %r" % e)
    return ok(False, name, "it succeeded: %r" % (value,))


def each_refused(who, is_refusal, calls):
    for what, f in calls.items():
        may_not("%s: refused: %s" % (who, what), f, is_refusal)


def provision(part, env=None, **changes):
    """One part of scripts/provision, with these changes of export.conf and the environment."""
    conf = configuration(os.path.join(os.environ["EXPORT_RUN"], "rights.conf"), **changes)
    run = subprocess.run([os.path.join(ROOT, "scripts", "provision"), "--" + part],
                         env=dict(os.environ, EXPORT_CONF=conf, **(env or {})),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                         check=False)
    if run.returncode != 0:
        raise RuntimeError("scripts/provision --%s: %s" % (part, run.stdout))


# ---- MongoDB ------------------------------------------------------------------------------

def is_unauthorized(e):
    return isinstance(e, OperationFailure) and e.code == 13


def is_wrong_login(e):
    return isinstance(e, OperationFailure) and e.code == 18


def is_invalid(e):
    return isinstance(e, WriteError) and e.code == 121


def is_duplicate(e):
    return getattr(e, "code", 0) == 11000


def mongo_as(service, password=None):
    return pymongo.MongoClient(
        setting("mongodb_uri", ""), username=setting(service + "_mongodb_user", ""),
        password=password or secret(service + "_mongodb_password_file"), authSource="admin")


def job(**more):
    return dict({
        "_id": ObjectId(), "owner": "a", "state": "NOT_STARTED", "startDate": NOW, "endDate": NOW,
        "time": "ms", "csv": "rfc4180", "compression": "fast", "requestHash": "h",
        "createdAt": NOW, "dueAt": NOW, "attempts": 0, "fence": 0, "rank": 1, "turn": 1,
        "cancelRequested": False}, **more)


def unit(**more):
    return dict(job(job=ObjectId(), plan=1, unit=0, vehicles=["vehicle_001"]), **more)


def mongo_api(api, stored):
    jobs, this = api.exports.jobs, {"_id": stored["_id"]}
    may("mongodb api: insert a job", lambda: jobs.insert_one(stored))
    may("mongodb api: find jobs", lambda: jobs.find_one({"owner": "a"})["_id"])
    may("mongodb api: update a job",
        lambda: jobs.update_one(this, {"$set": {"cancelRequested": True}}))
    may("mongodb api: findAndModify a job",
        lambda: jobs.find_one_and_update(this, [{"$set": {"dueAt": "$$NOW"}}])["_id"])
    may("mongodb api: find vehicles", lambda: api.exports.vehicles.find_one()["_id"])
    may("mongodb api: find workers", lambda: api.exports.workers.find_one()["_id"])
    may("mongodb api: find usage", lambda: api.exports.usage.find_one()["_id"])
    may("mongodb api: find owners", lambda: api.exports.owners.find_one()["_id"])
    may("mongodb api: find parameters", lambda: api.exports.parameters.find_one()["_id"])


def mongo_api_refused(api, stored):
    jobs, vehicles, workers = api.exports.jobs, api.exports.vehicles, api.exports.workers
    units, other, speed = api.exports.units, api.exports.other, api.vehicle_001.speed
    owners = api.exports.owners
    each_refused("mongodb api", is_unauthorized, {
        "remove a job": lambda: jobs.delete_one({"_id": stored["_id"]}),
        "drop the jobs": lambda: api.exports.command("drop", "jobs"),
        "create an index": lambda: jobs.create_index("x"),
        "change the validator": lambda: api.exports.command("collMod", "jobs", validator={}),
        "insert into vehicles": lambda: vehicles.insert_one({"_id": "x"}),
        "update vehicles":
            lambda: vehicles.update_one({"_id": "vehicle_001"}, {"$set": {"x": 1}}),
        "remove vehicles": lambda: vehicles.delete_one({"_id": "vehicle_001"}),
        "insert into workers": lambda: workers.insert_one({"_id": "x"}),
        "insert into usage": lambda: api.exports.usage.insert_one({"_id": "x"}),
        "update usage": lambda: api.exports.usage.update_one({}, {"$set": {"bytes": 0}}),
        "remove usage": lambda: api.exports.usage.delete_many({}),
        "insert an owner": lambda: owners.insert_one({"_id": "x", "role": "operator"}),
        "update an owner": lambda: owners.update_one({}, {"$set": {"role": "operator"}}),
        "remove an owner": lambda: owners.delete_one({}),
        "insert a parameter": lambda: api.exports.parameters.insert_one({"_id": "x"}),
        "update a parameter":
            lambda: api.exports.parameters.update_one({}, {"$set": {"unit": "m"}}),
        "remove a parameter": lambda: api.exports.parameters.delete_one({}),
        "update workers": lambda: workers.update_one({"_id": "w"}, {"$set": {"x": 1}}),
        "find units": lambda: units.find_one(),
        "insert a unit": lambda: units.insert_one(unit()),
        "update a unit": lambda: units.update_one({}, {"$set": {"state": "FAILED"}}),
        "remove units": lambda: units.delete_many({}),
        "find in another collection": lambda: other.find_one(),
        "insert into another collection": lambda: other.insert_one({"x": 1}),
        "find in a vehicle's database": lambda: speed.find_one(),
        "write to a vehicle's database": lambda: speed.insert_one({"_id": 2}),
        "list collections of a vehicle": lambda: api.vehicle_001.command("listCollections"),
        "list the users": lambda: api.admin.command("usersInfo"),
        "make a user": lambda: api.admin.command("createUser", "x", pwd="x", roles=[]),
        "read the users' collection": lambda: api.admin["system.users"].find_one(),
        "stop the server": lambda: api.admin.command("shutdown")})
    found = api.admin.command("listDatabases", nameOnly=True)["databases"]
    ok(found in ([], [{"name": "exports"}]), "mongodb api: sees no database but exports", found)


def mongo_worker(worker, stored):
    jobs, vehicles, workers = worker.exports.jobs, worker.exports.vehicles, worker.exports.workers
    may("mongodb worker: find in a vehicle's database",
        lambda: worker.vehicle_001.speed.find_one()["_id"])
    may("mongodb worker: list collections of a vehicle",
        lambda: worker.vehicle_001.command("listCollections")["ok"])
    names = may("mongodb worker: list databases", worker.list_database_names)
    ok("vehicle_001" in (names or []), "mongodb worker: sees the vehicles' databases", names)
    may("mongodb worker: find jobs", lambda: jobs.find_one()["_id"])
    may("mongodb worker: update a job",
        lambda: jobs.update_one({"_id": stored["_id"]}, {"$set": {"turn": 2}}))
    may("mongodb worker: claim a job", lambda: jobs.find_one_and_update(
        {"state": {"$in": ["NOT_STARTED", "STARTED"]},
         "dueAt": {"$lte": NOW + datetime.timedelta(days=1)}},
        [{"$set": {"state": "STARTED", "dueAt": {"$add": ["$$NOW", 60000]},
                   "fence": {"$add": ["$fence", 1]}}}],
        sort=[("turn", 1), ("createdAt", 1)])["_id"])
    may("mongodb worker: find owners", lambda: worker.exports.owners.find_one()["_id"])
    may("mongodb worker: find parameters", lambda: worker.exports.parameters.find_one()["_id"])
    may("mongodb worker: add up usage", lambda: list(jobs.aggregate([
        {"$group": {"_id": "$owner", "bytes": {"$sum": "$object.size"}}},
        {"$merge": {"into": "usage", "whenMatched": "replace"}}])))
    may("mongodb worker: remove usage",
        lambda: worker.exports.usage.delete_many({"_id": {"$ne": ""}}))
    may("mongodb worker: find vehicles", lambda: vehicles.find_one()["_id"])
    may("mongodb worker: insert into vehicles",
        lambda: vehicles.insert_one({"_id": "vehicle_002"}))
    may("mongodb worker: update vehicles",
        lambda: vehicles.update_one({"_id": "vehicle_002"}, {"$set": {"x": 1}}))
    may("mongodb worker: upsert into vehicles",
        lambda: vehicles.replace_one({"_id": "vehicle_003"}, {"x": 1}, upsert=True))
    may("mongodb worker: upsert into workers",
        lambda: workers.update_one({"_id": "w2"}, [{"$set": {"at": "$$NOW"}}], upsert=True))
    may("mongodb worker: update workers",
        lambda: workers.update_one({"_id": "w2"}, {"$set": {"x": 1}}))
    may("mongodb worker: remove from vehicles",
        lambda: vehicles.delete_one({"_id": "vehicle_002"}))


def mongo_worker_units(worker, made):
    units = worker.exports.units
    may("mongodb worker: insert units", lambda: units.insert_many([made, unit()]))
    may("mongodb worker: find units", lambda: units.find_one({"job": made["job"]})["_id"])
    may("mongodb worker: update a unit",
        lambda: units.update_one({"_id": made["_id"]}, {"$set": {"state": "STARTED"}}))
    may("mongodb worker: remove the units of a job",
        lambda: units.delete_many({"job": made["job"]}))


def mongo_worker_refused(worker, stored):
    jobs, speed = worker.exports.jobs, worker.vehicle_001.speed
    owners = worker.exports.owners
    each_refused("mongodb worker", is_unauthorized, {
        "insert a job": lambda: jobs.insert_one(job()),
        "remove a job": lambda: jobs.delete_one({"_id": stored["_id"]}),
        "drop the jobs": lambda: worker.exports.command("drop", "jobs"),
        "create an index": lambda: jobs.create_index("x"),
        "change the validator": lambda: worker.exports.command("collMod", "jobs", validator={}),
        "drop the units": lambda: worker.exports.command("drop", "units"),
        "remove from workers": lambda: worker.exports.workers.delete_one({"_id": "w"}),
        "insert an owner": lambda: owners.insert_one({"_id": "x", "role": "user"}),
        "update an owner": lambda: owners.update_one({}, {"$set": {"role": "operator"}}),
        "remove an owner": lambda: owners.delete_one({}),
        "insert a parameter": lambda: worker.exports.parameters.insert_one({"_id": "x"}),
        "update a parameter":
            lambda: worker.exports.parameters.update_one({}, {"$set": {"unit": "m"}}),
        "remove a parameter": lambda: worker.exports.parameters.delete_one({}),
        "drop vehicles": lambda: worker.exports.command("drop", "vehicles"),
        "insert into another collection": lambda: worker.exports.other.insert_one({"x": 1}),
        "insert into a vehicle's database": lambda: speed.insert_one({"_id": 2}),
        "update a vehicle's document":
            lambda: speed.update_one({"_id": 1}, {"$set": {"x": 1}}),
        "remove a vehicle's document": lambda: speed.delete_one({"_id": 1}),
        "drop a vehicle's collection": lambda: worker.vehicle_001.command("drop", "speed"),
        "drop a vehicle's database": lambda: worker.vehicle_001.command("dropDatabase"),
        "create an index on a vehicle's": lambda: speed.create_index("x"),
        "write by $out": lambda: list(speed.aggregate([{"$out": "copy"}])),
        "write by $merge": lambda: list(speed.aggregate([{"$merge": "copy"}])),
        "read the users' collection": lambda: worker.admin["system.users"].find_one(),
        "read the key's collection": lambda: worker.admin["system.keys"].find_one(),
        "list the users": lambda: worker.admin.command("usersInfo"),
        "stop the server": lambda: worker.admin.command("shutdown")})


def mongo_logins():
    may_not("mongodb: refused: without a password",
            pymongo.MongoClient(setting("mongodb_uri", "")).exports.jobs.find_one,
            is_unauthorized)
    may_not("mongodb: refused: a wrong password",
            mongo_as("api", password="x").exports.jobs.find_one, is_wrong_login)


def mongo_schema_jobs(api):
    """What the schema refuses: not a right, but it limits the harm of a mistake, too."""
    jobs = api.exports.jobs
    each_refused("mongodb jobs", is_invalid, {
        what: functools.partial(jobs.insert_one, job(**wrong)) for what, wrong in {
            "an unknown state": {"state": "DONE"},
            "a date as text": {"startDate": "2018-11-30"},
            "attempts as a double": {"attempts": 1.0},
            "no dueAt": {"dueAt": None},
            "a count below 0": {"fence": -1},
            "an object without a size": {"object": {"key": "k", "sha256": "s"}},
            "cancelRequested as a number": {"cancelRequested": 0}}.items()})
    may("mongodb jobs: a finished job with all its fields", lambda: jobs.insert_one(job(
        state="FINISHED", vehicles=["vehicle_001"], parameters=["speed"], name="n",
        idempotencyKey="k", startedAt=NOW, finishedAt=NOW, expiresAt=NOW, worker="w", attempts=1,
        fence=2 ** 40,
        progress={"phase": "done", "documents": 1, "documentsTotal": 2 ** 40, "rows": 0,
                  "points": 0, "bytesRead": 0, "bytesWritten": 0},
        object={"key": "k", "size": 1, "sha256": "s", "etag": "e"},
        error={"code": "c", "message": "m"}, more=1)))
    may_not("mongodb jobs: refused: a duplicate idempotency key",
            lambda: jobs.insert_one(job(idempotencyKey="k")), is_duplicate)
    may("mongodb jobs: the same key of another owner",
        lambda: jobs.insert_one(job(owner="b", idempotencyKey="k")))
    may("mongodb jobs: no key, twice", lambda: [jobs.insert_one(job(turn=n)) for n in (2, 3)])
    may_not("mongodb jobs: refused: a turn of the owner's that another has that waits",
            lambda: jobs.insert_one(job(turn=3)), is_duplicate)


def mongo_schema_units(worker, made):
    units = worker.exports.units
    each_refused("mongodb units", is_invalid, {
        what: functools.partial(units.insert_one, unit(**wrong)) for what, wrong in {
            "no place in the archive": {"unit": None},
            "no vehicles": {"vehicles": None},
            "an unknown state": {"state": "DONE"}}.items()})
    may("mongodb units: one that is done", lambda: units.insert_one(unit(
        job=made["job"], state="FINISHED", facts="{}",
        object={"key": "k", "size": 1, "etag": "e"})))
    may_not("mongodb units: refused: a duplicate place",
            lambda: units.insert_one(unit(job=made["job"])), is_duplicate)


def mongo_claim_plan(admin):
    plan = admin.exports.jobs.find(
        {"state": "NOT_STARTED", "dueAt": {"$lte": NOW}}).sort(
            [("turn", 1), ("createdAt", 1)]).explain()["queryPlanner"]["winningPlan"]
    ok("'turn'" in str(plan) and "'SORT'" not in str(plan),
       "mongodb jobs: a claim goes by its index, without sorting", plan)


def mongo_lifetimes(admin):
    """What MongoDB removes by itself, and when: a job's record not before its result."""
    def ttl(collection, index):
        return admin.exports[collection].index_information()[index].get("expireAfterSeconds")

    kept = {days: setting(days, default) for days, default in
            (("records_days", 90), ("retention_days", 7))}
    is_(ttl("jobs", "records"), max(kept.values()) * DAY_S,
        "mongodb jobs: an ended job's record stays as long as export.conf says")
    is_(admin.exports.jobs.index_information()["records"]["key"], [("finishedAt", 1)],
        "mongodb jobs: counted from its end")
    for records, retention, days in ((20, 5, 20), (5, 20, 20)):
        provision("mongodb", records_days=records, retention_days=retention)
        is_(ttl("jobs", "records"), days * DAY_S,
            "mongodb jobs: records_days %d, retention_days %d: %d days" % (
                records, retention, days))
    provision("mongodb", **kept)
    is_(ttl("jobs", "records"), max(kept.values()) * DAY_S, "mongodb jobs: as it was")
    is_((ttl("jobs", "removing"), admin.exports.jobs.index_information()["removing"]["key"]),
        (0, [("removeAt", 1)]), "mongodb jobs: what is one too many of an owner's goes at once")
    is_((ttl("workers", "reports"), admin.exports.workers.index_information()["reports"]["key"]),
        (3600, [("at", 1)]), "mongodb workers: a report stays for an hour")
    is_((ttl("units", "left"), admin.exports.units.index_information()["left"]["key"]),
        (8 * DAY_S, [("createdAt", 1)]), "mongodb units: what was left outlives its objects")


def mongo_all():
    admin = mongo()
    admin.vehicle_001.speed.insert_one({"_id": 1, "values": {}})
    admin.exports.other.insert_one({"_id": 1})
    admin.exports.vehicles.insert_one({"_id": "vehicle_001"})
    admin.exports.workers.insert_one({"_id": "w"})
    admin.exports.owners.insert_one({"_id": "a", "role": "user", "vehicles": ["vehicle_*"]})
    admin.exports.parameters.insert_one({"_id": "a", "unit": "m"})
    api, worker, stored, made = mongo_as("api"), mongo_as("worker"), job(), unit()
    section("mongodb api", mongo_api, api, stored)
    section("mongodb api, refused", mongo_api_refused, api, stored)
    section("mongodb worker", mongo_worker, worker, stored)
    section("mongodb worker, units", mongo_worker_units, worker, made)
    section("mongodb worker, refused", mongo_worker_refused, worker, stored)
    section("mongodb logins", mongo_logins)
    section("mongodb schema of jobs", mongo_schema_jobs, api)
    section("mongodb schema of units", mongo_schema_units, worker, made)
    section("mongodb claim", mongo_claim_plan, admin)
    section("mongodb lifetimes", mongo_lifetimes, admin)


# ---- RabbitMQ -----------------------------------------------------------------------------

def is_access_refused(e):
    return isinstance(e, pika.exceptions.ChannelClosedByBroker) and e.reply_code == 403


def is_no_connection(e):
    return isinstance(e, (
        pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError,
        pika.exceptions.AuthenticationError, pika.exceptions.ConnectionClosedByBroker))


def broker(user, password, vhost=None):
    p = pika.URLParameters(setting("amqp_uri", ""))
    p.credentials = pika.PlainCredentials(user, password)
    p.socket_timeout = 10
    p.virtual_host = vhost or p.virtual_host
    return pika.BlockingConnection(p)


def amqp(service, f):
    """A call of f(channel) on a connection of its own, since a refusal closes the channel."""
    def go():
        c = broker(setting(service + "_amqp_user", ""), secret(service + "_amqp_password_file"))
        try:
            ch = c.channel()
            value = f(ch)
            # Its answer comes after the refusal of whatever was sent before it.
            ch.basic_qos(prefetch_count=1)
            return value
        finally:
            if c.is_open:
                c.close()
    return go


def publish(exchange, key):
    def go(ch):
        ch.confirm_delivery()     # waits for the confirm, and so for the refusal
        ch.basic_publish(exchange, key, BODY, pika.BasicProperties(delivery_mode=2),
                         mandatory=True)
    return go


def next_message(ch, queue):
    """(method, properties, body) of the queue's next message, not yet acknowledged."""
    for method, properties, body in ch.consume(queue, inactivity_timeout=10):
        assert method is not None, "no message came"
        return method, properties, body


def consume(queue):
    def go(ch):
        ch.basic_qos(prefetch_count=1)
        method, _, body = next_message(ch, queue)
        ch.basic_ack(method.delivery_tag)
        ch.cancel()
        return body
    return go


def reject(ch):
    """The delayed way round: a rejected message comes back through the retry queue."""
    method, _, _ = next_message(ch, "exports.jobs")
    ch.basic_nack(method.delivery_tag, requeue=False)
    method, properties, _ = next_message(ch, "exports.jobs")
    ways = {d["queue"] for d in properties.headers["x-death"]}
    assert ways == {"exports.jobs", "exports.retry"}, properties.headers
    ch.basic_ack(method.delivery_tag)
    ch.cancel()


# What neither of the two may do.
FORBIDDEN = {
    "publish to the default exchange": publish("", "exports.jobs"),
    "publish to exports.retry": publish("exports.retry", ""),
    "consume exports.retry": consume("exports.retry"),
    "declare a queue": lambda ch: ch.queue_declare("mine", durable=True),
    "declare an exchange": lambda ch: ch.exchange_declare("mine"),
    "delete exports.jobs": lambda ch: ch.queue_delete("exports.jobs"),
    "delete the exchange": lambda ch: ch.exchange_delete("exports"),
    "unbind": lambda ch: ch.queue_unbind("exports.jobs", "exports", "job")}


def rabbit_refused(service, **calls):
    each_refused("rabbitmq " + service, is_access_refused, {
        what: amqp(service, f) for what, f in calls.items()})


def rabbit_api():
    may("rabbitmq api: publish to exports, confirmed", amqp("api", publish("exports", "job")))
    rabbit_refused("api", **FORBIDDEN, **{
        "publish to amq.topic": publish("amq.topic", "x"),
        "consume exports.jobs": consume("exports.jobs"),
        "get from exports.jobs": lambda ch: ch.basic_get("exports.jobs"),
        "purge exports.jobs": lambda ch: ch.queue_purge("exports.jobs"),
        "bind": lambda ch: ch.queue_bind("exports.retry", "exports", "job")})


def rabbit_worker():
    body = may("rabbitmq worker: consume exports.jobs", amqp("worker", consume("exports.jobs")))
    is_(body, BODY, "rabbitmq worker: gets what the API published")
    rabbit_refused("worker", **FORBIDDEN, **{
        "publish to exports": publish("exports", "job"),
        "get from exports.retry": lambda ch: ch.basic_get("exports.retry"),
        "purge exports.retry": lambda ch: ch.queue_purge("exports.retry"),
        "bind": lambda ch: ch.queue_bind("exports.jobs", "exports", "x")})


def rabbit_logins():
    user, password = setting("api_amqp_user", ""), secret("api_amqp_password_file")
    may_not("rabbitmq: refused: guest", lambda: broker("guest", "guest"), is_no_connection)
    may_not("rabbitmq: refused: a wrong password", lambda: broker(user, "x"), is_no_connection)
    may_not("rabbitmq: refused: another vhost", lambda: broker(user, password, "/"),
            is_no_connection)


def rabbit_retry():
    may("rabbitmq api: publish again", amqp("api", publish("exports", "job")))
    may("rabbitmq worker: what it rejects comes back through the retry queue",
        amqp("worker", reject))


# ---- S3 -----------------------------------------------------------------------------------

def is_denied(e):
    return (isinstance(e, ClientError) and
            e.response["ResponseMetadata"]["HTTPStatusCode"] == 403) or (
                isinstance(e, urllib.error.HTTPError) and e.code == 403)


def s3_as(service, wrong_secret=None, key=None):
    names = {"api": ("api_s3_access_key", "api_s3_secret_file"),
             "worker": ("worker_s3_access_key", "worker_s3_secret_file")}[service]
    return boto3.client(
        "s3", endpoint_url=setting("s3_endpoint", ""), region_name="us-east-1",
        aws_access_key_id=key or setting(names[0], ""),
        aws_secret_access_key=wrong_secret or secret(names[1]),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def delete_many(client, at):
    """The answer to this is a 200 with a refusal for each key."""
    reply = client.delete_objects(Bucket=at["Bucket"], Delete={"Objects": [{"Key": at["Key"]}]})
    codes = [e["Code"] for e in reply.get("Errors", [])]
    if codes == ["AccessDenied"] and not reply.get("Deleted"):
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "DeleteObjects")
    return reply


def part(client, at, upload, number, body):
    """Uploads it; its ETag."""
    return client.upload_part(PartNumber=number, UploadId=upload, Body=body, **at)["ETag"]


def completed(client, at, upload, tags):
    parts = [{"PartNumber": i, "ETag": tag} for i, tag in enumerate(tags, 1)]
    return client.complete_multipart_upload(
        UploadId=upload, MultipartUpload={"Parts": parts}, **at)


def s3_worker(worker, admin, at):
    up = may("s3 worker: begin an upload",
             lambda: worker.create_multipart_upload(**at)["UploadId"])
    tags = [may("s3 worker: part %d" % i, functools.partial(part, worker, at, up, i, body))
            for i, body in ((1, PART), (2, b"end"))]
    may("s3 worker: complete it", lambda: completed(worker, at, up, tags))
    found = may("s3 worker: look it up", lambda: worker.head_object(**at)["ContentLength"])
    is_(found, len(PART) + 3, "s3 worker: it is as large as its parts")
    second = worker.create_multipart_upload(**at)["UploadId"]
    part(worker, at, second, 1, b"x")
    may("s3 worker: abort an upload",
        lambda: worker.abort_multipart_upload(UploadId=second, **at))
    ok(not admin.list_multipart_uploads(Bucket=at["Bucket"]).get("Uploads"),
       "s3 worker: the aborted upload is gone")


def s3_worker_piece(worker, piece):
    up = may("s3 worker: begin the upload of a unit's piece",
             lambda: worker.create_multipart_upload(**piece)["UploadId"])
    tag = may("s3 worker: a part of it", lambda: part(worker, piece, up, 1, b"piece"))
    may("s3 worker: complete it", lambda: completed(worker, piece, up, [tag]))
    got = may("s3 worker: get a piece", lambda: worker.get_object(**piece)["Body"].read())
    is_(got, b"piece", "s3 worker: it is what was put")
    may_not("s3 worker: refused: remove a piece",
            lambda: worker.delete_object(**piece), is_denied)


def s3_worker_refused(worker, at):
    bucket = at["Bucket"]
    may("s3 worker: put in one piece",
        lambda: worker.put_object(Body=b"y", Bucket=bucket, Key="exports/x"))
    each_refused("s3 worker", is_denied, {
        "delete": lambda: worker.delete_object(**at),
        "delete many": lambda: delete_many(worker, at),
        "get outside exports/": lambda: worker.get_object(Bucket=bucket, Key="other"),
        "list": lambda: worker.list_objects_v2(Bucket=bucket),
        "list uploads": lambda: worker.list_multipart_uploads(Bucket=bucket),
        "put outside exports/":
            lambda: worker.put_object(Body=b"y", Bucket=bucket, Key="other"),
        "put the lifecycle": lambda: worker.delete_bucket_lifecycle(Bucket=bucket),
        "put a bucket policy": lambda: worker.put_bucket_policy(Bucket=bucket, Policy="{}"),
        "delete the bucket": lambda: worker.delete_bucket(Bucket=bucket),
        "make a bucket": lambda: worker.create_bucket(Bucket="other")})


def s3_remover(remover, admin, at, piece):
    """The worker's key for s3_delete = yes: the same rights, and to remove."""
    bucket = at["Bucket"]
    gone = dict(at, Key="exports/65f000000000000000000001/1/export-65f000000000000000000001.zip")
    may("s3 remover: put", lambda: remover.put_object(Body=b"y", **gone))
    may("s3 remover: get", lambda: remover.get_object(**gone))
    for what, there in (("a result", gone), ("a piece", piece)):
        may("s3 remover: remove " + what, functools.partial(remover.delete_object, **there))
        may("s3 remover: remove %s that is gone" % what,
            functools.partial(remover.delete_object, **there))
        is_(admin.list_objects_v2(Bucket=bucket, Prefix=there["Key"]).get("KeyCount"), 0,
            "s3 remover: %s is gone" % what)
    each_refused("s3 remover", is_denied, {
        "remove outside exports/ and units/":
            lambda: remover.delete_object(Bucket=bucket, Key="other"),
        "list": lambda: remover.list_objects_v2(Bucket=bucket),
        "put outside exports/":
            lambda: remover.put_object(Body=b"y", Bucket=bucket, Key="other"),
        "delete the lifecycle": lambda: remover.delete_bucket_lifecycle(Bucket=bucket),
        "put a bucket policy": lambda: remover.put_bucket_policy(Bucket=bucket, Policy="{}"),
        "delete the bucket": lambda: remover.delete_bucket(Bucket=bucket)})


def s3_api(api, admin, at, piece):
    bucket = at["Bucket"]
    got = may("s3 api: get", lambda: api.get_object(**at)["Body"].read())
    ok(got == PART + b"end", "s3 api: gets what the worker put")
    each_refused("s3 api", is_denied, {
        "put": lambda: api.put_object(Body=b"z", **at),
        "begin an upload": lambda: api.create_multipart_upload(**at),
        "delete": lambda: api.delete_object(**at),
        "delete many": lambda: delete_many(api, at),
        "list": lambda: api.list_objects_v2(Bucket=bucket),
        "get a piece": lambda: api.get_object(**piece),
        "get outside exports/": lambda: api.get_object(Bucket=bucket, Key="other"),
        "read the lifecycle": lambda: api.get_bucket_lifecycle_configuration(Bucket=bucket),
        "make a bucket": lambda: api.create_bucket(Bucket="other")})
    is_(admin.get_object(**at)["ContentLength"], len(PART) + 3,
        "s3: the object is still whole after all that")


def get(url):
    return urllib.request.urlopen(url, timeout=20)


def expired(link):
    """Whether a link that worked is refused by now."""
    try:
        get(link).close()
        return False
    except urllib.error.HTTPError as e:
        return e.code == 403


def s3_links(api, at):
    link = api.generate_presigned_url("get_object", Params=dict(
        at, ResponseContentDisposition='attachment; filename="export.zip"'), ExpiresIn=300)
    reply = may("s3: a signed link", lambda: get(link))
    ok(reply is not None and reply.read() == PART + b"end", "s3: a signed link gives the object")
    is_(reply and reply.headers["Content-Disposition"], 'attachment; filename="export.zip"',
        "s3: under the requested name")
    each_refused("s3", is_denied, {
        "a link of another key": lambda: get(link.replace("/1/export-", "/2/export-")),
        "a link with a changed name": lambda: get(link.replace("export.zip", "evil.zip")),
        "a link that lasts longer than signed":
            lambda: get(link.replace("Expires=300", "Expires=3000"))})
    short = api.generate_presigned_url("get_object", Params=at, ExpiresIn=1)
    may("s3: refused: a link that has expired",
        lambda: wait_for("the end of a link of 1 s", lambda: expired(short), 20))


def s3_anonymous(at):
    base = "%s/%s/" % (setting("s3_endpoint", ""), at["Bucket"])
    each_refused("s3", is_denied, {
        "get without a key": lambda: get(base + at["Key"]),
        "list without a key": lambda: get(base),
        "put without a key": lambda: get(urllib.request.Request(
            base + "exports/z", data=b"z", method="PUT")),
        "a wrong secret": lambda: s3_as("api", wrong_secret="x").get_object(**at)})


def s3_lifecycle(admin, bucket):
    """What the storage removes by itself: results a day after they expire, pieces of a split job,
    and what a killed attempt has uploaded. A job may take some days."""
    def rules():
        found = admin.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return {rule["Filter"]["Prefix"]: (
            rule["Status"], rule.get("Expiration"), rule.get("AbortIncompleteMultipartUpload"))
            for rule in found}

    def wanted(retention_days, units=7, uploads=7):
        abort = {"DaysAfterInitiation": uploads}
        return {"exports/": ("Enabled", {"Days": retention_days + 1}, abort),
                "units/": ("Enabled", {"Days": units}, abort)}

    kept = setting("retention_days", 7)
    is_(rules(), wanted(kept), "s3: the lifecycle of results, pieces and unfinished uploads")
    provision("s3", retention_days=30)
    is_(rules(), wanted(30), "s3: the lifecycle with retention_days = 30")
    provision("s3", {"UNIT_DAYS": "20", "UPLOAD_DAYS": "14"}, retention_days=kept)
    is_(rules(), wanted(kept, 20, 14), "s3: the lifecycle with UNIT_DAYS and UPLOAD_DAYS")
    provision("s3", retention_days=kept)
    is_(rules(), wanted(kept), "s3: the lifecycle as it was")


def s3_all():
    bucket = setting("s3_bucket", "")
    at = {"Bucket": bucket, "Key": PREFIX + "export-65f000000000000000000000.zip"}
    piece = {"Bucket": bucket, "Key": "units/65f000000000000000000000/1-0-1"}
    admin, api, worker = s3(), s3_as("api"), s3_as("worker")
    section("s3 worker", s3_worker, worker, admin, at)
    section("s3 worker, a piece", s3_worker_piece, worker, piece)
    section("s3 worker, refused", s3_worker_refused, worker, at)
    section("s3 api", s3_api, api, admin, at, piece)
    section("s3 links", s3_links, api, at)
    section("s3 without a key", s3_anonymous, at)
    section("s3 remover", s3_remover, s3_as("worker", key="EXPORTREMOVER"), admin, at, piece)
    section("s3 lifecycle", s3_lifecycle, admin, bucket)


# ---- all ----------------------------------------------------------------------------------

def under_servers():
    """This file again, on servers without the service."""
    if os.environ.get("WITH_STACK") == os.path.abspath(__file__):
        return
    os.environ.update(WITH_STACK=os.path.abspath(__file__), RETRY_TTL_MS="1000")
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.chdir(ROOT)
    os.execv(wrapper, [wrapper, "--only", "mongo rabbit s3 provision",
                       sys.executable, os.path.abspath(__file__)])


def main():
    under_servers()
    section("mongodb", mongo_all)
    section("rabbitmq api", rabbit_api)
    section("rabbitmq worker", rabbit_worker)
    section("rabbitmq logins", rabbit_logins)
    section("rabbitmq retry", rabbit_retry)
    section("s3", s3_all)
    return done()


if __name__ == "__main__":
    sys.exit(main())
