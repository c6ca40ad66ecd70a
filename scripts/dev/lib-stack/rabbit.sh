# rabbit.sh: one RabbitMQ node, or a cluster of three, with an epmd of its own, so that nothing of
# Debian's service is touched.
# shellcheck shell=bash

rabbit_name() { printf '%srabbitmq%s' "$(at rabbit "$1")" "$(dash "$1")"; }
rabbit_nodes() { local i; for ((i = 1; i <= RABBITS; i++)); do printf '%s\n' \
	"$(rabbit_name "$i")"; done; }
rabbit_epmds() { local at; places_of rabbit; for at in "${PLACES[@]}"; do printf '%sepmd\n' "$at";
done; }
rabbit_names() { rabbit_epmds; rabbit_nodes; }
rabbit_node() { printf 'exports%s%s' "$PORTS" "$(dash "$1")"; }
# Erlang knows hosts by name, or by address with long names.
rabbit_full() { printf '%s@%s' "$(rabbit_node "$1")" \
	"$([ -n "$HOSTS" ] && host_address rabbit "$1" || printf localhost)"; }

# rabbit_env NUMBER: the environment of a node and of its rabbitmqctl, as env(1) arguments.
rabbit_env()
{
	local d=$RUN/rabbit n address dist busy="+sbwt none +sbwtdcpu none +sbwtdio none"
	n=$(dash "$1")
	address=$(host_address rabbit "$1")
	# Between hosts nodes, and rabbitmqctl, speak TLS to each other, too.
	dist="-kernel inet_dist_use_interface {${address//./,}}"
	[ -z "$HOSTS" ] ||
		dist+=" -pa $(echo /usr/lib/erlang/lib/ssl-*/ebin) -proto_dist inet_tls"
	[ -z "$HOSTS" ] || dist+=" -ssl_dist_optfile $d/dist$n.config"

	printf '%s\n' "HOME=$d" "LC_ALL=C.UTF-8" "ERL_EPMD_PORT=$P_EPMD" \
		"ERL_EPMD_ADDRESS=$address" \
	    ${HOSTS:+RABBITMQ_USE_LONGNAME=true} "RABBITMQ_NODENAME=$(rabbit_full "$1")" \
	    RABBITMQ_CONF_ENV_FILE="$d/none" \
	    "RABBITMQ_CONFIG_FILE=$d/rabbitmq$n.conf" \
	    "RABBITMQ_ADVANCED_CONFIG_FILE=$d/advanced.config" \
	    "RABBITMQ_ENABLED_PLUGINS_FILE=$d/enabled_plugins" "RABBITMQ_MNESIA_BASE=$d/mnesia" \
	    "RABBITMQ_LOG_BASE=$RUN/log" \
	    "RABBITMQ_LOGS=$RUN/log/rabbitmq-server$n.log" "RABBITMQ_DIST_PORT=${P_DIST[$1]}" \
	    RABBITMQ_ALLOW_INPUT=1 \
	    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-noinput $dist +S 2:2 $busy" \
	    "RABBITMQ_CTL_ERL_ARGS=$dist"
}

# What all nodes share.
rabbit_conf()
{
	local d=$RUN/rabbit i

	cp -f "$RUN/secrets/erlang-cookie" "$d/.erlang.cookie.new"
	chmod 0400 "$d/.erlang.cookie.new"
	mv -f "$d/.erlang.cookie.new" "$d/.erlang.cookie"
	printf '[].\n' >"$d/enabled_plugins"
	printf '[].\n' >"$d/advanced.config"
	for ((i = 1; i <= RABBITS; i++)); do
		rabbit_node_conf "$i"
	done
}

rabbit_node_conf()
{
	local d=$RUN/rabbit n i
	n=$(dash "$1")

	(
		umask 077
		# consumer_timeout: above the longest job, in ms; the default of 30 min would take a
		# long export's message away. disk_free_limit: small, so that a tight disk of a test
		# machine raises no alarm.
		cat >"$d/rabbitmq$n.conf" <<END
$(rabbit_listener "$1")
default_user = admin
default_pass = $(secret amqp-admin)
consumer_timeout = 86400000
heartbeat = 30
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 33554432
log.console = false
log.file.level = info
END
		[ "$RABBITS" = 1 ] || {
			printf 'cluster_formation.peer_discovery_backend = classic_config\n'
			for ((i = 1; i <= RABBITS; i++)); do
				printf 'cluster_formation.classic_config.nodes.%s = %s\n' "$i" \
					"$(rabbit_full "$i")"
			done
		} >>"$d/rabbitmq$n.conf"
		# A node that is cut off for longer than net_ticktime sends its clients away until
		# it is back, and they go to another. net_ticktime stays at its 60 s: a cut of about
		# that length is seen by one side and not by the other, and with this RabbitMQ on
		# Erlang 25 the paused node may then wait for ever in global:sync(), until it is
		# restarted.
		[ -z "$HOSTS" ] ||
			printf 'cluster_partition_handling = pause_minority\n' \
			>>"$d/rabbitmq$n.conf"
	)
	[ -z "$HOSTS" ] || rabbit_dist "$1" >"$d/dist$n.config"
	{
		printf '#!/bin/sh\n# %s\nexec' \
			'rabbitmqctl for a node of this folder; written by scripts/stack.'
		on_of "$(at rabbit "$1")"
		{ printf '%s\n' "${ON[@]}" env | sed '/^$/d'; rabbit_env "$1"; } |
			sed "s/'/'\\\\''/g; s/.*/ '&'/" | tr -d '\n'
		printf ' /usr/lib/rabbitmq/bin/rabbitmqctl "$@"\n'
	} >"$RUN/rabbitmqctl$n.new"
	chmod 0700 "$RUN/rabbitmqctl$n.new"
	mv -f "$RUN/rabbitmqctl$n.new" "$RUN/rabbitmqctl$n"
}

