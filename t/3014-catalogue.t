#!/usr/bin/python3
"""The catalogue and its estimates, on the real stack: GET /vehicles, GET /vehicles/:v, POST
/export?dryRun=true.

Prints TAP. Always on its own stack, with t/3014-catalogue.conf; the last checks are t/api.py's.
"""
import datetime
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    CATALOGUE, LONG, LONG_HOURS, NOT_OURS, POINTS, SMALL, SOON_S, begin, call, catalogue_waits,
    finish, get, good, hours, longs, names, of_owner, post, put, quoted, refused, request, run,
    span, taken, utc, walk)
from service import (                   # noqa: E402
    DAY, HOUR, START, create, instant, is_, jobs_of, mongo, ok, problem, setting, wait_for)


# ---- the catalogue -------------------------------------------------------------------------

def bytewise(them):
    return sorted(them, key=str.encode)


def vehicle_pages():
    want = bytewise(CATALOGUE + [SMALL, LONG])
    page = good("/vehicles")
    is_([v["_id"] for v in page["vehicles"]], want, "vehicles: all of ours and no others, bytewise")
    ok("next" not in page, "vehicles: no next where all are shown", page.get("next"))
    for limit in (1, 7, len(want) - 1, len(want), 1000):
        pages = walk("/vehicles", "vehicles", limit)
        is_([[v["_id"] for v in p] for p in pages],
            [want[i:i + limit] for i in range(0, len(want), limit)],
            "vehicles by %d: each once, no next on the last page" % limit)
    mine = bytewise(CATALOGUE)
    pages = walk("/vehicles?prefix=vehicle_p_", "vehicles", 6)
    is_([[v["_id"] for v in p] for p in pages], [mine[i:i + 6] for i in range(0, len(mine), 6)],
        "vehicles of a prefix, by 6")
    for prefix in ("vehicle_p_0", "vehicle_p_1", "vehicle_p_19", "vehicle_p_%", "vehicle_p_+",
                   "vehicle_p_\u00e9", "vehicle_p_a,", "v", "V", "vehicle_p.", ".*", "^vehicle",
                   "vehicle_p_[0-9]", "vehicle_p_00x", "other", "exports", "\u00e9", "$", "\\",
                   "v" * 63):
        is_(names("?prefix=" + quoted(prefix)), [v for v in want if v.startswith(prefix)],
            "vehicles: prefix %s" % ascii(prefix))
    for after in ("vehicle_p_05", "vehicle_p_05x", "vehicle_p_", "a", "vehicle_p_~",
                  "vehicle_p_\u00e9", "w", "vehicle_p_Z"):
        is_(names("?after=" + quoted(after)), [v for v in want if v.encode() > after.encode()],
            "vehicles: after %s" % ascii(after))
    is_(names("?prefix=vehicle_p_1&after=vehicle_p_13&limit=3"),
        ["vehicle_p_14", "vehicle_p_15", "vehicle_p_16"],
        "vehicles: prefix, after and limit together")
    is_(names("?prefix=vehicle_p_1&after=vehicle_p_2"), [], "vehicles: a prefix before after")
    is_(names("?prefix=vehicle_p_1&after=vehicle_a"), ["vehicle_p_1%d" % n for n in range(10)],
        "vehicles: a prefix beyond after")


