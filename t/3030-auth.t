#!/usr/bin/python3
"""Who may ask: the passwords, client certificates, TLS and CORS that nginx/ ships prepared, each in
an nginx of its own in front of the stack's handlers, with nginx/export.conf as it is. What nginx
passes on to a handler; and that without authentication only loopback is answered.

Prints TAP.
"""
import base64
import concurrent.futures
import http.server
import ipaddress
import json
import os
import random
import re
import socketserver
import ssl
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from front import LOGGED, SHARE, Site, shipped, write_users      # noqa: E402
from service import (                   # noqa: E402
    JSON_TYPE, NGINX_HEAD, Late, cpu_s, done, is_, load, logged, mongo, ok, problem,
    request, section, small_fleet, under_stack, wait_for)

BODY = json.dumps(request(vehicles=[sorted(small_fleet())[2]])).encode()
ANNA, BERT = ("anna", "secret one"), ("bert", "two")
# A balancer: clients say who they are by X-Client, as a test has but one address.
PROXY_CONF = NGINX_HEAD + """server {
	listen 127.0.0.1:%d;
	proxy_set_header Host localhost;
	proxy_set_header X-Forwarded-For $http_x_client;
	location / { proxy_pass http://127.0.0.2:%d; }
	location /telemetry/ { proxy_pass http://127.0.0.2:%d/; }
}
}
"""


class Front(Site):
    def post(self, **more):
        return self.call("POST", "/export", BODY, JSON_TYPE, **more)


def openssl(folder, *args, **more):
    return subprocess.run(["openssl", *args], cwd=folder, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more).stdout


