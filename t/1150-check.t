#!/usr/bin/python3
"""export-api --check and export-worker --check: where all is right a table and exit 0; each fault
by name and exit 1; and /ready, which says when a right of the database's user is missing.

Prints TAP. Always on a stack of its own: rights are taken away and given.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    ROOT, call, channel, done, is_, mongo, ok, section, under_stack, wait_for)

BIN = os.path.join(ROOT, os.environ.get("B", "build"))
JOBS = {"db": "exports", "collection": "jobs"}


def check(program, change=None):
    """(exit code, lines, all output); change: (pattern, replacement) of the configuration."""
    conf = os.environ["EXPORT_CONF"]
    if change:
        with open(conf, encoding="utf-8") as f:
            text, n = re.subn(change[0], change[1], f.read(), flags=re.M)
        if n == 0:
            raise RuntimeError("no %s in export.conf" % change[0])
        conf = os.path.join(os.environ["EXPORT_RUN"], "check.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
    run = subprocess.run([os.path.join(BIN, "export-" + program), "-c", conf, "--check"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, timeout=120, check=False)
    return run.returncode, run.stdout.splitlines(), run.stdout + run.stderr


def wrong(lines):
    return [line for line in lines if "WRONG" in line]


def all_right():
    for program in ("api", "worker"):
        code, lines, _ = check(program)
        is_(code, 0, program + ": exit 0")
        is_(wrong(lines), [], program + ": nothing is wrong")
        is_({line.split()[0] for line in lines}, {"mongodb", "rabbitmq", "s3"},
            program + ": each server has its lines")
        ok(len(lines) >= 9, program + ": a line a finding", lines)
    c = channel()
    is_(c.queue_declare("exports.jobs", passive=True).method.message_count, 0,
        "no message is left behind")
    from service import s3
    found = s3().list_objects_v2(Bucket=os.environ["S3_BUCKET"]).get("KeyCount", 0)
    uploads = s3().list_multipart_uploads(Bucket=os.environ["S3_BUCKET"]).get("Uploads", [])
    is_((found, uploads), (0, []), "nor an object or an upload")


def role(client, name, privileges):
    client.admin.command("updateRole", name, privileges=privileges, roles=[])


def not_ready(got):
    return got if got.status == 503 else None


def rights_of_mongodb(client):
    for program, name in (("api", "exportApi"), ("worker", "exportWorker")):
        had = client.admin.command("rolesInfo", name, showPrivileges=True)["roles"][0]["privileges"]
        try:
            role(client, name,
                 [dict(p, actions=[a for a in p["actions"] if a != "update"])
                  if p["resource"] == JOBS else p for p in had])
            code, lines, _ = check(program)
            is_((code, len(wrong(lines))), (1, 1), program + ": a right that is missing: exit 1")
            ok("update on exports.jobs is missing" in wrong(lines)[0], "it is named", lines)
            if program == "api":
                got = wait_for("/ready: 503", lambda: not_ready(call("GET", "/ready")), 30)
                is_((got.json()["status"], got.json()["mongodb"]), ("unavailable", "rights"),
                    "/ready says so")
            role(client, name,
                 [dict(p, actions=p["actions"] + ["remove"]) if p["resource"] == JOBS else p for p
                  in had])
            code, lines, _ = check(program)
            is_((code, len(wrong(lines))), (1, 1), program + ": a right that is not needed: exit 1")
            ok("remove on exports.jobs is not needed" in wrong(lines)[0], "it is named", lines)
            if program == "api":
                wait_for("/ready: ok", lambda: call("GET", "/ready").json()["status"] == "ok", 30)
                ok(True, "/ready: jobs can be taken all the same")
            role(client, name, had + [{"resource": {"cluster": True}, "actions": ["shutdown"]}])
            ok("shutdown on cluster is not needed" in " ".join(wrong(check(program)[1])),
               program + ": a right on the cluster, too")
        finally:
            role(client, name, had)
        is_(check(program)[0], 0, program + ": given back, all is right")


def rights_of_others():
    """Each program with the other one's account: some rights are missing, others too many."""
    for key in ("amqp", "s3"):
        swap = {"amqp": ("user", "password_file"), "s3": ("access_key", "secret_file")}[key]
        for program, other in (("api", "worker"), ("worker", "api")):
            conf = dict(line.replace(" ", "").strip().split("=", 1) for line
                        in open(os.environ["EXPORT_CONF"], encoding="utf-8")
                        if "=" in line and not line.startswith("#"))
            lines = []
            text = "|".join("%s_%s_%s" % (program, key, x) for x in swap)
            code, lines, _ = check(program, ("^(%s)( *= *).*$" % text,
                                             lambda m: m[1] + m[2]
                                             + conf[m[1].replace(program, other, 1)]))
            is_(code, 1, "%s with the %s user of %s: exit 1" % (program, key, other))
            bad = "\n".join(wrong(lines))
            # On S3 the worker may do what the API may, and more.
            ok(("but must not" in bad or (key, program) == ("s3", "worker")) and
               ("but has to" in bad or (key, program) == ("s3", "api")),
               "what it may and may not do is named",
               lines)