def vehicle_lines():
    lines = {v["_id"]: v for v in good("/vehicles")["vehicles"]}
    for n in (0, 7):
        vehicle = CATALOGUE[n]
        first, last = utc(START + n * DAY), utc(START + n * DAY + n * HOUR)
        is_(lines[vehicle], {"_id": vehicle, "parameters": ["speed"], "first": first, "last": last},
            "%s: parameters, first and last hour" % vehicle)
        got = good("/vehicles/" + vehicle)
        checked = got.pop("checkedAt")
        is_(got, {"_id": vehicle, "first": first, "last": last,
                  "parameters": [{"name": "speed", "documents": n + 1, "first": first,
                                  "last": last}]}, "GET of %s" % vehicle)
        ok(abs(instant(checked) - time.time() * 1000) < 60000, "it was checked a moment ago",
           checked)
        wait_for("another look", lambda: good("/vehicles/" + vehicle)["checkedAt"] > checked,
                 SOON_S)
        ok(True, "it is looked at again and again")
    is_(lines[SMALL],
        {"_id": SMALL, "parameters": ["speed", "soc"], "first": utc(START),
         "last": utc(START + 47 * HOUR)},
        "a vehicle's first and last are those of all its parameters")
    for vehicle in ("vehicle_p_\u00e9", "vehicle_p_a,b", "vehicle_p_%41", "vehicle_p_+",
                    "vehicle_p_x'y", "vehicle_p_~"):
        is_(good("/vehicles/" + quoted(vehicle))["_id"], vehicle,
            "GET of %s, percent-encoded" % ascii(vehicle))
    is_(good("/vehicles/" + "".join("%%%02x" % c for c in SMALL.encode()))["_id"], SMALL,
        "every byte percent-encoded")
    for name, path, statuses in (
            ("unknown", "vehicle_nosuch", (404,)), ("another case", "Vehicle_small", (404,)),
            ("a byte less", "vehicle_smal", (404,)), ("a byte more", "vehicle_smallx", (404,)),
            ("of 64 bytes", "vehicle_".ljust(64, "x"), (404,)),
            ("of 32 characters, 64 bytes", quoted("\u00e9" * 32), (404,)),
            ("a slash", "vehicle_small%2Fspeed", (404,)),
            ("a member below", "vehicle_small/speed", (404,)),
            ("a slash at the end", "vehicle_small/", (404,)), ("nothing", "", (404,)),
            ("NUL", "vehicle_small%00", (400, 404)), ("a dot", "vehicle_small.speed", (404,)),
            ("$ne", "%7b%22$ne%22:1%7d", (404,)), ("no UTF-8", "%ff%fe", (404,)),
            ("a space", "vehicle_small%20", (404,)), ("a line end", "vehicle_small%0a", (404,)),
            ("exports", "exports", (404,)), ("admin", "admin", (404,)), ("local", "local", (404,)),
            ("config", "config", (404,)), ("a database that is no vehicle", NOT_OURS, (404,)),
            ("of 3,000 bytes", "v" * 3000, (404, 414))):
        problem("no such vehicle: " + name, get("/vehicles/" + path), statuses)


def kinds_of_id(client):
    """_id of each type in one collection; the order of columns; empty collections; views."""
    from bson import Int64
    vehicle, at = "vehicle_kinds", [START + n * HOUR for n in range(6)]
    date = [datetime.datetime.utcfromtimestamp(t / 1000) for t in at]
    client.drop_database(vehicle)
    put(client, vehicle, "zeta", [Int64(at[1]), float(at[2]), date[0], Int64(at[3])])
    put(client, vehicle, "Beta", [Int64(at[1]), float(at[5]), date[4]])
    put(client, vehicle, "alpha", [float(at[2]), float(at[3])])
    put(client, vehicle, "\u00e4", [date[2], date[1]])
    put(client, vehicle, "early", [7200000, Int64(10800000)])
    for parameter in ("voltage", "odo", "current", "soc", "speed"):
        put(client, vehicle, parameter, [])
    client[vehicle].create_collection("view", viewOn="zeta", pipeline=[])

    def seen():
        got = get("/vehicles/" + vehicle)
        return got.status == 200 and len(got.json()["parameters"]) >= 10 and \
            sum(p["documents"] for p in got.json()["parameters"] if p["name"] != "view") == 13 and \
            got.json()

    found = wait_for("the vehicle of all kinds", seen, SOON_S)
    order = [p["name"] for p in found["parameters"]]
    ok("system.views" not in order, "system.views is no parameter", order)
    is_([n for n in order if n not in ("view", "system.views")],
        ["speed", "soc", "current", "odo", "voltage", "Beta", "alpha", "early", "zeta", "\u00e4"],
        "parameters in the order of columns")
    is_([v["parameters"] for v in good("/vehicles")["vehicles"] if v["_id"] == vehicle], [order],
        "so in the list")
    parts = {p["name"]: p for p in found["parameters"]}
    for name, count, first, last in (("zeta", 4, at[0], at[3]), ("Beta", 3, at[1], at[5]),
                                     ("alpha", 2, at[2], at[3]), ("\u00e4", 2, at[1], at[2]),
                                     ("early", 2, 7200000, 10800000)):
        is_(parts[name], {"name": name, "documents": count, "first": utc(first), "last": utc(last)},
            "documents, first and last of " + ascii(name))
    for name in ("speed", "voltage"):
        is_(parts[name], {"name": name, "documents": 0},
            "an empty collection: no documents, no first and last")
    is_((found["first"], found["last"]), (utc(7200000), utc(at[5])),
        "first and last of the vehicle")
    client.drop_database(vehicle)


