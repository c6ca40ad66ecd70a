#!/usr/bin/python3
"""Credentials for S3 that are no pair of keys: a file that others write, a container's endpoint,
the instance's metadata service, AssumeRoleWithWebIdentity. Each exports and gives links, its
successor is used from when it is there, a link ends with its session, and nothing secret is logged.

Prints TAP. Always on a stack of its own. The endpoints are scripted: they stand for a cloud that is
not here. Between the programs and the stack's S3 server, which knows no such sessions, is a gateway
that does: it verifies each signature with botocore, then signs the request with the stack's keys.
"""
import contextlib
import datetime
import glob
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from front import Site                  # noqa: E402
import scripted                         # noqa: E402
from service import (                   # noqa: E402
    ROOT, another_worker, call, configuration, create, done, finish, generate, is_, job_document,
    jobs_of, logged, mongo, ok, request, section, setting, under_stack, wait_for)

BIN = os.environ.get("BIN", os.path.join(ROOT, os.environ.get("B", "build")))
# Some 9 MB: a full part, and another.
BODY = request(days=10, vehicles=["vehicle_001"], compression="fast")
SMALL = request(vehicles=["vehicle_001"])
ROLE = "arn:aws:iam::123456789012:role/exports"
ERROR = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code></Error>'
SECRETS = []                            # of all sessions: none may be in a log


def now():
    return time.time()


