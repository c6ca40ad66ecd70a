# exportctl.sh: starts the scripted service, exportctl_service.py, for tests of scripts/exportctl;
# sourced after lib.sh. Sets port, tls_port, EXPORT_URL and XDG_CONFIG_HOME.
# shellcheck shell=bash

for name in server client; do
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -addext \
	    subjectAltName=DNS:localhost -keyout "$T/$name.key" -out "$T/$name.crt" 2>/dev/null
done
/usr/bin/python3 t/data/exportctl_service.py "$T" >"$T/ports" 2>"$T/service.log" &
SERVICE=$!
at_exit "kill $SERVICE"
until_ok 10 test -s "$T/ports"
read -r port tls_port <"$T/ports"
export EXPORT_URL=http://127.0.0.1:$port XDG_CONFIG_HOME=$T/config
unset EXPORT_USER EXPORT_PASSWORD_FILE EXPORTCTL_CONFIG

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
# asked WHAT: what the service has noted. value EXPRESSION: of the JSON v.
asked() { curl -s "$EXPORT_URL/$1"; }
value() { /usr/bin/python3 -c 'import json, sys; v = json.load(sys.stdin); print('"$1"')'; }
