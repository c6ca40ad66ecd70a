#!/usr/bin/python3
"""GET /export on the real stack: whose jobs, which page, which states; and bad parameters of any
query.

Prints TAP. Always on its own stack, with t/3011-lists.conf; the last checks are t/api.py's.
"""
import collections
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    JSON_TYPE, SMALL, begin, call, cancel, expire, finish, get, good, listed, plain_call, refused,
    request, run, stopped, walk)
from service import (                   # noqa: E402
    create, handlers, is_, job_of, ok, problem)


def lists(client):
    """30 jobs of one owner, every fifth FAILED; other owners have some, too."""
    user, made, n = "lister", [], 0
    is_(good("/export", user), {"exports": []}, "list: of an owner without jobs")
    for n in range(30):
        made.append(create(request(n) if n % 5 else request(n, vehicles=["vehicle_nosuch"]), user))
        finish(made[-1], user, "FINISHED" if n % 5 else "FAILED")
    others = [create(request(), "another lister"), create(request())]
    finish(others[0], "another lister")
    finish(others[1])
    made.reverse()
    page = good("/export", user)
    is_([job["_id"] for job in page["exports"]], made, "list: the caller's, newest first")
    ok("next" not in page, "list: no next where all is shown", page.get("next"))
    is_(listed("another lister"), others[:1], "list: another owner's")
    ok(others[1] in listed(None) and not set(listed(None)) & set(made + others[:1]),
       "list: without a user, only jobs without an owner")
    job = job_of(made[1], user)
    is_(page["exports"][1], {k: v for k, v in job.items() if not k.startswith("exportUri")},
        "list: a job as GET shows it, without its link")
    paging(user, made)
    states(user, made)
    waiting_in_lists(client, user)
    bad_queries(made[0])


def paging(user, made):
    for limit in (1, 7, 10, 29, 30, 500):
        pages = walk("/export", "exports", limit, user)
        is_([[job["_id"] for job in page] for page in pages],
            [made[i:i + limit] for i in range(0, 30, limit)],
            "paging by %d: each once, and no next on the last page" % limit)
    fresh = []

    def one_more():
        fresh.append(create(request(100 + len(fresh)), user))
        finish(fresh[-1], user)

    pages = walk("/export", "exports", 6, user, one_more)
    is_([job["_id"] for page in pages for job in page], made,
        "paging while jobs are made: each of the old ones once")
    is_(len(fresh), 4, "some were made meanwhile")
    is_(listed(user), fresh[::-1] + made, "afterwards they are there")
    made[:0] = fresh[::-1]
    is_(listed(user, "?limit=2&after=" + made[4].upper()), made[5:7], "after in capitals")
    is_(listed(user, "?after=" + "f" * 24), made, "after an id that is no job's, before all")
    is_(good("/export?after=" + "0" * 24, user), {"exports": []},
        "after an id that is no job's, after all")
    is_(listed("another lister", "?after=" + made[4]), [],
        "after another owner's job shows nothing of it")
    is_(listed(user, "?limit=%35"), made[:5], "an escaped digit")


def states(user, made):
    expire(made[0], user)
    by_state = collections.defaultdict(list)
    for ident in made:
        by_state[job_of(ident, user)["state"]].append(ident)
    is_(sorted(by_state), ["EXPIRED", "FAILED", "FINISHED"], "jobs in three states")
    for state, idents in by_state.items():
        is_(listed(user, "?state=" + state), idents, "state=" + state)
    is_(listed(user, "?state=STARTED"), [], "state=STARTED: none")
    both = [i for i in made if i not in by_state["FINISHED"]]
    for query in ("FAILED,EXPIRED", "EXPIRED,FAILED", "EXPIRED%2CFAILED", "FAILED,FAILED,EXPIRED",
                  "FAILED,EXPIRED,STARTED,CANCELLED,NOT_STARTED"):
        is_(listed(user, "?state=" + query), both, "state=" + query)
    pages = walk("/export?state=FAILED,EXPIRED", "exports", 3, user)
    is_([[job["_id"] for job in page] for page in pages],
        [both[i:i + 3] for i in range(0, len(both), 3)], "paging of states")


def waiting_in_lists(client, user):
    with stopped(client):
        ident = create(request(200), user)
        job, line = job_of(ident, user), good("/export?limit=1", user)["exports"][0]
        is_(line, {k: v for k, v in job.items() if k not in ("queue", "eta")},
            "list: a waiting job, without queue and eta")
        is_(listed(user, "?state=NOT_STARTED"), [ident], "state=NOT_STARTED")
        cancel([ident], user)
        is_(listed(user, "?state=CANCELLED"), [ident], "state=CANCELLED")


def resident_kb():
    """Of the largest handler."""
    sizes = []
    for pid in handlers():
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            sizes += [int(line.split()[1]) for line in f if line.startswith("VmRSS:")]
    return max(sizes)


