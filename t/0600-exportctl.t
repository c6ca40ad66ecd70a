#!/bin/bash
# scripts/exportctl against a scripted service: its exit statuses, retries, what it prints and what it leaves behind.
. "$(dirname "$0")/lib.sh"

cat >"$T/service" <<'END'
"""Answers by a script: the id in the path says how. Prints its port."""
import hashlib, json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b"PK" + bytes(range(256)) * 4000
seen = {}


class Service(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        if body["startDate"] == "bad":
            return self.answer(422, {"title": "Unprocessable", "detail": "/startDate: no date", "status": 422})
        if body["startDate"] == "busy" and "busy" not in seen:
            seen["busy"] = key
            return self.answer(503, {"title": "busy"}, Retry_After="1")
        if body["startDate"] == "busy" and seen["busy"] != key:
            return self.answer(400, {"title": "the repeated POST has another Idempotency-Key"})
        seen["asked"] = body
        self.answer(202, {"_id": "a" * 24, "state": "NOT_STARTED"}, Location="/export/" + "a" * 24)

    def do_GET(self):
        name = self.path.split("/")[-1]
        if name == "asked":
            return self.answer(200, seen["asked"])
        n = seen[name] = seen.get(name, 0) + 1
        if name.startswith("zip"):
            if name == "zip-cut" and n == 1:
                self.send_response(200)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY[:1000])
                self.connection.close()
                return
            return self.answer(200, BODY)
        job = {"_id": name, "state": "FINISHED", "size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest(),
               "progress": {"documents": 4, "documentsTotal": 4, "rows": 1000},
               "exportUri": "http://127.0.0.1:%d/zip" % self.server.server_port}
        kind = name[0]
        if kind == "a" and n < 4:
            job.update(state=("NOT_STARTED", "STARTED", "STARTED")[n - 1])
            job["progress"]["documents"] = n
            return self.answer(200, job, Retry_After="1" if n == 1 else "0")
        if kind == "b":
            job.update(state="FAILED", error={"code": "unknown_vehicle", "message": "vehicle_x"})
        if kind == "c":
            job["sha256"] = "0" * 64
        if kind == "d":
            job["exportUri"] += "-cut"
        if kind == "e":
            return self.answer(404, {"title": "Not Found", "status": 404})
        if kind == "f":
            return self.answer(200, b"<html>")
        self.answer(200, job)


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
END
/usr/bin/python3 "$T/service" >"$T/port" 2>"$T/service.log" &
SERVICE=$!
at_exit "kill $SERVICE"
until_ok 10 test -s "$T/port"
export EXPORT_URL=http://127.0.0.1:$(cat "$T/port")

# run STATUS NAME ARGUMENT...: the exit status; its output is in $T/stdout and $T/stderr.
run()
{
	local status=$1 name=$2 rc

	shift 2
	scripts/exportctl "$@" >"$T/stdout" 2>"$T/stderr"
	rc=$?
	is "$rc" "$status" "$name" || diag "$(cat "$T/stdout" "$T/stderr")"
}
id() { printf "$1%.0s" {1..24}; }

run 0 "create prints the id" create --from 2018-11-30 --to 2018-12-01 --vehicle v1 --vehicle v2 --parameter speed --time rfc3339
is "$(cat "$T/stdout")" "$(id a)" "the id and nothing else"
is "$(curl -s "$EXPORT_URL/asked")" \
    '{"startDate": "2018-11-30", "endDate": "2018-12-01", "vehicles": ["v1", "v2"], "parameters": ["speed"], "time": "rfc3339"}' \
    "what it asks for"
run 0 "create -o" create --from 2018-11-30 --to 2018-12-01 -o "$T/x.zip"
is "$(stat -c %s "$T/x.zip")" 1024002 "the file is there, whole"
no "and nothing beside it" test -e "$T/x.zip.part"
is "$(grep -c '^STARTED' "$T/stderr")" 2 "not on a terminal: a line for each change" || diag "$(cat "$T/stderr")"
no "no escapes in it" grep -q $'\033' "$T/stderr"
run 1 "an export that failed" get "$(id b)" --wait
like "$(cat "$T/stderr")" 'FAILED: unknown_vehicle: vehicle_x' "says why"
run 5 "another checksum" get "$(id c)" -o "$T/c.zip"
no "nothing under the name asked for" test -e "$T/c.zip"
run 0 "a download that is cut goes on" get "$(id d)" -o "$T/d.zip"
is "$(sha256sum <"$T/d.zip")" "$(sha256sum <"$T/x.zip")" "and is whole in the end"
run 4 "an unknown id" get "$(id e)"
run 3 "an answer that is no JSON" get "$(id f)"
run 4 "a refused request" create --from bad --to x
like "$(cat "$T/stderr")" 'HTTP 422: /startDate: no date' "says what is wrong"
run 0 "503 with Retry-After is tried again, under the same Idempotency-Key" create --from busy --to x
run 2 "no arguments"
run 2 "an id that is none" get 1
run 2 "a URL that is none" get "$(id d)" --url nonsense
run 2 "a file that cannot be written" get "$(id d)" -o "$T/none/x.zip"
run 0 "--json" get "$(id d)" --json
ok "--json is JSON" /usr/bin/python3 -m json.tool "$T/stdout"
ok "--help" scripts/exportctl create --help
done_testing
