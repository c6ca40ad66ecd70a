#!/bin/bash
# The rights table, each line on both sides: what a service may do passes, all else is refused, by the real servers.
# With the services' own users and passwords, as scripts/provision made them.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import pymongo, boto3, pika' 2>/dev/null || lacking "python3-pymongo, python3-boto3, python3-pika; run scripts/deps"
export RETRY_TTL_MS=1000
stack_test "mongo rabbit s3 provision" "$@"

/usr/bin/python3 - <<'END'
import datetime, os, sys, time, urllib.error, urllib.request
import boto3, pika, pymongo
from botocore.config import Config
from botocore.exceptions import ClientError
from bson import ObjectId
from pymongo.errors import OperationFailure, WriteError

n = bad = 0
conf = dict((k.strip(), v.strip()) for k, eq, v in
            (l.partition("=") for l in open(os.environ["EXPORT_CONF"]) if not l.startswith("#")) if eq)


def secret(key):
    return open(conf[key]).read().strip()


def result(good, name, why=""):
    global n, bad
    n += 1
    bad += not good
    print("%s %d - %s" % ("ok" if good else "not ok", n, name), flush=True)
    if not good:
        print("# " + str(why).replace("\n", "\n# "), file=sys.stderr)


def may(name, f):
    """f succeeds; its result."""
    try:
        value = f()
        result(True, name)
        return value
    except Exception as e:
        result(False, name, repr(e))


def may_not(name, f, is_refusal):
    """f fails, and by being refused, not in any other way."""
    try:
        value = f()
        result(False, name, "it succeeded: %r" % (value,))
    except Exception as e:
        result(is_refusal(e), name, "failed in another way: %r" % e)


# -- MongoDB

unauthorized = lambda e: isinstance(e, OperationFailure) and e.code == 13
admin = pymongo.MongoClient(os.environ["MONGODB_ADMIN_URI"])
now = datetime.datetime.utcnow()


def mongo(service):
    return pymongo.MongoClient(conf["mongodb_uri"], username=conf[service + "_mongodb_user"],
                               password=secret(service + "_mongodb_password_file"), authSource="admin")


def job(**more):
    return dict({"_id": ObjectId(), "owner": "a", "state": "NOT_STARTED", "startDate": now, "endDate": now, "time": "ms", "csv": "rfc4180",
                 "compression": "fast", "requestHash": "h", "createdAt": now, "dueAt": now, "attempts": 0, "fence": 0, "rank": 0,
                 "cancelRequested": False}, **more)


admin.vehicle_001.speed.insert_one({"_id": 1, "values": {}})
admin.exports.other.insert_one({"_id": 1})
admin.exports.vehicles.insert_one({"_id": "vehicle_001"})
admin.exports.workers.insert_one({"_id": "w"})


def unit(**more):
    return dict(job(job=ObjectId(), plan=1, unit=0, vehicles=["vehicle_001"]), **more)


api, worker = mongo("api"), mongo("worker")

j = job()
may("mongodb api: insert a job", lambda: api.exports.jobs.insert_one(j))
may("mongodb api: find jobs", lambda: api.exports.jobs.find_one({"owner": "a"})["_id"])
may("mongodb api: update a job", lambda: api.exports.jobs.update_one({"_id": j["_id"]}, {"$set": {"cancelRequested": True}}))
may("mongodb api: findAndModify a job", lambda: api.exports.jobs.find_one_and_update(
    {"_id": j["_id"]}, [{"$set": {"dueAt": "$$NOW"}}])["_id"])
