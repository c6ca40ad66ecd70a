#!/usr/bin/python3
"""The scripted service of t/0600-exportctl.t: the id in a path selects a fault, or none.

    exportctl_service.py FOLDER     prints its port, and that of the same service with TLS, which
                                    asks for a client certificate; runs until it is killed

FOLDER has server.crt and server.key, and client.crt, the CA of client certificates. What lies below
/moved is answered 302, to a stranger on a third port. What the service and the stranger noted is
under the names of `seen`, such as /times.
"""
import base64
import functools
import hashlib
import io
import json
import ssl
import sys
import threading
import time
import urllib.parse
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b"PK" + bytes(range(256)) * 4000
OTHER = BODY[::-1]
CUT = 300000
FOLDER = sys.argv[1]
seen = {"ranges": [], "deleted": 0, "who": [], "times": {}, "keys": {}, "peers": [],
        "strangers": []}


def archive(*files, link=False):
    """A ZIP of these names, stored; each holds its own name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as z:
        for name in files:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o120777 if link else 0o100644) << 16
            z.writestr(entry, "in " + name)
    return made.getvalue()


# By the first two digits of the id: a real ZIP, and some that nobody should unpack.
ZIPS = {"a0": archive("v1.csv", "v 2.csv", "manifest.json"),
        "a1": archive("v1.csv", "../evil.csv"), "a2": archive("v1.csv", "/evil.csv"),
        "a3": archive("v1.csv", "a\\evil.csv"), "a4": archive("evil.csv", link=True),
        "a5": archive("v1.csv", "sub/evil.csv"), "a6": archive("v1.csv", "v2.csv").replace(
            b"v2.csv", b"v1.csv"), "a7": archive("v1.csv").replace(b"in v1", b"in v2"),
        "a8": archive("v1.csv")[:-30], "a9": archive("v1.csv", "..")}
DISPOSITION = "attachment; filename=\"f-te.zip\"; filename*=UTF-8''f%C3%AAte.zip"


class Stranger(BaseHTTPRequestHandler):
    """Answers every request well, and notes what it learned."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        seen["strangers"].append([self.command, self.path, self.headers["Authorization"]])
        data = json.dumps({"_id": "a" * 24, "state": "FINISHED", "exports": [], "vehicles": []})
        data = data.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_DELETE = do_GET


