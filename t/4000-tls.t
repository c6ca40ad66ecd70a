#!/usr/bin/python3
"""TLS to MongoDB, RabbitMQ and S3: a whole export over it; servers that must not be trusted are
refused, with the reason in the log.

Prints TAP. Environment: B (build), where the programs are. The certificates are made here. The
stack's servers speak only TLS (TLS= of scripts/stack); the ones with wrong certificates, or TLS
1.1, are `openssl s_server`s; those that speak no TLS are a mongod, another port of the stack's
broker and the filer's port next to S3's. t/tools/4000-tls.c, through lib/, and the programs talk
to them.
"""
import concurrent.futures
import glob
import hashlib
import io
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import oracle                           # noqa: E402
from service import (                   # noqa: E402
    ROOT, as_oracle, call, configuration, create, done, finish, generate, is_, job_document,
    jobs_of, load, logged, mongo, ok, request,
    section, small_fleet, under_stack, wait_for)

BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
PROBE = os.path.join(BUILD, "t", "4000-tls")
SERVICES = ("mongo", "amqp", "s3")
IN_TIME_S = 15
NAME, ADDRESS = "localhost", "127.0.0.1"
SAN = "DNS:%s,IP:%s" % (NAME, ADDRESS)
OLD = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
# An openssl.cnf that at level 0 allows everything: only our own settings then keep TLS 1.1 out.
# libmongoc leaves it to OpenSSL: level 1 does.
LAX = """openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=%d
"""
LEVEL = {"mongo": 1, "amqp": 0, "s3": 0}
# What the log says, by service, since each library has words of its own.
NO_CA = {s: "unable to get local issuer certificate" for s in SERVICES}
NO_NAME = {"mongo": "hostname mismatch", "amqp": "hostname mismatch",
           "s3": "no alternative certificate subject name matches"}
NO_ADDRESS = dict(NO_NAME, mongo="IP address mismatch", amqp="IP address mismatch")
EXPIRED = {s: "certificate has expired" for s in SERVICES}
TOO_OLD = {"mongo": "TLS handshake failed: .*; TLS 1.2 is the least",
           "amqp": "it does not speak TLS 1.2 or newer",
           "s3": "alert protocol version|unsupported protocol"}
NO_FILE = {"mongo": "no certificates can be read from %s", "amqp": "no certificates can be read "
           "from %s",
           "s3": "error (?:setting certificate|adding trust anchors from) file: %s"}
NO_TLS = {"mongo": "TLS handshake failed: .*; does it speak TLS", "amqp": "it does not speak TLS",
          "s3": "wrong version number"}
WANTS_TLS = {"mongo": "does it want TLS", "amqp": "does it want TLS",
             "s3": "HTTP 400 Client sent an HTTP request to an HTTPS server|"
                   "does it want TLS"}
SAID = []


# ---- certificates -------------------------------------------------------------------------

def openssl(*args, **more):
    run = subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, check=False, **more)
    if run.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (" ".join(args), run.stdout))


def new_key(path, *args):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            path + ".key", *args)


def make_ca(path, name):
    new_key(path, "-x509", "-days", "2", "-subj", "/CN=" + name, "-addext",
            "keyUsage=critical,keyCertSign,cRLSign", "-out", path + ".crt")


CA_CONF = """[ca]
default_ca = d
[d]
database = %(path)s.index
serial = %(path)s.serial
default_md = sha256
policy = p
[p]
commonName = supplied
"""


def make_certificate(path, ca, san, days=(0, 2)):
    """Valid between these days from now. By openssl ca, for x509 of 3.5 refuses days that are over,
    and of 3.0 knows no times."""
    new_key(path, "-subj", "/CN=test", "-out", path + ".csr")
    for end, text in ((".ext", "subjectAltName=%s\nauthorityKeyIdentifier=keyid\n"
                               "subjectKeyIdentifier=hash\n" % san),
                      (".index", ""), (".serial", "01\n"), (".ca", CA_CONF % {"path": path})):
        with open(path + end, "w", encoding="ascii") as f:
            f.write(text)
    begin, end = (time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + n * 86400))
                  for n in days)
    openssl("ca", "-batch", "-notext", "-config", path + ".ca", "-in", path + ".csr",
            "-cert", ca + ".crt", "-keyfile", ca + ".key", "-outdir", os.path.dirname(path),
            "-startdate", begin, "-enddate", end, "-extfile", path + ".ext", "-out", path + ".crt")


