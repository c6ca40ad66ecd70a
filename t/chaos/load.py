"""The load of a chaos run: owners who post jobs, poll them, cancel or expire some, download some,
and record every answer."""
import base64
import functools
import hashlib
import http.client
import itertools
import json
import os
import random
import ssl
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

import fleet     # noqa: E402
import oracle    # noqa: E402
from journal import FINAL     # noqa: E402

DAY = 86400000
START = 1543536000000           # 2018-11-30, where the generated vehicles begin
TIMEOUT_S = 40                  # above nginx's own
# a host that is cut off does not answer; the next call goes to another
CONNECT_S = 3
BIG_DAYS = 12                   # --days


# ---- what is asked for

def unique(seed, data, request):
    """A fleet under vehicle names of only its seed, vehicles always given."""
    def name(vehicle):
        return "vehicle_c%04d_%s" % (seed, vehicle[len("vehicle_"):])

    vehicles = request["vehicles"] or sorted(data, key=str.encode)
    return {name(v): c for v, c in data.items()}, dict(request,
                                                       vehicles=[name(v) for v in vehicles])


def load_fleet(client, seed):
    """One random fleet into the database; {name, body, big} of the request for it, and what the
    oracle needs."""
    from bson.raw_bson import RawBSONDocument
    data, request = unique(seed, *fleet.fleet(seed))
    request["known"] = None             # exports.parameters is empty here
    for vehicle, collections in data.items():
        client.drop_database(vehicle)
        for parameter, documents in collections.items():
            if documents:
                client[vehicle][parameter].insert_many([RawBSONDocument(raw) for _,
                                                        raw in documents])
            else:
                client[vehicle].command("create", parameter)
    return {"name": "fleet-%d" % seed, "big": False,
            "body": oracle.body_of(request)}, (data, request)


