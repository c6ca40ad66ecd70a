#!/bin/bash
# scripts/exportctl on the whole path: each command once, a download that was cut and is resumed,
# passwords and client certificates as nginx/ ships them. Faults: t/0600-exportctl.t.
. "$(dirname "$0")/lib.sh"
stack_test "" "$@"

export EXPORTCTL_CONFIG=/dev/null
unset EXPORT_USER EXPORT_PASSWORD_FILE
scripts/dev/generate --uri "$MONGODB_ADMIN_URI" --vehicles 2 --start 2018-11-30 --days 1 \
    >"$T/generate" 2>&1 || { diag "$(cat "$T/generate")"; exit 1; }
ctl() { scripts/exportctl "$@" 2>"$T/stderr"; }
# value EXPRESSION: of the JSON v.
value() { /usr/bin/python3 -c 'import json, sys; v = json.load(sys.stdin); print('"$1"')'; }
day=(--from 2018-11-30 --to 2018-12-01)

# -- each command
ok "create -o" ctl create "${day[@]}" --name 'the "day"' -o "$T/day.zip"
like "$(tail -n 1 "$T/.out")" "^$T/day.zip  [0-9.]+ MB  sha256 [0-9a-f]{64}\$" "its last line"
sum=$(grep -o '[0-9a-f]*$' "$T/.out")
is "$(sha256sum <"$T/day.zip" | cut -d ' ' -f 1)" "$sum" "is true"
id=$(sed -n 's/^export //p' "$T/stderr")
like "$id" '^[0-9a-f]{24}$' "the id, on stderr"
is "$(ctl get "$id" | head -n 1)" "$id FINISHED" "get"
is "$(ctl get "$id" --json | value 'v["_id"], v["state"], v["sha256"]')" "$id FINISHED $sum" \
    "get --json"
ok "wait for one that is FINISHED" ctl wait "$id"
like "$(ctl list --quiet)" \
    "^$id  FINISHED     2[0-9-]+T[0-9:]+Z      100%  +[0-9.]+ MB  the \"day\"\$" "list"
is "$(ctl list --state FAILED --json)" '{
  "exports": []
}' "list --state"
until_ok 60 bash -c '[ "$(scripts/exportctl vehicles --quiet 2>&1 | wc -l)" = 2 ]'
is "$(ctl vehicles --quiet | cut -d ' ' -f 1 | xargs)" "vehicle_001 vehicle_002" "vehicles"
is "$(ctl vehicles --prefix vehicle_002 --json --all |
    value '*(x["_id"] for x in v["vehicles"])')" vehicle_002 "vehicles --prefix --json"
is "$(ctl vehicles vehicle_001 --quiet | cut -d ' ' -f 1 | xargs)" "speed soc current odo voltage" \
    "vehicles NAME"
like "$(ctl vehicles vehicle_001 | sed -n 2p)" \
    '^speed +[0-9]+  2018-11-30T[0-9:]+Z  2018-11-30T[0-9:]+Z$' "hours of a parameter"
is "$(ctl vehicles vehicle_001 --json | value 'v["_id"]')" "vehicle_001" "vehicles NAME --json"
no "a vehicle that is not there" ctl vehicles vehicle_999
like "$(cat "$T/stderr")" 'HTTP 404' "says so"
like "$(ctl estimate "${day[@]}" --vehicle vehicle_001 --vehicle vehicle_999)" \
    '^[0-9]+ documents of at most 10,000,000, of 1 vehicle
about [0-9,]+ rows, [0-9.]+ [kM]?B, [0-9]+ s, by the latest exports
not known: vehicle_999;' "estimate"
is "$(ctl estimate "${day[@]}" --json | value 'v["vehicles"], v["documents"] > 0')" "2 True" \
    "estimate --json"
ctl create --from 2018-13-01 --to 2018-12-01 >/dev/null
is "$?" 4 "an invalid date"
like "$(cat "$T/stderr")" '--from: not a date' "names the option"
is "$(ctl estimate --since "$id" --to 2018-12-02 --json | value 'v["documents"] >= 0')" True \
    "estimate --since an export"
like "$(cat "$T/stderr")" "^from 2018-12-01T00:00:00.000Z, where $id ended, to 2018-12-02\$" \
    "says from where"
is "$(ctl estimate --since "$T/day.zip" --to 2018-12-02 --json | value 'v["documents"] >= 0')" \
    True "or its ZIP"
ctl estimate --last 1d >/dev/null
is "$?" 0 "estimate --last"
printf 'vehicle_002\n' >"$T/vehicles"
ok "create, of a file of vehicles" ctl create "${day[@]}" --vehicles-from "$T/vehicles" \
    --parameter speed --time rfc3339 --csv excel --compression small --wait
