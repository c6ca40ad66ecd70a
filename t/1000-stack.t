#!/bin/bash
# The stack itself: started twice, side by side, after kill -9 of any server; only on loopback; and
# nothing left after down.
. "$(dirname "$0")/lib.sh"
[ "${WITH_STACK_MINE-}" != '' ] || for need in build/servers/bin/mongod build/servers/bin/weed; do
	[ -x "$need" ] || lacking "$need; run scripts/deps"
done

SERVICES=(mongo rabbit s3 provision)
NAMES=(mongod-1 epmd rabbitmq s3)
if [ -x "$B/export-api" ] && [ -x "$B/export-worker" ]; then
	SERVICES+=(api worker nginx)
	NAMES+=(supervisord worker/worker-1 nginx)
elif [ "${EXPORT_TEST_ALL-}" = 1 ]; then
	lacking "$B/export-api, $B/export-worker; run make"
fi

# This test starts stacks of its own, on ports that with-stack finds free.
if [ "${WITH_STACK_MINE-}" = '' ]; then
	rm -rf "$T"
	# An outer stack reserves the first range of ports, an inner one the second.
	WITH_STACK_MINE=1 exec t/with-stack --only "${SERVICES[*]}" \
	    bash -c 'OUTER_RUN=$RUN OUTER_ENV=$RUN/env exec t/with-stack --only "$0" bash "$1"' \
	    "${SERVICES[*]}" "$TEST_FILE"
fi

stack() { scripts/stack "$@" 2>&1; }
# With a login's usual limit.
few_files() { (ulimit -Sn 1024 && stack "$@"); }
files_of() { sed -n 's/^Max open files *\([0-9]*\) .*/\1/p' "/proc/$(cat "$RUN/$1.pid")/limits"; }
pids() { local n; for n in "${NAMES[@]}"; do printf '%s=%s ' "$n" "$(cat "$1/$n.pid")"; done; }
kill9() { kill -KILL "$(cat "$RUN/$1.pid")"; }
# Every process that belongs to the folder, whatever started it.
belong() { grep -lszxF "EXPORT_STACK_RUN=$1" /proc/[0-9]*/environ | tr -dc '0-9\n'; }

usable()
{
	/usr/bin/python3 - <<'END'
import os, pymongo, pika, boto3
pymongo.MongoClient(os.environ["MONGODB_ADMIN_URI"]).exports.command("listCollections")
c = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_ADMIN_URI"]))
c.channel().queue_declare("exports.jobs", passive=True)
c.close()
s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1",
                  aws_access_key_id=os.environ["S3_ADMIN_KEY"],
                  aws_secret_access_key=os.environ["S3_ADMIN_SECRET"])
s3.put_object(Bucket=os.environ["S3_BUCKET"], Key="exports/test", Body=b"x")
s3.delete_object(Bucket=os.environ["S3_BUCKET"], Key="exports/test")
END
}

is "$(. "$OUTER_ENV"; echo "$EXPORT_RUN")" "$OUTER_RUN" "two stacks run side by side"
ok "this one can be used" usable
( set -a; . "$OUTER_ENV"; usable ) >"$T/out" 2>&1
is "$?" 0 "so can the other one"
ok "status: all runs" stack status "${SERVICES[@]}"
no "status of a folder where nothing runs fails" env RUN="$T/none" scripts/stack status mongo

before=$(pids "$RUN")
ok "up a second time" stack up "${SERVICES[@]}"
is "$(pids "$RUN")" "$before" "up a second time starts nothing"

scripts/provision >"$T/out" 2>&1
is "$?" 0 "provision a second time"
is "$(grep -vc ' unchanged$' "$T/out")" 0 "provision a second time changes nothing" ||
	diag "$(cat "$T/out")"
RETRY_TTL_MS=1500 scripts/provision --rabbitmq >"$T/out" 2>&1
is "$(grep -v ' unchanged$' "$T/out" | tr -s ' ')" "rabbitmq queue exports.retry updated" \
	"another TTL updates only the retry queue"
ok "and the old one back" env RETRY_TTL_MS="$RETRY_TTL_MS" scripts/provision --rabbitmq
/usr/bin/python3 - <<'END'
import os, pika
c = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_ADMIN_URI"])).channel()
c.queue_delete("exports.jobs")
c.queue_declare("exports.jobs", durable=True, arguments={
    "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": 100000,
    "x-dead-letter-strategy": "at-least-once", "x-dead-letter-exchange": "exports.retry"})
c.queue_bind("exports.jobs", "exports", "job")
END
is "$?" 0 "a queue as it was before 2026-12"
scripts/provision --rabbitmq >"$T/out" 2>&1
is "$(grep -v ' unchanged$' "$T/out" | tr -s ' ' | paste -sd,)" \
	"rabbitmq queue exports.jobs updated,rabbitmq queue exports.retry updated" \
	"is made again, with exports.retry"
scripts/provision --rabbitmq >"$T/out" 2>&1
is "$(grep -vc ' unchanged$' "$T/out")" 0 "and then it is as it should be" ||
	diag "$(cat "$T/out")"

