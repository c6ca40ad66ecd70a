"""Vehicles that go on sending while jobs are made: new hours, late uploads of old hours, hours that
are replaced, new parameters, new vehicles. Each document counts its versions in `n`, and so does
each of its points: an archive shows which version of which document it has.

Every write is of w: majority, tried again until a majority has it, and goes into the journal then:
{op: "write", vehicle, parameter, hour, n, sent, t}; from t on no reader may miss it.
"""
import functools
import os
import random
import sys
import threading
import time

from bson.raw_bson import RawBSONDocument
import pymongo
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

import fleet    # noqa: E402
import oracle   # noqa: E402

START = 1546300800000           # 2019-01-01
DAYS, HOURS = 10, 24
VEHICLES = ["vehicle_clive_%03d" % n for n in range(1, 7)]
PARAMETERS = ["speed", "soc", "current", "door", "odo"]
WRITERS = 2


def stamp(hour):
    return START + hour * fleet.HOUR


@functools.lru_cache(100000)
def document(vehicle, parameter, hour, n):
    """The bytes of this version of an hour document."""
    r = random.Random("%s/%s/%d/%d" % (vehicle, parameter, hour, n))
    times = sorted(r.sample(range(fleet.HOUR), r.randint(3, 12)))
    return fleet.doc([(b"_id", fleet.INT64, fleet.int64(stamp(hour))),
                      (b"n", fleet.INT32, fleet.int32(n)),
                      (b"values", fleet.DOCUMENT,
                       fleet.doc([(b"%d" % t, fleet.INT32, fleet.int32(n)) for t in times]))])


def extent(writes):
    """(vehicles, parameters, days) that there may be after this number of writes: it grows."""
    return (min(len(VEHICLES), 3 + writes // 150), min(len(PARAMETERS), 2 + writes // 120),
            min(DAYS, 1 + writes // 200))


class Telemetry:
    """Writer threads until stop(); prepare() writes the first day."""

    def __init__(self, uri, journal, seed):
        self.journal = journal
        self.client = pymongo.MongoClient(uri, w="majority", serverSelectionTimeoutMS=3000,
                                          connectTimeoutMS=3000, socketTimeoutMS=10000)
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.versions = {}      # (vehicle, parameter, hour): the version that a majority has
        self.writes = 0
        self.requests = {}      # name: the request, as t/oracle.py takes it
        self.threads = [threading.Thread(target=self.run, daemon=True,
                                         args=(n, random.Random("%d/telemetry/%d" % (seed, n))))
                        for n in range(WRITERS)]

    def prepare(self):
        for vehicle in VEHICLES:
            self.client.drop_database(vehicle)
        vehicles, parameters, days = extent(0)
        for vehicle in VEHICLES[:vehicles]:
            for parameter in PARAMETERS[:parameters]:
                for hour in range(0, days * HOURS, 2):      # the others are late
                    self.write(vehicle, parameter, hour)

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self):
        self.ending.set()
        for t in self.threads:
            t.join(60)

    # ---- writing
    def run(self, number, r):
        try:
            while not self.ending.is_set():
                self.write(*self.draw(number, r))
                self.ending.wait(r.uniform(0.05, 0.25))
        # a fault of this program: reported, never taken for one of the service
        except Exception as e:
            self.journal.add("harness", why="telemetry: %s: %s" % (type(e).__name__, e))

    def draw(self, number, r):
        """The document that this writer writes next. A vehicle has one writer: the versions of its
        documents have one order."""
        vehicles, parameters, days = extent(self.writes)
        vehicle = r.choice(VEHICLES[number:vehicles:WRITERS])
        if r.random() < 0.3:
            mine = [d for d in list(self.versions) if d[0] == vehicle]
            if mine:
                return r.choice(mine)
        first = (days - 1) * HOURS if r.random() < 0.5 else 0
        return vehicle, r.choice(PARAMETERS[:parameters]), r.randrange(first, days * HOURS)

    def write(self, vehicle, parameter, hour):
        """The document's next version, until a majority has it or this ends."""
        which = vehicle, parameter, hour
        n = self.versions.get(which, 0) + 1
        facts = {"sent": self.journal.now(), "vehicle": vehicle, "parameter": parameter,
                 "hour": hour, "n": n}
        while not self.replace(vehicle, parameter, hour, n):
            if self.ending.is_set():
                self.journal.add("unconfirmed", **facts)
                return
            time.sleep(0.1)
        self.journal.add("write", **facts)
        with self.lock:
            self.versions[which] = n
            self.writes += 1

    def replace(self, vehicle, parameter, hour, n):
        """One try; whether a majority has this version. Only the version before it is replaced: a
        request that a frozen server executes late changes nothing."""
        ident, c = stamp(hour), self.client[vehicle][parameter]
        try:
            done = c.replace_one({"_id": ident, "n": n - 1},
                                 RawBSONDocument(document(vehicle, parameter, hour, n)),
                                 upsert=n == 1)
            if done.matched_count or done.upserted_id is not None:
                return True
        except PyMongoError:
            pass
        try:
            found = c.with_options(read_concern=ReadConcern("majority")).find_one(
                {"_id": ident}, {"n": 1})
            return found is not None and found["n"] >= n
        except PyMongoError:
            return False

    # ---- asking
    def spec(self, r):
        """A request for some of these vehicles, as load.py takes it; of each vehicle a majority has
        a document."""
        with self.lock:
            vehicles = sorted({d[0] for d in self.versions})
        vehicles = r.sample(vehicles, min(len(vehicles), r.choice((1, 1, 2, 3))))
        parameters = None if r.random() < 0.6 else r.sample(PARAMETERS, 2)
        days = extent(self.writes)[2]
        first = r.choice((r.randrange(days), max(0, days - 2)))
        end = first + r.randint(1, 2)
        request = {"startDate": stamp(first * HOURS), "endDate": stamp(end * HOURS),
                   "vehicles": vehicles, "parameters": parameters, "time": "ms",
                   "csv": r.choice(("rfc4180", "excel"))}
        name = "live %s %s %d-%d %s" % ("+".join(v[-3:] for v in vehicles),
                                       "+".join(parameters or ("all",)), first, end,
                                       request["csv"])
        with self.lock:
            self.requests[name] = request
        return {"name": name, "body": oracle.body_of(request), "big": False}