like "$(head -n 1 "$T/.out")" '^[0-9a-f]{24} FINISHED$' "waits"
small=$(ctl get "$(head -c 24 "$T/.out")" --json)
is "$(value 'v["vehicles"], v["parameters"], v["time"], v["csv"], v["compression"]' <<<"$small")" \
    "['vehicle_002'] ['speed'] rfc3339 excel small" "as requested"
ok "create, of vehicles that are not all there" ctl create "${day[@]}" --vehicle vehicle_999 \
    --vehicle vehicle_002 --unknown-vehicles skip --wait
like "$(cat "$T/stderr")" 'not there, left out: vehicle_999' "says which are not"
is "$(ctl get "$(head -c 24 <(grep FINISHED "$T/.out"))" --json | value 'v["skippedVehicles"]')" \
    "['vehicle_999']" "as the job does"
ok "create, of local time and semicolons" ctl create "${day[@]}" --vehicle vehicle_002 \
    --parameter speed --time local --time-zone Asia/Kathmandu --csv excel-semicolon --wait
local=$(ctl get "$(head -c 24 "$T/.out")" --json)
is "$(value 'v["time"], v["timeZone"], v["csv"]' <<<"$local")" \
    "local Asia/Kathmandu excel-semicolon" "as requested"
ok "create, of steps" ctl create "${day[@]}" --vehicle vehicle_002 --parameter speed --every 600s \
    --take mean --hold 1m --wait
is "$(ctl get "$(head -c 24 "$T/.out")" --json | value 'v["every"], v["take"], v["hold"]')" \
    "10m mean 1m" "as requested"
ok "create, of a file a day, with units" ctl create "${day[@]}" --vehicle vehicle_002 --parameter \
    speed --split day --time-zone Asia/Kathmandu --header unit --wait
is "$(ctl get "$(head -c 24 "$T/.out")" --json | value 'v["split"], v["timeZone"], v["header"]')" \
    "day Asia/Kathmandu unit" "as requested"
ok "create, of Parquet" ctl create "${day[@]}" --vehicle vehicle_002 --parameter speed --format \
    parquet --time-zone Asia/Kathmandu -o "$T/parquet.zip"
parquet=$(sed -n 's/^export //p' "$T/stderr")
is "$(ctl get "$parquet" --json | value 'v["format"], v["timeZone"]')" \
    "parquet Asia/Kathmandu" "as requested"
is "$(unzip -Z1 "$T/parquet.zip" | tr '\n' ' ')" "vehicle_002.parquet manifest.json " "its files"
ctl create "${day[@]}" --format parquet --csv excel >/dev/null
is "$?" 4 "Parquet for spreadsheets"
like "$(cat "$T/stderr")" '--csv: ' "names the option"
ctl create "${day[@]}" --every 7s >/dev/null
is "$?" 4 "steps that do not divide a day"
like "$(cat "$T/stderr")" '--every: ' "names the option"
ctl create --from 2018-11-30T00:00:00Z --to 2018-12-01T00:00:00Z --time local \
    --time-zone Europe/Nowhere >/dev/null
is "$?" 4 "a zone that there is not"
like "$(cat "$T/stderr")" '--time-zone: ' "names the option"

# -- a download that ends in the middle, at a byte that is known: the first run may write no more
part=$T/rest.zip.part
(ulimit -f 1024; exec scripts/exportctl download "$id" -q -o "$T/rest.zip") >"$T/.out" 2>&1
is "$?" 2 "a download that cannot be written"
like "$(cat "$T/.out")" "^exportctl: cannot write $part: File too large\$" "says so"
is "$(stat -c %s "$part")" 1048576 "and leaves 1 MiB"
/usr/bin/python3 - "$((EXPORT_PORTS + 6))" "$((EXPORT_PORTS + 20))" "$T/passed" <<'END' &
"""Passes one connection after the other on to the S3 server; writes down the status, the range
asked for and the number of bytes of each answer."""
import re, socket, sys
listen, to = (int(x) for x in sys.argv[1:3])
server = socket.create_server(("127.0.0.1", listen))
while True:
    client, _ = server.accept()
    asked = client.recv(65536)
    if not asked:
        continue
    s3 = socket.create_connection(("127.0.0.1", to))
    s3.sendall(asked.replace(b"Connection: keep-alive", b"Connection: close"))
    answer = b""
    with open(sys.argv[3], "a") as f:
        for piece in iter(lambda: s3.recv(65536), b""):
            answer += piece
            client.sendall(piece)
        head, _, body = answer.partition(b"\r\n\r\n")
        ranged = (re.search(rb"(?i)range: (\S+)", asked) or [0, b"-"])[1].decode()
        f.write("%s %s %d\n" % (head[9:12].decode(), ranged, len(body)))
    client.close()
END
proxy=$!
at_exit "kill $proxy"
until_ok 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$((EXPORT_PORTS + 6))" 2>/dev/null
# The link is signed for the S3 server's port; this client reaches it through the one that counts.
http_proxy=http://127.0.0.1:$((EXPORT_PORTS + 6)) no_proxy=127.0.0.1:${EXPORT_URL##*:} \
    ok "a later run resumes it" ctl download "$id" -o "$T/rest.zip"
