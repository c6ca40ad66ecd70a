#!/usr/bin/python3
"""Requests and answers of the HTTP interface, on the real stack: methods and headers, ETags, links,
previews, characters, limits, other origins, readiness, nginx's own errors.

Prints TAP. Always on its own stack, with t/3010-api.conf; the last checks are t/api.py's.
"""
import json
import os
import re
import sys
import urllib.parse
import urllib.request

import bson

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    JSON_TYPE, SMALL, SOON_S, WRONG, allowed, begin, call, cancel, catalogue_waits, expire, finish,
    get, good, hours, judged, longs, names, post, put, request, run, running, stopped, taken)
from service import (                   # noqa: E402
    base, create, is_, job_document, job_of, jobs_of, ok, problem, raw_call, section, setting,
    tells, wait_for)


# ---- characters ----------------------------------------------------------------------------

def characters():
    """A name comes back as it was sent, in UTF-8 or in escapes: points at and next to the ends of
    planes and surrogates."""
    user = "characters"
    for n, points in enumerate((
            (0x7e, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0x10000),
            (0x1d7ff, 0x1d800, 0x1dbff, 0x1dc00), (0x1dfff, 0x1e000, 0x1f600),
            (0x2d7ff, 0x2d800, 0x2dfff, 0x2e000), (0x10d800, 0x10dfff, 0x10fffd))):
        name = "".join(map(chr, points))
        for how, escaped in (("UTF-8", False), ("escapes", True)):
            body = request(10 * n + escaped, name=name)
            got = post(json.dumps(body, ensure_ascii=escaped).encode(), user)
            ident = taken("a name of U+%04X and so on, in %s" % (points[0], how), got)
            is_(ascii(job_of(ident, user).get("name")), ascii(name), "it is the name of the job")
            finish(ident, user)


# ---- limits --------------------------------------------------------------------------------

def limits():
    is_(good("/limits"), {
        "rangeMaxDays": setting("range_max_days", 3660),
        "vehiclesMax": setting("vehicles_max", 1000),
        "parametersMax": setting("parameters_max", 100), "documentsMax": 6000, "ownerJobsMax": 5,
        "ownerJobsPerHour": 0,
        "queueMax": 40, "requestsPerSecond": 200, "bodyMaxBytes": 131072, "nameMaxBytes": 100,
        "linkTtlSeconds": 6, "retentionDays": setting("retention_days", 7),
        "recordsDays": setting("records_days", 90), "idempotencyKeySeconds": 86400,
        "ownerRecordsMax": setting("owner_records_max", 10000), "ownerBytesKept": 0,
        "deleteRemoves": False},
        "GET /limits: these members, as configured")


# ---- ETag and If-None-Match ----------------------------------------------------------------

def tag_of(path, user=None):
    return get(path, user).header("ETag") or ""


def unchanged(name, path, user=None):
    """304 for every header that has its tag; 200 for those that do not. Repeated where the tag
    changes in between."""
    def known(form):
        def probe():
            tag = tag_of(path, user)
            got = get(path, user, If_None_Match=form(tag))
            return (got, tag) if got.status == 304 and got.header("ETag") == tag else None
        return probe

    for what, form in (("its tag", lambda t: t), ("*", lambda t: "*"),
                       ("a list", lambda t: '"x", %s, W/"y"' % t),
                       ("a list without spaces", lambda t: '"x",W/"y",' + t),
                       ("the other strength", other_strength),
                       ("a comma within a tag", lambda t: '"a,b", ' + t)):
        found = section("%s: If-None-Match: %s" % (name, what), wait_for, "a 304", known(form), 10)
        if found:
            is_((found[0].body, found[0].header("ETag")), (b"", found[1]),
                "%s: If-None-Match with %s: 304, the same tag, no body" % (name, what))
    for what, form in (("another tag", lambda t: '"x"'),
                       ("its tag without quotes", lambda t: t.strip('W/"')),
                       ("a tag that begins as its own", lambda t: t[:-1] + 'x"'),
                       ("nothing", lambda t: ""),
                       ("a tag that ends as its own", lambda t: '"%s"' % t.strip('W/"')[1:])):
        got = get(path, user, If_None_Match=form(tag_of(path, user)))
        ok(got.status == 200 and got.body, "%s: If-None-Match with %s: 200" % (name, what), got)

    def head():
        got = call("HEAD", path, headers={"If-None-Match": tag_of(path, user)}, user=user)
        return got.status == 304 and got

    got = wait_for("HEAD: a 304", head, 10)
    ok(got.header("ETag"), "%s: HEAD with If-None-Match: 304 with a tag" % name, got.headers)


