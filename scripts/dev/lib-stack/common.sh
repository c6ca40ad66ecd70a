# common.sh: what every service of scripts/stack needs: folders, secrets, start, wait, stop.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154,SC2015,SC1091

RUN=$(realpath -m "${RUN:-run}")
BIN=$(realpath -m "${BIN:-$TREE/build}")
SERVERS=$(realpath -m "${SERVERS:-$TREE/build/servers/bin}")
HANDLERS=${HANDLERS:-4}
# Where the servers run: all on this machine's loopback, or (HOSTS=yes, see hosts.sh) on hosts of
# their own. The folder keeps it.
HOSTS=${HOSTS:-$(sed -n 's/^HOSTS=//p' "$RUN/settings" 2>/dev/null || :)}
WORKERS=${WORKERS:-${HOSTS:+2}}
WORKERS=${WORKERS:-1}
POOLS=${POOLS:-1}
S3_PROXY=${S3_PROXY:-}
RETRY_TTL_MS=${RETRY_TTL_MS:-30000}
MONGO_CACHE_GB=${MONGO_CACHE_GB:-0.5}
MONGO_FAULTS=${MONGO_FAULTS:-}
TLS=${TLS:+$(realpath -m "$TLS")}
CONF_EXTRA=${CONF_EXTRA:-}
PYTHON=/usr/bin/python3
BUCKET=exports
# Every server that we launch carries this in its environment: so we know our own, whatever their
# pid files say.
MARK=EXPORT_STACK_RUN=$RUN

# at KIND NUMBER: where a server's pid file, log and sockets are below RUN: "", or the folder of its
# host, such as "mongo-2/". A server's name begins with it. host_address KIND NUMBER: where it
# listens. on_of AT: fills ON with the words before a command that run it there. is_at AT PID:
# whether a process runs there. places KIND: at of each host of the kind. cert KIND NUMBER: its
# certificate and key, without .crt and .key. hosts.sh has its own of each.
at() { :; }
host_address() { printf 127.0.0.1; }
on_of() { ON=(); }
is_at() { :; }
places() { printf '\n'; }
cert() { printf '%s/server' "$TLS"; }

places_of() { mapfile -t PLACES < <(places "$1"); }	# fills PLACES
on() { on_of "$1"; shift; "${ON[@]}" "$@"; }

say() { printf 'stack: %s\n' "$*"; }
now_ms() { local t=${EPOCHREALTIME/[.,]/}; printf '%s' "$((t / 1000))"; }
wanted() { case " ${SERVICES[*]} " in *" $1 "*) return 0 ;; esac; return 1; }
number() { case "$2" in ''|*[!0-9]*) die "$1=$2 is not a number" ;; esac; }

# fail NAME TEXT: the end of the log, what it is about, and out.
fail()
{
	local log=$RUN/log/$1.log

	if [ -s "$log" ]; then
		printf 'stack: the end of %s:\n' "$log" >&2
		tail -n 15 "$log" | command cut -c 1-400 | sed 's/^/    /' >&2
	fi
	die "$2; its log is $log. What was started still runs: scripts/stack down ends it"
}

default_ports() { printf 18000; }

