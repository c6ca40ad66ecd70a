#!/usr/bin/python3
"""export-api --check and export-worker --check: where all is right a table and exit 0; each fault
by name and exit 1, also what a version of MongoDB refuses; and /ready, which says when a right of
the database's user is missing.

Prints TAP. Always on a stack of its own: rights are taken away and given.
"""
import os
import re
import socket
import struct
import subprocess
import sys
import threading

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


def tries(lines):
    """What MongoDB took and refused of what the program sends."""
    return [x.split(None, 2)[2] for x in lines if re.search(" (takes|refuses|does not say) ", x)]


def taken(client):
    for program, n in (("api", 4), ("worker", 6)):
        lines = check(program)[1]
        is_(len([x for x in tries(lines) if x.startswith("takes ")]), n,
            program + ": each kind of command is tried")
        ok("mongodb   ok     is MongoDB %s" % client.server_info()["version"] in lines,
           "and the version told", lines)
    db = client.exports
    is_([(name, db[name].count_documents({"$or": [{"_id": {"$type": "array"}}, {"_id": ""}]}))
         for name in ("jobs", "units", "vehicles", "totals", "workers", "usage")],
        [("jobs", 0), ("units", 0), ("vehicles", 0), ("totals", 0), ("workers", 0), ("usage", 1)],
        "what they write is nowhere")
    is_([db.jobs.count_documents({}), db.units.count_documents({})], [0, 0], "no job, no unit")


def refused(client):
    """A server that refuses one command of the program: the group and the server's words."""
    for program, command, groups in (
            ("api", "find", ["reads of jobs", "estimates"]),
            ("api", "aggregate", ["aggregations of jobs", "estimates"]),
            ("api", "insert", ["writes of jobs"]),
            ("api", "update", ["writes of jobs"]),
            ("worker", "listDatabases", ["lists of databases"]),
            ("worker", "listCollections", ["lists of databases"]),
            ("worker", "count", ["lists of databases"]),
            ("worker", "find", ["reads of telemetry", "claims", "sums"]),
            ("worker", "aggregate", ["lists of databases", "aggregations of telemetry", "sums"]),
            ("worker", "findAndModify", ["claims"]),
            ("worker", "insert", ["writes"]),
            ("worker", "update", ["writes"]),
            ("worker", "delete", ["writes"])):
        fail(client, program, {"failCommands": [command], "errorCode": 40324})
        try:
            code, lines, _ = check(program)
        finally:
            fail(client)
        bad = [x.split(None, 2)[2] for x in wrong(lines)]
        is_((code, len(bad)), (1, len(groups)), "%s: %s is refused: exit 1" % (program, command))
        ok(all(x.startswith("refuses " + g) and "failCommand" in x and "40324" in x
               for x, g in zip(bad, groups)), "in the server's words", lines)
    fail(client, "api", {"failCommands": ["aggregate"], "closeConnection": True})
    try:
        lines = check("api")[1]
    finally:
        fail(client)
    ok(len(wrong(lines)) == 1 and "does not say whether it takes aggregations" in wrong(lines)[0],
       "a server that goes away has refused nothing", lines)
    ok("estimates" not in "\n".join(lines) and lines[-1].startswith("s3 "),
       "it is asked no more, the others are", lines)


def fail(client, program=None, data=None):
    """The server's own fail point, for connections of this program."""
    client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn" if data else "off",
                         data=dict(data or {}, appName="export-%s" % program))


def no_index(client):
    """A refusal that is no fail point: the query planner's."""
    jobs = client.exports.jobs
    keys = [(k, int(v)) for k, v in jobs.index_information()["owner_state"]["key"]]
    jobs.drop_index("owner_state")
    try:
        code, lines, output = check("api")
    finally:
        jobs.create_index(keys, name="owner_state")
    is_((code, len(wrong(lines))), (1, 1), "a hint that the server refuses: exit 1")
    ok("refuses reads of jobs" in wrong(lines)[0] and "hint" in wrong(lines)[0].split(": ", 2)[2],
       "in the server's words, on one line", output)
    is_(check("api")[0], 0, "with its index all is right")


class OtherVersion:
    """A way to mongod on which its replies have another version."""

    def __init__(self, port, mine, other):
        self.port, self.swap = port, (mine.encode() + b"\0", other.encode() + b"\0")
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.socket.accept()[0]
            server = socket.create_connection(("127.0.0.1", self.port))
            for way in ((client, server, None), (server, client, self.swap)):
                threading.Thread(target=self.carry, args=way, daemon=True).start()

    @staticmethod
    def carry(source, sink, swap):
        f = source.makefile("rb")
        try:
            while len(head := f.read(4)) == 4:
                message = head + f.read(struct.unpack("<i", head)[0] - 4)
                sink.sendall(message.replace(*swap) if swap else message)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def not_run(client):
    version = client.server_info()["version"]
    other = "8.0" + version[3:]
    way = OtherVersion(client.primary[1], version, other)
    address = "mongodb://127.0.0.1:%d/?directConnection=true" % way.socket.getsockname()[1]
    for program in ("api", "worker"):
        code, lines, _ = check(program, (r"^(mongodb_uri *= *).*$", r"\1" + address))
        is_((code, wrong(lines)), (0, []), program + ": a version that is not ours: exit 0")
        ok("mongodb   ok     is MongoDB %s: this program was run on 6.0 only" % other in lines,
           "and a note", lines)


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
            is_(tries(lines), [], "nothing else is tried")
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
    os.environ["MONGO_FAULTS"] = "yes"
    under_stack(__file__, own=True)
    section("all right", all_right)
    section("what MongoDB takes", taken, mongo())
    section("what it refuses", refused, mongo())
    section("an index that lacks", no_index, mongo())
    section("another version", not_run, mongo())
    section("MongoDB's rights", rights_of_mongodb, mongo())
    section("the others' rights", rights_of_others)
    section("s3_delete", s3_delete)
    section("maxPoolSize", pool_size)
    section("unreachable", unreachable)
    section("secrets", secrets)
    return done()


if __name__ == "__main__":
    sys.exit(main())
