# app.sh: export-api and export-worker under supervisord, by the configuration that production uses:
# one supervisord for both, or with hosts one on each.
# shellcheck shell=bash

# The settings keep the number of workers since the last up. A host has one.
worker_names()
{
	local i

	for ((i = 1; i <= WORKERS; i++)); do
		printf '%sworker/worker-%s\n' "$(at worker "$i")" \
			"$([ -n "$HOSTS" ] && printf 1 || printf '%s' "$i")"
	done
}
app_names() { { places api; places worker; } | sort -u | sed 's/$/supervisord/'; }

# One pid file for the tree of processes that is export-api: that of supervisord. So this counts
# handlers.
api_status()
{
	local at n pid rc=0

	places_of api
	for at in "${PLACES[@]}"; do
		n=0
		for pid in $(all_ours); do
			[[ $(exe_of "$pid") != */export-api ]] || ! is_at "$at" "$pid" ||
				n=$((n + 1))
		done
		if pid=$(pid_of "${at}supervisord") && [ "$n" -gt 0 ]; then
			printf '%-14s running, %s processes under supervisord, pid %s\n' \
				"${at}api" "$n" "$pid"
		else
			printf '%-14s not running\n' "${at}api"
			rc=1
		fi
	done
	return "$rc"
}

supervisorctl() { command supervisorctl -c "$TREE/scripts/supervisord.conf" "$@" 9>&-; }

# supervisor_env AT: what supervisord.conf needs, also for supervisorctl.
supervisor_env()
{
	local at=$1 user

	user=$(id -un)
	export EXPORT_RUN=$RUN${at:+/${at%/}} EXPORT_BIN=$BIN EXPORT_CONF=$RUN/export.conf \
		EXPORT_LOG=$RUN/log${at:+/${at%/}} \
	    EXPORT_HANDLERS=$HANDLERS EXPORT_POOLS=$POOLS EXPORT_WORKERS=$WORKERS \
	    EXPORT_AUTOSTART=false EXPORT_API_USER=$user EXPORT_WORKER_USER=$user
	[ -z "$at" ] || EXPORT_WORKERS=1
}

supervisord_up()
{
	local at=$1

	supervisor_env "$at"
	! pid_of "${at}supervisord" >/dev/null || return 0
	# Where supervisord was killed, what it started lives on: it would keep the socket, or take
	# jobs in addition to the new one.
	sweep "$at" 15 multiwatch export-api export-worker spawn-fcgi
	mkdir -p "$EXPORT_RUN/web" "$EXPORT_RUN/worker" "$EXPORT_LOG"
	rm -f "$EXPORT_RUN"/worker/*.pid "$EXPORT_RUN/supervisor.sock"
	launch "${at}supervisord" "$EXPORT_RUN" supervisord -n -s -c \
		"$TREE/scripts/supervisord.conf"
}

supervisord_wait() { supervisor_env "$1"; wait_for "${1}supervisord" 30 supervisorctl pid; }

# start_program AT PROGRAM: through supervisord's own interface, without the seconds that
# supervisorctl waits to be sure.
start_program()
{
	"$PYTHON" - "$RUN/${1}supervisor.sock" "$2" 9>&- <<'END' || fail "${1}supervisord" \
		"supervisord does not start $2"
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
transport = SupervisorTransport(serverurl="unix://" + sys.argv[1])
rpc = xmlrpc.client.ServerProxy("http://127.0.0.1", transport).supervisor
for p in rpc.getAllProcessInfo():
    if p["group"] == sys.argv[2] and p["statename"] not in ("RUNNING", "STARTING"):
        try:
            rpc.startProcess("%s:%s" % (p["group"], p["name"]), False)
        except xmlrpc.client.Fault as e:
            if e.faultCode != 60:   # ALREADY_STARTED: by supervisord itself, in the meantime
                raise
END
}

# program_up KIND: on all its hosts at once.
program_up()
{
	local at

	places_of "$1"
	for at in "${PLACES[@]}"; do
		supervisord_up "$at"
	done
	for at in "${PLACES[@]}"; do
		supervisord_wait "$at"
		start_program "$at" "export-$1"
		[ "$1" != api ] || start_program "$at" export-probe
	done
}

api_up()
{
	local at i

	program_up api
	for at in "${PLACES[@]}"; do
		for ((i = 1; i <= POOLS; i++)); do
			app_wait "${at}export-api" 30 api_answers "$RUN/${at}web/api-$i.sock"
		done
		app_wait "${at}export-api" 30 api_answers "$RUN/${at}web/probe.sock"
	done
}

worker_up()
{
	local name

	program_up worker
	for name in $(worker_names); do
		app_wait "${name%worker/*}export-worker" 30 pid_of "$name"
	done
}

app_wait()
{
	local name=$1 end

	end=$(($(now_ms) + $2 * 1000))
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || fail "$name" "$name does not answer"
		sleep 0.1
	done
}

api_answers()
{
	REQUEST_METHOD=GET REQUEST_URI=/health DOCUMENT_URI=/health SERVER_PROTOCOL=HTTP/1.1 \
		HTTP_HOST=localhost \
	    REQUEST_SCHEME=http timeout 5 cgi-fcgi -bind -connect "$1" </dev/null 9>&- |
	    grep -q '^Status: 200\|"status"'
}

# Both hang on one supervisord: asked for only one, it ends that one; for both, supervisord itself.
app_stop()
{
	local at name program

	if wanted api && wanted worker; then
		for name in $(app_names); do
			term "$name"
		done
		for name in $(app_names); do
			gone "$name" 130
			rm -f "$RUN/${name%supervisord}"worker/*.pid
		done
		sweep "" 15 multiwatch export-api export-worker spawn-fcgi
		return
	fi
	for program in api worker; do
		wanted "$program" || continue
		places_of "$program"
		for at in "${PLACES[@]}"; do
			pid_of "${at}supervisord" >/dev/null || continue
			supervisor_env "$at"
			supervisorctl stop "export-$program:*" >/dev/null
			[ "$program" != api ] || supervisorctl stop export-probe >/dev/null
		done
	done
}