# The folder keeps the base port and the numbers of members and nodes: they stand in its data.
settings_load()
{
	local keep_ports='' keep_members='' keep_rabbits='' other

	if [ -f "$RUN/settings" ]; then
		keep_ports=$(sed -n 's/^PORTS=//p' "$RUN/settings")
		keep_members=$(sed -n 's/^MEMBERS=//p' "$RUN/settings")
		keep_rabbits=$(sed -n 's/^RABBITS=//p' "$RUN/settings")
		keep_rabbits=${keep_rabbits:-1}
	fi
	if [ "$verb" = up ] && [ -n "$keep_ports" ]; then
		other="choose another RUN, or remove it (scripts/stack down first)"
		[ "$HOSTS" = "$(sed -n 's/^HOSTS=//p' "$RUN/settings")" ] ||
			die "$RUN belongs to a stack without hosts; $other"
		[ "${PORTS:-$keep_ports}" = "$keep_ports" ] ||
			die "$RUN belongs to PORTS=$keep_ports; $other"
		[ "${MEMBERS:-$keep_members}" = "$keep_members" ] ||
			die "$RUN belongs to MEMBERS=$keep_members; $other"
		[ "${RABBITS:-$keep_rabbits}" = "$keep_rabbits" ] ||
			die "$RUN belongs to RABBITS=$keep_rabbits; $other"
	fi
	if [ "$verb" != up ] && [ -f "$RUN/settings" ]; then
		WORKERS=$(sed -n 's/^WORKERS=//p' "$RUN/settings")
		POOLS=$(sed -n 's/^POOLS=//p' "$RUN/settings")
		POOLS=${POOLS:-1}
	fi
	PORTS=${keep_ports:-${PORTS:-$(default_ports)}}
	MEMBERS=${keep_members:-${MEMBERS:-1}}
	RABBITS=${keep_rabbits:-${RABBITS:-1}}
	number PORTS "$PORTS"
	number MEMBERS "$MEMBERS"
	number RABBITS "$RABBITS"
	[ "$PORTS" -ge 1024 ] && [ "$PORTS" -le 65500 ] ||
		die "PORTS=$PORTS is not between 1024 and 65500"
	[ "$MEMBERS" = 1 ] || [ "$MEMBERS" = 3 ] ||
		die "MEMBERS=$MEMBERS: the replica set has 1 or 3"
	[ "$RABBITS" = 1 ] || [ "$RABBITS" = 3 ] || die "RABBITS=$RABBITS: the cluster has 1 or 3"
	NET=xp$(((PORTS - 10000) / 40))		# with hosts
	P_NGINX=$PORTS P_MONGO=$((PORTS + 1)) P_EPMD=$((PORTS + 12))
	P_AMQP=("" $((PORTS + 10)) $((PORTS + 13)) $((PORTS + 15)))	# by the number of the node
	P_DIST=("" $((PORTS + 11)) $((PORTS + 14)) $((PORTS + 16)))
	P_S3=$((PORTS + 20)) P_MASTER=$((PORTS + 21)) P_VOLUME=$((PORTS + 22)) \
		P_FILER=$((PORTS + 23))
}

settings_keep()
{
	printf 'PORTS=%s\nMEMBERS=%s\nRABBITS=%s\nPOOLS=%s\nWORKERS=%s\n%s' \
	    "$PORTS" "$MEMBERS" "$RABBITS" "$POOLS" "$WORKERS" "${HOSTS:+HOSTS=$HOSTS
}" >"$RUN/settings"
}

prepare()
{
	local file

	number HANDLERS "$HANDLERS"
	number WORKERS "$WORKERS"
	number POOLS "$POOLS"
	[ "$POOLS" -ge 1 ] && [ "$POOLS" -le 4 ] || die "POOLS=$POOLS is not between 1 and 4"
	[ -z "$S3_PROXY" ] || number S3_PROXY "$S3_PROXY"
	number RETRY_TTL_MS "$RETRY_TTL_MS"
	[ -z "$HOSTS" ] || net_may
	settings_load
	case "$RUN" in
	*[!A-Za-z0-9._/+@-]*)	die \
		"RUN=$RUN: only letters, digits and . _ / + @ - work in this path" ;;
	esac
	# A unix socket's path has room for 107 bytes.
	[ "${#RUN}" -le 85 ] || die "RUN=$RUN is too long for the sockets in it; 85 bytes at most"
	case "$TLS" in
	*[!A-Za-z0-9._/+@-]*)	die \
		"TLS=$TLS: only letters, digits and . _ / + @ - work in this path" ;;
	esac
	[ -z "$TLS" ] || [ -n "$HOSTS" ] || for file in ca.crt server.crt server.key; do
		[ -r "$TLS/$file" ] || die "TLS=$TLS: there is no $file that can be read"
	done
	[ -z "$CONF_EXTRA" ] || [ -r "$CONF_EXTRA" ] || die "CONF_EXTRA=$CONF_EXTRA cannot be read"
	if wanted mongo && [ ! -x "$SERVERS/mongod" ] || wanted s3 && [ ! -x "$SERVERS/weed" ]; then
		die "mongod and weed are not in $SERVERS; run scripts/deps"
	fi
	if { wanted api || wanted worker; } && { [ ! -x "$BIN/export-api" ] ||
		[ ! -x "$BIN/export-worker" ]; }; then
		die "export-api and export-worker are not in $BIN; run make"
	fi
	(umask 077; mkdir -p "$RUN")
	mkdir -p "$RUN"/{log,secrets,mongo,rabbit,s3,tmp}
	chmod 700 "$RUN/secrets"
}