/usr/bin/python3 - >"$T/listen" 2>&1 <<'END'
import glob, os
mark = ("EXPORT_STACK_RUN=" + os.environ["RUN"]).encode()
inodes = {}
for folder in glob.glob("/proc/[0-9]*"):
    try:
        mine = (mark in open(folder + "/environ", "rb").read().split(b"\0")
                or os.readlink(folder + "/cwd").startswith(os.environ["RUN"]))
        for fd in os.listdir(folder + "/fd") if mine else ():
            try:
                inodes[os.readlink("%s/fd/%s" % (folder, fd))] = os.readlink(folder + "/exe")
            except OSError:
                pass
    except OSError:
        pass
loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
seen = 0
for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"):
    for line in open(table).read().splitlines()[1:]:
        f = line.split()
        if ("tcp" in table and f[3] != "0A") or "socket:[%s]" % f[9] not in inodes:
            continue
        address, port = f[1].split(":")
        seen += 1
        port = int(port, 16)
        base = int(os.environ["PORTS"])
        if address not in loopback:
            print("not on loopback:", inodes["socket:[%s]" % f[9]], address, port)
        if not base <= port < base + 35:
            print("a port outside the range:", inodes["socket:[%s]" % f[9]], port)
print("sockets:", "some" if seen > 8 else seen)
END
is "$(cat "$T/listen")" "sockets: some" "all listens on loopback, on ports of the range"

for name in "${NAMES[@]}"; do
	kill9 "$name"
	ok "up after kill -9 of $name" few_files up "${SERVICES[@]}"
	ok "status after kill -9 of $name" stack status "${SERVICES[@]}"
	ok "use after kill -9 of $name" usable
done
hard=$(ulimit -Hn)
is "$(files_of mongod-1)" "$((hard > 65536 ? 65536 : hard))" "mongod may open more than 1,024 files"
if [[ " ${NAMES[*]} " == *" nginx "* ]]; then
	ok "the API answers" curl -sf "$EXPORT_URL/health"
	kill -KILL $(belong "$RUN" |
		while read -r p; do case "$(readlink /proc/$p/exe)" in */export-api|*/multiwatch) \
		echo "$p" ;; esac; done)
	ok "up after kill -9 of the pool" stack up "${SERVICES[@]}"
	ok "the API answers again" curl -sf "$EXPORT_URL/health"
	kill -KILL "$(cat "$RUN/supervisord.pid")" $(belong "$RUN" | while read -r p; do
		case "$(readlink /proc/$p/exe)" in */export-api|*/multiwatch|*/export-worker) echo \
			"$p" ;; esac; done)
	ok "the stale socket is there" test -S "$RUN/web/api-1.sock"
	ok "up after kill -9 of supervisord and all below it" stack up "${SERVICES[@]}"
	ok "the API answers again" curl -sf "$EXPORT_URL/health"
	before=$(cat "$RUN/worker/worker-1.pid")
	kill9 supervisord
	ok "up after kill -9 of only supervisord" stack up "${SERVICES[@]}"
	no "the orphaned worker is gone" test -e "/proc/$before/exe"	# a zombie has none
	is "$(belong "$RUN" | while read -r p; do readlink /proc/$p/exe; done |
		grep -c /export-api)" "$((${HANDLERS:-4} + 1))" \
		"as many handlers as configured, and the probe"
fi
kill -KILL $(belong "$RUN")
ok "up after kill -9 of everything" stack up "${SERVICES[@]}"
ok "use after kill -9 of everything" usable

ok "down of one service" stack down rabbit
no "status sees that it is down" stack status rabbit
ok "the others keep running" stack status mongo s3
ok "up of one service" stack up rabbit
ok "use after that" usable

cp "$RUN/s3.pid" "$T/s3.pid"
printf '%s\n' $$ >"$RUN/s3.pid"
no "a pid file that names somebody else's process is not believed" stack status s3
cp "$T/s3.pid" "$RUN/s3.pid"

ok "down" stack down
is "$(belong "$RUN")" "" "down leaves no process"
ok "down a second time" stack down
no "status after down" stack status
ok "the other stack still runs" env RUN="$OUTER_RUN" scripts/stack status "${SERVICES[@]}"
ls -d /tmp/seaweedfs-*-grpc-"$((PORTS + 31))".sock >"$T/out" 2>&1
is "$?" 2 "down leaves no socket in /tmp"

no "another base port for the same folder is refused" env PORTS=$((PORTS + 1)) scripts/stack up \
	mongo
export RUN=$T/m3
at_exit "RUN=$RUN scripts/stack down >/dev/null 2>&1"
ok "MEMBERS=3" env MEMBERS=3 scripts/stack up mongo
is "$(set -a; . "$RUN/env"; /usr/bin/python3 -c '
import os, pymongo
c = pymongo.MongoClient(os.environ["MONGODB_ADMIN_URI"])
print(*sorted(m["stateStr"] for m in c.admin.command("replSetGetStatus")["members"]))')" \
	"PRIMARY SECONDARY SECONDARY" "a primary and two secondaries"
kill9 mongod-1
ok "up after kill -9 of a member" stack up mongo
ok "down of three members" stack down
is "$(belong "$RUN")" "" "and none is left"
done_testing