def certificate(folder, name, subject, ca=None, names=""):
    """name.crt and name.key, signed by ca or by itself."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject,
            "-keyout", name + ".key", "-out", name + ".crt",
            *(["-addext", "subjectAltName=" + names] if names else []),
            *(["-CA", ca + ".crt", "-CAkey", ca + ".key"] if ca else []))


# ---- passwords, CORS ----------------------------------------------------------------------

def passwords():
    front = Front("basic", 0, shipped("include %s/auth-basic.conf;" % SHARE) + LOGGED + shipped(
                                      "set $export_origin https://fleet.example;"))
    write_users(front, ANNA, BERT)
    try:
        section("basic", basic, front.start())
        section("guesses", guesses, front)
        section("watchers", watchers, front)
        section("raw paths", raw_paths, front)
        section("cors", cors, front)
        section("audit", audit, front)
        section("nginx's lines", by_nginx, front, [
            ("anna", "GET /export ", 200, {"user": ANNA}), ("", "GET /limits ", 401, {})])
    finally:
        front.end()


def basic(front):
    anna, bert = ANNA, BERT
    for name, user in (("no user", None), ("a wrong password", ("anna", "two")),
                       ("an unknown name", ("carl", "two")), ("none", ("anna", ""))):
        got = front.post(user=user)
        problem("passwords: refused: " + name, got, (401,))
        ok((got.header("WWW-Authenticate") or "").startswith("Basic"), "and asked for: " + name,
           got.headers)
    for path in ("/export", "/export/" + "0" * 24, "/vehicles", "/vehicles/vehicle_001", "/limits"):
        problem("passwords: refused: GET %s without" % path, front.call("GET", path), (401,))
    got = front.post(user=anna)
    is_(got.status, 202, "a POST with a password: 202")
    ident = got.json()["_id"]
    is_(mongo().exports.jobs.find_one(sort=[("_id", -1)])["owner"], "anna",
        "its name is the job's owner")
    is_(front.call("GET", "/export/" + ident, user=anna).status, 200, "its owner sees it")
    claims = {"Remote-User": "anna", "REMOTE_USER": "anna", "X-User": "anna"}
    for name, headers in (("by password", {}), ("by headers", claims)):
        problem("another owner does not, " + name,
                front.call("GET", "/export/" + ident, headers=headers, user=bert), (404,))
    problem("nor cancels it", front.call("DELETE", "/export/" + ident, user=bert), (404,))
    is_(front.call("GET", "/export", user=bert).json(), {"exports": []}, "nor lists it")
    is_([j["_id"] for j in front.call("GET", "/export", user=anna).json()["exports"]], [ident],
        "its owner does")
    is_(front.call("GET", "/health").status, 200, "/health needs no password")
    is_(front.call("GET", "/ready").json()["auth"], "basic", "/ready says how owners are known")
    is_([front.call("GET", path).header("Strict-Transport-Security") for path in ("/", "/health")],
        [None, None], "without TLS no Strict-Transport-Security")


def guesses(front):
    """A password is checked before the next request is served: it has to be cheap."""
    workers = subprocess.run(["pgrep", "-P", str(front.process.pid)], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.split()

    def spent():
        return sum(cpu_s(int(pid)) for pid in workers)
    before, n = spent(), 300
    is_({front.call("GET", "/limits", user=("anna", "guess %d" % i)).status for i in range(n)},
        {401}, "%d wrong passwords: 401" % n)
    each = (spent() - before) / n
    ok(each < 0.002, "each takes less than 2 ms of nginx's time", "%.1f ms" % (1e3 * each))


def watchers(front):
    """What tells of the inside is for those who reach its listener, password or none."""
    inner = "127.0.0.1:%d" % front.port
    for path in ("/metrics", "/ready"):
        is_(front.call("GET", path).status, 200, path + " on its listener: 200")
        for name, more in (("without a password", {}), ("with one", {"user": ANNA}),
                           ("called as the other", {"headers": {"Host": inner}}),
                           ("by way of a proxy", {"headers": {"X-Forwarded-For": "127.0.0.1"}})):
            problem("%s on another, %s: 403" % (path, name),
                    front.call("GET", path, to="127.0.0.2", **more), (403,))
    is_(front.call("GET", "/health", to="127.0.0.2").status, 200, "/health on each: 200")


def networks(front):
    """As whom nginx counts an address: of IPv6 all of a network as one, whatever its text."""
    chance = random.Random(64)
    groups = [0, 0, 0, 1, 0xdb8, 0xffff]

    def counted(address):
        return front.call("GET", "/counted", headers={"X-Forwarded-For": str(address)}).body
    keys, texts = {}, 0                 # {of nginx: {network}}
    for _ in range(60):
        net = sum(chance.choice(groups) << 16 * n for n in range(4, 8)) or 1 << 112
        found = set()
        for _ in range(6):
            host = sum(chance.choice(groups) << 16 * n for n in range(4))
            found.add(counted(ipaddress.IPv6Address(net + host)))
        for key in found:
            keys.setdefault(key, set()).add(net)
        texts = max(texts, len(found))
    # What is short is so on one side of the network's end, or on both.
    ok(texts <= 3, "IPv6: a network is three at most", texts)
    ok(all(len(nets) == 1 for nets in keys.values()), "IPv6: no two networks count as one",
       {k: v for k, v in keys.items() if len(v) > 1})
    ok(len(keys) > 30, "IPv6: 60 networks are %d" % len(keys))
    is_(len({counted("192.0.2.%d" % n) for n in range(20)}), 20, "IPv4: each address")
    is_(len({counted("::ffff:192.0.2.%d" % n) for n in range(20)}), 20, "IPv4 within IPv6: each")


def behind_a_proxy():
    """A second nginx, on the same host, as a balancer is: what the service then makes of addresses
    and schemes; and under a prefix of the proxy's."""
    front = Front("proxied", 8, shipped(
        "set_real_ip_from 127.0.0.1;", "real_ip_header X-Forwarded-For;", "real_ip_recursive on;",
        "if ($http_x_forwarded_proto = https) { set $export_scheme https; }") +
        ['location = /counted { return 200 "$export_address"; }']).start()
    proxy = Front("proxy", 9, [])
    proxy.write("nginx.conf", PROXY_CONF % ("user root;\n" if os.getuid() == 0 else "", proxy.port,
                                            front.port, front.port))
    proxy.start()
    try:
        client = {"X-Forwarded-Proto": "https"}
        got = proxy.call("POST", "/export", BODY, dict(JSON_TYPE, **client))
        is_(got.status, 202, "through a proxy: 202")
        ident = got.json()["_id"]
        is_(got.header("Location"), "https://localhost/export/" + ident,
            "Location has the scheme that clients use")
        ok(got.header("Strict-Transport-Security"), "and they are to keep to it")
        is_(front.post().header("Location").split(":")[0], "http", "without the proxy, nginx's own")
        for path in ("/export/" + ident, "//export/" + ident, "/telemetry/export/" + ident,
                     "/telemetry//export/" + ident):
            is_(proxy.call("GET", path).status, 200, "GET " + path.replace(ident, "ID"))
        for path in ("/ready", "/metrics"):
            problem("%s through a proxy on the same host: 403" % path, proxy.call("GET", path),
                    (403,))

        def flood(address, n):
            return [proxy.call("GET", "/limits", headers={"X-Client": address}).status
                    for _ in range(n)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(8):
                seen = sum(pool.map(lambda _: flood("192.0.2.1", 100), range(16)), [])
                if 429 in seen:
                    break
        ok(429 in seen, "one client asks too often: 429", set(seen))
        is_(set(flood("192.0.2.2", 20)), {200}, "and another's requests are not counted with it")
        networks(front)
    finally:
        proxy.end()
        front.end()


def raw_paths(front):
    """The path of a location that needs no name is all that the API gets from there."""
    for path in ("/vehicles/..%2fhealth", "/export/..%2fhealth"):
        got = front.call("GET", path, user=("evil", "nope"))
        is_((got.status, got.json()), (200, {"status": "ok"}), path + " is /health and no more")


def by_nginx(front, asked):
    """nginx's own log has owner, address and id of each: (owner, what, status, how)."""
    for owner, what, status, how in asked:
        got = front.call(*what.split(), **how)
        is_(got.status, status, what + str(status))
        line = r'^127\.0\.0\.1 "%s" \[[^]]+\] "%sHTTP/1\.1" %d \d+ [\d.]+ %s "-"$' % (
            re.escape(owner), what, status, got.header("X-Request-Id"))

        def found(line=line):
            with open(front.folder + "/access.log", encoding="utf-8") as f:
                return re.search(line, f.read(), re.M)
        wait_for("nginx's line of %s: %s" % (what, line), found, 20)
        ok(True, "in nginx's log, with its owner: %s%d" % (what, status))


def audited(name, got, op, ident, rest):
    """The API's line of this answer is this one, in full."""
    line = "level=info request=%s%s op=%s %s\n" % (
        got.header("X-Request-Id"), " job=" + ident if ident else "", op, rest)
    try:
        wait_for(line, lambda: line in logged("export-api"), 30)
        ok(True, "logged: " + name)
    except Late:
        ok(False, "logged: " + name, "%s\n%s" % (line, logged("export-api")[-1500:]))


def audit(front):
    who = 'owner="anna" address="127.0.0.1" '
    keyed = dict(JSON_TYPE, **{"Idempotency-Key": "audit"})
    got = front.call("POST", "/export", BODY, keyed, ANNA)
    ident = got.json()["_id"]
    turn = mongo().exports.jobs.find_one(sort=[("_id", -1)])["turn"]
    audited("a job made", got, "created", ident,
            who + "vehicles=1 state=NOT_STARTED turn=%d" % turn)
    same = front.call("POST", "/export", BODY, keyed, ANNA)
    is_(same.json()["_id"], ident, "the same job again")
    wait_for("the job", lambda: front.call("GET", "/export/" + ident, user=ANNA).json()["state"]
             == "FINISHED", 60)
    got = front.call("GET", "/export/" + ident, user=ANNA)
    rest = who + "vehicles=1 state=%s turn=" + str(turn)
    audited("a link given", got, "link", ident, rest % "FINISHED")
    unchanged = front.call("GET", "/export/" + ident, user=ANNA,
                           headers={"If-None-Match": got.header("ETag")})
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/preview")):
        refused = front.call(method, "/export/" + ident + path, user=BERT, source="127.0.0.2")
        audited("another's job: %s %s" % (method, path), refused, "denied", ident,
                'owner="bert" address="127.0.0.2" status=404')
    audited("what is no id", front.call("GET", "/export/none", user=BERT), "denied", "",
            'owner="bert" address="127.0.0.1" status=404')
    audited("a DELETE", front.call("DELETE", "/export/" + ident, user=ANNA), "delete", ident,
            rest % "EXPIRED")
    text = logged("export-api")
    ok("X-Amz-Signature" not in text and "audit" not in text, "no link, no key")
    for name, answer in (("known already", same), ("a 304", unchanged)):
        ok("request=%s " % answer.header("X-Request-Id") not in text, "nothing of " + name)


def cors(front):
    origin = {"Origin": "https://fleet.example"}
    preflight = {"Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "idempotency-key"}
    got = front.call("OPTIONS", "/export", headers=dict(origin, **preflight))
    is_(got.status, 204, "CORS: a preflight needs no password")
    is_(got.header("Access-Control-Allow-Origin"), "https://fleet.example", "its origin")
    ok("POST" in got.header("Access-Control-Allow-Methods")
       and "Idempotency-Key" in got.header("Access-Control-Allow-Headers"),
       "its methods and headers", got.headers)
    for name, got in (("an answer", front.call("GET", "/limits", headers=origin, user=ANNA)),
                      ("a 401", front.call("GET", "/limits", headers=origin)),
                      ("nginx's 404", front.call("GET", "/nothing", headers=origin, user=ANNA))):
        is_((got.header("Access-Control-Allow-Origin"),
             got.header("Access-Control-Allow-Credentials"), got.header("Vary")),
            ("https://fleet.example", "true", "Origin"), "CORS: " + name)
        ok("Location" in (got.header("Access-Control-Expose-Headers") or ""),
           "and what pages may see: " + name, got.headers)


def several_origins():
    front = Front("origins", 1, shipped(
        'if ($http_origin ~ "^https://(fleet|depot)[.]example$") '
        '{ set $export_origin $http_origin; }')).start()
    try:
        for origin, allowed in (("https://fleet.example", True), ("https://depot.example", True),
                                ("https://evil.example", False),
                                ("https://fleet.example.evil", False),
                                ("http://fleet.example", False), (None, False)):
            got = front.call("GET", "/limits", headers={"Origin": origin} if origin else {})
            is_(got.header("Access-Control-Allow-Origin"), origin if allowed else None,
                "CORS of several: %s" % origin)
            ok(allowed or not [h for h in got.headers.keys() if h.startswith("Access-Control")],
               "nothing more: %s" % origin, got.headers)
        is_(front.call("GET", "/ready").json()["auth"], "none",
            "/ready says that there is no authentication")
    finally:
        front.end()


# ---- foreign hosts, mistakes ----------------------------------------------------------------

def foreign():
    """What a browser sends whose user's DNS was made to say that evil.example is here."""
    front = Front("foreign", 3, ["set $export_names \"export.fleet.example fleet\";"]).start()
    try:
        for host, status in (("evil.example", 421), ("evil.fleet", 421), ("fleet", 200),
                             ("export.fleet.example.", 200), ("export.fleet.example:8", 200),
                             ("FLEET:80", 200),
                             ("localhost", 200), ("127.0.0.1:9", 200), ("[::1]:9", 200),
                             ("127.0.0.2", 421), ("fleet export", 400)):
            for path in ("/export", "/", "/openapi.yaml", "/vehicles"):
                got = front.call("GET", path, headers={"Host": host})
                is_(got.status, status, "Host: %s: %s" % (host, path))
        for path in ("/export/%20localhost%20", "/health/..%2fexport", "/health%20"):
            is_(front.call("GET", path, headers={"Host": "evil.example"}).status, 421,
                "whatever the path: " + path)
        problem("421 is a problem, too",
                front.call("GET", "/export", headers={"Host": "evil.example"}), (421,))
        is_(front.call("GET", "/health", headers={"Host": "10.0.0.1"}).status, 200,
            "a balancer may ask by address")
    finally:
        front.end()


def mistakes():
    """What an operator's site file may have by mistake."""
    basic = shipped("include %s/auth-basic.conf;" % SHARE)
    front = Front("any", 3, basic + ["satisfy any;", "allow 127.0.0.1;", "deny all;"])
    write_users(front, ANNA, BERT)
    try:
        front.start()
        got = front.call("GET", "/export", user=(ANNA[0], "wrong"))
        ok(got.status in (401, 403), "satisfy any: a wrong password is one", got.status)
    except RuntimeError as e:
        ok("satisfy" in str(e), "satisfy any: nginx does not start", e)
    finally:
        front.end()


# ---- a service of the site's own -----------------------------------------------------------

class Asked(http.server.BaseHTTPRequestHandler):
    """Knows anna by her cookie; is out of order when asked to be."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        cookie = self.headers["Cookie"]
        self.send_response({"anna": 204, "nameless": 204, "broken": 500}.get(cookie, 401))
        if cookie == "nameless":
            self.send_header("X-User", "")
        if cookie == "anna":
            self.send_header("X-User", "anna@fleet.example")
        self.end_headers()


def own_service():
    port = int(os.environ["EXPORT_PORTS"]) + 9
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines = shipped("   auth_request /.auth;",
                    "   auth_request_set $export_user $upstream_http_x_user;",
                    "   set $export_auth request;",
                    "   location = /.auth {", "       internal;",
                    "       proxy_pass http://127.0.0.1:9000;",
                    "       proxy_pass_request_body off;",
                    "       proxy_set_header Content-Length \"\";", "   }") + LOGGED
    front = Front("request", 3, [line.replace(":9000", ":%d" % port) for line in lines]).start()
    try:
        anna = dict(JSON_TYPE, Cookie="anna")
        got = front.call("POST", "/export", BODY, anna)
        is_(got.status, 202, "a service of one's own: 202")
        is_(mongo().exports.jobs.find_one(sort=[("_id", -1)])["owner"], "anna@fleet.example",
            "the owner is the user it names")
        is_(front.call("GET", "/export/" + got.json()["_id"], headers=anna).status, 200,
            "who sees the job")
        problem("a user it does not know: 401",
                front.call("POST", "/export", BODY, dict(JSON_TYPE, Cookie="bert")), (401,))
        problem("nor by a header of the client's",
                front.call("GET", "/export", headers={"X-User": "anna@fleet.example"}), (401,))
        for method, path in (("GET", "/export"), ("POST", "/export"), ("GET", "/vehicles")):
            got = front.call(method, path, headers={"Cookie": "nameless"})
            problem("let in without a name: 403", got, (403,))
            audited("without a name: %s %s" % (method, path), got, "denied", "",
                    'owner="" address="127.0.0.1" status=403')
        by_nginx(front, [("anna@fleet.example", "GET /export ", 200, {"headers": anna})])
        problem("out of order: 500", front.call("GET", "/export", headers={"Cookie": "broken"}),
                (500,))
        is_(front.call("GET", "/health").status, 200, "/health needs no password")
        is_(front.call("GET", "/metrics").status, 200, "nor does /metrics")
        is_(front.call("GET", "/ready").json()["auth"], "request",
            "/ready says how owners are known")
    finally:
        front.end()
        server.shutdown()
        server.server_close()


# ---- TLS, certificates --------------------------------------------------------------------

def context(folder, client=None, newest=None):
    tls = ssl.create_default_context(cafile=folder + "/tls.crt")
    if client:
        tls.load_cert_chain("%s/%s.crt" % (folder, client), "%s/%s.key" % (folder, client))
    if newest:
        tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, newest
        tls.set_ciphers("DEFAULT@SECLEVEL=0")
    return tls


def tls_and_certificates():
    lines = shipped("include %s/tls.conf;" % SHARE, "include %s/auth-certificate.conf;" % SHARE)
    front = Front("tls", 2, lines, tls=True)
    folder = front.folder + "/export"
    certificate(folder, "tls", "/CN=localhost", names="DNS:localhost")
    certificate(folder, "clients-ca", "/CN=clients")
    for name, ca in (("anna", "clients-ca"), ("evil", None)):
        certificate(folder, name, "/CN=" + name, ca)
    try:
        section("tls", tls, front.start(), folder)
    finally:
        front.end()


def tls(front, folder):
    anna = context(folder, "anna")
    got = front.post(tls=anna)
    is_(got.status, 202, "TLS and a client certificate: 202")
    is_(mongo().exports.jobs.find_one(sort=[("_id", -1)])["owner"], "CN=anna",
        "its subject is the owner")
    ok((got.header("Location") or "").startswith("https://localhost:%d/export/" % front.port),
       "Location is https", got.headers)
    for path, status in (("/export", 200), ("/", 200), ("/page.js", 200), ("/openapi.yaml", 200),
                         ("/nothing", 404), ("/nothing.js", 404), ("/export/x", 404)):
        got = front.call("GET", path, tls=anna)
        is_((got.status, got.header("Strict-Transport-Security")), (status, "max-age=31536000"),
            "Strict-Transport-Security: GET " + path)
    is_(front.call("GET", "/ready", tls=anna).json()["auth"], "certificate",
        "/ready says how owners are known")
    for method, path in (("GET", "/export"), ("POST", "/export"), ("GET", "/export/" + "0" * 24),
                         ("GET", "/vehicles"), ("GET", "/vehicles/x"), ("GET", "/limits")):
        problem("refused: no certificate: %s %s" % (method, path),
                front.call(method, path, tls=context(folder)), (403,))
    is_(front.call("OPTIONS", "/export", tls=context(folder)).status, 204,
        "a pre-flight request has none")
    is_(front.call("GET", "/health", tls=context(folder)).status, 200, "nor has a balancer")
    problem("refused: one of an unknown CA",
            front.call("GET", "/limits", tls=context(folder, "evil")), (400,))
    problem("refused: HTTP on the TLS port", front.call("GET", "/limits"), (400,))
    for cipher in ("AES256-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA",
                   "ECDHE-RSA-AES128-SHA256"):
        weak = context(folder, "anna", ssl.TLSVersion.TLSv1_2)
        weak.set_ciphers(cipher + "@SECLEVEL=0")
        try:
            front.call("GET", "/limits", tls=weak)
            ok(False, "refused: " + cipher)
        except (ssl.SSLError, ConnectionError):
            ok(True, "refused: " + cipher)
    strong = context(folder, "anna", ssl.TLSVersion.TLSv1_2)
    strong.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    is_(front.call("GET", "/limits", tls=strong).status, 200, "TLS 1.2 with forward secrecy: 200")
    try:
        front.call("GET", "/limits", tls=context(folder, "anna", ssl.TLSVersion.TLSv1_1))
        ok(False, "refused: TLS 1.1")
    except ssl.SSLError as e:
        ok("alert" in str(e).lower() or "version" in str(e).lower(), "refused: TLS 1.1", e)


# ---- what a handler gets ------------------------------------------------------------------

def name_values(data):
    """The pairs of FastCGI 1.0, 3.4: a length is one byte, or four, the first above 127."""
    found = {}
    while data:
        sizes = []
        for _ in "nv":
            long = data[0] > 127
            sizes.append(struct.unpack(">I", data[:4])[0] & 0x7fffffff if long else data[0])
            data = data[4 if long else 1:]
        name, value = data[:sizes[0]], data[sizes[0]:sum(sizes)]
        data = data[sum(sizes):]
        found[name.decode()] = value.decode()
    return found


class Echo(socketserver.StreamRequestHandler):
    """A FastCGI responder that answers with the parameters it gets, as JSON."""

    def handle(self):
        params, kind, size = b"", 0, 1
        while (kind, size) != (5, 0):               # the end of the body
            _, kind, _, size, padding = struct.unpack(">BBHHBx", self.rfile.read(8))
            data = self.rfile.read(size)
            self.rfile.read(padding)
            params += data if kind == 4 else b""
        body = json.dumps(name_values(params)).encode()
        self.record(6, b"Status: 200\r\nContent-Type: application/json\r\n\r\n" + body)
        self.record(3, bytes(8))

    def record(self, kind, data):
        self.wfile.write(struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data)


def passed_on():
    front = Front("echo", 12, shipped("include %s/auth-basic.conf;" % SHARE),
                  api=os.path.join(os.environ["EXPORT_RUN"], "echo.sock"))
    write_users(front, ANNA, BERT)
    server = socketserver.ThreadingUnixStreamServer(
        os.path.join(os.environ["EXPORT_RUN"], "echo.sock"), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        got = front.start().call("GET", "/export?limit=1", user=ANNA, headers={
            "Proxy": "http://evil.example", "Remote-User": "bert", "If-None-Match": "x"})
        params = got.json()
        is_((params["REMOTE_USER"], params["EXPORT_AUTH"], params["QUERY_STRING"]),
            ("anna", "basic", "limit=1"), "a handler gets the owner, how it is known, the query")
        is_(params.get("HTTP_IF_NONE_MATCH"), "x", "and the client's headers")
        is_(params.get("HTTP_AUTHORIZATION", ""), "", "but not the password")
        is_(params.get("HTTP_PROXY", ""), "", "nor what libraries take for a setting")
        word = base64.b64encode(("%s:%s" % ANNA).encode()).decode()
        ok(not [k for k, v in params.items() if word in v or ANNA[1] in v],
           "the password is in none of its parameters", params)
    finally:
        front.end()
        server.shutdown()
        server.server_close()


# ---- no authentication --------------------------------------------------------------------

def fastcgi(path, **params):
    """The status that a handler answers on its socket."""
    env = dict(PATH=os.environ["PATH"], REQUEST_METHOD="GET", REQUEST_URI=path,
               HTTP_HOST="localhost", **params)
    run = subprocess.run(["cgi-fcgi", "-bind", "-connect", os.environ["API_SOCKET"]], env=env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=30)
    head, _, body = run.stdout.partition(b"\r\n\r\n")
    return int(head.split(b"Status: ")[1][:3]), json.loads(body)


def only_loopback():
    for path in ("/export", "/export/" + "0" * 24, "/vehicles", "/vehicles/x", "/limits"):
        is_(fastcgi(path, SERVER_ADDR="192.0.2.7")[0], 403,
            "no authentication, not loopback: 403 for " + path)
        ok(fastcgi(path, SERVER_ADDR="192.0.2.7", EXPORT_AUTH="basic", REMOTE_USER="a")[0] != 403,
           "with auth it is answered: " + path)
        for user in ("", "anonymous", "a" * 256, "ann\udce4", "a\nb", "a\x7f"):
            is_(fastcgi(path, SERVER_ADDR="127.0.0.1", EXPORT_AUTH="basic", REMOTE_USER=user)[0],
                403, "with auth %r is nobody: %s" % (user[:9], path))
        ok(fastcgi(path, EXPORT_AUTH="basic", REMOTE_USER="\u00e4" * 127 + "a")[0] != 403,
           "a name has up to 255 bytes: " + path)
        for address in ("127.0.0.1", "127.1.2.3", "::1", "unix:"):
            ok(fastcgi(path, SERVER_ADDR=address)[0] != 403, "%s is loopback: %s" % (address, path))
    is_(fastcgi("/limits", SERVER_ADDR="2001:db8::1")[0], 403, "nor by IPv6")
    is_(fastcgi("/health", SERVER_ADDR="192.0.2.7")[0], 200, "/health answers anybody")
    is_(fastcgi("/ready", SERVER_ADDR="192.0.2.7")[1]["auth"], "none",
        "/ready says that there is no authentication")


def main():
    under_stack(__file__)
    load(mongo(), small_fleet())
    section("passwords", passwords)
    section("several origins", several_origins)
    section("behind a proxy", behind_a_proxy)
    section("foreign hosts", foreign)
    section("mistakes", mistakes)
    section("a service of one's own", own_service)
    section("TLS", tls_and_certificates)
    section("what a handler gets", passed_on)
    section("only loopback", only_loopback)
    return done()


if __name__ == "__main__":
    sys.exit(main())