# Made once; each in a file of its own that only its owner reads.
secrets_make()
{
	local name file

	for name in mongodb-admin api-mongodb worker-mongodb amqp-admin api-amqp worker-amqp \
	    s3-admin s3-admin-key api-s3 worker-s3 mongodb-keyfile erlang-cookie ${HOSTS:+owners};
	    do
		file=$RUN/secrets/$name
		[ ! -s "$file" ] || continue
		case "$name" in
		s3-admin-key)	openssl rand -hex 10 | tr -d '\n' | tr a-f A-F ;;
		mongodb-keyfile) openssl rand -base64 96 ;;
		*)		openssl rand -hex 20 | tr -d '\n' ;;
		esac >"$file.new"
		chmod 0400 "$file.new"
		mv -f "$file.new" "$file"
	done
}

secret() { cat "$RUN/secrets/$1"; }

mongo_hosts()
{
	local i hosts=

	for ((i = 1; i <= MEMBERS; i++)); do
		hosts+=,$(host_address mongo "$i"):$((P_MONGO + i - 1))
	done
	printf '%s' "${hosts#,}"
}

# All nodes where the services know the list, else the first.
amqp_hosts()
{
	local i hosts=

	for ((i = 1; i <= RABBITS; i++)); do
		hosts+=,$(host_address rabbit "$i"):${P_AMQP[i]}
	done
	printf '%s' "${hosts#,}"
}