def comings_and_goings(client):
    """Each within a few catalogue_s; the deadline is for a machine that has other work."""
    vehicle, empty, after = "vehicle_new", "vehicle_new_empty", 30 * setting("catalogue_s", 0)
    put(client, vehicle, "speed", longs(hours(3)))
    wait_for("a new vehicle in the list", lambda: vehicle in names(), after)
    # It may have been checked while its documents were being inserted.
    wait_for("its documents",
             lambda: [p["documents"] for p in good("/vehicles/" + vehicle)["parameters"]] == [3],
             after)
    ok(True, "a new vehicle appears")
    put(client, vehicle, "soc", longs(hours(2)))
    put(client, vehicle, "speed", longs(hours(2, START + 30 * HOUR)))
    wait_for("its news",
             lambda: [p["documents"] for p in good("/vehicles/" + vehicle)["parameters"]] == [5, 2],
             after)
    is_(good("/vehicles/" + vehicle)["last"], utc(START + 31 * HOUR),
        "new documents, and a new parameter")
    put(client, empty, "soc", [])
    wait_for("a vehicle without documents", lambda: empty in names(), after)
    got = good("/vehicles/" + empty)
    is_({k: v for k, v in got.items() if k != "checkedAt"},
        {"_id": empty, "parameters": [{"name": "soc", "documents": 0}]},
        "a vehicle without documents: no first and last")
    line = [v for v in good("/vehicles")["vehicles"] if v["_id"] == empty]
    is_(line, [{"_id": empty, "parameters": ["soc"]}], "nor in the list")
    client[vehicle].drop_collection("speed")
    wait_for("a parameter's end",
             lambda: ["soc"] == [p["name"] for p in good("/vehicles/" + vehicle)["parameters"]],
             after)
    ok(True, "a parameter that is dropped disappears")
    client.drop_database(vehicle)
    client.drop_database(empty)
    wait_for("their end", lambda: not {vehicle, empty} & set(names()), after)
    problem("a vehicle that is dropped disappears", get("/vehicles/" + vehicle), (404,))
    is_(dry(request(vehicles=[vehicle]))["unknownVehicles"], [vehicle],
        "and is unknown to a dry run")


# ---- dry runs ------------------------------------------------------------------------------

def dry(body, user="dry"):
    """The estimate; raises for any answer but a 200."""
    got = post(body, user, query="?dryRun=true")
    if got.status != 200:
        raise RuntimeError("dry run: %s" % got)
    return got.json()


