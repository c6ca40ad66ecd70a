#!/bin/bash
# Several hosts (scripts/dev/hosts), and partitions in the middle of jobs: nothing is lost, nothing
# wrong. In short; at length: make chaos-hosts.
# Environment: CHAOS_SEED (1).
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] && unshare --net true 2>"$T/out" || lacking "root, for network namespaces"
for need in ip build/servers/bin/mongod build/servers/bin/weed \
	/usr/lib/rabbitmq/bin/rabbitmq-server supervisord; do
	PATH=$PATH:/sbin:/usr/sbin command -v "$need" >/dev/null ||
		lacking "$need; run scripts/deps"
done
[ -x "$B/export-worker" ] && [ -x "$B/export-api" ] ||
	lacking "$B/export-api, $B/export-worker; run make"

unset HOSTS PORTS CONF_EXTRA TLS MEMBERS RABBITS POOLS	# of a stack around this test
export RUN=$T/c/run BIN=$B WORKERS=2 RETRY_TTL_MS=1500 HANDLERS=2
at_exit 'scripts/dev/hosts down >/dev/null 2>&1
	RUN=$T/killed scripts/dev/hosts down >/dev/null 2>&1'
hosts() { scripts/dev/hosts "$@" 2>&1; }
# belong RUN: its processes, and this machine's link to its switch, with which all namespaces go.
belong() { grep -lszxF "EXPORT_STACK_RUN=$1" /proc/[0-9]*/environ; grep -lxF "$1" \
	/sys/class/net/xp*/ifalias 2>/dev/null; }
# has_server RUN: one of its processes is a server, which stays; others come and go.
has_server()
{
	local environ

	for environ in $(belong "$1" | grep /proc/); do
		[ "$(cat "${environ%environ}comm" 2>/dev/null)" != weed ] || return 0
	done
	return 1
}
# reaches HOST ADDRESS PORT
reaches() { hosts exec "$1" timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3"; }

CONF_EXTRA=t/9600-hosts.conf scripts/dev/hosts up >"$T/up" 2>&1 &
up=$!
# Meanwhile another stack next to it, whose `up` is killed.
RUN=$T/killed setsid scripts/dev/hosts up s3 >"$T/out" 2>&1 &
killed=$!
until_ok 60 has_server "$T/killed"
kill -KILL -- "-$killed"
wait "$killed" 2>/dev/null
like "$(belong "$T/killed" | tr '\n' ' ')" '/proc/.*/sys/class/net' \
	"what a killed up has started is there"
ok "down after up was killed" env RUN="$T/killed" scripts/dev/hosts down
is "$(belong "$T/killed")" "" "it ends all of it"
wait "$up"
is $? 0 "up" || { diag "$(cat "$T/up")"; done_testing; }
set -a
# shellcheck source=/dev/null
. "$RUN/env"
set +a
hosts status >"$T/status"
is "$(grep -c ' joined$' "$T/status")" 11 "eleven hosts"
is "$(grep -c ' running' "$T/status")" 16 "and what runs on them"
net=${S3_ENDPOINT#https://} net=${net%.*}
members="$net.11:$((EXPORT_PORTS + 1)),$net.12:$((EXPORT_PORTS + 2)),$net.13:$((EXPORT_PORTS + 3))"
is "$(sed -n 's/^mongodb_uri = //p' "$EXPORT_CONF")" \
    "mongodb://$members/?replicaSet=exports&tls=true" \
    "export.conf names all members by their addresses, with TLS"
for service in api worker; do
	ok "export-$service --check" "$B/export-$service" -c "$EXPORT_CONF" --check
done

scripts/dev/generate --vehicles 1 --days 1 >"$T/out" 2>&1 || diag "$(cat "$T/out")"
ok "an export through the second nginx" env EXPORT_URL="$EXPORT_URL_2" scripts/exportctl create \
	--from 2018-11-30 --to 2018-12-01 -o "$T/x.zip"
ok "its ZIP is sound" unzip -tq "$T/x.zip"
is "$(curl -s -o "$T/out" -w '%{http_code}' -u owner-0:wrong "$EXPORT_URL_2/export")" 401 \
	"a wrong password is refused"
is "$(curl -s -o "$T/out" -w '%{http_code}' "$EXPORT_URL_2/ready")" 403 "/ready is not for all"
is "$(hosts exec api-2 hostname)" api-2 "a host has a name"

# node_tls ARGUMENTS: speak to a node of RabbitMQ as another one would.
node_tls()
{
	# shellcheck disable=SC2016	# for sh
	hosts exec rabbit-2 sh -c \
		'{ sleep 1; echo; } | timeout 10 openssl s_client -verify_return_error "$@"' - \
	    -connect "$net.21:$((EXPORT_PORTS + 11))" -CAfile "$RUN/tls/ca.crt" "$@"
}
ok "RabbitMQ's nodes speak TLS to each other" node_tls -cert "$RUN/tls/rabbit-2.crt" -key \
	"$RUN/tls/rabbit-2.key"
no "but not to a client without a certificate" node_tls
ok "worker-1 cut from S3" scripts/dev/hosts cut worker-1 s3-1
no "they do not hear each other" reaches worker-1 "$net.31" $((EXPORT_PORTS + 20))
ok "all others hear both" reaches worker-2 "$net.31" $((EXPORT_PORTS + 20))
ok "worker-1 hears the database" reaches worker-1 "$net.11" $((EXPORT_PORTS + 1))
ok "joined" scripts/dev/hosts join worker-1 s3-1
ok "they hear each other again" reaches worker-1 "$net.31" $((EXPORT_PORTS + 20))
ok "mongo-1 cut off" scripts/dev/hosts cut mongo-1
no "the others do not hear it" reaches mongo-2 "$net.11" $((EXPORT_PORTS + 1))
like "$(hosts status | head -1)" 'cut off$' "status says so"
ok "joined" scripts/dev/hosts join mongo-1
ok "it is heard again" reaches mongo-2 "$net.11" $((EXPORT_PORTS + 1))
no "no host of another name" scripts/dev/hosts cut mongo-4

# The chaos finds the hosts up, and ends them.
t/chaos/chaos --hosts --run "$T/c" --seed "${CHAOS_SEED:-1}" --minutes 3 --faults \
	"${CHAOS_FAULTS:-6}" --longest 5 --gap 0.2-0.8 \
    --workers 2 --days 1 --fleets 6 >"$T/chaos" 2>&1
rc=$?
sed 's/^/# /' "$T/chaos"
is "$rc" 0 "partitions: nothing is lost, nothing wrong"
ok "at least five" test \
	"$(sed -n 's/.*: \([0-9]*\) cuts, .* lost 0, wrong 0, short 0$/\1/p' "$T/chaos" | grep . ||
	echo 0)" -ge 5
is "$(belong "$RUN")" "" "down leaves neither process nor network"
ok "down a second time" scripts/dev/hosts down
done_testing