def make_all(folder):
    """ca, server, elsewhere, expired and stranger, .crt and .key of each; the first two are what
    scripts/stack takes."""
    def at(name):
        return os.path.join(folder, name)

    make_ca(at("ca"), "the CA")
    make_ca(at("other-ca"), "another CA")
    make_certificate(at("server"), at("ca"), SAN)
    make_certificate(at("elsewhere"), at("ca"), "DNS:elsewhere.example,IP:127.0.0.2")
    make_certificate(at("expired"), at("ca"), SAN, (-2, -1))
    make_certificate(at("stranger"), at("other-ca"), SAN)
    for level in (0, 1):
        with open(at("lax%d.cnf" % level), "w", encoding="ascii") as f:
            f.write(LAX % level)


def outside():
    """The certificates are made before the stack starts, and removed after it has ended."""
    folder = tempfile.mkdtemp(prefix="export-tls.")
    child = 0

    def on_signal(number, _):
        if child:
            os.kill(child, number)
        else:
            sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        make_all(folder)
        os.environ["TLS"] = folder
        child = os.fork()
        if child == 0:
            under_stack(__file__, own=True)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        shutil.rmtree(folder)


def untold(*more):
    """The environment without the variables that name our CA; libmongoc keeps its counters in
    private memory, so that no file left by another process is in its way."""
    return dict({k: v for k, v in os.environ.items() if k not
                 in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", *more)}, MONGOC_DISABLE_SHM="1")


# ---- servers that are at fault ------------------------------------------------------------

def fault_server(certificate, *args):
    """(process, port) of a server with this certificate that serves nothing."""
    path = os.path.join(os.environ["TLS"], certificate)
    process = subprocess.Popen(["openssl", "s_server", "-accept", ADDRESS + ":0", "-cert",
                                path + ".crt", "-key", path + ".key", *args],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace",
                               env=untold())
    PROCESSES.append(process)
    for line in process.stdout:
        m = re.match(r"ACCEPT .*:(\d+)$", line)
        if m:
            return process, int(m[1])
    raise RuntimeError("openssl s_server does not start")


def broker(*args):
    """What the stack's rabbitmqctl says."""
    return subprocess.run([os.environ["RABBITMQCTL"], "--quiet", *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout


def plain_mongod():
    """The port of a mongod without TLS. The range that the stack has reserved has room for two more
    members."""
    port = int(os.environ["EXPORT_PORTS"]) + 2
    folder = os.path.join(os.environ["EXPORT_RUN"], "plain")
    os.mkdir(folder)
    servers = os.environ.get("SERVERS", os.path.join(ROOT, "build", "servers", "bin"))
    with open(folder + ".log", "wb") as log:
        process = subprocess.Popen([os.path.join(servers, "mongod"), "--bind_ip", ADDRESS, "--port",
                                    str(port), "--nounixsocket",
                                    "--dbpath", folder, "--setParameter",
                                    "shutdownTimeoutMillisForSignaledShutdown=100"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    PROCESSES.append(process)
    return port


def plain_amqp():
    """The port of another listener of the stack's broker, in the room of a second node."""
    port = int(os.environ["EXPORT_PORTS"]) + 13
    broker("eval", 'ok = rabbit_networking:start_tcp_listener({"%s", %d}, 2).' % (ADDRESS, port))
    return port


def end_all():
    for process in PROCESSES:
        process.terminate()
    for process in PROCESSES:
        process.communicate()


PROCESSES = []


# ---- the clients --------------------------------------------------------------------------

def make_probe():
    rule = ("include Makefile\n"
            "$(B)/t/4000-tls: $(addprefix $(B)/,t/tools/4000-tls.o $(LIB))\n"
            "\t$(CC) $(LINK) -o $@ $^ $(LIBS)\n")
    # The settings of a make above us (SAN=, CC=), without its jobs.
    told = [x for x in os.environ.get("MAKEFLAGS", "").split() if re.match(r"[A-Z]+=", x)]
    run = subprocess.run(["make", "-s", "-f", "-", *told, "B=" + BUILD, PROBE], cwd=ROOT,
                         input=rule, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=untold("MAKEFLAGS", "MFLAGS", "MAKELEVEL"), check=False)
    return ok(run.returncode == 0, "the probe is built", run.stdout)


def address(service, host, port, tls=True):
    """A line for each service, as export.conf has them."""
    if service == "mongo":
        return {"mongodb_uri": "mongodb://%s:%d/%s" % (host, port, "?tls=true" if tls else "")}
    if service == "amqp":
        return {"amqp_uri": "amqp%s://%s:%d/exports" % ("s" if tls else "", host, port)}
    return {"s3_endpoint": "http%s://%s:%d" % ("s" if tls else "", host, port)}


def conf_with(changes):
    """The path of an export.conf that is the stack's but for these; None leaves a line out."""
    with tempfile.NamedTemporaryFile(dir=os.environ["EXPORT_RUN"], suffix=".conf",
                                     delete=False) as f:
        return configuration(f.name, **changes)


def probe(service, changes, env=None):
    """(exit status, log, seconds) of one conversation."""
    began = time.monotonic()
    run = subprocess.run([PROBE, service, conf_with(changes)], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=120,
                         env=dict(untold(), **(env or {})), check=False)
    SAID.append(run.stdout)
    return run.returncode, run.stdout, time.monotonic() - began


def server_of(changes):
    """host:port of the address in these lines."""
    return next(re.search(r"://([^/]+)", x)[1] for x in changes.values() if x and "://" in x)


def refused(name, got, changes, said, status=1, lines=1):
    """It failed, in time, and `lines` lines of the log, or some, give the server and the reason."""
    code, log, took = got
    named = [x for x in log.splitlines() if re.search(said, x)
             and re.search("level=(warn|error)", x) and server_of(changes) in x]
    ok(code == status and (len(named) == lines if lines else named) and took < IN_TIME_S, name,
       "exit %d, %.1f s\n%s" % (code, took, log))


def lax(level):
    return {"OPENSSL_CONF": os.path.join(os.environ["TLS"], "lax%d.cnf" % level)}


def cases_of_faults():
    """(name, service, changes, environment, what the log says) of each server that is not to be
    talked to."""
    out = []
    for s in SERVICES:
        def port_of(*server):
            return fault_server(*server)[1]

        out += [("a CA that we do not know", s, address(s, NAME, port_of("stranger")), {},
                 NO_CA[s]),
                ("a certificate for another name", s, address(s, NAME, port_of("elsewhere")), {},
                 NO_NAME[s]),
                ("a certificate for another address", s, address(s, ADDRESS, port_of("elsewhere")),
                 {}, NO_ADDRESS[s]),
                ("a certificate that has expired", s, address(s, NAME, port_of("expired")), {},
                 EXPIRED[s]),
                ("TLS 1.1", s, address(s, NAME, port_of("server", *OLD)), {}, TOO_OLD[s]),
                ("no tls_ca_file: the system's CAs do not know ours", s,
                 dict(address(s, NAME, port_of("server")), tls_ca_file=None), {}, NO_CA[s]),
                ("TLS 1.1, OpenSSL's level being %d" % LEVEL[s], s,
                 address(s, NAME, port_of("server", *OLD)), lax(LEVEL[s]),
                 TOO_OLD[s])]
    return out


def plain_ports():
    """The address of each service without TLS."""
    return {"mongo": plain_mongod(), "amqp": plain_amqp(), "s3": int(os.environ["EXPORT_PORTS"])
            + 23}


def tls_ports():
    base = int(os.environ["EXPORT_PORTS"])
    return {"mongo": base + 1, "amqp": base + 10, "s3": base + 20}


def cases_of_plain():
    """As above, of each server that expects TLS and does not get it, or the other way round."""
    plain, out = plain_ports(), []
    # That each is there and answers without TLS. mongod knows no users, so it refuses ours; a filer
    # is not S3.
    wait_for("the mongod without TLS", lambda: "Authentication failed" in probe("mongo", address(
        "mongo", ADDRESS, plain["mongo"], tls=False))[1], 30)
    ok(True, "mongo: the port without TLS answers")
    is_(probe("amqp", address("amqp", ADDRESS, plain["amqp"], tls=False))[:2], (0, ""),
        "amqp: the port without TLS answers")
    for s in SERVICES:
        out += [("TLS to a port without it", s, address(s, ADDRESS, plain[s]), {}, NO_TLS[s]),
                ("no TLS to a port with it", s, address(s, ADDRESS, tls_ports()[s], tls=False), {},
                 WANTS_TLS[s])]
    return out


def odd_ca_file():
    """The CA's file in a folder whose name an address would have to escape."""
    folder = os.path.join(os.environ["EXPORT_RUN"], "tmp", "a b&tls=false?50%/@")
    os.makedirs(folder)
    return shutil.copy(os.path.join(os.environ["TLS"], "ca.crt"), folder)


def same_mongo(host):
    return {"mongodb_uri": "mongodb://%s:%d/?tls=true&directConnection=true"
            % (host, tls_ports()["mongo"])}


def real(service, host):
    return same_mongo(host) if service == "mongo" else address(service, host, tls_ports()[service])


# ---- the sections -------------------------------------------------------------------------

def download(uri):
    with urllib.request.urlopen(uri, timeout=60, context=ssl.create_default_context(
            cafile=os.path.join(os.environ["TLS"], "ca.crt"))) as got:
        return got.read()


def whole_export(client):
    with open(os.environ["EXPORT_CONF"], encoding="utf-8") as f:
        conf = f.read()
    ok(all(re.search(x, conf, re.M) for x in (r"^mongodb_uri.*\btls=true$", r"^amqp_uri = amqps://",
                                              r"^s3_endpoint = https://")),
       "the services are configured to use TLS", conf)
    is_({k: call("GET", "/ready").json().get(k) for k in ("status", "mongodb", "rabbitmq")},
        {"status": "ok", "mongodb": "ok", "rabbitmq": "ok"}, "/ready: all is there")
    data = small_fleet()
    load(client, data)
    body = request(vehicles=sorted(data))
    job = finish(create(body))
    if not ok(job["state"] == "FINISHED", "an export over TLS is FINISHED", job):
        return
    said = broker("list_connections", "--no-table-headers", "user", "ssl",
                  "ssl_protocol").split("\n")
    is_(sorted({tuple(x.split()) for x in said if x}),
        [("api", "true", "tlsv1.3"), ("worker", "true", "tlsv1.3")],
        "the broker has both on TLS 1.3")
    ok(job["exportUri"].startswith("https://"), "its link is https", job["exportUri"])
    archive = download(job["exportUri"])
    is_((len(archive), hashlib.sha256(archive).hexdigest()), (job["size"], job["sha256"]),
        "the download is what the job says")
    with tempfile.NamedTemporaryFile(dir=os.environ["EXPORT_RUN"]) as f:
        f.write(archive)
        f.flush()
        wrong = oracle.compare(f.name, oracle.expect(data, as_oracle(body)))
    ok(wrong is None, "it holds what it should", wrong)


def several_parts(client):
    generate("--uri", os.environ["MONGODB_ADMIN_URI"], "--vehicles", "2", "--days", "3")
    ident = create(request(days=3, vehicles=["vehicle_001", "vehicle_002"]))
    job = finish(ident)
    if not ok(job["state"] == "FINISHED", "an export of several parts is FINISHED", job):
        return
    ok(job["size"] > 5242880, "it has more than one part", job["size"])
    archive = download(job["exportUri"])
    is_(hashlib.sha256(archive).hexdigest(), job["sha256"], "the download is what the job says")
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        is_(z.testzip(), None, "each entry is sound")
    is_(job_document(jobs_of(client), ident)["attempts"], 1, "in the first attempt")


def good_ones(pool):
    odd = odd_ca_file()
    cases = [("by %s: %s" % (what, s), s, dict(real(s, host), **more)) for s in SERVICES for what,
             host, more in (
        ("name", NAME, {}), ("address", ADDRESS, {}),
        ("a CA file whose name is odd", NAME, {"tls_ca_file": odd}))]
    for (name, _, _), got in zip(cases, pool.map(lambda x: probe(*x[1:]), cases)):
        ok(got[0] == 0 and got[1] == "", name, "exit %d, %.1f s\n%s" % (got[0], got[2], got[1]))


def faults(pool):
    cases = cases_of_faults() + cases_of_plain()
    for (name, s, changes, env, said), got in zip(cases,
                                                  pool.map(lambda x: probe(x[1], x[2], x[3]),
                                                           cases)):
        # What may be better in a moment is tried again by lib/servers/s3, and some of it is said.
        # (A TLS port that is sent more than it reads resets the connection: no answer to go by.)
        again = said in (TOO_OLD["s3"], NO_TLS["s3"], WANTS_TLS["s3"])
        refused("%s: %s" % (s, name), got, changes, said, lines=None if again else 1)
        if s == "s3" and not again and said is not WANTS_TLS[s]:
            ok("code=storage_refused" in got[1],
               "s3: %s: the job says that the operator is needed" % name, got[1])
    port = fault_server("server", *OLD)[1]
    run = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % (ADDRESS, port)],
                         stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
                         env=dict(os.environ, **lax(0)), check=False)
    ok(re.search(r"Protocol *: TLSv1\.1|New, TLSv1\.\d, Cipher is [A-Z]", run.stdout),
       "and that server does speak TLS 1.1", run.stdout)


def no_ca_file(pool):
    for path in ("/nonexistent/ca.crt", "/dev/null"):
        cases = [(s, dict(real(s, NAME), tls_ca_file=path)) for s in SERVICES]
        for (s, changes), (code, log, _) in zip(cases, pool.map(lambda x: probe(*x), cases)):
            said = NO_FILE[s] % re.escape(path)
            ok(code == (78 if s == "mongo" else 1) and len(re.findall(said, log)) == 1,
               "%s: no CA in %s" % (s, path), log)


def other_host(pool):
    port = fault_server("expired")[1]
    changes = {"amqp_uri": "amqps://%s:%d,%s:%d/exports" % (ADDRESS, port, ADDRESS,
                                                            tls_ports()["amqp"])}
    code, log, _ = probe("amqp", changes)
    ok(code == 0 and "%s:%d: TLS: the certificate is refused: certificate has expired"
       % (ADDRESS, port) in log,
       "amqp: where one node's certificate has expired the next one is taken", log)


def programs():
    """A worker in addition to the stack's: it keeps running without the broker, and says why."""
    log = os.path.join(os.environ["EXPORT_RUN"], "log", "tls-worker.log")
    port = fault_server("stranger")[1]
    conf = conf_with({"amqp_uri": "amqps://%s:%d/exports" % (NAME, port), "worker_log": log})
    worker = os.path.join(BUILD, "export-worker")
    with subprocess.Popen([worker, "-c", conf], env=untold(), stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            said = "RabbitMQ %s:%d: TLS: the certificate is refused: %s" % (NAME, port,
                    NO_CA["amqp"])
            wait_for("the worker's word",
                     lambda: os.path.exists(log) and said in logged("tls-worker"), 30)
            process.terminate()
            is_(process.wait(30), 0, "a worker whose broker is not to be trusted says so and runs "
                                     "until it is stopped")
        finally:
            process.kill()
    run = subprocess.run([worker, "-c", conf_with({"tls_ca_file": "/nonexistent/ca.crt"})],
                         stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                         check=False)
    ok(run.returncode == 78 and "/nonexistent/ca.crt" in run.stdout,
       "a worker without the CA's file does not start: exit 78",
       "exit %d\n%s" % (run.returncode, run.stdout))


def no_secrets():
    said = "".join(SAID) + "".join(logged(x) for x in ("export-api", "export-worker", "tls-worker"))
    ok(len(SAID) > 30, "there is a log to look at", len(SAID))
    secrets = {}
    for path in glob.glob(os.path.join(os.environ["EXPORT_RUN"], "secrets", "*")):
        with open(path, encoding="ascii") as f:
            secrets[os.path.basename(path)] = f.read().strip()
    is_([name for name, secret in secrets.items() if secret in said], [],
        "no secret is in any log")


def inside():
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    client = mongo()
    try:
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            section("an export", whole_export, client)
            section("parts", several_parts, client)
            if make_probe():
                section("good", good_ones, pool)
                section("faults", faults, pool)
                section("no CA file", no_ca_file, pool)
                section("the other host", other_host, pool)
                section("programs", programs)
                section("secrets", no_secrets)
    finally:
        end_all()
    return done()


sys.exit(inside() if os.environ.get("WITH_STACK") == os.path.abspath(__file__) else outside())
