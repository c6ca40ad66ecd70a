#!/usr/bin/python3
"""The live service against the oracle: random fleets go into MongoDB, exports are requested over
HTTP, and each ZIP that exportUri leads to must be what t/oracle.py says, to the byte (Parquet: to
the value, by pyarrow).

Prints TAP; a failing seed with its first difference. Without EXPORT_URL and MONGODB_ADMIN_URI in
the environment it runs itself under t/with-stack.

Environment: ORACLE_SEEDS "a-b,..." (SEEDS below; those above 200 are about fixed steps, those above
220 about files by days and months, those above 520 about Parquet, of which each fifth has
documents that no mongod takes); ORACLE_JOBS, how many exports are in flight (4);
ORACLE_DEADLINE, seconds from the POST to the final state (180); ORACLE_KEEP=1 leaves the databases
(vehicle_sNNNN_*) in place.
"""
import base64
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import fleet     # noqa: E402
import oracle    # noqa: E402
import parquetfile   # noqa: E402
import preview   # noqa: E402
import readers   # noqa: E402

SEEDS = "1-100,201-240,522-525,527-530,532-535,537-540"
BLOCK = 20
STEPS_FROM, DAYS_FROM, PARQUET_FROM = 200, 220, 520
FINAL = ("FINISHED", "FAILED", "CANCELLED", "EXPIRED")
POLL_S = 0.1
HTTP_TIMEOUT_S = 60


def skip_or_fail(why):
    """Nothing can be tested: skipped, but a failure where everything must run."""
    if os.environ.get("EXPORT_TEST_ALL"):
        print("1..1\nnot ok 1 - %s" % why)
        return 1
    print("1..0 # SKIP %s" % why)
    return 0


def under_stack():
    wrapper = os.path.join(ROOT, "t", "with-stack")
    if not os.access(wrapper, os.X_OK):
        return skip_or_fail("neither EXPORT_URL nor t/with-stack is there")
    os.environ["WITH_STACK"] = os.path.abspath(__file__)
    os.chdir(ROOT)
    os.execv(wrapper,
             [wrapper, "--conf", os.path.join(HERE, "3100-oracle.conf"), sys.executable,
              os.path.abspath(__file__)])
    return 1


# ---- MongoDB ------------------------------------------------------------------------------

def unique(seed, data, request):
    """The same fleet under vehicle names of only this seed, vehicles always given."""
    def name(vehicle):
        return "vehicle_s%04d_%s" % (seed, vehicle[len("vehicle_"):])

    # One without a collection is no database.
    vehicles = [v for v in request["vehicles"] or sorted(data, key=str.encode)
                if data.get(v, True)]
    return ({name(v): collections for v, collections in data.items() if collections},
            dict(request, vehicles=[name(v) for v in vehicles]))


def insert(client, seed, data):
    """Every collection as it is, raw; each tenth seed also gets a view in each database."""
    from bson.raw_bson import RawBSONDocument
    for vehicle, collections in data.items():
        client.drop_database(vehicle)
        db = client[vehicle]
        for parameter, documents in collections.items():
            if documents:
                db[parameter].insert_many([RawBSONDocument(raw) for _, raw in documents])
            else:
                db.command("create", parameter)
        if seed % 10 == 0:
            db.command("create", "a view", viewOn=next(iter(collections)), pipeline=[])


def insert_known(client):
    """What is known of parameters, of all seeds."""
    client.exports.parameters.delete_many({})
    client.exports.parameters.insert_many(
        dict({"_id": name}, **{k: v for k, v in zip(("unit", "label", "decimals"), known)
                               if v is not None})
        for name, known in fleet.KNOWN.items())


# ---- HTTP ---------------------------------------------------------------------------------

def base_and_headers():
    """EXPORT_URL without user and slash, and the headers of each request."""
    parts = urllib.parse.urlsplit(os.environ["EXPORT_URL"])
    headers = {"Accept": "application/json"}
    host = parts.netloc
    if "@" in host:
        user, _, host = host.rpartition("@")
        user = urllib.parse.unquote(user).encode()
        headers["Authorization"] = "Basic " + base64.b64encode(user).decode()
    path = parts.path.rstrip("/")
    if path.endswith("/export"):
        path = path[:-len("/export")]
    return urllib.parse.urlunsplit((parts.scheme, host, path, "", "")), headers