class Service(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def parse_request(self):
        """Notes the client's certificate; answers for what has moved."""
        if not super().parse_request():
            return False
        if isinstance(self.connection, ssl.SSLSocket):
            peer = self.connection.getpeercert() or {}
            self.note_peer(dict(part[0] for part in peer.get("subject", ())).get("commonName"))
        if not self.path.startswith("/moved/"):
            return True
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        to = "http://127.0.0.1:%d%s" % (stranger.server_port, self.path[len("/moved"):])
        self.answer(302, {"title": "moved"}, Location=to)
        return False

    def note_peer(self, name):
        came = [self.path.split("/")[1], name]
        if came not in seen["peers"]:
            seen["peers"].append(came)

    def note_time(self, name):
        seen["times"].setdefault(name, []).append(time.monotonic())

    def date_time_string(self, timestamp=None):
        return "Sat, 01 Dec 2018 00:00:00 GMT"      # a clock that is not the client's

    def answer(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def cut(self, body, status=200, at=CUT, **headers):
        """Announces all of body, sends `at` bytes of it."""
        self.send_response(status)
        for k, v in dict(headers, Content_Length=len(body)).items():
            self.send_header(k.replace("_", "-"), str(v))
        self.end_headers()
        self.wfile.write(body[:at])
        if at and self.path != "/zip-slow":
            self.connection.close()

    def zip(self, name, n):
        """The object of a job; notes the ranges asked for."""
        asked = self.headers["Range"]
        if asked:
            seen["ranges"].append([name, asked, self.headers["If-Range"]])
        begin = int(asked[6:-1]) if asked else 0
        rest = {"Content_Range": "bytes %d-%d/%d" % (begin, len(BODY) - 1, len(BODY))}
        if name == "zip-resume":
            if n == 1:
                return self.cut(BODY, ETag='"one"')
            if n == 2:      # a part of the rest
                return self.cut(BODY[begin:], 206, 1000, ETag='"one"', **rest)
            return self.answer(206, BODY[begin:], ETag='"one"', **rest)
        if name == "zip-changed":
            if n == 1:
                return self.cut(BODY, ETag='"one"')
            if asked:       # heeds no If-Range, as some storages do
                return self.answer(206, OTHER[begin:], ETag='"two"', **rest)
            return self.answer(200, OTHER, ETag='"two"')
        if name == "zip-cut" and n == 1:
            return self.cut(BODY, at=1000)
        if name == "zip-stop" and n == 1:
            return self.cut(BODY, ETag='"one"')
        if name == "zip-stop" and asked:
            return self.answer(206, BODY[begin:], ETag='"one"', **rest)
        if name == "zip-weak":
            answer = self.cut if n == 1 else functools.partial(self.answer, 200)
            return answer(BODY, ETag='W/"one"')
        if name == "zip-slow":
            self.cut(BODY, at=CUT)
            time.sleep(1.5)
            return self.wfile.write(BODY[CUT:])
        if name == "zip-busy" and n <= 2:
            return self.answer((503, 429)[n - 1], b"", Retry_After=("3", "2")[n - 1])
        if name == "zip-gone":
            return self.answer(404, b"")
        if name.startswith("zip-link"):
            return self.answer(403, b"expired") if name == "zip-link1" else self.answer(200, BODY)
        self.answer(200, BODY, ETag='"one"')

    def do_DELETE(self):
        name = self.path.split("/")[-1]
        seen["deleted"] += 1
        if name[0] == "8":
            return self.answer(204, b"")
        self.answer(202, {"_id": name, "state": "STARTED"})

    def lists(self, name, query):
        """Pages of 2 jobs, of 5 in all; of 3 vehicles, of 6 in all."""
        kind, page, count = ("exports", 2, 5) if name == "export" else ("vehicles", 3, 6)
        all_of_them = [
            {"_id": "%024x" % (i + 1), "state": "FINISHED", "createdAt": "2018-12-01T00:00:00.000Z",
             "size": 1000 * i, "name": "n\x1b[1m%d" % i} if kind == "exports" else
            {"_id": "v%d" % i, "parameters": ["speed", "soc"], "first": "2018-11-30T05:00:00.000Z"}
            for i in range(count)]
        if query.get("state") == "FAILED":
            return self.answer(200, {"exports": [{"_id": "%024x" % 1, "state": "FAILED",
                                                  "name": "Zürich 車"}]})
        if query.get("state") == "CANCELLED" or query.get("prefix") == "none":
            return self.answer(200, {kind: []})
        begin = int(query.get("after", "0"), 16 if kind == "exports" else 10)
        end = begin + min(page, int(query["limit"]))
        answer = {kind: all_of_them[begin:end]}
        if end < count:
            answer["next"] = "%024x" % end if kind == "exports" else str(end)
        seen["query"] = query
        self.answer(200, answer)

    def do_POST(self):
        who = self.headers["Authorization"]
        if self.path.startswith("/refuses/"):
            return self.answer(401, {"title": "Unauthorized"})
        if self.path.startswith("/other/"):
            return self.answer(200, {"hello": "world"})
        seen["who"].append(who and base64.b64decode(who[6:]).decode())
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        fault = body.get("name", body["startDate"])
        self.note_time(fault)
        seen["agent"] = self.headers["User-Agent"]
        if self.path.endswith("?dryRun=true"):
            seen["asked"] = body
            return self.answer(200, {"documents": 1234, "documentsMax": 10000000, "vehicles": 2,
                                     "unknownVehicles": ["v9"]})
        keys = seen["keys"].setdefault(fault, [])
        keys.append(key)
        if fault == "flight" and len(keys) == 1:
            return self.answer(409, {"title": "in flight"}, Retry_After="2")
        if fault == "moved":
            return self.answer(307, {"title": "moved"}, Location="http://127.0.0.1:1/export")
        if fault == "bad":
            return self.answer(422, {"title": "Unprocessable", "detail": "no date",
                                     "pointer": "/startDate", "status": 422})
        if body.get("vehicles") == ["bad"]:
            return self.answer(422, {"title": "Unprocessable", "pointer": "/vehicles/0",
                                     "detail": "/vehicles/0 and /csv, not a/csv: no"})
        if fault == "busy" and len(keys) == 1:
            return self.answer(503, {"title": "busy"}, Retry_After="3")
        seen["asked"] = body
        ident = "a0%022d" % 15 if fault == "to unpack" else "a" * 24
        self.answer(202, {"_id": ident, "state": "NOT_STARTED"}, Location="/export/" + ident)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path.startswith("/refuses/"):
            return self.answer(401, {"title": "Unauthorized"})
        if path.startswith("/other/"):
            return self.answer(200, {"hello": "world"})
        name = path.split("/")[-1]
        if name.startswith("file-"):
            return self.answer(200, ZIPS[name[5:]],
                               **{} if query else {"Content_Disposition": DISPOSITION})
        if name in seen:
            return self.answer(200, seen[name])
        if path == "/vehicles/v0":
            return self.answer(200, {"_id": "v0", "parameters": [
                {"name": n, "documents": 1} for n in ("speed", "of v0")]})
        if name in ("export", "vehicles"):
            return self.lists(name, dict(urllib.parse.parse_qsl(query)))
        self.note_time(name)
        n = len(seen["times"][name])
        return self.zip(name, n) if name.startswith("zip") else self.job(name, n)

    def job(self, name, n):
        """The nth answer to a GET of this job."""
        sha256 = hashlib.sha256(OTHER if name[0] == "2" else BODY).hexdigest()
        job = {"_id": name, "state": "FINISHED", "size": len(BODY), "sha256": sha256,
               "startDate": "2018-11-30T00:00:00.000Z", "endDate": "2018-12-01T06:00:00.000Z",
               "progress": {"documents": 4, "documentsTotal": 4, "rows": 1000},
               "exportUri": "%s:%d/zip" % (self.server.at, self.server.server_port)}
        kind = name[0]
        if name[:2] in ZIPS:
            job.update(size=len(ZIPS[name[:2]]), sha256=hashlib.sha256(ZIPS[name[:2]]).hexdigest())
            job["exportUri"] = job["exportUri"].replace("zip", "file-" + name[:2])
            if name.endswith("5"):
                job["exportUri"] += "?response-content-disposition=" + urllib.parse.quote(
                    "attachment; filename=\"%s\"" % {"0": "../evil.zip"}.get(name[-2], "aut.zip"))
            return self.answer(200, job)
        if kind == "a" and n < 4:
            job.update(state=("NOT_STARTED", "STARTED", "STARTED")[n - 1])
            job["progress"]["documents"] = n
            return self.answer(200, job, Retry_After="3" if n == 1 else "0")
        if kind == "b":
            job.update(state="FAILED", error={"code": "unknown_vehicle", "message": "vehicle_x"})
        if kind == "c":
            job["sha256"] = "0" * 64
        if kind == "e":
            return self.answer(404, {"title": "Not Found", "status": 404})
        if kind == "f":
            return self.answer(200, b"<html>")
        job["exportUri"] += {
            "0": "-weak", "1": "-slow" if name.startswith("12") else "-resume", "2": "-changed",
            "3": "-link%d" % n, "4": "-busy", "5": "-gone", "6": "-stop", "d": "-cut"}.get(kind, "")
        if kind == "6" and n == 2:
            return self.answer(429, {"title": "too many"}, Retry_After="1")
        if kind == "7":
            job.update(state="STARTED", eta="2018-12-01T00:10:00.000Z")
            return self.answer(200, job, Retry_After="1")
        if kind == "8":
            job["state"] = "EXPIRED" if seen["deleted"] else "FINISHED"
        if kind == "9":
            job.update(state="STARTED" if n < 3 else "CANCELLED")
        self.answer(200, job)


def listener(handler, at="http://127.0.0.1", context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.at = at
    if context:
        server.socket = context.wrap_socket(server.socket, True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
    return server


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(FOLDER + "/server.crt", FOLDER + "/server.key")
context.verify_mode = ssl.CERT_OPTIONAL
context.load_verify_locations(FOLDER + "/client.crt")
stranger = listener(Stranger)
server = listener(Service)
tls = listener(Service, "https://localhost", context)
print(server.server_port, tls.server_port, flush=True)