def long_lists():
    """Jobs of 1,000 vehicles each: a page has their number, and 1 MiB at most."""
    user, jobs = "long lister", 40
    names_of = [["vehicle_%03d_%03d_%s" % (n, i, "x" * 46) for i in range(1000)]
                for n in range(jobs)]
    made = [create(request(vehicles=names_of[n]), user) for n in range(jobs)]
    for ident in made:
        finish(ident, user, "FAILED")
    made.reverse()
    lines = good("/export", user)["exports"]
    is_([(v["_id"], v.get("vehiclesCount"), "vehicles" in v) for v in lines],
        [(ident, 1000, False) for ident in made], "long lists are their numbers")
    is_(job_of(made[0], user)["vehicles"], names_of[-1], "the job itself has them")
    few = create(request(vehicles=[SMALL]), user)
    finish(few, user)
    line = good("/export?limit=1", user)["exports"][0]
    is_((line["vehicles"], "vehiclesCount" in line), ([SMALL], False), "a short one is there")
    is_(plain_call("GET", "/export?limit=2&fields=state,name", user=user).json()["exports"],
        [{"_id": few, "state": "FINISHED"}, {"_id": made[0], "state": "FAILED"}],
        "fields: these members, and _id")
    before = resident_kb()
    seen, path = [], "/export?limit=500&fields=vehicles"
    while path is not None:
        got = plain_call("GET", path, user=user)
        ok(len(got.body) <= 1.1 * 2**20, "a page of names has 1 MiB at most", len(got.body))
        page = got.json()
        seen += [(v["_id"], len(v["vehicles"])) for v in page["exports"]]
        path = "/export?limit=500&fields=vehicles&after=" + page["next"] if "next" in page else None
    is_(seen, [(few, 1)] + [(ident, 1000) for ident in made], "and the pages have all of them")
    ok(resident_kb() <= before + 8192, "handlers give back what a large page took",
       (before, resident_kb()))


def bad_queries(ident):
    many = ",".join(["FAILED"] * 7)
    for path, parameter, values in (
            ("/export", "limit",
             ("0", "-1", "501", "", "x", "5x", "5.0", "%2B5", "%205", "1e1", "0x5", "9" * 30,
              "5%00", "%zz", "%", "5%3", "18446744073709551621")),
            ("/export", "after",
             ("", "0" * 23, "0" * 25, "g" * 24, "0" * 23 + "%00", "0" * 24 + "%00", "%ff", "%4",
              "0" * 24 + "%20", "%7b%22$gt%22:1%7d")),
            ("/export", "state",
             ("", "finished", "DONE", ",", "FINISHED,", ",FINISHED", "FINISHED,,FAILED",
              "FINISHED,DONE", "FINISHED%20", "FINISHED%00", "%zz", "%ff", "FINISHED;FAILED",
              many)),
            ("/export", "fields",
             ("", ",", "state,", ",state", "requestHash", "State", "state,,name", "exportUri",
              "%ff")),
            ("/vehicles", "limit", ("0", "-1", "1001", "", "x", "9" * 30, "7%00", "%g0")),
            ("/vehicles", "prefix",
             ("", "p" * 64, "a%00", "%ff", "%c0%af", "%ed%a0%80", "%f", "%")),
            ("/vehicles", "after", ("", "p" * 64, "a%00", "%ff", "%"))):
        for value in values:
            got = get("%s?%s=%s" % (path, parameter, value))
            refused("%s?%s=%s: 400" % (path, parameter, value[:30]), got, (400,), parameter)
    for method, path, parameters in (
            ("GET", "/export",
             ("foo", "Limit", "prefix", "dryRun", "owner", "%24where", "limit%20", "a%2Fb")),
            ("POST", "/export", ("foo", "limit", "dryrun")),
            ("GET", "/export/" + ident, ("foo", "limit")), ("DELETE", "/export/" + ident, ("foo",)),
            ("GET", "/vehicles", ("foo", "state", "Prefix")),
            ("GET", "/vehicles/" + SMALL, ("foo", "limit")), ("GET", "/limits", ("foo",)),
            ("GET", "/health", ("foo",)), ("GET", "/ready", ("foo",))):
        for parameter in parameters:
            body = json.dumps(request()).encode() if method == "POST" else None
            got = call(method, "%s?%s=1" % (path, parameter), body, JSON_TYPE if body else None)
            where = "%s %s?%s=1" % (method, path.replace(ident, ":id"), parameter)
            refused(where + ": 400", got, (400,), urllib.parse.unquote(parameter))
    for query, parameter in (
            ("limit=5&limit=5", "limit"), ("limit=5&state=FAILED&limit=6", "limit"),
            ("limit=5&li%6dit=5", "limit"), ("state=FAILED&state=FINISHED", "state"),
            ("limit=5&foo=1", "foo"), ("foo", "foo"), ("limit", "limit")):
        refused("/export?%s: 400" % query, get("/export?" + query), (400,), parameter)
    for query in ("%zz=1", "%00=1", "=1", "%ff=1"):
        problem("/export?%s: 400" % query, get("/export?" + query), (400,))


def main():
    client = begin(__file__)
    return run({"GET /export": (200, 400), "GET /export/:id": (200, 400),
                "POST /export": (202, 400), "DELETE /export/:id": (202, 204, 400),
                "GET /vehicles": (400,)}, ("lists", lists, client),
               ("long lists", long_lists))


if __name__ == "__main__":
    sys.exit(main())