may("mongodb api: find vehicles", lambda: api.exports.vehicles.find_one()["_id"])
may("mongodb api: find workers", lambda: api.exports.workers.find_one()["_id"])
for what, f in (
        ("remove a job", lambda: api.exports.jobs.delete_one({"_id": j["_id"]})),
        ("drop the jobs", lambda: api.exports.command("drop", "jobs")),
        ("create an index", lambda: api.exports.jobs.create_index("x")),
        ("change the validator", lambda: api.exports.command("collMod", "jobs", validator={})),
        ("insert into vehicles", lambda: api.exports.vehicles.insert_one({"_id": "x"})),
        ("update vehicles", lambda: api.exports.vehicles.update_one({"_id": "vehicle_001"}, {"$set": {"x": 1}})),
        ("remove vehicles", lambda: api.exports.vehicles.delete_one({"_id": "vehicle_001"})),
        ("insert into workers", lambda: api.exports.workers.insert_one({"_id": "x"})),
        ("update workers", lambda: api.exports.workers.update_one({"_id": "w"}, {"$set": {"x": 1}})),
        ("find units", lambda: api.exports.units.find_one()),
        ("insert a unit", lambda: api.exports.units.insert_one(unit())),
        ("update a unit", lambda: api.exports.units.update_one({}, {"$set": {"state": "FAILED"}})),
        ("remove units", lambda: api.exports.units.delete_many({})),
        ("find in another collection", lambda: api.exports.other.find_one()),
        ("insert into another collection", lambda: api.exports.other.insert_one({"x": 1})),
        ("find in a vehicle's database", lambda: api.vehicle_001.speed.find_one()),
        ("write to a vehicle's database", lambda: api.vehicle_001.speed.insert_one({"_id": 2})),
        ("list collections of a vehicle", lambda: api.vehicle_001.command("listCollections")),
        ("list the users", lambda: api.admin.command("usersInfo")),
        ("make a user", lambda: api.admin.command("createUser", "x", pwd="x", roles=[])),
        ("read the users' collection", lambda: api.admin["system.users"].find_one()),
        ("stop the server", lambda: api.admin.command("shutdown"))):
    may_not("mongodb api: refused: " + what, f, unauthorized)
result(api.admin.command("listDatabases", nameOnly=True)["databases"] in ([], [{"name": "exports"}]),
       "mongodb api: sees no database but exports", api.admin.command("listDatabases", nameOnly=True)["databases"])

may("mongodb worker: find in a vehicle's database", lambda: worker.vehicle_001.speed.find_one()["_id"])
may("mongodb worker: list collections of a vehicle", lambda: worker.vehicle_001.command("listCollections")["ok"])
names = may("mongodb worker: list databases", lambda: worker.list_database_names())
result("vehicle_001" in (names or []), "mongodb worker: sees the vehicles' databases", names)
may("mongodb worker: find jobs", lambda: worker.exports.jobs.find_one()["_id"])
may("mongodb worker: update a job", lambda: worker.exports.jobs.update_one({"_id": j["_id"]}, {"$set": {"rank": 1}}))
may("mongodb worker: claim a job", lambda: worker.exports.jobs.find_one_and_update(
    {"state": {"$in": ["NOT_STARTED", "STARTED"]}, "dueAt": {"$lte": now + datetime.timedelta(days=1)}},
    [{"$set": {"state": "STARTED", "dueAt": {"$add": ["$$NOW", 60000]}, "fence": {"$add": ["$fence", 1]}}}],
    sort=[("rank", 1), ("createdAt", 1)])["_id"])
may("mongodb worker: find vehicles", lambda: worker.exports.vehicles.find_one()["_id"])
may("mongodb worker: insert into vehicles", lambda: worker.exports.vehicles.insert_one({"_id": "vehicle_002"}))
may("mongodb worker: update vehicles", lambda: worker.exports.vehicles.update_one({"_id": "vehicle_002"}, {"$set": {"x": 1}}))
may("mongodb worker: upsert into vehicles", lambda: worker.exports.vehicles.replace_one({"_id": "vehicle_003"}, {"x": 1}, upsert=True))
may("mongodb worker: upsert into workers", lambda: worker.exports.workers.update_one(
    {"_id": "w2"}, [{"$set": {"at": "$$NOW"}}], upsert=True))