def other_strength(tag):
    return tag[2:] if tag.startswith("W/") else "W/" + tag


def etags(client):
    user = "tags"
    ident = finish(create(request(), user), user)["_id"]
    for name, path in (("/export/:id", "/export/" + ident), ("/export", "/export"),
                       ("/vehicles", "/vehicles"), ("/vehicles/:v", "/vehicles/" + SMALL),
                       ("/limits", "/limits")):
        section("tags of " + name, unchanged, name, path, user)
    is_(len({tag_of(p, user)
             for p in ("/limits", "/export", "/vehicles", "/vehicles?prefix=vehicle_p_",
                       "/export/" + ident)}), 5,
        "five answers, five tags")
    is_(tag_of("/export", "no jobs"), tag_of("/export", "no jobs"),
        "the tag stays while nothing changes")
    got = get("/export/" + "0" * 24, user, If_None_Match="*")
    is_(got.status, 404, "If-None-Match: * of a missing job: 404")
    changes(client, user)
    late_changes(client)


def another(name, path, user, change, shown):
    """The tag changes with what change() does, although nothing but shown(answer) differs."""
    before = get(path, user)
    change()
    after = get(path, user, If_None_Match=before.header("ETag"))
    if ok(after.status == 200, name + ": 200", after):
        ok(shown(after.json()) != shown(before.json()), name + ": the answer shows it", after)
        ok(after.header("ETag") != before.header("ETag"), name + ": another tag", after.headers)


def late_changes(client):
    """The tag is that of all of the answer: also what comes last in it changes the tag."""
    from bson import ObjectId
    user, jobs = "late changes", client.exports.jobs
    idents = [finish(create(request(n), user), user)["_id"] for n in range(3)]
    another("the last line of a list", "/export", user,
            lambda: jobs.update_one({"_id": ObjectId(idents[0])}, {"$inc": {"object.size": 1}}),
            lambda page: page["exports"][2]["size"])
    with running(client, user) as ident:
        for name, change, shown in (
                ("progress of a running job", {"$inc": {"progress.bytesWritten": 1}},
                 lambda job: job["progress"]["bytesWritten"]),
                ("eta of a running job",
                 [{"$set": {"progressAt": {"$add": ["$progressAt", 5000]}}}],
                 lambda job: job["eta"])):
            another(name, "/export/" + ident, user,
                    lambda c=change: jobs.update_one({"_id": ObjectId(ident)}, c), shown)
    call("DELETE", "/export/" + ident, user=user)
    finish(ident, user, "CANCELLED")


def changes(client, user):
    of_list = tag_of("/export", user)
    with stopped(client):
        ident = create(request(1), user)
        path = "/export/" + ident
        of_new, of_job = tag_of("/export", user), tag_of(path, user)
        ok(of_new != of_list, "a new job: another tag of the list")
        is_(get(path, user, If_None_Match=of_job).status, 304, "a job that waits: 304")
        cancel([ident], user)
        got = get(path, user, If_None_Match=of_job)
        is_((got.status, got.json().get("state")), (200, "CANCELLED"),
            "a job that changed: 200, another tag")
        ok(got.header("ETag") != of_job, "that is another tag", of_job)
        is_(get("/export", user, If_None_Match=of_new).status, 200, "so has the list")
        is_(get(path, user, If_None_Match=got.header("ETag")).status, 304,
            "CANCELLED: 304 from now on")
        got = get(path, user, If_None_Match=got.header("ETag"))
        ok(got.header("Retry-After") is None, "a final job's 304: no Retry-After", got.headers)
    tag = tag_of("/vehicles?prefix=vehicle_tag", user)
    is_(get("/vehicles?prefix=vehicle_tag", user, If_None_Match=tag).status, 304,
        "an empty catalogue: 304")
    put(client, "vehicle_tag", "speed", longs(hours(1)))
    wait_for("a new vehicle in its list",
             lambda: get("/vehicles?prefix=vehicle_tag", user, If_None_Match=tag).status == 200,
             SOON_S)
    is_(names("?prefix=vehicle_tag"), ["vehicle_tag"], "another catalogue, another tag")
    client.drop_database("vehicle_tag")