def s3_delete():
    """The right to remove objects, with and without the setting: they have to agree."""
    key, yes = r"^(worker_s3_access_key *= *).*$", "\ns3_delete = yes"
    remover, worker = r"\1EXPORTREMOVER", r"\g<0>"
    for account, line, want in ((remover, yes, None), (remover, "", "but must not"),
                                (worker, yes, "but has to")):
        code, lines, _ = check("worker", (key, account + line))
        what = "worker %s the right to remove, s3_delete = %s" % (
            "with" if account == remover else "without", "yes" if line else "no")
        bad = [line.split(None, 2)[2] for line in wrong(lines)]
        is_((code, [x[-len(want):] for x in bad] if want else bad),
            (1, [want] * 2) if want else (0, []), what + (": exit 1" if want else ": exit 0"))
        ok(all("remove objects" in x or "remove fragments" in x for x in bad),
           "which is named", bad)
    code, lines, _ = check("api", (key, worker + yes))
    is_((code, wrong(lines)), (0, []), "api: with s3_delete = yes it may not remove either")


def unreachable():
    for program in ("api", "worker"):
        for name, change, server in (
                ("MongoDB",
                 (r"^(mongodb_uri *= *).*$", r"\1mongodb://127.0.0.1:1/?replicaSet=exports"),
                 "mongodb"),
                ("the broker", (r"^(amqp_uri *= *).*$", r"\1amqp://127.0.0.1:1/exports"),
                 "rabbitmq"),
                ("S3", (r"^(s3_endpoint *= *).*$", r"\1http://127.0.0.1:1"), "s3")):
            code, lines, _ = check(program, change)
            is_(code, 1, "%s: %s is away: exit 1" % (program, name))
            is_({line.split()[0] for line in wrong(lines)}, {server}, "only that one is wrong")
        wrong_password = os.path.join(os.environ["EXPORT_RUN"], "secrets", "wrong")
        if not os.path.exists(wrong_password):
            with open(os.open(wrong_password, os.O_WRONLY | os.O_CREAT, 0o400), "w",
                      encoding="ascii") as f:
                f.write("a-wrong-password\n")
        for key in ("mongodb_password_file", "amqp_password_file", "s3_secret_file"):
            code, lines, output = check(program,
                                        (r"^(%s_%s *= *).*$" % (program, key),
                                         r"\1" + wrong_password))
            is_(code, 1, "%s: a wrong %s: exit 1" % (program, key))
            ok("a-wrong-password" not in output, "which is not shown")


def pool_size():
    """Too few connections, for which a job that is split would wait forever, are refused at the
    start."""
    uri = r"^(mongodb_uri *= *.*)$"
    for program in ("api", "worker"):
        least = 6 + (8 if program == "worker" else 0)
        code, lines, output = check(program, (uri, r"\1&maxPoolSize=%d" % (least - 1)))
        is_((code, [x.split()[0] for x in wrong(lines)]), (1, ["mongodb"]),
            program + ": maxPoolSize too small: exit 1")
        ok("maxPoolSize is %d: at least %d are needed" % (least - 1, least) in output, "and why",
           output)
        is_(check(program, (uri, r"\1&maxPoolSize=%d" % least))[0], 0,
            program + ": maxPoolSize=%d: exit 0" % least)


def secrets():
    """No secret in what either prints, right or wrong."""
    words = []
    folder = os.path.join(os.environ["EXPORT_RUN"], "secrets")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="ascii") as f:
            words.append(f.read().strip())
    for program in ("api", "worker"):
        output = check(program)[2]
        ok(not [w for w in words if w in output], program + ": no secret in its output")


def main():
    under_stack(__file__, own=True)
    section("all right", all_right)
    section("MongoDB's rights", rights_of_mongodb, mongo())
    section("the others' rights", rights_of_others)
    section("s3_delete", s3_delete)
    section("maxPoolSize", pool_size)
    section("unreachable", unreachable)
    section("secrets", secrets)
    return done()


if __name__ == "__main__":
    sys.exit(main())