may("mongodb worker: update workers", lambda: worker.exports.workers.update_one({"_id": "w2"}, {"$set": {"x": 1}}))
u = unit()
may("mongodb worker: insert units", lambda: worker.exports.units.insert_many([u, unit()]))
may("mongodb worker: find units", lambda: worker.exports.units.find_one({"job": u["job"]})["_id"])
may("mongodb worker: update a unit", lambda: worker.exports.units.update_one({"_id": u["_id"]}, {"$set": {"state": "STARTED"}}))
may("mongodb worker: remove the units of a job", lambda: worker.exports.units.delete_many({"job": u["job"]}))
may("mongodb worker: remove from vehicles", lambda: worker.exports.vehicles.delete_one({"_id": "vehicle_002"}))
for what, f in (
        ("insert a job", lambda: worker.exports.jobs.insert_one(job())),
        ("remove a job", lambda: worker.exports.jobs.delete_one({"_id": j["_id"]})),
        ("drop the jobs", lambda: worker.exports.command("drop", "jobs")),
        ("create an index", lambda: worker.exports.jobs.create_index("x")),
        ("change the validator", lambda: worker.exports.command("collMod", "jobs", validator={})),
        ("drop the units", lambda: worker.exports.command("drop", "units")),
        ("remove from workers", lambda: worker.exports.workers.delete_one({"_id": "w"})),
        ("drop vehicles", lambda: worker.exports.command("drop", "vehicles")),
        ("insert into another collection", lambda: worker.exports.other.insert_one({"x": 1})),
        ("insert into a vehicle's database", lambda: worker.vehicle_001.speed.insert_one({"_id": 2})),
        ("update a vehicle's document", lambda: worker.vehicle_001.speed.update_one({"_id": 1}, {"$set": {"x": 1}})),
        ("remove a vehicle's document", lambda: worker.vehicle_001.speed.delete_one({"_id": 1})),
        ("drop a vehicle's collection", lambda: worker.vehicle_001.command("drop", "speed")),
        ("drop a vehicle's database", lambda: worker.vehicle_001.command("dropDatabase")),
        ("create an index on a vehicle's", lambda: worker.vehicle_001.speed.create_index("x")),
        ("write by $out", lambda: list(worker.vehicle_001.speed.aggregate([{"$out": "copy"}]))),
        ("write by $merge", lambda: list(worker.vehicle_001.speed.aggregate([{"$merge": "copy"}]))),
        ("read the users' collection", lambda: worker.admin["system.users"].find_one()),
        ("read the key's collection", lambda: worker.admin["system.keys"].find_one()),
        ("list the users", lambda: worker.admin.command("usersInfo")),
        ("stop the server", lambda: worker.admin.command("shutdown"))):
    may_not("mongodb worker: refused: " + what, f, unauthorized)

anonymous = pymongo.MongoClient(conf["mongodb_uri"])
may_not("mongodb: refused: without a password", lambda: anonymous.exports.jobs.find_one(), unauthorized)
may_not("mongodb: refused: a wrong password", lambda: pymongo.MongoClient(
    conf["mongodb_uri"], username=conf["api_mongodb_user"], password="x", authSource="admin").exports.jobs.find_one(),
    lambda e: isinstance(e, OperationFailure) and e.code == 18)

# What the collection takes: not a right, but the same promise of a small mistake that stays small.
invalid = lambda e: isinstance(e, WriteError) and e.code == 121
for what, wrong in (
        ("an unknown state", {"state": "DONE"}), ("a date as text", {"startDate": "2018-11-30"}), ("attempts as a double", {"attempts": 1.0}),
        ("no dueAt", {"dueAt": None}), ("a count below 0", {"fence": -1}), ("an object without a size", {"object": {"key": "k", "sha256": "s"}}),
        ("cancelRequested as a number", {"cancelRequested": 0})):
    may_not("mongodb jobs: refused: " + what, lambda: api.exports.jobs.insert_one(job(**wrong)), invalid)
for what, wrong in (("no place in the archive", {"unit": None}), ("no vehicles", {"vehicles": None}), ("an unknown state", {"state": "DONE"})):
    may_not("mongodb units: refused: " + what, lambda: worker.exports.units.insert_one(unit(**wrong)), invalid)
may("mongodb units: one that is done", lambda: worker.exports.units.insert_one(unit(
    job=u["job"], state="FINISHED", facts="{}", object={"key": "k", "size": 1, "etag": "e"})))
may_not("mongodb units: refused: a place twice", lambda: worker.exports.units.insert_one(unit(job=u["job"])),
        lambda e: getattr(e, "code", 0) == 11000)
may("mongodb jobs: a finished job with all its fields", lambda: api.exports.jobs.insert_one(job(
    state="FINISHED", vehicles=["vehicle_001"], parameters=["speed"], name="n", idempotencyKey="k", startedAt=now, finishedAt=now,
    expiresAt=now, worker="w", attempts=1, fence=2 ** 40, progress={"phase": "done", "documents": 1, "documentsTotal": 2 ** 40, "rows": 0,
                                                                   "points": 0, "bytesRead": 0, "bytesWritten": 0},
    object={"key": "k", "size": 1, "sha256": "s", "etag": "e"}, error={"code": "c", "message": "m"}, more=1)))
may_not("mongodb jobs: refused: an idempotency key twice", lambda: api.exports.jobs.insert_one(job(idempotencyKey="k")),
        lambda e: getattr(e, "code", 0) == 11000)