def links_under_tags():
    """Whenever a 304 comes, the link that came with the tag is still good."""
    user, ttl = "tagged links", setting("link_ttl_s", 0)
    ident = finish(create(request(), user), user)["_id"]
    path = "/export/" + ident

    def stable():
        """Two reads in a row with one tag and two links."""
        first = get(path, user)
        uri = first.json()["exportUri"]
        second = wait_for("another link",
                          lambda: next((g for g in [get(path, user)]
                                        if g.json()["exportUri"] != uri), None), 10)
        return first.header("ETag") == second.header("ETag") and second

    if section("a tag of two links", wait_for, "one tag, two links", stable, 30):
        ok(True, "FINISHED: one tag, although the links differ")
    for n in range(2):
        first = get(path, user)
        uri, tag = first.json()["exportUri"], first.header("ETag")
        is_(call("GET", uri).status, 200, "link %d works" % n)
        late, same = [], 0

        def over(uri=uri, tag=tag):
            nonlocal same
            dead = call("GET", uri).status == 403
            got = get(path, user, If_None_Match=tag)
            if got.status == 304:
                same += 1
                late.extend([got] if dead else [])
            return dead and got.status == 200

        ended = section("the end of link %d" % n, wait_for, "a dead link and a 200", over,
                        ttl + SOON_S)
        ok(ended and same and not late, "304 while link %d lived, 200 when it was dead" % n,
           "%d times a 304, %d times too late" % (same, len(late)))
    got = get(path, user)
    is_(call("GET", got.json()["exportUri"]).status, 200, "the 200 brought a link that works")
    expire(ident, user)
    got = get(path, user, If_None_Match=got.header("ETag"))
    is_((got.status, got.json()["state"], "exportUri" in got.json()), (200, "EXPIRED", False),
        "EXPIRED: another tag, no link")


# ---- previews ------------------------------------------------------------------------------

def previews(client):
    """The preview comes and goes with the result, and only the owner sees it. t/3100-oracle.t
    compares its content."""
    user = "previewer"
    with stopped(client):
        ident = create(request(), user)
        path = "/export/%s/preview" % ident
        is_(get(path, user).status, 204, "a job that waits has none")
    finish(ident, user)
    got = get(path, user)
    is_((got.status, got.type(), got.header("Cache-Control")),
        (200, "application/json", "no-store"), "a FINISHED one has")
    first = got.json()["vehicles"][0]
    is_((len(first["parameters"]), len(first["bins"]), len(first["rows"]) > 0),
        (first["parametersTotal"], first["parametersTotal"], True), "parameters, bins and rows")
    ok("preview" not in get("/export/" + ident, user).json(), "it is not in the job")
    problem("another owner's", get(path, "another"), (404,))
    problem("of no job", get("/export/%024x/preview" % 1, user), (404,))
    problem("of no id", get("/export/x/preview", user), (404,))
    problem("of a path below it", get(path + "/1", user), (404,))
    of = {"_id": bson.ObjectId(ident)}
    kept = job_document(jobs_of(client), ident)["preview"]
    jobs_of(client).update_one(of, {"$set": {"preview": '{"vehicle":"v","rows":[],"samples":[]}'}})
    is_(get(path, user).status, 204, "one of the version before has another form: none")
    jobs_of(client).update_one(of, {"$set": {"preview": kept}})
    expire(ident, user)
    is_(get(path, user).status, 204, "an EXPIRED one has none any more")
    ok("preview" not in job_document(jobs_of(client), ident), "nor does its document")


