#!/usr/bin/python3
"""Owners who may have different vehicles, with owners = listed: for each of them the others'
vehicles and jobs do not exist, in any call; an operator sees and cancels all jobs; rights count as
they are when a job is claimed.

Prints TAP. Always on its own stack, with t/3015-owners.conf; the last checks are t/api.py's.
"""
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    CATALOGUE, LONG, SMALL, SOON_S, begin, busy, call, cancel, create_with, finish, get, good,
    hours, listed, longs, post, put, run, stopped, taken, walk)
from service import (                   # noqa: E402
    ROOT, another_worker, create, fetch, freeze, is_, job_of, logged, ok, pid_of, problem, request,
    setting, wait_for)

BUSES = ["vehicle_bus_%d" % n for n in (1, 2, 3)]
TRAMS = ["vehicle_tram_1", "vehicle_tram_2"]
LAST = BUSES[-1]
SCOPES = {                              # alice's and bob's overlap in a bus
    "alice": (["vehicle_bus_*"], BUSES), "bob": (["vehicle_tram_*", BUSES[1]], [BUSES[1]] + TRAMS),
    "olga": ([TRAMS[0], "--operator"], [TRAMS[0]])}
NOBODY = "65f000000000000000000000"


def owners(*args, want=0):
    """What scripts/owners prints; raises for another exit status than this."""
    run_ = subprocess.run([os.path.join(ROOT, "scripts", "owners"), *args], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if run_.returncode != want:
        raise RuntimeError("owners %s: exit %d: %s" % (args, run_.returncode, run_.stdout))
    return run_.stdout


def set_all():
    for name, (arguments, _) in SCOPES.items():
        owners("set", name, *arguments)
    owners("set", "all", "*")


def load(client):
    for vehicle in BUSES + TRAMS:
        client.drop_database(vehicle)
        put(client, vehicle, "speed", longs(hours(48)))
    wait_for("the catalogue", lambda: set(BUSES + TRAMS + [SMALL, LONG] + CATALOGUE) <=
             {v["_id"] for v in good("/vehicles?limit=1000", "all")["vehicles"]}, SOON_S)
    wait_for("its numbers", lambda: all(
        [p["documents"] for p in good("/vehicles/" + v, "all")["parameters"]] == [48]
        for v in BUSES + TRAMS), SOON_S)


def archived(ident, user):
    """The vehicles of a FINISHED job's archive."""
    with zipfile.ZipFile(io.BytesIO(fetch(ident, user)[1])) as z:
        manifest = json.loads(z.read("manifest.json"))
        files = sorted(n[:-4] for n in z.namelist() if n.endswith(".csv"))
    is_(sorted(f["vehicle"] for f in manifest["files"]), files, "its manifest names the same")
    return files


def same_answer(name, got, want):
    """Status, headers and body of two answers are the same, the request's id aside."""
    def of(answer):
        return (answer.status, answer.body,
                sorted((k, v) for k, v in answer.headers.items()
                       if k not in ("X-Request-Id", "Date")))
    is_(of(got), of(want), name)


# ---- the entries ---------------------------------------------------------------------------

def entries(client):
    from pymongo.errors import WriteError
    stored = client.exports.owners
    is_(owners("list"), "", "owners list: none yet")
    set_all()
    is_(owners("list"),
        "alice\tuser\t-\t-\t-\tvehicle_bus_*\nall\tuser\t-\t-\t-\t*\n"
        "bob\tuser\t-\t-\t-\tvehicle_tram_*\tvehicle_bus_2\n"
        "olga\toperator\t-\t-\t-\tvehicle_tram_1\n",
        "owners list: each, by name")
    owners("set", "alice", "a*", "b", "a*", "--jobs-max", "5", "--jobs-per-hour", "0",
           "--bytes-kept", str(2 ** 40))
    is_(owners("list", "alice"), "alice\tuser\t5\t0\t%d\ta*\tb\n" % (2 ** 40),
        "owners set replaces an entry")
    owners("remove", "alice")
    for command in (("list", "alice"), ("remove", "alice")):
        owners(*command, want=3)
        ok(True, "owners %s: exit 3, there is none" % command[0])
    for args in ((), ("set",), ("set", "x"), ("set", "x", "a*b"), ("set", "x", "a**"),
                 ("set", "x", ""), ("set", "", "a"), ("set", "x\n", "a"), ("set", "x" * 256, "a"),
                 ("set", "x", "a" * 64), ("set", "x", "a/b"), ("set", "x", "a", "--jobs-max", "0"),
                 ("set", "x", "a", "--jobs-per-hour", "-1"), ("set", "x", "a", "--bytes-kept", "x"),
                 ("set", "x", "a", "--bytes-kept", str(2 ** 51)), ("remove",), ("grant", "x")):
        owners(*args, want=2)
        ok(True, "owners %s: exit 2" % " ".join(args).replace("\n", "\\n")[:40])
    is_(stored.count_documents({"_id": {"$in": ["", "x", "x\n", "x" * 256]}}), 0,
        "nothing came of those")
    for wrong in ({"role": "user", "vehicles": ["a*b"]}, {"role": "user", "vehicles": []},
                  {"role": "user", "vehicles": "a"}, {"role": "admin"}, {"vehicles": ["a"]},
                  {"role": "user", "vehicles": ["a"], "jobsMax": 0},
                  {"role": "user", "vehicles": ["a"], "bytesKept": -1},
                  {"role": "user", "vehicles": ["a"], "vehicle": ["b"]}):
        try:
            stored.insert_one(dict(wrong, _id="x"))
            ok(False, "the validator refuses %s" % wrong)
        except WriteError as e:
            is_(e.code, 121, "the validator refuses %s" % wrong)
    set_all()


def limits_answer(user):
    """/limits does not wait for the database, so on a busy machine it may be a 503 first."""
    def answered():
        got = call("GET", "/limits", user=user)
        return got if got.status != 503 else None
    return wait_for("/limits", answered, SOON_S)


def unlisted():
    """Nothing at all, for a name without an entry; nor does it say what there is."""
    ident = create(request(vehicles=BUSES[:1]), "alice")
    answers = [post(request(), "carol"), post(request(), "carol", query="?dryRun=true"),
               post(request(), "carol", "key")] + [
        call(method, path, user="carol") for method, path in (
            ("GET", "/export"), ("GET", "/export/" + ident), ("GET", "/export/%s/preview" % ident),
            ("DELETE", "/export/" + ident), ("GET", "/export/" + NOBODY), ("GET", "/vehicles"),
            ("GET", "/vehicles/" + BUSES[0]), ("GET", "/vehicles/vehicle_nosuch"))
        ] + [limits_answer("carol")]
    problem("an owner without an entry", answers[0], (403,))
    is_({(a.status, a.body) for a in answers}, {(403, answers[0].body)}, "the same for all calls")
    is_(get("/health", "carol").status, 200, "/health is for everybody")
    finish(ident, "alice")


# ---- the catalogue -------------------------------------------------------------------------

def catalogue():
    for user, (_, want) in SCOPES.items():
        want = sorted(want)
        is_([v["_id"] for v in good("/vehicles", user)["vehicles"]], want, "%s: vehicles" % user)
        for limit in (1, 2, len(want)):
            is_([[v["_id"] for v in p] for p in walk("/vehicles", "vehicles", limit, user)],
                [want[i:i + limit] for i in range(0, len(want), limit)],
                "%s: vehicles by %d" % (user, limit))
        for query in ("prefix=vehicle_tram", "prefix=vehicle_bus_2", "prefix=vehicle_p",
                      "after=vehicle_bus_2", "after=vehicle_bus_2&prefix=vehicle_"):
            found = [v["_id"] for v in good("/vehicles?" + query, user)["vehicles"]]
            is_(found, [v for v in want if v.startswith(
                query.partition("prefix=")[2] if "prefix=" in query else "")
                and ("after=" not in query or v > BUSES[1])], "%s: vehicles?%s" % (user, query))
        nosuch = get("/vehicles/vehicle_nosuch", user)
        for vehicle in BUSES + TRAMS + [SMALL]:
            if vehicle in want:
                is_(good("/vehicles/" + vehicle, user)["_id"], vehicle,
                    "%s: %s" % (user, vehicle))
            else:
                same_answer("%s: %s, as one that does not exist" % (user, vehicle),
                            get("/vehicles/" + vehicle, user), nosuch)
    tag = get("/vehicles", "alice").header("ETag")
    is_(get("/vehicles", "bob", If_None_Match=tag).status, 200, "an ETag is another owner's 200")
    is_(get("/vehicles", "alice", If_None_Match=tag).status, 304, "and one's own 304")
    owners("set", "alice", BUSES[0])
    is_([v["_id"] for v in json.loads(get("/vehicles", "alice", If_None_Match=tag).body)
        ["vehicles"]], BUSES[:1], "after rights are withdrawn it is not valid any more")
    set_all()


def dry(user, **members):
    got = post(request(days=2, **members), user, query="?dryRun=true")
    if got.status != 200:
        raise RuntimeError("dry run: %s" % got)
    return {k: got.json()[k] for k in ("documents", "vehicles", "unknownVehicles")}


def estimates(client):
    for user, (_, want) in SCOPES.items():
        is_(dry(user), {"documents": 48 * len(want), "vehicles": len(want), "unknownVehicles": []},
            "%s: a dry run of all vehicles" % user)
    is_(dry("alice", vehicles=[BUSES[0], TRAMS[0], "vehicle_nosuch", SMALL]),
        {"documents": 48, "vehicles": 1, "unknownVehicles": [TRAMS[0], "vehicle_nosuch", SMALL]},
        "vehicles out of scope are unknown")
    same_answer("a dry run of one, as of one that does not exist",
                post(request(vehicles=["vehicle_tram_1"]), "alice", query="?dryRun=true"),
                _named(post(request(vehicles=["vehicle_tram_x"]), "alice", query="?dryRun=true")))
    with stopped(client):
        # As of a fleet so large that only its totals are looked at.
        totals = client.exports.totals
        before = totals.find_one_and_replace(
            {"_id": "pass"}, {"vehicles": 1000, "complete": True}, upsert=True)
        is_(dry("all")["vehicles"], 1000, "by totals, for an owner of all vehicles")
        is_(dry("alice")["vehicles"], len(BUSES), "never for others, since totals are of all")
        if before is not None:
            totals.replace_one({"_id": "pass"}, before)


def _named(got):
    """The answer about vehicle_tram_x as it would be about vehicle_tram_1."""
    got.body = got.body.replace(b"vehicle_tram_x", b"vehicle_tram_1")
    return got


# ---- exports -------------------------------------------------------------------------------

def exports():
    made = {user: create(request(days=2), user) for user in SCOPES}
    for user, (_, want) in SCOPES.items():
        finish(made[user], user)
        is_(archived(made[user], user), sorted(want), "%s: an export of all vehicles" % user)
    for name, vehicles, missing in (
            ("out of scope", [TRAMS[0]], TRAMS[0]),
            ("among others", [BUSES[0], TRAMS[1]], TRAMS[1]),
            ("that does not exist", ["vehicle_nosuch"], "vehicle_nosuch")):
        ident = taken("a vehicle %s: 202" % name, post(request(vehicles=vehicles), "alice"))
        is_(finish(ident, "alice", "FAILED")["error"],
            {"code": "unknown_vehicle", "message": "There is no vehicle of this name: " + missing},
            "a vehicle %s: FAILED" % name)
    ident = create(request(vehicles=[TRAMS[1], BUSES[0], "vehicle_nosuch"], unknownVehicles="skip"),
                   "alice")
    is_(finish(ident, "alice").get("skippedVehicles"), [TRAMS[1], "vehicle_nosuch"],
        "skipped: out of scope is as if it did not exist")
    is_(archived(ident, "alice"), [BUSES[0]], "the rest is exported")
    ident = create(request(vehicles=[BUSES[1]]), "bob")
    finish(ident, "bob")
    is_(archived(ident, "bob"), [BUSES[1]], "bob: the bus that he shares with alice")
    return made


def others(client):
    """Another owner's job does not exist; an operator sees it, and whose it is."""
    ident = create(request(vehicles=BUSES[:1]), "alice")
    finish(ident, "alice")
    for method, path in (("GET", "/export/%s"), ("GET", "/export/%s/preview"),
                         ("DELETE", "/export/%s")):
        same_answer("%s %s of another owner's job" % (method, path),
                    call(method, path % ident, user="bob"),
                    call(method, path % NOBODY, user="bob"))
    is_(set(listed("alice")) & set(listed("bob")), set(), "lists have no job in common")
    ok(not any("owner" in j for j in good("/export", "alice")["exports"]),
       "nor does a user's say whose it is")
    seen = good("/export?limit=500", "olga")["exports"]
    is_({j["_id"]: j["owner"] for j in seen},
        {str(d["_id"]): d["owner"] for d in client.exports.jobs.find({}, {"owner": 1})},
        "an operator's list: all jobs, each with its owner")
    is_([j["_id"] for j in seen], sorted((j["_id"] for j in seen), reverse=True), "newest first")
    is_([[j["_id"] for j in p] for p in walk("/export", "exports", 7, "olga")],
        [[j["_id"] for j in seen[i:i + 7]] for i in range(0, len(seen), 7)], "by 7")
    is_([j["_id"] for j in good("/export?state=FAILED", "olga")["exports"]],
        [j["_id"] for j in seen if j["state"] == "FAILED"], "of a state")
    job = good("/export/" + ident, "olga")
    is_((job["owner"], "exportUri" in job), ("alice", True), "an operator's GET: owner and link")
    ok("owner" not in job_of(ident, "alice"), "the owner's GET: as ever")
    is_(get("/export/%s/preview" % ident, "olga").body,
        get("/export/%s/preview" % ident, "alice").body, "an operator's preview")
    is_(call("DELETE", "/export/" + ident, user="olga").status, 204, "an operator's DELETE")
    is_(job_of(ident, "alice")["state"], "EXPIRED", "the owner's job is EXPIRED by it")
    with stopped(client):
        ident = create(request(vehicles=BUSES), "alice")
        got = call("DELETE", "/export/" + ident, user="olga")
        is_((got.status, got.json().get("owner"), got.json()["state"]),
            (202, "alice", "CANCELLED"), "an operator cancels a job of another owner")
        is_(job_of(ident, "alice")["state"], "CANCELLED", "as its owner sees")


def keys_and_joining(client):
    body = request(vehicles=[BUSES[1]])
    with stopped(client):
        made = {user: create(body, user) for user in ("alice", "bob", "olga")}
        is_(len(set(made.values())), 3, "the same request of three owners: three jobs")
        for user, ident in made.items():
            taken("%s: again, it is joined" % user, post(body, user), ident)
        keyed = {user: create_with("one-key", user) for user in ("alice", "bob", "olga")}
        is_(len(set(keyed.values())), 3, "one key of three owners: three jobs")
        owners("set", "alice", BUSES[0])
        is_(create_with("one-key", "alice"), keyed["alice"], "a key keeps its job")
        set_all()
        for user in made:
            cancel([made[user], keyed[user]], user)


def withdrawn(client):
    """Between POST and claim: as if the vehicle had never been there."""
    with stopped(client):
        named = create(request(vehicles=[BUSES[0], LAST]), "alice")
        every = create(request(days=2), "alice")
        kept = create(request(vehicles=[BUSES[0]]), "alice")
        gone = [create(request(days=d), "bob") for d in (1, 2)] + [
            create(request(vehicles=TRAMS), "bob")]
        owners("set", "alice", *BUSES[:2])
        owners("remove", "bob")
    is_(finish(named, "alice", "FAILED")["error"],
        {"code": "unknown_vehicle", "message": "There is no vehicle of this name: " + LAST},
        "a vehicle that was withdrawn: FAILED")
    finish(every, "alice")
    is_(archived(every, "alice"), BUSES[:2], "all vehicles: without the one that was withdrawn")
    finish(kept, "alice")
    is_(archived(kept, "alice"), BUSES[:1], "a vehicle that was not: as ever")
    for ident in gone[:2]:
        finish(ident, "olga")
        is_(archived(ident, "olga"), [], "an owner without an entry: no vehicle at all")
    is_(finish(gone[2], "olga", "FAILED")["error"]["code"], "unknown_vehicle",
        "and none that was named")
    problem("whose own jobs are closed to him", get("/export/" + gone[0], "bob"), (403,))
    set_all()


def withdrawn_from_plan(client):
    """Of a split job with units FINISHED, whose worker was lost: nothing of it comes in."""
    for name, members, failed in (("all vehicles", {}, False), ("named ones", {"vehicles": BUSES},
                                                               True)):
        with stopped(client), another_worker(stopped=(), read_documents_s=10):
            ident = create(request(days=2, **members), "alice")
            wait_for("some units", lambda: client.exports.units.count_documents(
                {"owner": "alice", "state": "FINISHED", "vehicles": BUSES[0]}) > 0, SOON_S)
            owners("set", "alice", *BUSES[1:])
        job = finish(ident, "alice", "FAILED" if failed else "FINISHED")
        if failed:
            is_(job["error"]["message"], "There is no vehicle of this name: " + BUSES[0],
                "a plan of %s: FAILED" % name)
        else:
            is_(archived(ident, "alice"), BUSES[1:], "a plan of %s: without it" % name)
        set_all()
    with stopped(client), another_worker(stopped=(), read_documents_s=10):
        ident = create(request(days=2), "alice")
        wait_for("some units", lambda: client.exports.units.count_documents(
            {"owner": "alice", "state": "FINISHED"}) > 0, SOON_S)
    finish(ident, "alice")
    is_(archived(ident, "alice"), BUSES, "a plan of vehicles that are all still the owner's")
    wait_for("the log", lambda: "job=%s op=done" % ident in logged("export-worker"), SOON_S)
    ok("job=%s op=split" % ident not in logged("export-worker"), "it is taken up, not made again")


# ---- limits --------------------------------------------------------------------------------

def limits(client):
    usual = {k: limits_answer("bob").json()[k] for k in ("ownerJobsMax", "ownerJobsPerHour")}
    is_(usual, {"ownerJobsMax": setting("owner_jobs_max", 1000), "ownerJobsPerHour": 0},
        "limits: those of the settings")
    owners("set", "alice", "vehicle_bus_*", "--jobs-max", "2")
    wait_for("limits: the owner's own", lambda: limits_answer("alice").json()["ownerJobsMax"] == 2,
             SOON_S)
    with stopped(client):
        made = [create(request(vehicles=BUSES[:1], name=str(n), first=n), "alice")
                for n in range(2)]
        busy("a job more than jobs-max", post(request(vehicles=BUSES[1:2]), "alice"), 429)
        cancel(made, "alice")
        # By then it has made more than this many within the hour.
        owners("set", "alice", "vehicle_bus_*", "--jobs-per-hour", "2")
        wait_for("limits: new jobs within an hour",
                 lambda: limits_answer("alice").json()["ownerJobsPerHour"] == 2, SOON_S)
        busy("a job more than jobs-per-hour", post(request(vehicles=BUSES[1:2]), "alice"), 429)
        cancel([create(request(vehicles=BUSES[1:2]), "bob")], "bob")
    set_all()


def database_hangs():
    """/limits needs an owner's entry, and shares its process with /health."""
    pid, over, statuses, took = pid_of("MONGOD_PIDFILE"), threading.Event(), set(), []

    def ask():
        while not over.is_set():
            statuses.add(call("GET", "/limits", user="alice").status)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for user in ("alice", "bob"):
        limits_answer(user)
    freeze(pid)
    try:
        # A look that hangs is one of a slow database, for 3 s.
        at_first = [call("GET", "/limits", user=user).status for user in ("alice", "bob")]
        for a in askers:
            a.start()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            began = time.monotonic()
            get("/health", "alice")
            took.append(time.monotonic() - began)
    finally:
        os.kill(pid, signal.SIGCONT)
        over.set()
        for a in askers:
            a.join()
    is_(at_first, [200, 200], "the database hangs: at first /limits is what each owner had")
    # It is behind four of /limits, of 50 ms each.
    ok(sorted(took)[len(took) // 2] < 0.5, "the database hangs: /health does not wait for /limits",
       sorted(took))
    ok(statuses <= {200, 503} and 503 in statuses,
       "the database hangs: /limits is the answer of a moment ago, or a 503", statuses)
    limits_answer("alice")


def main():
    client = begin(__file__)
    return run(
        {"GET /vehicles": (200, 304, 403), "GET /vehicles/:v": (200, 403, 404),
         "GET /export": (200, 403), "GET /export/:id": (200, 403, 404),
         "DELETE /export/:id": (202, 204, 403, 404), "POST /export": (200, 202, 403, 429)},
        ("entries", entries, client), ("the fleet", load, client), ("no entry", unlisted),
        ("the catalogue", catalogue), ("estimates", estimates, client), ("exports", exports),
        ("others' jobs", others, client), ("keys and joining", keys_and_joining, client),
        ("withdrawn", withdrawn, client), ("withdrawn from a plan", withdrawn_from_plan, client),
        ("limits", limits, client), ("the database hangs", database_hangs))


if __name__ == "__main__":
    sys.exit(main())