may("mongodb jobs: the same key of another owner", lambda: api.exports.jobs.insert_one(job(owner="b", idempotencyKey="k")))
may("mongodb jobs: no key, twice", lambda: [api.exports.jobs.insert_one(job()) for _ in "ab"])
plan = admin.exports.jobs.find({"state": {"$in": ["NOT_STARTED", "STARTED"]}, "dueAt": {"$lte": now}}).sort(
    [("rank", 1), ("createdAt", 1)]).explain()["queryPlanner"]["winningPlan"]
result("'claim'" in str(plan) and "'SORT'" not in str(plan), "mongodb jobs: a claim goes by its index, without sorting", plan)

# -- RabbitMQ

def broker(user, pwd):
    p = pika.URLParameters(conf["amqp_uri"])
    p.credentials = pika.PlainCredentials(user, pwd)
    p.socket_timeout = 10
    return pika.BlockingConnection(p)


def amqp(service, f):
    """f(channel) on a connection of its own: a refusal closes the channel."""
    def go():
        c = broker(conf[service + "_amqp_user"], secret(service + "_amqp_password_file"))
        try:
            ch = c.channel()
            value = f(ch)
            # The refusal of a publish comes later, as channel.close.
            c.process_data_events(time_limit=0.5)
            if not ch.is_open:
                raise AssertionError("channel closed: %r" % getattr(ch, "_closing_reason", None))
            return value
        finally:
            if c.is_open:
                c.close()
    return go


def publish(exchange, key):
    def go(ch):
        ch.confirm_delivery()     # waits for the confirm, and so for the refusal
        ch.basic_publish(exchange, key, b"65f000000000000000000000", pika.BasicProperties(delivery_mode=2), mandatory=True)
    return go


def consume(queue):
    def go(ch):
        ch.basic_qos(prefetch_count=1)
        for method, _, body in ch.consume(queue, inactivity_timeout=10):
            assert method is not None, "no message came"
            ch.basic_ack(method.delivery_tag)
            ch.cancel()
            return body
    return go


refused = lambda e: isinstance(e, pika.exceptions.ChannelClosedByBroker) and e.reply_code == 403
may("rabbitmq api: publish to exports, confirmed", amqp("api", publish("exports", "job")))
for what, f in (
        ("publish to the default exchange", publish("", "exports.jobs")),
        ("publish to exports.retry", publish("exports.retry", "")),
        ("publish to amq.topic", publish("amq.topic", "x")),
        ("consume exports.jobs", consume("exports.jobs")),
        ("get from exports.jobs", lambda ch: ch.basic_get("exports.jobs")),
        ("consume exports.retry", consume("exports.retry")),
        ("purge exports.jobs", lambda ch: ch.queue_purge("exports.jobs")),
        ("declare a queue", lambda ch: ch.queue_declare("mine", durable=True)),
        ("declare an exchange", lambda ch: ch.exchange_declare("mine")),
        ("delete exports.jobs", lambda ch: ch.queue_delete("exports.jobs")),
        ("delete the exchange", lambda ch: ch.exchange_delete("exports")),
        ("bind", lambda ch: ch.queue_bind("exports.retry", "exports", "job")),
        ("unbind", lambda ch: ch.queue_unbind("exports.jobs", "exports", "job"))):
    may_not("rabbitmq api: refused: " + what, amqp("api", f), refused)

body = may("rabbitmq worker: consume exports.jobs", amqp("worker", consume("exports.jobs")))
result(body == b"65f000000000000000000000", "rabbitmq worker: gets what the API published", body)
for what, f in (
        ("publish to exports", publish("exports", "job")),
        ("publish to the default exchange", publish("", "exports.jobs")),
        ("publish to exports.retry", publish("exports.retry", "")),
        ("consume exports.retry", consume("exports.retry")),
        ("get from exports.retry", lambda ch: ch.basic_get("exports.retry")),
        ("purge exports.retry", lambda ch: ch.queue_purge("exports.retry")),
        ("declare a queue", lambda ch: ch.queue_declare("mine", durable=True)),
        ("declare an exchange", lambda ch: ch.exchange_declare("mine")),
        ("delete exports.jobs", lambda ch: ch.queue_delete("exports.jobs")),
        ("delete the exchange", lambda ch: ch.exchange_delete("exports")),
        ("bind", lambda ch: ch.queue_bind("exports.jobs", "exports", "x")),
        ("unbind", lambda ch: ch.queue_unbind("exports.jobs", "exports", "job"))):
    may_not("rabbitmq worker: refused: " + what, amqp("worker", f), refused)