# ---- the end of a result ------------------------------------------------------------------

def lapse(client, ident, ms):
    """Its result ends this many milliseconds from now."""
    jobs_of(client).update_one({"_id": bson.ObjectId(ident)}, [{"$set": {"expiresAt": {
        "$add": ["$$NOW", ms]}}}])


def finished_total():
    """By /metrics: (FINISHED, EXPIRED)."""
    with urllib.request.urlopen(base() + "/metrics") as reply:
        text = reply.read().decode()
    return tuple(int(float(re.search(r'export_jobs\{state="%s"\} (\S+)' % s, text)[1]))
                 for s in ("FINISHED", "EXPIRED"))


def ends(client):
    """A result ends at its expiresAt for whoever looks, before any worker has written so."""
    user = "ending"
    ident, other = create(request(), user), create(request(1), user)
    finish(ident, user)
    finish(other, user)
    lapse(client, ident, 3600000)
    job = job_of(ident, user)
    ttl = int(urllib.parse.parse_qs(urllib.parse.urlsplit(job["exportUri"]).query)
              ["X-Amz-Expires"][0])
    ok(0 < ttl <= 3600, "a link lives no longer than the result", ttl)
    ok(job["createdAt"] < job["exportUriExpiresAt"] <= job["expiresAt"], "and says when it ends",
       job)
    with stopped(client):
        finished, expired = finished_total()
        lapse(client, ident, -1)
        got = get("/export/" + ident, user)
        is_((got.json()["state"], "exportUri" in got.json(), "exportUriExpiresAt" in got.json()),
            ("EXPIRED", False, False), "it has ended: EXPIRED, without a link")
        is_(job_document(jobs_of(client), ident)["state"], "FINISHED", "no worker has written it")
        for query, want in (("", {ident: "EXPIRED", other: "FINISHED"}),
                            ("?state=FINISHED", {other: "FINISHED"}),
                            ("?state=EXPIRED", {ident: "EXPIRED"}),
                            ("?state=EXPIRED,FAILED", {ident: "EXPIRED"}),
                            ("?state=FINISHED,FAILED", {other: "FINISHED"}),
                            ("?state=EXPIRED,FINISHED", {ident: "EXPIRED", other: "FINISHED"}),
                            ("?state=FAILED", {})):
            seen = get("/export" + query, user).json()["exports"]
            is_({job["_id"]: job["state"] for job in seen}, want,
                "in the list, too: " + query)
        is_(get("/export/%s/preview" % ident, user).status, 204, "no preview")
        wait_for("/metrics", lambda: finished_total() == (finished - 1, expired + 1), 30)
        ok(True, "nor in /metrics")
        is_(call("DELETE", "/export/" + ident, user=user).status, 204, "DELETE: 204")
    lapse(client, other, -1)
    wait_for("a worker writes it",
             lambda: job_document(jobs_of(client), other)["state"] == "EXPIRED", 30)
    ok("preview" not in job_document(jobs_of(client), other), "and removes the preview")


# ---- every resource -------------------------------------------------------------------------

def resources(ident):
    read = {"GET", "HEAD", "OPTIONS"}
    return (("/export", "/export", read | {"POST"}),
            ("/export/:id", "/export/" + ident, read | {"DELETE"}),
            ("/export/:id/preview", "/export/%s/preview" % ident, read),
            ("/vehicles", "/vehicles", read), ("/vehicles/:v", "/vehicles/" + SMALL, read),
            ("/limits", "/limits", read), ("/health", "/health", read), ("/ready", "/ready", read))