def rfc3339(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix(text, form):
    return datetime.datetime.strptime(text + "+0000", form).timestamp()


def run_path(name):
    return os.path.join(os.environ["EXPORT_RUN"], name)


def write(name, text, mode=0o400):
    """At once, as tools do it: there is no moment without the file."""
    path = run_path(name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)
    return path


class Session:
    """Credentials of a role, good for this many seconds; None: without an end."""
    made = 0

    def __init__(self, role, seconds):
        Session.made += 1
        self.role = role
        self.access = "ASIA%s%04d" % (role.upper(), Session.made)
        self.secret = "Secret/+%s%032d" % (role, Session.made)
        self.token = "FwoGZXIvYXdz//+%s%064d==" % (role, Session.made)
        self.ends = int(now() + seconds) if seconds else None
        SECRETS.extend((self.secret, self.token))

    def ini(self, profile):
        return ("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n"
                % (profile, self.access, self.secret, self.token) +
                ("expiration = %s\n" % rfc3339(self.ends) if self.ends else ""))

    def json(self, **more):
        return json.dumps(dict({"AccessKeyId": self.access, "SecretAccessKey": self.secret,
                                "Token": self.token, "Expiration": rfc3339(self.ends)}, **more))

    def xml(self):
        return ("""<AssumeRoleWithWebIdentityResponse
xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>%s</SessionToken>
<SecretAccessKey>%s</SecretAccessKey><Expiration>%s</Expiration><AccessKeyId>%s</AccessKeyId>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
                % (self.token, self.secret, rfc3339(self.ends), self.access))


# ---- S3 with sessions ---------------------------------------------------------------------

class Gateway(scripted.Handler):
    """server.live: {access key: Session}; server.seen: (access key, method, path)."""

    def refusal(self):
        """(status, code) of what is wrong with the signature; None: nothing."""
        from botocore import auth, awsrequest, credentials
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        headers = {k.lower(): v for k, v in self.headers.items()}
        link = "X-Amz-Signature" in query
        if link:
            credential, signature = query["X-Amz-Credential"], query["X-Amz-Signature"]
            signed, date = query["X-Amz-SignedHeaders"], query["X-Amz-Date"]
            token = query.get("X-Amz-Security-Token")
        else:
            found = re.fullmatch("AWS4-HMAC-SHA256 Credential=(.*), SignedHeaders=(.*), "
                                 "Signature=(.*)", headers.get("authorization", ""))
            credential, signed, signature = found.groups()
            date, token = headers["x-amz-date"], headers.get("x-amz-security-token")
        access, _, region, _, _ = credential.split("/")
        self.server.seen.append((access, self.command, self.path))
        session = self.server.live.get(access)
        if session is None:
            return 403, "InvalidAccessKeyId"
        if session.ends and session.ends <= now():
            return 400, "ExpiredToken"
        begun = unix(date, "%Y%m%dT%H%M%SZ%z")
        if link and begun + int(query["X-Amz-Expires"]) <= now():
            return 403, "AccessDenied"
        if token != session.token or (not link and "x-amz-security-token" not in
                                      signed.split(";")):
            return 403, "InvalidToken"
        path = re.sub("&X-Amz-Signature=[0-9a-f]+", "", self.path)
        check = awsrequest.AWSRequest(self.command, "http://%s%s" % (headers["host"], path),
                                      {k: headers[k] for k in signed.split(";")})
        check.context["timestamp"] = date
        signer = (auth.S3SigV4QueryAuth if link else auth.S3SigV4Auth)(
            credentials.Credentials(access, session.secret), "s3", region)
        text = signer.string_to_sign(check, signer.canonical_request(check))
        if signer.signature(text, check) != signature:
            return 403, "SignatureDoesNotMatch"
        self.session = session
        return None

    def serve(self):
        from botocore import auth, awsrequest, credentials
        body = self.body()
        self.server.before(self)
        refused = self.refusal()
        if refused:
            return self.answer(refused[0], ERROR % refused[1],
                               [("Content-Type", "application/xml")])
        parts = urllib.parse.urlsplit(self.path)
        query = "&".join(x for x in parts.query.split("&") if x and not x.startswith("X-Amz-"))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in scripted.HOP | {
            "host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
            "accept", "accept-encoding"}}
        again = awsrequest.AWSRequest(
            self.command, setting("s3_endpoint", "") + parts.path + ("?" + query if query else ""),
            headers, body)
        role = self.session.role
        with open(run_path("secrets/%s-s3" % role), encoding="utf-8") as f:
            key = credentials.Credentials("EXPORT" + role.upper(), f.read().strip())
        auth.S3SigV4Auth(key, "s3", "us-east-1").add_auth(again)
        host = urllib.parse.urlsplit(again.url).netloc
        upstream = http.client.HTTPConnection(host, timeout=60)
        upstream.request(self.command, again.url.partition(host)[2], body,
                         dict(again.headers.items()))
        reply = upstream.getresponse()
        return self.answer(reply.status, reply.read(), reply.getheaders())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve


# ---- endpoints ----------------------------------------------------------------------------

class Endpoint(scripted.Handler):
    """Those of a container, of an instance and of STS at once. server.give: {role: Session}, or
    None: it is away; server.word: what the caller has to prove; server.asked: (method, path,
    form)."""

    def do_PUT(self):
        self.server.asked.append((self.command, self.path, {}))
        if self.path != "/latest/api/token" or not self.headers.get(
                "X-aws-ec2-metadata-token-ttl-seconds"):
            return self.answer(400, "")
        return self.answer(200, self.server.word)

    def do_GET(self):
        self.server.asked.append((self.command, self.path, {}))
        give, roles = self.server.give, "/latest/meta-data/iam/security-credentials/"
        if give is None:
            return self.answer(503, "")
        if self.path.startswith("/latest/"):
            # Version 1 would ask without the token.
            if self.headers.get("X-aws-ec2-metadata-token") != self.server.word:
                return self.answer(401, "")
            if self.path == roles:
                return self.answer(200, self.server.instance + "\n")
            return self.answer(200, give[self.path[len(roles):]].json(Code="Success"))
        if self.headers.get("Authorization") != self.server.word:
            return self.answer(401, "")
        return self.answer(200, give[self.path.rpartition("/")[2]].json())

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.body().decode()))
        self.server.asked.append((self.command, self.path, form))
        give = self.server.give
        if give is None:
            return self.answer(503, "")
        if form.get("WebIdentityToken") != self.server.word:
            return self.answer(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code>"
                               "<Message>No OpenIDConnect provider found</Message></Error>"
                               "</ErrorResponse>")
        return self.answer(200, give[form["RoleSessionName"].partition("-")[2]].xml())


class Cloud:
    """Both, and what is handed out."""

    def __init__(self, gateway, endpoint):
        self.gateway, self.endpoint = gateway, endpoint

    def hand_out(self, seconds, retire=True):
        """New sessions of both programs, from now on; those before are good no longer, if so."""
        sessions = {role: Session(role, seconds) for role in ("api", "worker")}
        self.gateway.live = dict({} if retire else self.gateway.live,
                                 **{s.access: s for s in sessions.values()})
        self.endpoint.give = sessions
        return sessions

    def word(self, name, text):
        """What has to be proved is another one from now on; the path of its file."""
        self.endpoint.word = text
        SECRETS.append(text)
        return write(name, text + "\n", 0o444)


@contextlib.contextmanager
def cloud():
    with scripted.served(Gateway, live={}, seen=[], before=lambda handler: None) as gateway, \
            scripted.served(Endpoint, give=None, word="", asked=[], instance="worker") as endpoint:
        yield Cloud(gateway, endpoint)


def changes(c, role, source, **more):
    return dict({"s3_endpoint": c.gateway.url, "s3_public_endpoint": c.gateway.url,
                 role + "_s3_access_key": None, role + "_s3_secret_file": None,
                 role + "_s3_credentials": source, "idle_ms": 1000}, **more)


# ---- the programs -------------------------------------------------------------------------

@contextlib.contextmanager
def another_api(env, number=0, **settings):
    """An export-api of the test's own behind an nginx of its own -> GET of a job."""
    conf = configuration(run_path("another-api.conf"), **settings)
    path = run_path("another-api.sock")
    with open(run_path("log/another-api.log"), "wb") as log:
        process = subprocess.Popen(["spawn-fcgi", "-n", "-s", path, "-M", "0666", "--",
                                    os.path.join(BIN, "export-api"), "-c", conf],
                                   env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    site = Site("credentials-%d" % number, number, [], api=path)
    try:
        wait_for("export-api", lambda: "op=start" in logged("another-api") or
                 process.poll() is not None, 30)
        site.start()
        yield lambda ident, **headers: site.call("GET", "/export/" + ident, headers=headers)
    finally:
        site.end()
        process.kill()
        process.wait()
        os.unlink(path)


def exported(body, name):
    ident = create(body)
    is_(finish_of(ident), "FINISHED", name + ": FINISHED")
    is_(job_document(jobs_of(mongo()), ident)["attempts"], 1, name + ": at the first attempt")
    return ident


def finish_of(ident):
    return finish(ident)["state"]


def signers(c, since=0):
    return {access for access, _, _ in c.gateway.seen[since:]}


def good_link(c, got, name, session):
    """The link of a job: by this session, it gives the archive, and it ends with the session."""
    if not ok(got.status == 200, name + ": the job", got):
        return None
    job = got.json()
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(job["exportUri"]).query))
    archive = call("GET", job["exportUri"])
    is_((archive.status, len(archive.body)), (200, job["size"]), name + ": the link works")
    is_((query["X-Amz-Credential"].partition("/")[0], query.get("X-Amz-Security-Token")),
        (session.access, session.token), name + ": by the session")
    begun = unix(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ%z")
    said = unix(job["exportUriExpiresAt"], "%Y-%m-%dT%H:%M:%S.%fZ%z")
    is_(begun + int(query["X-Amz-Expires"]), said, name + ": exportUriExpiresAt is when it ends")
    if session.ends:
        is_(said, min(begun + 300, session.ends), name + ": which is at the session's end")
    return job


def checked(role, env, **settings):
    """(exit code, all output) of --check."""
    conf = configuration(run_path("check.conf"), **settings)
    run = subprocess.run([os.path.join(BIN, "export-" + role), "-c", conf, "--check"],
                         env=dict(os.environ, **env), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return run.returncode, run.stdout


# ---- sections -----------------------------------------------------------------------------

def refused():
    """What could never work ends the program, with the reason."""
    good = write("good", "[exports]\naws_access_key_id = AK\naws_secret_access_key = SK\n")
    loud = write("loud", "[exports]\naws_access_key_id = AK\naws_secret_access_key = SK\n", 0o644)
    word = write("word", "word\n", 0o444)
    full, relative = ("AWS_CONTAINER_CREDENTIALS_%s_URI" % x for x in ("FULL", "RELATIVE"))
    web = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": word}

    def file(path, profile):
        return {"worker_s3_credentials_file": path, "worker_s3_profile": profile}
    for name, source, settings, env, reason in (
            ("no file", "file", {}, {}, "worker_s3_credentials_file is missing"),
            ("a file that is not there", "file", file(good + "x", "exports"), {}, "No such file"),
            ("a wrong profile", "file", file(good, "other"), {}, "profile other: it has no such"),
            ("a file for all", "file", file(loud, "exports"), {}, "chmod 0400"),
            ("no variable", "container", {}, {}, "CREDENTIALS_FULL_URI is in the environment"),
            ("a foreign host", "container", {}, {full: "http://example.org/x"}, "use https://"),
            ("no path", "container", {}, {relative: "v2/x"}, "does not begin with /"),
            ("no token file", "container", {}, {
                full: "http://127.0.0.1:1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": good + "x"},
             "No such file"),
            ("a foreign instance", "instance", {}, {
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://example.org"}, "use https://"),
            ("no role", "web-identity", {}, dict(web, AWS_ROLE_ARN=""), "AWS_ROLE_ARN is not"),
            ("no token", "web-identity", {}, {"AWS_ROLE_ARN": ROLE}, "TOKEN_FILE is not"),
            ("a foreign STS", "web-identity", {}, dict(
                web, AWS_ENDPOINT_URL_STS="http://sts.example.org/"), "use https://"),
            ("a source that there is not", "role", {}, {}, "one of keys file container instance")):
        conf = configuration(run_path("refused.conf"), worker_s3_access_key=None,
                             worker_s3_secret_file=None, worker_s3_credentials=source, **settings)
        run = subprocess.run([os.path.join(BIN, "export-worker"), "-c", conf],
                             env=dict(os.environ, **env), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        is_(run.returncode, 78, name + ": exit 78")
        ok(reason in run.stdout, name + ": the reason", run.stdout)


def plain_file():
    """The stack's own keys, by a file, straight to its S3 server."""
    with open(run_path("secrets/worker-s3"), encoding="utf-8") as f:
        path = write("plain", "[default]\naws_access_key_id = EXPORTWORKER\n"
                     "aws_secret_access_key = %s\n" % f.read().strip())
    with another_worker(worker_s3_credentials="file", worker_s3_credentials_file=path,
                        worker_s3_access_key=None, worker_s3_secret_file=None, idle_ms=1000):
        ident = exported(SMALL, "keys in a file")
    is_(call("GET", call("GET", "/export/" + ident).json()["exportUri"]).status, 200,
        "keys in a file: the archive is there")


def file():
    with cloud() as c:
        def replace(seconds):
            sessions = c.hand_out(seconds)
            for role, s in sessions.items():
                write("aws-" + role, Session("other", None).ini("default") + s.ini("exports"))
            return sessions

        def conf(role):
            return changes(c, role, "file", **{role + "_s3_profile": "exports", role +
                                               "_s3_credentials_file": run_path("aws-" + role)})
        first = replace(None)
        with another_worker(**conf("worker")), another_api({}, 0, **conf("api")) as job:
            ident = exported(BODY, "file")
            good_link(c, job(ident), "file", first["api"])
            is_(signers(c), {s.access for s in first.values()}, "file: by its sessions only")
            # One that ends soon: so does the link, and what was a 304 is a new one.
            second, since = replace(120), len(c.gateway.seen)
            got = job(ident)
            good_link(c, got, "file, replaced", second["api"])
            exported(SMALL, "file, replaced")
            is_(signers(c, since), {s.access for s in second.values()},
                "file, replaced: by the new ones only")
            # The tag changes twice within a link's life, too: once, at most, in between.
            tags = [job(ident).header("ETag") for _ in range(2)]
            ok(304 in [job(ident, **{"If-None-Match": x}).status for x in tags],
               "as good a link would be given: 304")
            third = replace(100)
            got = job(ident, **{"If-None-Match": got.header("ETag")})
            good_link(c, got, "file, replaced again, with an ETag", third["api"])
            # Half of a file: the old ones are used, and it is said once.
            exported(SMALL, "file, replaced again")
            since = len(logged("another-worker"))
            write("aws-worker", third["worker"].ini("exports")[:40])
            exported(SMALL, "half of a file")
            lines = [x for x in logged("another-worker", since).splitlines()
                     if "op=credentials" in x]
            ok(len(lines) == 1 and "level=warn" in lines[0] and "old ones are used" in lines[0],
               "half of a file: one warning", lines)
            # Ended, and nobody has written the next.
            short = replace(2)
            wait_for("the end", lambda: now() > short["api"].ends + 1, 30)
            is_([job(ident).status for _ in range(2)], [503, 503], "file, ended: no link")
            is_(logged("another-api").count("the file has no others"), 1, "which is said once")
            last = replace(3600)
            good_link(c, job(ident), "file, replaced after its end", last["api"])
        code, text = checked("worker", {}, **dict(conf("worker"), worker_s3_profile="none"))
        ok(code == 1 and "no such profile" in text and "WRONG" in text, "--check: a wrong profile",
           text)


def container():
    with cloud() as c:
        token = c.word("container-token", "pod-identity-1")

        def env(role):
            return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "%s/v1/%s" % (c.endpoint.url, role),
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}
        conf = changes(c, "worker", "container")
        code, text = checked("worker", env("worker"), **conf)
        ok(code == 1 and "no credentials" in text and "HTTP 503" in text,
           "--check: the endpoint is away", text)
        # It is away when they start: they wait for it, as for any server.
        with another_worker(env=env("worker"), **conf), another_api(
                env("api"), 1, **changes(c, "api", "container")) as job:
            ident = create(BODY)
            wait_for("a try", lambda: "no credentials at the moment" in
                     logged("another-worker"), 60)
            ok("level=error" in logged("another-worker"), "away at the start: an error")
            first = c.hand_out(30)
            is_(finish_of(ident), "FINISHED", "away at the start: FINISHED later")
            wait_for("a link", lambda: job(ident).status == 200, 60)
            good_link(c, job(ident), "container", first["api"])
            renewal(c, first)
            outage(c, job, ident)
        code, text = checked("worker", env("worker"), **conf)
        ok(code == 0 and "signs by container: access key ASIAWORKER" in text and
           "a session" in text, "--check: says who signs", text)


def renewal(c, first):
    """In the middle of an upload: what is sent after it is signed by the new ones."""
    held = []

    def before(handler):
        if handler.command == "PUT" and "partNumber=1&" in handler.path and not held:
            c.word("container-token", "pod-identity-2")
            held.append(c.hand_out(30, retire=False))
            wait_for("the renewal", lambda: "access key " + held[0]["worker"].access in
                     logged("another-worker"), 60)
    c.gateway.before = before
    since = len(c.gateway.seen)
    exported(BODY, "renewed in the middle")
    c.gateway.before = lambda handler: None
    ended = [x for x in c.gateway.seen[since:] if x[1] == "POST" and "uploadId=" in x[2]]
    begun = [x for x in c.gateway.seen[since:] if x[1] == "POST" and "uploads" in x[2]]
    is_(([x[0] for x in begun], [x[0] for x in ended]),
        ([first["worker"].access], [held[0]["worker"].access]),
        "begun by the old ones, completed by the new ones")


def outage(c, job, ident):
    """While the old ones live it is a warning; then jobs and links wait."""
    session = c.hand_out(40)
    wait_for("them", lambda: all("access key " + session[x].access in logged("another-" + x)
                                 for x in ("worker", "api")), 60)
    c.endpoint.give = None
    wait_for("a warning", lambda: "no new ones; the old ones are used" in logged("another-worker"),
             60)
    exported(SMALL, "the endpoint is away")
    since = len(logged("another-api"))
    wait_for("the session's end", lambda: "there are none for S3: http://127.0.0.1" in
             logged("another-api", since), 60)
    ok(now() >= session["api"].ends, "an error when the old ones have ended, not before")
    got = job(ident)
    is_((got.status, got.header("Retry-After")), (503, "5"), "ended: no link, for a while")
    waits = create(SMALL)
    since = len(logged("another-worker"))
    wait_for("a try", lambda: "no credentials at the moment" in logged("another-worker", since), 60)
    later = c.hand_out(600)
    is_(finish_of(waits), "FINISHED", "it is back: the job goes on")
    wait_for("a link", lambda: job(ident).status == 200, 60)
    good_link(c, job(ident), "it is back", later["api"])


def instance():
    with cloud() as c:
        c.word("unused", "imds-token-1")
        sessions = c.hand_out(3600)
        env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": c.endpoint.url + "/"}
        with another_worker(env=env, **changes(c, "worker", "instance")):
            ident = exported(SMALL, "instance")
            is_(signers(c), {sessions["worker"].access}, "instance: by its session")
        is_([x[:2] for x in c.endpoint.asked], [
            ("PUT", "/latest/api/token"), ("GET", "/latest/meta-data/iam/security-credentials/"),
            ("GET", "/latest/meta-data/iam/security-credentials/worker")], "instance: version 2")
        c.endpoint.instance = "api"
        with another_api(env, 2, **changes(c, "api", "instance")) as job:
            good_link(c, job(ident), "instance", sessions["api"])


def web_identity():
    with cloud() as c:
        token = c.word("web-token", "eyJhbGciOiJSUzI1NiJ9.e30.first-+/=")
        env = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": token,
               "AWS_ENDPOINT_URL_STS": c.endpoint.url}
        first = c.hand_out(20)
        with another_worker(env=env, **changes(c, "worker", "web-identity")), another_api(
                env, 3, **changes(c, "api", "web-identity")) as job:
            ident = exported(SMALL, "web identity")
            good_link(c, job(ident), "web identity", first["api"])
            is_({k: v for k, v in c.endpoint.asked[0][2].items() if k != "RoleSessionName"},
                {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE,
                 "WebIdentityToken": c.endpoint.word}, "STS: the form")
            is_({x[2]["RoleSessionName"] for x in c.endpoint.asked},
                {"export-api", "export-worker"}, "STS: the sessions' names")
            # Refused, then with the next token taken.
            c.endpoint.word = "another"
            wait_for("a refusal", lambda: "InvalidIdentityToken: No OpenIDConnect" in
                     logged("another-worker"), 60)
            second = c.hand_out(3600, retire=False)
            c.word("web-token", "eyJhbGciOiJSUzI1NiJ9.e30.second")
            wait_for("the renewal", lambda: "access key " + second["worker"].access in
                     logged("another-worker"), 60)
            since = len(c.gateway.seen)
            exported(SMALL, "web identity, renewed")
            is_(signers(c, since), {second["worker"].access}, "web identity, renewed: by the new")


def nothing_logged(name):
    found = []
    for path in glob.glob(run_path("log/*")):
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        found += ["%s in %s" % (x, path) for x in SECRETS if x in text]
    is_(found, [], name + ": no secret and no token is in a log")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", "1", "--days", "10")
    for f in (refused, plain_file, file, container, instance, web_identity):
        section(f.__name__.replace("_", " "), f)
        section("logs", nothing_logged, f.__name__)
    ok(len(SECRETS) > 20, "there were secrets to log", SECRETS)
    return done()


if __name__ == "__main__":
    sys.exit(main())