def other_vhost():
    p = pika.URLParameters(conf["amqp_uri"])
    p.virtual_host = "/"
    p.credentials = pika.PlainCredentials(conf["api_amqp_user"], secret("api_amqp_password_file"))
    pika.BlockingConnection(p)


closed = lambda e: isinstance(e, (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError,
                                  pika.exceptions.AuthenticationError, pika.exceptions.ConnectionClosedByBroker))
may_not("rabbitmq: refused: guest", lambda: broker("guest", "guest"), closed)
may_not("rabbitmq: refused: a wrong password", lambda: broker(conf["api_amqp_user"], "x"), closed)
may_not("rabbitmq: refused: another vhost", other_vhost, closed)

# The delayed way round: a message that is rejected comes back, and the worker needs no right for that.


def reject(ch):
    method = None
    for method, _, _ in ch.consume("exports.jobs", inactivity_timeout=10):
        assert method is not None, "no message came"
        ch.basic_nack(method.delivery_tag, requeue=False)
        break
    for method, properties, _ in ch.consume("exports.jobs", inactivity_timeout=10):
        assert method is not None, "it did not come back"
        assert {d["queue"] for d in properties.headers["x-death"]} == {"exports.jobs", "exports.retry"}, properties.headers
        ch.basic_ack(method.delivery_tag)
        ch.cancel()
        return


may("rabbitmq api: publish once more", amqp("api", publish("exports", "job")))
may("rabbitmq worker: what it rejects comes back through the retry queue", amqp("worker", reject))

# -- S3

denied = lambda e: (isinstance(e, ClientError) and e.response["ResponseMetadata"]["HTTPStatusCode"] == 403) or (
    isinstance(e, urllib.error.HTTPError) and e.code == 403)


def client(key, pwd):
    return boto3.client("s3", endpoint_url=conf["s3_endpoint"], aws_access_key_id=key, aws_secret_access_key=pwd,
                        region_name="us-east-1", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def delete_many(c):
    """The answer to this is a 200 with a refusal for each key."""
    reply = c.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    if [e["Code"] for e in reply.get("Errors", [])] == ["AccessDenied"] and not reply.get("Deleted"):
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "DeleteObjects")
    return reply


bucket, key = conf["s3_bucket"], "exports/65f000000000000000000000/1/export-65f000000000000000000000.zip"
at = {"Bucket": bucket, "Key": key}
s3_admin = client(os.environ["S3_ADMIN_KEY"], os.environ["S3_ADMIN_SECRET"])
s3_api = client(conf["api_s3_access_key"], secret("api_s3_secret_file"))
s3_worker = client(conf["worker_s3_access_key"], secret("worker_s3_secret_file"))
part = b"x" * (5 << 20)

up = may("s3 worker: begin an upload", lambda: s3_worker.create_multipart_upload(**at)["UploadId"])
tags = [may("s3 worker: part %d" % i, lambda: s3_worker.upload_part(PartNumber=i, UploadId=up, Body=b, **at)["ETag"])
        for i, b in ((1, part), (2, b"end"))]
may("s3 worker: complete it", lambda: s3_worker.complete_multipart_upload(
    UploadId=up, MultipartUpload={"Parts": [{"PartNumber": i + 1, "ETag": t} for i, t in enumerate(tags)]}, **at))
second = s3_worker.create_multipart_upload(**at)["UploadId"]
s3_worker.upload_part(PartNumber=1, UploadId=second, Body=b"x", **at)
may("s3 worker: abort an upload", lambda: s3_worker.abort_multipart_upload(UploadId=second, **at))
result(not s3_admin.list_multipart_uploads(Bucket=bucket).get("Uploads"), "s3 worker: the aborted upload is gone")
piece = {"Bucket": bucket, "Key": "units/65f000000000000000000000/1-0-1"}
up = may("s3 worker: begin the upload of a unit's piece", lambda: s3_worker.create_multipart_upload(**piece)["UploadId"])
tag = may("s3 worker: a part of it", lambda: s3_worker.upload_part(PartNumber=1, UploadId=up, Body=b"piece", **piece)["ETag"])
may("s3 worker: complete it", lambda: s3_worker.complete_multipart_upload(
    UploadId=up, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}, **piece))
