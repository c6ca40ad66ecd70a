# app.sh: export-api and export-worker under supervisord, by the configuration that production uses.
# shellcheck shell=bash

# How many workers there are stands in the settings since the last up.
worker_names() { local i; for ((i = 1; i <= WORKERS; i++)); do printf 'worker-%s\n' "$i"; done; }

# One pid file for the tree of processes that is export-api: that of supervisord. So this counts handlers.
api_status()
{
	local n=0 pid

	for pid in $(all_ours); do
		[[ $(exe_of "$pid") != */export-api ]] || n=$((n + 1))
	done
	if pid=$(pid_of supervisord) && [ "$n" -gt 0 ]; then
		printf '%-14s running, %s processes under supervisord, pid %s\n' api "$n" "$pid"
	else
		printf '%-14s not running\n' api
		return 1
	fi
}

supervisorctl() { command supervisorctl -c "$TREE/scripts/supervisord.conf" "$@" 9>&-; }

supervisord_up()
{
	local user

	user=$(id -un)
	export EXPORT_RUN=$RUN EXPORT_BIN=$BIN EXPORT_CONF=$RUN/export.conf EXPORT_LOG=$RUN/log \
	    EXPORT_HANDLERS=$HANDLERS EXPORT_POOLS=$POOLS EXPORT_WORKERS=$WORKERS EXPORT_AUTOSTART=false EXPORT_API_USER=$user EXPORT_WORKER_USER=$user
	! pid_of supervisord >/dev/null || return 0
	# Where supervisord was killed, what it started lives on: it would keep the socket, or take jobs beside the new one.
	sweep 15 multiwatch export-api export-worker spawn-fcgi
	rm -f "$RUN"/worker-*.pid "$RUN/supervisor.sock"
	launch supervisord "$RUN" supervisord -n -s -c "$TREE/scripts/supervisord.conf"
	wait_for supervisord 30 supervisorctl pid
}

# Through supervisord's own interface, without the seconds that supervisorctl waits to be sure.
start_program()
{
	"$PYTHON" - "$RUN/supervisor.sock" "$1" 9>&- <<'END'
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
rpc = xmlrpc.client.ServerProxy("http://127.0.0.1", SupervisorTransport(serverurl="unix://" + sys.argv[1])).supervisor
for p in rpc.getAllProcessInfo():
    if p["group"] == sys.argv[2] and p["statename"] not in ("RUNNING", "STARTING"):
        try:
            rpc.startProcess("%s:%s" % (p["group"], p["name"]), False)
        except xmlrpc.client.Fault as e:
            if e.faultCode != 60:   # ALREADY_STARTED: by supervisord itself, in the meantime
                raise
END
}

api_up()
{
	local i

	supervisord_up
	start_program export-api || fail supervisord "supervisord does not start export-api"
	for ((i = 1; i <= POOLS; i++)); do
		app_wait export-api 30 api_answers "$RUN/api-$i.sock"
	done
}

worker_up()
{
	local i

	supervisord_up
	start_program export-worker || fail supervisord "supervisord does not start export-worker"
	for ((i = 1; i <= WORKERS; i++)); do
		app_wait export-worker 30 pid_of "worker-$i"
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
	REQUEST_METHOD=GET REQUEST_URI=/health DOCUMENT_URI=/health SERVER_PROTOCOL=HTTP/1.1 HTTP_HOST=localhost \
	    REQUEST_SCHEME=http timeout 5 cgi-fcgi -bind -connect "$1" </dev/null 9>&- | grep -q '^Status: 200\|"status"'
}

# Both hang on one supervisord: asked for one alone, it ends that one; for both, supervisord itself.
app_stop()
{
	if wanted api && wanted worker; then
		term supervisord
		gone supervisord 130
		sweep 15 multiwatch export-api export-worker spawn-fcgi
		rm -f "$RUN"/worker-*.pid
	elif { wanted api || wanted worker; } && pid_of supervisord >/dev/null; then
		supervisord_up
		! wanted api || supervisorctl stop export-api:* >/dev/null
		! wanted worker || supervisorctl stop export-worker:* >/dev/null
	fi
}