def big_requests(vehicles):
    """Requests that keep a worker busy for seconds; the last one is split."""
    def of(name, days, compression, **more):
        request = dict({"startDate": START, "endDate": START + days * DAY, "vehicles": vehicles[:1],
                        "parameters": None,
                        "time": "ms", "csv": "rfc4180"}, **more)
        return {"name": name, "big": True,
                "body": dict(oracle.body_of(request), compression=compression)}, request

    return [of("big-small", BIG_DAYS, "small"), of("big-fast", BIG_DAYS, "fast", time="rfc3339"),
            of("big-half", max(1, BIG_DAYS // 2), "small"),
            of("big-two", BIG_DAYS, "small", parameters=["odo", "speed"]),
            of("big-split", max(1, BIG_DAYS // 3), "small", vehicles=vehicles)]


def stored(client, vehicle):
    """{vehicle: {parameter: [(order_ms, raw)]}} of what is in the database."""
    import datetime
    from bson.codec_options import CodecOptions
    from bson.raw_bson import RawBSONDocument
    epoch = datetime.datetime(1970, 1, 1)
    raw = CodecOptions(document_class=RawBSONDocument)

    def order(ident):
        return (ident - epoch) // datetime.timedelta(milliseconds=1) if isinstance(ident,
                datetime.datetime) else int(ident)

    db = client[vehicle]
    return {vehicle: {n: sorted(((order(d["_id"]), d.raw) for d
                                 in db.get_collection(n, codec_options=raw).find()),
                                key=lambda d: d[0]) for n in db.list_collection_names()}}


# ---- one call

class Unknown(Exception):
    """No answer: what became of the request is not known."""


@functools.lru_cache
def trust():
    """The CAs of SSL_CERT_FILE."""
    return ssl.create_default_context()


def call(url, method, path, body=None, user=None):
    """(status, headers, body bytes); raises Unknown. user is NAME:PASSWORD."""
    parts = urllib.parse.urlsplit(path if "://" in path else url + path)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    connection = http.client.HTTPSConnection(parts.netloc, timeout=CONNECT_S,
                                             context=trust()) if parts.scheme == "https" else \
        http.client.HTTPConnection(parts.netloc, timeout=CONNECT_S)
    try:
        connection.connect()
        connection.sock.settimeout(TIMEOUT_S)
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body,
                           headers)
        got = connection.getresponse()
        return got.status, got.headers, got.read()
    except (OSError, http.client.HTTPException) as e:
        raise Unknown("%s: %s" % (type(e).__name__, e)) from e
    finally:
        connection.close()


# ---- the owners

class Load:
    """Owner threads until stop(); at most `jobs` jobs where that is given. No job is left alone
    before it has ended, until give_up."""

    def __init__(self, urls, password, journal, specs, telemetry, seed, owners=16, jobs=None,
                 think_s=1.0):
        self.urls, self.password = itertools.cycle(urls), password
        self.journal, self.telemetry, self.think_s = journal, telemetry, think_s
        self.small = [s for s in specs if not s["big"]]
        self.big = [s for s in specs if s["big"]]
        self.lock = threading.Lock()
        self.left = jobs
        self.posting, self.give_up = True, False
        self.accepted = 0
        self.threads = [threading.Thread(target=self.own,
                                         args=("owner-%d" % n, random.Random("%d/%d" % (seed, n))),
                                         daemon=True) for n in range(owners)]

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self):
        self.posting = False

    def wait(self, seconds):
        """Whether all owners have seen the ends of their jobs."""
        deadline = time.monotonic() + seconds
        for t in self.threads:
            t.join(max(0, deadline - time.monotonic()))
        done = not any(t.is_alive() for t in self.threads)
        self.give_up = True
        return done

    def own(self, owner, r):
        try:
            while self.posting and not self.give_up:
                mine = [self.plan(r, self.post(owner, r)) for _ in range(r.choice((1, 1, 1, 2, 4)))]
                mine = [m for m in mine if m]
                while mine and not self.give_up:
                    mine = [m for m in mine if not self.step(owner, r, m)]
                    time.sleep(r.uniform(0.1, 0.5))
                time.sleep(r.expovariate(1 / self.think_s))
        # a fault of this program: reported, never taken for one of the service
        except Exception as e:
            self.journal.add("harness", owner=owner, why="%s: %s" % (type(e).__name__, e))

    def call(self, method, path, owner, body=None):
        """Each call goes to the next of the addresses."""
        return call(next(self.urls), method, path, body, "%s:%s" % (owner, self.password))

    def draw(self, r):
        """A large request, one for vehicles that go on sending, or a small one."""
        x = r.random()
        if self.big and x < 0.12:
            return r.choice(self.big)
        return self.telemetry.spec(r) if x > 0.65 else r.choice(self.small)

    def post(self, owner, r):
        """The id of a new job, or None."""
        spec = self.draw(r)
        with self.lock:
            if not self.posting or self.left == 0:
                self.posting = False
                return None
            if self.left is not None:
                self.left -= 1
        sent = self.journal.now()
        try:
            status, headers, body = self.call("POST", "/export", owner,
                                              json.dumps(spec["body"]).encode())
        except Unknown as e:
            self.journal.add("post", sent=sent, status=0, owner=owner, spec=spec["name"],
                             why=str(e))
            status = 0
        else:
            facts = {}
            if status == 202:
                job = json.loads(body)
                facts = {"id": job["_id"], "state": job["state"]}
                if not (headers.get("Location") or "").endswith("/export/" + job["_id"]):
                    facts["bad"] = "Location is %r" % headers.get("Location")
            else:
                facts = {"why": body[:300].decode("latin-1")}
            self.journal.add("post", sent=sent, status=status, owner=owner, spec=spec["name"],
                             **facts)
            if status == 202:
                with self.lock:
                    self.accepted += 1
                return facts["id"]
        with self.lock:
            if self.left is not None:
                self.left += 1
        time.sleep(r.uniform(0.1, 0.6))
        return None

    @staticmethod
    def plan(r, ident):
        """What is to happen to a job besides being polled."""
        if ident is None:
            return None
        return {"id": ident, "cancel_at": time.monotonic() + r.expovariate(1) if r.random() < 0.12
                else None,
                "expire": r.random() < 0.12, "download": r.random() < 0.25}

    def step(self, owner, r, m):
        """One look at a job; true when there is nothing left to do about it."""
        if m["cancel_at"] is not None and time.monotonic() >= m["cancel_at"]:
            if self.delete(owner, m["id"]) in (202, 204):
                m["cancel_at"] = None
            return False
        job = self.get(owner, m["id"])
        if job is None or job["state"] not in FINAL:
            return False
        if job["state"] == "FINISHED" and m["download"]:
            m["download"] = not self.download(owner, m["id"], job)
            return False
        if job["state"] == "FINISHED" and m["expire"]:
            m["expire"] = self.delete(owner, m["id"]) != 204
            return False
        return True

    def get(self, owner, ident):
        sent = self.journal.now()
        try:
            status, _, body = self.call("GET", "/export/" + ident, owner)
        except Unknown as e:
            self.journal.add("get", id=ident, sent=sent, status=0, why=str(e))
            return None
        if status != 200:
            self.journal.add("get", id=ident, sent=sent, status=status,
                             why=body[:300].decode("latin-1"))
            return None
        job = json.loads(body)
        facts = {k: job[k] for k in ("state", "size", "sha256", "error") if k in job}
        if (job["state"] == "FINISHED") != ("exportUri" in job):
            facts["bad"] = "exportUri in a %s job: %s" % (job["state"], "exportUri" in job)
        self.journal.add("get", id=ident, sent=sent, status=status, **facts)
        return job

    def delete(self, owner, ident):
        sent = self.journal.now()
        try:
            status, _, body = self.call("DELETE", "/export/" + ident, owner)
        except Unknown as e:
            self.journal.add("delete", id=ident, sent=sent, status=0, why=str(e))
            return 0
        facts = {"state": json.loads(body)["state"]} if status == 202 else {}
        self.journal.add("delete", id=ident, sent=sent, status=status, **facts)
        return status

    def download(self, owner, ident, job):
        sent = self.journal.now()
        try:
            status, _, body = call("", "GET", job["exportUri"])
        except Unknown as e:
            self.journal.add("download", id=ident, sent=sent, status=0, why=str(e))
            return False
        good = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        facts = {"bad": "not what the job says"} if status == 200 and any(job.get(k) != v for k,
                v in good.items()) else {}
        self.journal.add("download", id=ident, sent=sent, status=status,
                         **(good if status == 200 else {}), **facts)
        return status == 200


# ---- the oracle's word on the large requests, in a process of its own

def main():
    """load.py VEHICLE,... FILE DAYS: reads the vehicles, says so, and writes {name: (expected,
    end_ms)} as a pickle."""
    global BIG_DAYS
    import pickle
    import pymongo
    os.nice(10)
    BIG_DAYS = int(sys.argv[3])
    client, vehicles, data = pymongo.MongoClient(
        os.environ["MONGODB_ADMIN_URI"]), sys.argv[1].split(","), {}
    for vehicle in vehicles:
        data.update(stored(client, vehicle))
    print("read", flush=True)
    out = {spec["name"]: (oracle.expect(data, request), request["endDate"]) for spec,
           request in big_requests(vehicles)}
    with open(sys.argv[2] + ".new", "wb") as f:
        pickle.dump(out, f)
    os.rename(sys.argv[2] + ".new", sys.argv[2])


if __name__ == "__main__":
    main()
