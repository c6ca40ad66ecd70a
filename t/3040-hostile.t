#!/usr/bin/python3
"""Clients that mean harm or are broken, many and slow ones: everybody else is answered all the
while, no handler ends or grows, and none holds what it must not. Hostile JSON, paths and single
FastCGI requests are in t/3000-http.t.

Prints TAP. Environment: HOSTILE_SEED, of the random bytes (1).
"""
import http.client
import io
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import (                   # noqa: E402
    Answer, base, create, done, finish, freeze, handlers, is_, load, logged, mongo, note, ok,
    pid_of, problem, raw_call, request, section, skip, small_fleet, under_stack, wait_for)

PARTS = urllib.parse.urlsplit(os.environ.get("EXPORT_URL", ""))
VEHICLE = sorted(small_fleet())[2]
SLOW_S = 1.0                            # what an answer to somebody else may take at worst
GROWTH_KB = 2048
CONNECTIONS = 200                       # of one address at a time: limit_conn of nginx/export.conf
POST_HEAD = b"POST /export HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CLOSE = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


# ---- somebody else ------------------------------------------------------------------------

def get(path, source):
    c = http.client.HTTPConnection(PARTS.hostname, PARTS.port, timeout=30,
                                   source_address=(source, 0))
    try:
        c.request("GET", path)
        got = c.getresponse()
        got.read()
        return got.status
    finally:
        c.close()