def methods():
    user, shared = "methods", ("Content-Type", "X-Content-Type-Options", "Cache-Control",
                               "Retry-After")
    ident = finish(create(request(), user), user)["_id"]
    for name, path, allow in resources(ident):
        got = call("OPTIONS", path, user=user)
        is_((got.status, allowed(got)), (204, allow), "OPTIONS %s: 204, Allow" % name)
        shown, head = get(path, user), call("HEAD", path, user=user)
        is_((shown.status, head.status, head.body), (200, 200, b""), "HEAD %s: 200, no body" % name)
        is_([head.header(k) for k in shared], [shown.header(k) for k in shared],
            "HEAD %s: GET's headers" % name)
        for method in {"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "FOO"} - allow:
            bare = method == "TRACE"
            got = call(method, path, None if bare else b"{}", {} if bare else JSON_TYPE, user)
            problem("%s %s: 405" % (method, name), got, (405,))
            is_(allowed(got), allow, "%s %s: Allow" % (method, name))
    for path in ("/limits", "/vehicles/" + SMALL):
        def same(path=path):
            shown, head = get(path, user), call("HEAD", path, user=user)
            return shown.header("ETag") == head.header("ETag") and head.header("ETag")

        ok(wait_for("HEAD and GET of one state", same, 10), "HEAD %s: GET's tag" % path)
    for path, status in (("/export/" + "0" * 24, 404), ("/vehicles/vehicle_nosuch", 404),
                         ("/nothing", 404), ("/export?limit=0", 400)):
        got = call("HEAD", path, user=user)
        is_((got.status, got.body), (status, b""), "HEAD %s: %d, no body" % (path, status))


def cross_origin():
    """Off by default. judged() looks for any Access-Control header."""
    def met():
        return {k: v for k, v in WRONG.items() if "access-control" in k.lower()}

    before, origin = met(), {"Origin": "https://fleet.example"}
    body = json.dumps(request()).encode()
    for method, path, sent, more in (
            ("GET", "/limits", None, {}), ("GET", "/export", None, {}),
            ("GET", "/nothing", None, {}), ("GET", "/export/none", None, {}),
            ("POST", "/export", body, JSON_TYPE),
            ("POST", "/export", b"{", JSON_TYPE),
            ("OPTIONS", "/export", None,
             {"Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "content-type, idempotency-key"}),
            ("OPTIONS", "/export/" + "0" * 24, None, {"Access-Control-Request-Method": "DELETE"})):
        call(method, path, sent, dict(origin, **more), "origin")
    is_(met(), before, "no Access-Control header for a request of another origin")


def ready():
    got = good("/ready")
    is_(set(got), {"status", "mongodb", "rabbitmq", "auth"}, "/ready: its members")
    is_([got[k] for k in ("status", "mongodb", "rabbitmq")], ["ok"] * 3, "/ready: all is there")
    ok(isinstance(got["auth"], str) and re.fullmatch("[a-z]+", got["auth"]),
       "/ready: auth is a word", got)
    shown = tells(json.dumps(list(got.values())))
    ok(not shown, "/ready names no hosts", shown)
    is_(good("/health"), {"status": "ok"}, "/health")


def errors_of_nginx():
    """Errors that no handler sees have the same headers."""
    for name, data, statuses in (
            ("a line too long", b"GET /export?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 20000),
             (414,)),
            ("a large header",
             b"GET /vehicles HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 20000), (400, 431)),
            ("no Host", b"GET /vehicles HTTP/1.1\r\n\r\n", (400,)),
            ("TRACE", b"TRACE /vehicles HTTP/1.1\r\nHost: x\r\n\r\n", (405,))):
        got = judged(data.split()[0].decode(), "/" + name, raw_call(data))
        problem("nginx: " + name, got, statuses)


def main():
    client = begin(__file__)
    return run(
        {"GET /export/:id": (200, 304, 404), "GET /export": (200, 304), "POST /export": (202, 400),
         "DELETE /export/:id": (202, 204), "GET /export/:id/preview": (200, 204, 404),
         "GET /vehicles": (200, 304), "GET /vehicles/:v": (200, 304),
         "GET /limits": (200, 304), "HEAD /export": (200, 304, 400), "OPTIONS /export": (204,),
         "PUT /export": (405,), "GET /a line too long": (414,)},
        ("the catalogue", catalogue_waits), ("characters", characters), ("limits", limits),
        ("tags", etags, client), ("links under tags", links_under_tags),
        ("previews", previews, client), ("the end of a result", ends, client),
        ("methods", methods), ("CORS", cross_origin),
        ("ready", ready), ("nginx", errors_of_nginx))


if __name__ == "__main__":
    sys.exit(main())