# RUN/export.conf: what differs from the defaults; a key of CONF_EXTRA replaces ours, since a
# doubled key is an error.
conf_write()
{
	cat >"$RUN/tmp/conf" <<END
mongodb_uri = mongodb://$(mongo_hosts)/?replicaSet=exports${TLS:+&tls=true}
amqp_uri = amqp${TLS:+s}://$(amqp_hosts)/exports
s3_endpoint = http${TLS:+s}://$(host_address s3 1):${S3_PROXY:-$P_S3}
s3_public_endpoint = http${TLS:+s}://$(host_address s3 1):$P_S3
s3_bucket = $BUCKET
api_mongodb_user = export_api
api_mongodb_password_file = $RUN/secrets/api-mongodb
api_amqp_user = api
api_amqp_password_file = $RUN/secrets/api-amqp
api_s3_access_key = EXPORTAPI
api_s3_secret_file = $RUN/secrets/api-s3
$([ -n "$HOSTS" ] || printf 'api_counters_file = %s/api.counters' "$RUN")
worker_mongodb_user = export_worker
worker_mongodb_password_file = $RUN/secrets/worker-mongodb
worker_amqp_user = worker
worker_amqp_password_file = $RUN/secrets/worker-amqp
worker_s3_access_key = EXPORTWORKER
worker_s3_secret_file = $RUN/secrets/worker-s3
grace_ms = 10000
catalogue_s = 60
${TLS:+tls_ca_file = $TLS/ca.crt}
END
	{
		printf '# %s %s\n' 'Written by scripts/stack at each start.' \
			'CONF_EXTRA=FILE adds lines and replaces these.'
		if [ -n "$CONF_EXTRA" ]; then
			awk -F= '{ key = $1; gsub(/[ \t]/, "", key) }
			    NR == FNR { if (key !~ /^#/ && NF > 1) extra[key] = 1; next }
			    !(key in extra)' "$CONF_EXTRA" "$RUN/tmp/conf"
			cat "$CONF_EXTRA"
		else
			cat "$RUN/tmp/conf"
		fi
	} >"$RUN/export.conf"
}

# RUN/env: export NAME='value' lines; no value holds a quotation mark.
env_write()
{
	local i n=0 place options

	(
		umask 077
		{
			places_of api
			for ((i = 1; i <= ${#PLACES[@]}; i++)); do
				pair "EXPORT_URL$(suffix "$i")" \
					"http${HOSTS:+s}://$(host_address api "$i"):$P_NGINX"
			done
			# Who may ask; without hosts nginx believes any name.
			[ -z "$HOSTS" ] ||
				{ pair EXPORT_USER owner-0; pair EXPORT_PASSWORD_FILE \
				"$RUN/secrets/owners"; }
			options="replicaSet=exports&authSource=admin"
			options+=${TLS:+"&tls=true&tlsCAFile=$TLS/ca.crt"}
			pair MONGODB_ADMIN_URI \
				"mongodb://admin:$(secret mongodb-admin)@$(mongo_hosts)/?$options"
			for ((i = 1; i <= RABBITS; i++)); do
				pair "AMQP_ADMIN_URI$(suffix "$i")" \
					"amqp${TLS:+s}://admin:$(secret amqp-admin)@$(host_address \
					rabbit "$i"):${P_AMQP[i]}/exports"
			done
			pair S3_ENDPOINT "http${TLS:+s}://$(host_address s3 1):$P_S3"
			pair S3_BUCKET "$BUCKET"
			pair S3_ADMIN_KEY "$(secret s3-admin-key)"
			pair S3_ADMIN_SECRET "$(secret s3-admin)"
			for ((i = 1; i <= RABBITS; i++)); do
				pair "RABBITMQCTL$(suffix "$i")" "$RUN/rabbitmqctl$(dash "$i")"
			done
			pair RETRY_TTL_MS "$RETRY_TTL_MS"
			pair EXPORT_CONF "$RUN/export.conf"
			pair EXPORT_RUN "$RUN"
			pair EXPORT_PORTS "$PORTS"
			pidfiles WORKER worker_names
			pidfiles MONGOD mongo_names
			pidfiles RABBITMQ rabbit_nodes
			# Nobody but supervisord has the pid of a pool; its socket names it.
			for place in "${PLACES[@]}"; do
				for ((i = 1; i <= POOLS; i++)); do
					n=$((n + 1))
					pair "API_SOCKET$(suffix "$n")" \
						"$RUN/${place}web/api-$i.sock"
				done
			done
			n=0
			for place in "${PLACES[@]}"; do
				n=$((n + 1))
				pair "PROBE_SOCKET$(suffix "$n")" "$RUN/${place}web/probe.sock"
			done
			pidfiles EPMD rabbit_epmds
			pidfiles S3 s3_names
			# For scripts/provision, scripts/exportctl and tests; the services have
			# tls_ca_file.
			[ -z "$TLS" ] ||
				for i in AWS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE; do pair "$i" \
				"$TLS/ca.crt"; done
			pidfiles NGINX nginx_names
			pidfiles SUPERVISORD app_names
		} >"$RUN/env.new"
	)
	mv -f "$RUN/env.new" "$RUN/env"
}

# pidfiles NAME COMMAND: a variable for each server that the command names.
pidfiles()
{
	local i=0 name

	for name in $("$2"); do
		i=$((i + 1))
		pair "$1_PIDFILE$(suffix "$i")" "$RUN/$name.pid"
	done
}

pair() { printf "export %s='%s'\n" "$1" "$2"; }
suffix() { [ "$1" = 1 ] || printf '_%s' "$1"; }
dash() { [ "$1" = 1 ] || printf -- '-%s' "$1"; }

# with_env COMMAND...: with what RUN/env says exported.
with_env() { (set -a; . "$RUN/env"; exec "$@" 9>&-); }

# exe_of PID: prints its program. Our own two let nobody but root look (they hold secrets); their
# command line says it too.
exe_of()
{
	local words=()

	readlink "/proc/$1/exe" && return 0
	{ mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null || :
	case "${words[0]-}" in
	*/export-api|*/export-worker)	printf '%s\n' "${words[0]}" ;;
	*)				return 1 ;;
	esac
}

# ours PID: did this stack start it? nginx overwrites its environment; it is known by the folder it
# was started in, and our own two, whose environment only root can read, by their configuration.
ours()
{
	grep -qszxF "$MARK" "/proc/$1/environ" && return 0
	case "$(exe_of "$1")" in
	*/export-api|*/export-worker)	grep -qszxF "$RUN/export.conf" "/proc/$1/cmdline" &&
		return 0 ;;
	esac
	[[ $(readlink "/proc/$1/exe") == */nginx* ]] &&
		[[ $(readlink "/proc/$1/cwd") == "$RUN"/@(nginx|*/nginx) ]]
}

# pid_of NAME: prints the pid of the running server of that pid file; 1 if none runs, whoever has
# its pid now.
pid_of()
{
	local pid='' program

	case "${1##*/}" in
	mongod-*)	program=mongod ;;
	rabbitmq*)	program=beam.smp ;;
	s3)		program=weed ;;
	supervisord)	program=python3 ;;
	worker-*)	program=export-worker ;;
	*)		program=${1##*/} ;;
	esac
	{ read -r pid <"$RUN/$1.pid"; } 2>/dev/null || [ -n "$pid" ] || return 1
	case "$pid" in ''|*[!0-9]*) return 1 ;; esac
	[[ $(exe_of "$pid") == */"$program"* ]] || return 1
	ours "$pid" || return 1
	printf '%s' "$pid"
}