class Witness:
    """From an address of its own: is a job still shown, and how soon?"""

    def __init__(self, ident):
        self.ident, self.statuses, self.took, self.over = ident, [], [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.02):
            began = time.monotonic()
            try:
                self.statuses.append(get("/export/" + self.ident, "127.0.0.99"))
            except OSError as e:
                self.statuses.append(str(e))
            self.took.append(time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        wait_for("ten answers", lambda: len(self.statuses) >= 10, 30)
        self.over.set()
        self.thread.join(60)

    def tell(self, name):
        ok(len(self.statuses) >= 10 and set(self.statuses) == {200},
           "%s: everybody else is answered" % name,
           (len(self.statuses), set(self.statuses)))
        ok(max(self.took) < SLOW_S, "%s: as soon as usual" % name,
           "%.3f s at worst" % max(self.took))
        note("%s: %d answers meanwhile, %.0f ms at worst" %
             (name, len(self.statuses), max(self.took) * 1000))


def resident_kb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def nginx_pids():
    parent = pid_of("NGINX_PIDFILE")
    with open("/proc/%d/task/%d/children" % (parent, parent), encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def warm_up(ident):
    """Each handler answers often enough to have what memory it needs."""
    for n in range(400):
        get("/export/" + ident, "127.0.1.%d" % (n % 4 + 1))


# ---- slow and idle ------------------------------------------------------------------------

def slow(name, *options):
    """slowhttptest: 200 connections that take their time."""
    run = subprocess.run(["slowhttptest", *options, "-c", "200", "-r", "100", "-l", "6", "-p", "3",
                          "-u", base() + "/export"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    ok("Exit status" in run.stdout or "test ended" in run.stdout.lower(), name + ": it was tried",
       run.stdout[-500:])


def idle_connections(witness):
    held = []
    try:
        for n in range(1000):
            s = socket.socket()
            s.bind(("127.0.2.%d" % (n % 10 + 1), 0))
            s.settimeout(30)
            s.connect((PARTS.hostname, PARTS.port))
            if n % 2:
                s.sendall(b"GET /export HTTP/1.1\r\nHost: localhost\r\n")
            held.append(s)
        seen = len(witness.statuses)
        wait_for("answers besides 1,000 connections", lambda: len(witness.statuses) >= seen + 50,
                 60)
    finally:
        for s in held:
            s.close()
    is_(len(held), 1000, "1,000 connections at a time")


def floods():
    def status(data):
        try:
            return raw_call(data).status
        except (OSError, http.client.HTTPException):
            return 0

    head, lines = b"GET /export HTTP/1.1\r\nHost: localhost\r\n", b"b" * 500
    is_(status(head + b"X: " + b"a" * 40000 + b"\r\n\r\n"), 431, "a header of 40 KB: 431")
    ok(status(head + b"".join(b"X-%d: %s\r\n" % (n, lines) for n in range(200)) + b"\r\n")
       in (400, 431), "200 headers, 100 KB: refused")
    is_(status(b"GET /" + b"c" * 60000 + CLOSE), 414, "a path of 60 KB: 414")
    is_(status(b"GET /export?" + b"d" * 2000 + CLOSE), 400, "a query of 2 KB: 400")
    is_(status(b"GET /export/" + b"e" * 1000 + CLOSE), 414, "a path of 1 KB: 414")
    post = b"POST /export HTTP/1.1\r\nHost: localhost\r\n"
    is_(status(post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}"), 400,
        "two lengths: 400")
    ok(status(post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: close\r\n"
              b"\r\n0\r\n\r\n") in (400, 415), "length and chunks: no smuggling")
    is_(status(post + b"Content-Length: -1\r\n\r\n"), 400, "a length below 0: 400")
    is_(status(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400,
        "TLS where there is none: 400")
    is_(status(b"GET /export HTTP/1.1\r\nHost: a\x00b\r\n\r\n"), 400, "a NUL in a header: 400")
    large = (POST_HEAD + b"Content-Length: 60000\r\n\r\n" + b"f" * 60000,)
    many = [threading.Thread(target=status, args=large) for _ in range(60)]
    for t in many:
        t.start()
    for t in many:
        t.join(60)


def random_records(r):
    """Bytes that are no FastCGI, or begin as it and go wrong, on the handlers' own socket. But no
    byte above 127: for a name or value whose length says 2 GB libfcgi asks for that memory, and
    ends the handler where there is none. nginx sends no such thing, and the socket's mode lets
    nobody else connect."""
    for n in range(300):
        data = bytearray(b & 127 for b in r.randbytes(r.randrange(1, 2000)))
        if n % 3:
            data[:16] = b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        if n % 3 == 2:
            data[16:24] = b"\x01\x04\x00\x01" + bytes(b & 127 for b in r.randbytes(4))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(os.environ["API_SOCKET"])
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass


def attacks(ident):
    seed = int(os.environ.get("HOSTILE_SEED") or 1)
    note("HOSTILE_SEED=%d" % seed)
    for name, f, args in (("floods", floods, ()), ("1,000 idle connections", None, ()),
                          ("slow headers", slow, ("slow headers", "-H", "-i", "3")),
                          ("slow bodies", slow,
                           ("slow bodies", "-B", "-i", "3", "-s", "8192", "-t", "POST")),
                          ("slow readers", slow,
                           ("slow readers", "-X", "-w", "1", "-y", "2", "-n", "3", "-z", "1"))):
        if f is slow and not shutil.which("slowhttptest"):
            skip(name, "slowhttptest; run scripts/deps")
            continue
        with Witness(ident) as witness:
            section(name, f or idle_connections, *(args if f else (witness,)))
        witness.tell(name)
    section("random records", random_records, random.Random(seed))


def unharmed(ident):
    before = handlers()
    pools = {p: resident_kb(p) for p in before}
    front = {p: resident_kb(p) for p in nginx_pids()}
    attacks(ident)
    warm_up(ident)
    is_(handlers(), before, "no handler has ended")
    grown = {p: resident_kb(p) - kb for p, kb in pools.items()}
    if "san" not in os.environ.get("B", ""):        # whose allocator keeps what is freed
        ok(max(grown.values()) <= GROWTH_KB, "no handler has grown", grown)
    grown = {p: resident_kb(p) - kb for p, kb in front.items() if os.path.exists("/proc/%d" % p)}
    is_(len(grown), len(front), "nor has nginx lost a process")
    ok(max(grown.values()) <= 4 * GROWTH_KB, "nor grown", grown)
    note("handlers grew by %s KiB, nginx by %s" %
         (sorted(resident_kb(p) - pools[p] for p in pools), sorted(grown.values())))
    ident = create(request(vehicles=[VEHICLE]), "after it")
    is_(finish(ident, "after it")["state"], "FINISHED", "and an export works")


# ---- nginx's own answers ------------------------------------------------------------------

def own_answers():
    """What only nginx can answer, as a problem: 504 after its time, 429 of too many at once. A body
    that does not come gets no answer: nginx closes, and writes 408 into its log."""
    got = {}

    def ask(name, data):
        try:
            got[name] = raw_call(data)
        except (OSError, http.client.HTTPException) as e:
            got[name] = e

    slow_body = POST_HEAD + b"Content-Length: 50\r\n\r\n{"
    stopped = handlers()
    for pid in stopped:
        freeze(pid)
    try:
        threads = [threading.Thread(target=ask, args=x) for x in (
            ("slow body", slow_body),
            ("handlers that do not answer: 504",
             b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    problem("handlers that do not answer: 504", got["handlers that do not answer: 504"], (504,))
    is_(got["handlers that do not answer: 504"].header("Retry-After"), "5", "to be asked again")
    ok(isinstance(got["slow body"], Exception) and
       '"POST /export HTTP/1.1" 408' in logged("nginx-access"),
       "a body that does not come: closed", got["slow body"])
    seen = []
    flood = [threading.Thread(target=pipelined, args=(250, seen)) for _ in range(12)]
    for t in flood:
        t.start()
    for t in flood:
        t.join(60)
    refused = [a for a in b"".join(seen).split(b"HTTP/1.1 ") if a.startswith(b"429 ")]
    answered = b"".join(seen).count(b"HTTP/1.1 200 ")
    ok(refused and answered >= 400, "too many requests of one client: 429, after the first 400",
       (len(refused), answered))
    ok(refused and b"application/problem+json" in refused[0] and b'"status":429' in refused[0],
       "429 is a problem", refused[:1])
    ok(refused and b"\r\nRetry-After: 1\r\n" in refused[0], "and says when to come again",
       refused[:1])


def pipelined(n, seen):
    """n requests in one go over one connection; what comes is appended to seen."""
    with socket.socket() as s:
        s.settimeout(60)
        s.bind(("127.0.3.1", 0))
        s.connect((PARTS.hostname, PARTS.port))
        s.sendall(b"GET /limits HTTP/1.1\r\nHost: localhost\r\n\r\n" * (n - 1) +
                  b"GET /limits" + CLOSE)
        got = b""
        while more := s.recv(1 << 20):
            got += more
        seen.append(got)


def hold(source):
    """A connection that is busy: its request's body is still to come."""
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(30)
    s.connect((PARTS.hostname, PARTS.port))
    s.sendall(POST_HEAD + b"Content-Length: 5000\r\n\r\n{")
    return s


def too_many_connections():
    """The first CONNECTIONS of an address are kept busy, the next is refused, for as long as they
    are. nginx waits ten seconds for the next of a body's bytes. It may count the one before for a
    moment yet: then it refuses one of ours, which is another's turn."""
    one, other = "127.0.4.1", "127.0.4.2"
    is_(get("/health", one), 200, "the first connection of an address")
    held = [hold(one) for _ in range(CONNECTIONS)]

    def full():
        for i, s in enumerate(held):
            if select.select([s], [], [], 0)[0]:
                s.close()
                held[i] = s = hold(one)
            s.sendall(b" ")
        return get("/health", one) == 429

    try:
        wait_for("429", full, 30)
        is_(len(select.select(held, [], [], 0)[0]), 0, "200 connections of an address are taken")
        c = http.client.HTTPConnection(PARTS.hostname, PARTS.port, 30, source_address=(one, 0))
        c.request("GET", "/health")
        got = c.getresponse()
        problem("the next one is refused: 429", Answer(got.status, got.headers, got.read()), (429,))
        c.close()
        is_(get("/health", other), 200, "another address is answered")
        held.pop().close()
        ok(wait_for("200", lambda: get("/health", one) == 200, 8), "one more when one has ended")
    finally:
        for s in held:
            s.close()


# ---- a Host that is none ------------------------------------------------------------------

def location_for(host):
    """(status, what is before the path in Location, has X-Evil) of a POST straight to a handler:
    nginx refuses the worst hosts."""
    body = json.dumps(request(vehicles=[VEHICLE])).encode()
    env = dict(PATH=os.environ["PATH"], REQUEST_METHOD="POST", REQUEST_URI="/export",
               REQUEST_SCHEME="http", CONTENT_TYPE="application/json",
               CONTENT_LENGTH=str(len(body)), HTTP_HOST=host)
    run = subprocess.run(["cgi-fcgi", "-bind", "-connect", os.environ["API_SOCKET"]], env=env,
                         input=body, stdout=subprocess.PIPE, check=True, timeout=30)
    head = http.client.parse_headers(io.BytesIO(run.stdout))
    found = re.fullmatch("(.*)/export/[0-9a-f]{24}", head["Location"] or "")
    return (head["Status"] or "")[:3], found and found[1], "X-Evil" in head


def hosts():
    """Only what can be a host is repeated in an answer."""
    for host in ("export.example:8080", "[::1]", "a" * 255):
        is_(location_for(host), ("202", "http://" + host, False), "a host: %.20s" % host)
    for host in ('a"<b>', "a b", "a/b", "a@b", "a%0d%0ab", "\u00e4", "a" * 256, "a\r\nX-Evil: 1"):
        is_(location_for(host), ("202", "", False), "Location is a path for Host: %.20r" % host)


# ---- what the processes are ---------------------------------------------------------------

def status_of(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def hardened():
    for name, pids in (("handler", sorted(handlers())), ("worker", [pid_of("WORKER_PIDFILE")])):
        for pid in pids:
            s = status_of(pid)
            is_((s["NoNewPrivs"], s["Umask"]), ("1", "0027"),
                "%s: no new privileges, umask 027" % name)
            with open("/proc/%d/limits" % pid, encoding="ascii") as f:
                core = next(line.split()[4:6] for line in f
                            if line.startswith("Max core file size"))
            is_(core, ["0", "0"], name + ": no core dumps")
            # PR_SET_DUMPABLE 0: then its files in /proc belong to root, whatever user runs it.
            is_(os.stat("/proc/%d/maps" % pid).st_uid, 0, name + ": only root looks into it")
    mode = os.stat(os.environ["API_SOCKET"]).st_mode
    is_((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o660), "the socket is 0660")
    folder = os.path.join(os.environ["EXPORT_RUN"], "secrets")
    is_({stat.S_IMODE(os.stat(os.path.join(folder, n)).st_mode) for n in os.listdir(folder)},
        {0o400}, "secrets are 0400")


def no_secrets():
    """No secret in arguments, environments or logs; t/with-stack searches the logs of each test."""
    folder, words = os.path.join(os.environ["EXPORT_RUN"], "secrets"), []
    for n in os.listdir(folder):
        if n != "s3-admin-key":
            with open(os.path.join(folder, n), encoding="ascii") as f:
                words.append(f.read().strip())
    for pid in handlers() | {pid_of("WORKER_PIDFILE")}:
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (pid, name), "rb") as f:
                text = f.read().decode("utf-8", "replace")
            ok(not [w for w in words if w in text], "no secret in its " + name)
    for name in ("export-api", "export-worker", "nginx", "nginx-access", "supervisord"):
        text = logged(name)
        ok("X-Amz-Signature" not in text and not [w for w in words if w in text],
           "no secret, no signature in %s.log" % name)


def main():
    under_stack(__file__, own=True)
    load(mongo(), small_fleet())
    ident = create(request(vehicles=[VEHICLE]))
    is_(finish(ident)["state"], "FINISHED", "an export to ask about")
    warm_up(ident)
    section("hardened", hardened)
    section("unharmed", unharmed, ident)
    section("nginx's own answers", own_answers)
    section("too many connections", too_many_connections)
    section("hosts", hosts)
    section("no secrets", no_secrets)
    return done()


if __name__ == "__main__":
    sys.exit(main())