def dry_runs(client):
    before = jobs_of(client).count_documents({})
    most, end = setting("documents_max", 0), START + LONG_HOURS * HOUR
    for name, body, want in (
            ("all of a vehicle", span(START, START + 2 * DAY, vehicles=[SMALL]), 72),
            ("more than there is time", span(START - 9 * DAY, START + 99 * DAY, vehicles=[SMALL]),
             72),
            ("a parameter", span(START, START + 2 * DAY, vehicles=[SMALL], parameters=["soc"]), 24),
            ("a parameter that is missing",
             span(START, START + 2 * DAY, vehicles=[SMALL], parameters=["missing"]), 0),
            ("two vehicles", span(START, end, vehicles=[SMALL, LONG], parameters=["speed", "one"]),
             48 + LONG_HOURS + 1),
            ("documents_max itself",
             span(START, end, vehicles=[LONG], parameters=["speed", "soc", "current"]), most),
            ("before all data", span(START - 9 * DAY, START - DAY, vehicles=[SMALL, LONG]), 0),
            ("after all data", span(end + DAY, end + 9 * DAY, vehicles=[SMALL, LONG]), 0)):
        got = dry(body)
        learned = {k: got.pop(k) for k in ("rows", "bytes", "seconds")}
        is_(got,
            {"documents": want, "documentsMax": most, "vehicles": len(body["vehicles"]),
             "unknownVehicles": []},
            "dry run: " + name)
        is_(set(learned.values()), {None}, "no export has ended: rows, bytes, seconds unknown")
    for parts in (2, 4, 10):
        part = LONG_HOURS * HOUR // parts
        for name, first in (("the first", START), ("the last", end - part)):
            got = dry(span(first, first + part, vehicles=[LONG], parameters=["speed"]))["documents"]
            ok(abs(got - LONG_HOURS / parts) <= LONG_HOURS / 50,
               "dry run: %s of %d parts" % (name, parts), got)
    got = dry(request(vehicles=["vehicle_nosuch", SMALL, NOT_OURS, "admin"]))
    is_((got["vehicles"], got["unknownVehicles"]), (1, ["vehicle_nosuch", NOT_OURS, "admin"]),
        "dry run: unknown vehicles")
    got = dry({"startDate": "2018-11-30", "endDate": "2018-12-01"})
    is_((got["vehicles"], got["unknownVehicles"]),
        (len(good("/vehicles?limit=1000")["vehicles"]), []), "dry run: all vehicles")
    dry_keys()
    dry_errors()
    too_much(client, span(START, end, vehicles=[LONG]), most)
    is_(jobs_of(client).count_documents({}), before, "no job came of any of it")
    taken("dryRun=false is a POST", post(request(), "dry", query="?dryRun=false"))
    is_(jobs_of(client).count_documents({}), before + 1, "of which a job comes")
    parts_of_hours()


def parts_of_hours():
    """A document of the hour before the range may reach into it: it is read, and so it counts."""
    half = HOUR // 2
    for name, first, end, want in (
            ("from hh:30 on", START + half, START + 2 * HOUR, 4),
            ("a ms of an hour", START + half, START + half + 1, 2),
            ("from a ms after the hour on", START + 1, START + HOUR, 2),
            ("to the first ms of an hour", START, START + HOUR + 1, 4),
            ("from hh:30 to hh:30", START + half, START + 3 * HOUR + half, 8),
            ("the end of the last hour", START + 48 * HOUR - 1, START + 50 * HOUR, 1)):
        body = span(first, end, vehicles=[SMALL])
        is_(dry(body)["documents"], want, "dry run: " + name)
        job = finish(create(body, "parts"), "parts")
        is_(job["progress"]["documents"], want, "%s: the job reads as many" % name)