ok "the file is the same" cmp "$T/rest.zip" "$T/day.zip"
is "$(cat "$T/passed")" "206 bytes=1048576- $(($(stat -c %s "$T/day.zip") - 1048576))" \
    "only the rest came"
is "$(find "$T" -name 'rest.zip*')" "$T/rest.zip" "and nothing else is left"

# -- cancel
scripts/stack down worker >"$T/down" 2>&1
waiting=$(ctl create "${day[@]}" --vehicle vehicle_001)
is "$(ctl cancel "$waiting")" "$waiting CANCELLED" "cancel"
ctl cancel "$id" >/dev/null
is "$?" 1 "cancel does not touch what is FINISHED"
is "$(ctl get "$id" --json | value 'v["state"]')" FINISHED "it is, still"
is "$(ctl cancel "$id" --force --json | value 'v["state"]')" EXPIRED "cancel --force"
ctl download "$id" -o "$T/expired.zip" >/dev/null
is "$?" 1 "what is EXPIRED cannot be fetched"

# -- who asks, by nginx's own means
front=$T/front
mkdir -p "$front/export"
# certificate NAME KEY CERTIFICATE [OPTION...]
certificate()
{
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$2" -out "$3" \
	    "${@:4}" 2>/dev/null
}
clients_ca=$front/export/clients-ca.crt
certificate localhost "$front/export/tls.key" "$front/export/tls.crt" \
    -addext subjectAltName=DNS:localhost
certificate clients "$T/ca.key" "$clients_ca"
certificate anna "$T/anna.key" "$T/anna.crt" -CA "$clients_ca" -CAkey "$T/ca.key"
openssl rand -hex 12 >"$T/password"
chmod 0600 "$T/password"
printf 'anna:%s\n' "$(openssl passwd -6 -stdin <"$T/password")" >"$front/export-users"
port=$((EXPORT_PORTS + 7))
cat >"$front/nginx.conf" <<END
$([ "$(id -u)" != 0 ] || printf 'user root;')
daemon off;
pid nginx.pid;
error_log error.log;
events {}
http {
	access_log off;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
	uwsgi_temp_path tmp; scgi_temp_path tmp;
	include "$PWD/nginx/export.conf";
}
END
printf 'upstream export_%s { server unix:%s; }\n' api "$API_SOCKET" \
    probe "$PROBE_SOCKET" >"$front/export-upstream.conf"
NGINX=
at_exit 'end_front'
end_front() { [ -z "$NGINX" ] || { kill "$NGINX" && wait "$NGINX"; NGINX=; }; }
front_with()
{
	printf '%s\n' "server_name localhost;" "root $PWD/nginx/www;" "$@" \
	    >"$front/export-site.conf"
	PATH=$PATH:/usr/sbin nginx -p "$front/" -e error.log -c nginx.conf 2>"$T/nginx" &
	NGINX=$!
	until_ok 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
}

front_with "listen 127.0.0.1:$port;" "include $PWD/nginx/auth-basic.conf;"
export EXPORT_URL=http://localhost:$port
ctl list >/dev/null
is "$?" 4 "a password is required"
like "$(cat "$T/stderr")" 'HTTP 401.*--password-file' "says what to do"
EXPORT_PASSWORD_FILE=$T/password ok "a password file" ctl create "${day[@]}" --user anna
hers=$(ctl list --user anna --password-file "$T/password" --json)
is "$(value '*(j["state"] for j in v["exports"])' <<<"$hers")" NOT_STARTED "only its owner's jobs"
printf 'wrong\n' >"$T/wrong"
chmod 0600 "$T/wrong"
ctl list --user anna --password-file "$T/wrong" >/dev/null
is "$?" 4 "another password"
like "$(cat "$T/stderr")" 'user anna or its password was refused' "says so"
end_front

front_with "listen 127.0.0.1:$port ssl http2;" "include $PWD/nginx/tls.conf;" \
    "include $PWD/nginx/auth-certificate.conf;"
export EXPORT_URL=https://localhost:$port
ctl list >/dev/null
is "$?" 3 "a certificate of an unknown CA"
like "$(cat "$T/stderr")" 'certificate is refused: .*--ca' "says what to do"
ctl list --url "http://localhost:$port" >/dev/null
is "$?" 4 "http:// to a port of TLS"
like "$(cat "$T/stderr")" 'HTTP 400: .*https://' "says so"
hers=$(ctl list --ca "$front/export/tls.crt" --cert "$T/anna.crt" --key "$T/anna.key" --json)
is "$(value 'v["exports"]' <<<"$hers")" "[]" "a client certificate"
no "none" ctl list --ca "$front/export/tls.crt"
done_testing