def call(method, url, headers, body=None):
    """(status, headers, body bytes); an HTTP error is an answer, not an exception."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def post(base, headers, request, deadline):
    """(id, Location) of a new job; tries again while the queue is full."""
    raw = json.dumps(oracle.body_of(request)).encode()
    while True:
        status, got, answer = call("POST", base + "/export",
                                   dict(headers, **{"Content-Type": "application/json"}), raw)
        if status not in (429, 503) or time.monotonic() > deadline:
            break
        time.sleep(min(5.0, float(got.get("Retry-After") or 1)))
    if status != 202:
        raise RuntimeError("POST %s: %d %s" % (raw.decode(), status, answer[:800]))
    job = json.loads(answer)
    if not got.get("Location", "").endswith("/export/" + job["_id"]):
        raise RuntimeError("Location is %r for job %s" % (got.get("Location"), job["_id"]))
    return job["_id"]


def wait(base, headers, ident, deadline):
    """The job in its final state."""
    while True:
        status, _, answer = call("GET", "%s/export/%s" % (base, ident), headers)
        if status != 200:
            raise RuntimeError("GET of job %s: %d %s" % (ident, status, answer[:800]))
        job = json.loads(answer)
        if job["state"] in FINAL:
            return job
        if time.monotonic() > deadline:
            raise RuntimeError("job %s is still %s: %s" % (ident, job["state"], answer[:800]))
        time.sleep(POLL_S)


# ---- one seed -----------------------------------------------------------------------------

def export(base, headers, data, request, path):
    """Run one export and leave its ZIP at path. None, or what is wrong with the job."""
    deadline = time.monotonic() + float(os.environ.get("ORACLE_DEADLINE", "180"))
    job = wait(base, headers, post(base, headers, request, deadline), deadline)
    if job["state"] != "FINISHED":
        return "job %s ended %s: %s" % (job["_id"], job["state"], job.get("error"))
    status, _, body = call("GET", job["exportUri"], {})
    if status != 200:
        return "GET of exportUri: %d %s" % (status, body[:800])
    seen = call("GET", "%s/export/%s/preview" % (base, job["_id"]), headers)
    with open(path, "wb") as f:
        f.write(body)
    name = urllib.parse.urlsplit(job["exportUri"]).path.rpartition("/")[2]
    for what, shown, true in (("size", job.get("size"), len(body)),
                             ("sha256", job.get("sha256"), hashlib.sha256(body).hexdigest()),
                             ("name", name, "export-%s.zip" % job["_id"])):
        if shown != true:
            return "job %s: %s is %r, true is %r" % (job["_id"], what, shown, true)
    return preview_wrong(path, seen[0], seen[2], data, request)


def schema_wrong(path):
    """None, or what its schema says against manifest.json."""
    import jsonschema
    with open(os.path.join(ROOT, "nginx", "www", "manifest.schema.json"), encoding="utf-8") as f:
        check = jsonschema.Draft202012Validator(json.load(f))
    with zipfile.ZipFile(path) as z:
        return next((e.message for e in check.iter_errors(json.loads(z.read("manifest.json")))),
                    None)


# ---- the preview --------------------------------------------------------------------------

def preview_wrong(path, status, answer, data, request):
    """None, or how GET /export/:id/preview differs from what it must be."""
    if status not in (200, 204):
        return "preview: %d %s" % (status, answer[:800])
    with zipfile.ZipFile(path) as z:
        files = json.loads(z.read("manifest.json"))["files"]
    difference = preview.wrong(answer, data, request, files)
    return difference and "preview: " + difference


def attempt(client, service, folder, seed):
    """None, or what is wrong with this seed."""
    try:
        data, request = unique(seed, *fleet.fleet(
            seed, steps=STEPS_FROM < seed <= DAYS_FROM, days=DAYS_FROM < seed <= PARQUET_FROM,
            parquet=seed > PARQUET_FROM))
        request = dict(request, known=fleet.KNOWN)
        insert(client, seed, data)
        path = os.path.join(folder, "%d.zip" % seed)
        wrong = export(*service, data, request, path) or \
            oracle.compare(path, oracle.expect(data, request), read=parquetfile.by_pyarrow) or \
            oracle.form(path, request["endDate"]) or schema_wrong(path)
        if not os.environ.get("ORACLE_KEEP"):
            for vehicle in data:
                client.drop_database(vehicle)
        return wrong
    except Exception as e:              # reported for the seed; the others go on
        return "%s: %s" % (type(e).__name__, e)


def main():
    if "EXPORT_URL" not in os.environ or "MONGODB_ADMIN_URI" not in os.environ:
        return under_stack()
    try:
        import pymongo
    except ImportError:
        return skip_or_fail("python3-pymongo is not installed")
    client = pymongo.MongoClient(os.environ["MONGODB_ADMIN_URI"], w="majority",
                                 serverSelectionTimeoutMS=10000)
    try:
        if os.environ.get("EXPORT_TEST_ALL"):
            readers.install()
    except (OSError, subprocess.SubprocessError) as e:
        return skip_or_fail("pyarrow: %s" % e)
    insert_known(client)
    service = base_and_headers()
    blocks = list(fleet.blocks(os.environ.get("ORACLE_SEEDS", SEEDS), BLOCK))
    if not readers.installed():
        print("# no Parquet: pyarrow is not in %s; run t/readers.py" % readers.FOLDER)
        blocks = [b for b in blocks if b[-1] <= PARQUET_FROM]
    made = sum(map(len, blocks))
    own = os.environ.get("WITH_STACK") == os.path.abspath(__file__)
    print("1..%d" % (len(blocks) + own), flush=True)
    good = True
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("ORACLE_JOBS", "4"))) as pool:
        for n, seeds in enumerate(blocks, 1):
            failed = []
            for seed, wrong in zip(seeds, pool.map(
                    lambda s: attempt(client, service, folder, s), seeds)):
                if wrong:
                    failed.append(seed)
                    print("# seed %d: %s" % (seed, wrong.replace("\n", "\n# ")))
                    print("#   again: ORACLE_KEEP=1 ORACLE_SEEDS=%d-%d t/3100-oracle.t" % (
                        seed, seed))
            good = good and not failed
            print("%sok %d - seeds %d to %d%s" % ("not " if failed else "", n, seeds[0], seeds[-1],
                  ": failed %s" % failed if failed else ""), flush=True)
    if own:
        with open(os.path.join(os.environ["EXPORT_RUN"], "log", "export-worker.log"),
                  encoding="utf-8") as f:
            lines = f.read().splitlines()
        split, whole = (sum(op in line for line in lines)
                        for op in (" op=split units=", " op=done "))
        fifth = made / 5
        enough = made < 20 or split > fifth and whole - split > fifth
        good = good and enough
        print("%sok %d - of %d exports %d were made in units" % (
            "" if enough else "not ", len(blocks) + 1, whole, split))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