# Who is a node has a certificate of our CA for its address, whether it calls or is called.
rabbit_dist()
{
	local cert tls
	cert=$(cert rabbit "$1")

	tls="{cacertfile, \"$TLS/ca.crt\"}, {certfile, \"$cert.crt\"}"
	tls+=", {keyfile, \"$cert.key\"}, {verify, verify_peer}"
	printf '[{server, [%s, {fail_if_no_peer_cert, true}]},\n {client, [%s]}].\n' "$tls" "$tls"
}

rabbit_listener()
{
	local where cert
	where=$(host_address rabbit "$1"):${P_AMQP[$1]}

	if [ -z "$TLS" ]; then
		printf 'listeners.tcp.1 = %s\n' "$where"
	else
		cert=$(cert rabbit "$1")
		printf 'listeners.tcp = none\nlisteners.ssl.1 = %s\n' "$where"
		printf 'ssl_options.%s\n' "cacertfile = $TLS/ca.crt" "certfile = $cert.crt" \
			"keyfile = $cert.key" \
		    'verify = verify_none' 'versions.1 = tlsv1.3' 'versions.2 = tlsv1.2'
	fi
}

# Once in an `up`: until its shell has become the node, pid_of does not know it, and a second one
# would fight it for its ports.
RABBIT_LAUNCHED=()
rabbit_launch()
{
	local vars name
	name=$(rabbit_name "$1")

	[ -z "${RABBIT_LAUNCHED[$1]-}" ] || return 0
	RABBIT_LAUNCHED[$1]=1
	! pid_of "$name" >/dev/null || return 0
	# One that was just killed may hold its ports for a moment yet.
	for _ in {1..100}; do
		tcp_open "$(host_address rabbit "$1")" "${P_DIST[$1]}" || break
		sleep 0.05
	done
	mapfile -t vars < <(rabbit_env "$1")
	launch "$name" "$RUN/rabbit" env "${vars[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server
}

# Whether the nodes of a new cluster find each other as they start, as from RabbitMQ 3.13 on: then
# the first waits for the others before anybody can join it.
rabbit_peers()
{
	local version
	version=$(dpkg-query -W -f '${Version}' rabbitmq-server) &&
		dpkg --compare-versions "$version" ge 3.13
}

# A cluster that has been one starts at once: each node may have to wait for another's tables. So
# does a new one of RabbitMQ 3.13 or newer; an older one begins with its first node, which the
# others join (rabbit_wait).
rabbit_start()
{
	local i=0 name address

	for name in $(rabbit_epmds); do
		i=$((i + 1))
		address=$(host_address rabbit "$i")
		pid_of "$name" >/dev/null ||
			launch "$name" "$RUN/rabbit" env "ERL_EPMD_ADDRESS=$address" epmd -port \
			"$P_EPMD" -address "$address"
	done
	rabbit_conf
	for name in $(rabbit_epmds); do
		for _ in {1..50}; do
			! epmd_answers "$name" || break
			sleep 0.05
		done
	done
	rabbit_launch 1
	[ -f "$RUN/rabbit/formed" ] || rabbit_peers || return 0
	for ((i = 2; i <= RABBITS; i++)); do
		rabbit_launch "$i"
	done
}

rabbit_wait()
{
	local i n name

	for name in $(rabbit_epmds); do
		wait_for "$name" 10 epmd_answers "$name"
	done
	for ((i = 1; i <= RABBITS; i++)); do
		name=$(rabbit_name "$i")
		# The first may have been waited for; the others join it, all at once.
		[ "$i" != 2 ] || for ((n = 2; n <= RABBITS; n++)); do
			rabbit_launch "$n"
		done
		wait_for "$name" 180 amqp_answers "$i"
		# After the end of an epmd the node tells the next one its name, within seconds.
		wait_for "$name" 60 rabbit_named "$i"
	done
	: >"$RUN/rabbit/formed"
}

# Connection.Start, a method frame on channel 0, follows the protocol header.
amqp_answers()
{
	local answer

	[ -z "$TLS" ] || { amqps_answers "$1"; return; }
	answer=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "AMQP\0\0\11\1" >&3 &&
	    head -c 3 <&3 | od -An -tx1' _ "$(host_address rabbit "$1")" "${P_AMQP[$1]}") &&
		[ "$answer" = ' 01 00 00' ]
}

amqps_answers()
{
	"$PYTHON" - "$(host_address rabbit "$1")" "${P_AMQP[$1]}" "$TLS/ca.crt" <<'END'
import socket, ssl, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
s = ssl.create_default_context(cafile=sys.argv[3]).wrap_socket(s, server_hostname=sys.argv[1])
s.sendall(b"AMQP\0\0\11\1")
sys.exit(s.recv(3) != b"\1\0\0")
END
}

epmd_answers() { on "${1%epmd}" env "ERL_EPMD_PORT=$P_EPMD" epmd -names >/dev/null 2>&1; }

rabbit_named()
{
	on "$(at rabbit "$1")" env "ERL_EPMD_PORT=$P_EPMD" epmd -names 2>/dev/null |
	    grep -q "^name $(rabbit_node "$1") at port ${P_DIST[$1]}\$"
}

rabbit_term() { local n; for n in $(rabbit_nodes); do term "$n"; done; }

rabbit_gone()
{
	local n

	for n in $(rabbit_nodes); do
		gone "$n" 30
	done
	for n in $(rabbit_epmds); do
		term "$n"
		gone "$n" 5
	done
}