def learned():
    """What exports of the past brought is what the next is expected to."""
    body = span(START, START + 2 * DAY, vehicles=[SMALL])
    job = finish(create(body, "learned"), "learned")
    want = (job["progress"]["rows"], job["size"])
    got = dry(body)
    ok(all(w * 0.5 <= g <= w * 2 for w, g in zip(want, (got["rows"], got["bytes"]))),
       "rows and bytes, by the latest exports", (want, got))
    ok(0 <= got["seconds"] < 600, "and seconds", got)
    for every, ms in (("1m", 60000), ("1h", HOUR), ("6h", 6 * HOUR), ("24h", DAY)):
        want = len({(h + at) // ms for h in hours(48) for at in POINTS})
        got = dry(dict(body, every=every))
        ok(abs(got["rows"] - want) <= 0.3 * want,
           "with steps of %s: within 30 %% of %d rows" % (every, want), got)
    first = START + 2 * HOUR + HOUR // 2
    got = dry(span(first, first + 60000, vehicles=[SMALL], every="10s", hold="1h"))
    ok(got["documents"] == 4 and got["rows"] <= 6,
       "a minute has 6 steps of 10 s; hold reads an hour more", got)
    learned_of_parquet(body)


def learned_of_parquet(body):
    """A Parquet file is smaller than the CSV of the same rows: by one factor, both of the exports
    that were and of the one to come."""
    csv, parquet = dry(body), dry(dict(body, format="parquet"))
    factor = parquet["bytes"] / csv["bytes"]
    ok(parquet["rows"] == csv["rows"] and 0.3 < factor < 1, "Parquet: as many rows, fewer bytes",
       (parquet, csv))
    jobs, ended = jobs_of(mongo()), {"state": "FINISHED"}
    jobs.update_many(ended, {"$set": {"format": "parquet"}})
    got = [dry(dict(body, format=f))["bytes"] for f in ("parquet", "csv")]
    jobs.update_many(ended, {"$unset": {"format": ""}})
    ok(all(abs(g - w) <= 1 + w / 1000 for g, w in zip(got, (csv["bytes"], csv["bytes"] / factor))),
       "learned from exports of Parquet", (got, csv["bytes"], factor))


FLEET = 230


def outliers(client):
    """Documents of 1970 and of 2099, and months that are missing: estimates stay what they are."""
    vehicle, month = "vehicle_odd", 30 * DAY
    put(client, vehicle, "speed", longs([HOUR, *hours(24 * 60), 4099680000000]))
    put(client, vehicle, "soc", longs([*hours(24 * 15), *hours(24 * 15, START + 2 * month)]))
    names_of = lambda: {p["name"]: p["documents"] for p in           # noqa: E731
                        get("/vehicles/" + vehicle).json().get("parameters", [])}
    wait_for("the vehicle with outliers",
             lambda: names_of() == {"speed": 24 * 60 + 2, "soc": 24 * 30}, SOON_S)
    for name, first, days, parameter, want in (
            ("ten days", START + 5 * DAY, 10, "speed", 240),
            ("a month", START + month, 30, "speed", 720),
            ("1970", 0, 3, "speed", 1), ("1980", 3652 * DAY, 1000, "speed", 0),
            ("a month of which half is missing", START, 30, "soc", 360),
            ("a month without any", START + month, 30, "soc", 0)):
        got = dry(span(first, first + days * DAY, vehicles=[vehicle], parameters=[parameter]))
        ok(abs(got["documents"] - want) <= max(want, 100) * 0.2,
           "estimate of %s: within 20 %% of %d" % (name, want), got["documents"])
    client.drop_database(vehicle)


def fleet(client):
    """More vehicles than are looked at one by one: totals that workers keep."""
    made = ["vehicle_many_%03d" % n for n in range(FLEET)]
    for n, vehicle in enumerate(made):
        first = [] if n > 0 else [2 * HOUR]
        put(client, vehicle, "many", longs([*first, *hours(24, START + n % 10 * DAY)]))
        put(client, vehicle, "few", longs(hours(3, START + 40 * DAY)))

    def dry_all(first, days, **members):
        return dry(span(START + first * DAY, START + (first + days) * DAY, **members))

    many = {"parameters": ["many"]}
    totals = client.exports.totals
    wait_for("a pass over all",
             lambda: totals.find_one({"_id": "pass"})["vehicles"] >= FLEET, 4 * SOON_S)

    def near(got, want):
        """The vehicle with a document of 1970 may be some hours off."""
        return abs(got["documents"] - want) <= 5

    wait_for("the totals of all", lambda: near(dry_all(0, 10, **many), FLEET * 24) and
             near(dry_all(40, 1, parameters=["few"]), FLEET * 3), 4 * SOON_S)
    ok(totals.count_documents({"_id.p": "many"}) >= 2, "by totals")
    for name, first, days, members, want in (
            ("a day", 3, 1, many, 23 * 24), ("half the days", 0, 5, many, FLEET * 12),
            ("two parameters", 5, 45, {"parameters": ["many", "few"]}, FLEET * 15),
            ("one that there is not", 0, 50, {"parameters": ["missing"]}, 0),
            ("days without any", 20, 10, many, 0)):
        got = dry_all(first, days, **members)
        ok(near(got, want), "all vehicles: %s, about %d" % (name, want), got)
    for every, want in (("1h", 23 * 24), ("24h", 23)):
        got = dry_all(3, 1, every=every, **many)
        ok(near(got, 23 * 24) and abs(got["rows"] - want) <= 0.3 * want,
           "all vehicles with steps of %s: within 30 %% of %d rows" % (every, want), got)
    is_(dry(span(0, DAY, **many))["documents"], 1, "a document of 1970 is there, and only there")
    got = dry_all(0, 2)
    rest = sum(dry_all(0, 2, vehicles=[v])["documents"] for v in names("?limit=1000")
               if not v.startswith("vehicle_many_"))
    ok(abs(got["documents"] - rest - 2 * 23 * 24) <= 2, "all parameters of all vehicles",
       (got, rest))
    is_(got["vehicles"], len(names("?limit=1000")), "and how many they are")
    for vehicle in made:
        client.drop_database(vehicle)
    wait_for("their end in the totals", lambda: totals.count_documents({"_id.p": "many"}) == 0,
             4 * SOON_S)
    ok(True, "vehicles that go leave the totals")


def dry_keys():
    for name, key in (("a key", "dry"), ("that key with another body", "dry"),
                      ("an unfit key", "a b"), ("an empty key", "")):
        body = request(1 if "another" in name else 0)
        is_(post(body, "dry", key, "?dryRun=true").status, 200,
            "dry run with %s: it is not looked at" % name)


def dry_errors():
    query = "?dryRun=true"
    for name, body, statuses, pointer in (
            ("no JSON", b"{", (400,), None),
            ("an unknown member", request(vehicle=SMALL), (400, 422), "/vehicle"),
            ("no endDate", {"startDate": "2018-11-30"}, (400, 422), "/endDate"),
            ("a bad date", request(endDate="2018-02-30"), (400, 422), "/endDate"),
            ("a reversed range", request(endDate="2018-11-29"), (422,), "/startDate|/endDate"),
            ("no vehicles", request(vehicles=[]), (400, 422), "/vehicles"),
            ("a bad vehicle", request(vehicles=["a/b"]), (400, 422), "/vehicles(/0)?"),
            ("a bad time", request(time="s"), (400, 422), "/time"),
            ("a body of 140,000 bytes", b" " * 140000, (413,), None)):
        is_(post(body, "dry").status, post(body, "dry", query=query).status,
            "dry run of %s: as a POST" % name)
        problem("dry run of %s: refused" % name, post(body, "dry", query=query), statuses, pointer)
    got = call("POST", "/export" + query, json.dumps(request()).encode(),
               {"Content-Type": "text/plain"})
    problem("dry run of text", got, (415,))
    for value in ("1", "TRUE", "True", "yes", "", "true%20", "true%00", "%zz"):
        refused("dryRun=%s: 400" % value, post(request(), "dry", query="?dryRun=" + value), (400,),
                "dryRun")
    refused("dryRun twice: 400", post(request(), "dry", query="?dryRun=true&dryRun=true"), (400,),
            "dryRun")


def too_much(client, body, most):
    for name, query in (("POST", ""), ("dry run", "?dryRun=true")):
        got = post(body, "dry", query=query)
        problem("%s of more than documents_max: 422" % name, got, (422,))
        numbers = [got.json().get(k) for k in ("estimatedDocuments", "documentsMax")]
        is_(numbers, [most + 1, most], "%s: estimatedDocuments and documentsMax" % name)
    got = post(body, "dry", "much")
    problem("with a key, too", got, (422,))
    ok("parameter" not in got.json(), "the key is not at fault", got)
    is_(of_owner(client, "dry"), [], "no job of those")


def main():
    client = begin(__file__)
    return run(
        {"GET /vehicles": (200,), "GET /vehicles/:v": (200, 404),
         "POST /export": (200, 202, 400, 413, 415, 422)},
        ("the catalogue", catalogue_waits), ("vehicles", vehicle_pages),
        ("a vehicle", vehicle_lines), ("kinds of _id", kinds_of_id, client),
        ("comings and goings", comings_and_goings, client), ("dry runs", dry_runs, client),
        ("learned", learned), ("outliers", outliers, client), ("fleet", fleet, client))


if __name__ == "__main__":
    sys.exit(main())