result(may("s3 worker: get a piece", lambda: s3_worker.get_object(**piece)["Body"].read()) == b"piece", "s3 worker: it is what was put")
may_not("s3 worker: refused: remove a piece", lambda: s3_worker.delete_object(**piece), denied)
may("s3 worker: put in one piece", lambda: s3_worker.put_object(Body=b"y", Bucket=bucket, Key="exports/x"))
for what, f in (
        ("get", lambda: s3_worker.get_object(**at)),
        ("head", lambda: s3_worker.head_object(**at)),
        ("delete", lambda: s3_worker.delete_object(**at)),
        ("delete many", lambda: delete_many(s3_worker)),
        ("copy", lambda: s3_worker.copy_object(Bucket=bucket, Key="exports/y", CopySource=at)),
        ("list", lambda: s3_worker.list_objects_v2(Bucket=bucket)),
        ("list uploads", lambda: s3_worker.list_multipart_uploads(Bucket=bucket)),
        ("put outside exports/", lambda: s3_worker.put_object(Body=b"y", Bucket=bucket, Key="other")),
        ("put the lifecycle", lambda: s3_worker.delete_bucket_lifecycle(Bucket=bucket)),
        ("put a bucket policy", lambda: s3_worker.put_bucket_policy(Bucket=bucket, Policy="{}")),
        ("delete the bucket", lambda: s3_worker.delete_bucket(Bucket=bucket)),
        ("make a bucket", lambda: s3_worker.create_bucket(Bucket="other"))):
    may_not("s3 worker: refused: " + what, f, denied)

got = may("s3 api: get", lambda: s3_api.get_object(**at)["Body"].read())
result(got == part + b"end", "s3 api: gets what the worker put")
for what, f in (
        ("put", lambda: s3_api.put_object(Body=b"z", **at)),
        ("begin an upload", lambda: s3_api.create_multipart_upload(**at)),
        ("delete", lambda: s3_api.delete_object(**at)),
        ("delete many", lambda: delete_many(s3_api)),
        ("list", lambda: s3_api.list_objects_v2(Bucket=bucket)),
        ("get a piece", lambda: s3_api.get_object(**piece)),
        ("get outside exports/", lambda: s3_api.get_object(Bucket=bucket, Key="other")),
        ("read the lifecycle", lambda: s3_api.get_bucket_lifecycle_configuration(Bucket=bucket)),
        ("make a bucket", lambda: s3_api.create_bucket(Bucket="other"))):
    may_not("s3 api: refused: " + what, f, denied)
result(s3_admin.get_object(**at)["ContentLength"] == len(part) + 3, "s3: the object is still whole after all that")


def fetch(url):
    return urllib.request.urlopen(url, timeout=20)


link = s3_api.generate_presigned_url("get_object", Params=dict(
    at, ResponseContentDisposition='attachment; filename="export.zip"'), ExpiresIn=300)
reply = may("s3: a signed link", lambda: fetch(link))
result(reply is not None and reply.read() == part + b"end", "s3: a signed link gives the object")
result(reply is not None and reply.headers["Content-Disposition"] == 'attachment; filename="export.zip"', "s3: under the name asked for")
may_not("s3: refused: a link of another key", lambda: fetch(link.replace("/1/export-", "/2/export-")), denied)
may_not("s3: refused: a link with a changed name", lambda: fetch(link.replace("export.zip", "evil.zip")), denied)
may_not("s3: refused: a link that lasts longer than signed", lambda: fetch(link.replace("Expires=300", "Expires=3000")), denied)
may_not("s3: refused: a link signed by the worker", lambda: fetch(s3_worker.generate_presigned_url("get_object", Params=at)), denied)
old = s3_api.generate_presigned_url("get_object", Params=at, ExpiresIn=1)
time.sleep(2.5)
may_not("s3: refused: a link that has expired", lambda: fetch(old), denied)
may_not("s3: refused: get without a key", lambda: fetch("%s/%s/%s" % (conf["s3_endpoint"], bucket, key)), denied)
may_not("s3: refused: list without a key", lambda: fetch("%s/%s/" % (conf["s3_endpoint"], bucket)), denied)
may_not("s3: refused: put without a key", lambda: fetch(urllib.request.Request(
    "%s/%s/exports/z" % (conf["s3_endpoint"], bucket), data=b"z", method="PUT")), denied)
may_not("s3: refused: a wrong secret", lambda: client(conf["api_s3_access_key"], "x").get_object(**at), denied)

print("1..%d" % n)
sys.exit(bad != 0)
END