# A login's soft limit of 1,024 open files is too few for mongod: it ends itself at some hundred
# collections. No more than it may need, for Erlang takes memory for each.
raise_files()
{
	local hard
	hard=$(ulimit -Hn)
	[ "$hard" != unlimited ] && [ "$hard" -le 65536 ] || hard=65536
	ulimit -Sn "$hard"
}

# launch NAME FOLDER COMMAND...: in the background, in a session of its own, on its host, output to
# the log, pid to the pid file.
launch()
{
	local name=$1 folder=$2

	shift 2
	mkdir -p "$(dirname "$RUN/$name")" "$(dirname "$RUN/log/$name")"
	on_of "${name%"${name##*/}"}"
	# The mark first: whatever the process is just becoming, it is known as ours.
	(cd "$folder" && raise_files && exec env "$MARK" "${ON[@]}" setsid "$@") </dev/null \
		>>"$RUN/log/$name.log" 2>&1 9>&- &
	printf '%s\n' $! >"$RUN/$name.pid"
}

# runs_at_all NAME: the process of its pid file is there, whatever it is just becoming (a shell,
# env, setsid, the server). A process that has ended and was not waited for has no command line;
# nor, for a moment, has one in the middle of an exec.
runs_at_all()
{
	local pid='' line=

	{ read -r pid <"$RUN/$1.pid"; } 2>/dev/null || [ -n "$pid" ] || return 1
	{ read -r -d '' line <"/proc/$pid/cmdline"; } 2>/dev/null || :
	[ -n "$line" ]
}

# wait_for NAME SECONDS COMMAND...: until the command succeeds; the end when the server dies or time
# is up.
wait_for()
{
	local name=$1 seconds=$2 end missing=0

	shift 2
	end=$(($(now_ms) + seconds * 1000))
	until "$@" >/dev/null 2>&1 9>&-; do
		# Seen once gone it may be in the middle of an exec; the command is asked again in
		# between.
		if runs_at_all "$name"; then
			missing=0
		else
			missing=$((missing + 1))
			sleep 0.5
		fi
		[ "$missing" -lt 6 ] || fail "$name" "$name ended while it was starting"
		[ "$(now_ms)" -lt "$end" ] || fail "$name" "$name does not answer within $seconds s"
		sleep 0.1
	done
}

# Pids of all that this stack launched, and of their children.
all_ours()
{
	local file pid

	for file in $(grep -lszxF "$MARK" /proc/[0-9]*/environ); do
		file=${file#/proc/}
		printf '%s\n' "${file%/environ}"
	done
	for pid in $(pgrep -x nginx; pgrep -x export-api; pgrep -x export-worker); do
		grep -qszxF "$MARK" "/proc/$pid/environ" || ! ours "$pid" || printf '%s\n' "$pid"
	done
}

# term NAME: asks it to end.
term()
{
	local pid

	! pid=$(pid_of "$1") || kill -TERM "$pid" 2>/dev/null || :
}

# gone NAME SECONDS [quietly]: waits for its end; after the deadline kills it.
gone()
{
	local name=$1 end pid

	end=$(($(now_ms) + $2 * 1000))
	while pid=$(pid_of "$name"); do
		if [ "$(now_ms)" -ge "$end" ]; then
			[ "${3-}" = quietly ] ||
				say "$name (pid $pid) did not end within $2 s; killing it"
			kill -KILL "$pid" 2>/dev/null || :
			end=$((end + 5000))
		fi
		sleep 0.05
	done
	rm -f "$RUN/$name.pid"
}

# sweep AT SECONDS [EXE...]: ends every process of this stack (on this host, where one is named), or
# those that run one of the programs.
sweep()
{
	local at=$1 end exe left pid signal=TERM

	end=$(($(now_ms) + $2 * 1000))
	shift 2
	while :; do
		left=()
		for pid in $(all_ours); do
			exe=$(exe_of "$pid") || continue
			is_at "$at" "$pid" || continue
			[ $# = 0 ] || [[ " $* " == *" ${exe##*/} "* ]] || continue
			left+=("$pid")
		done
		[ "${#left[@]}" != 0 ] || return 0
		[ "$(now_ms)" -lt "$end" ] || signal=KILL
		[ -z "$signal" ] || kill -"$signal" "${left[@]}" 2>/dev/null || :
		[ "$signal" = KILL ] || signal=
		sleep 0.1
	done
}
