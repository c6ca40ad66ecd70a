# rabbit.sh: one RabbitMQ node with an epmd of its own, so that nothing of Debian's service is touched.
# shellcheck shell=bash

rabbit_names() { printf 'epmd\nrabbitmq\n'; }

# The environment of the node and of rabbitmqctl, as env(1) arguments.
rabbit_env()
{
	local d=$RUN/rabbit

	printf '%s\n' "HOME=$d" "LC_ALL=C.UTF-8" "ERL_EPMD_PORT=$P_EPMD" ERL_EPMD_ADDRESS=127.0.0.1 \
	    "RABBITMQ_NODENAME=exports$PORTS@localhost" RABBITMQ_CONF_ENV_FILE="$d/none" \
	    "RABBITMQ_CONFIG_FILE=$d/rabbitmq.conf" "RABBITMQ_ADVANCED_CONFIG_FILE=$d/advanced.config" \
	    "RABBITMQ_ENABLED_PLUGINS_FILE=$d/enabled_plugins" "RABBITMQ_MNESIA_BASE=$d/mnesia" "RABBITMQ_LOG_BASE=$RUN/log" \
	    "RABBITMQ_LOGS=$RUN/log/rabbitmq-server.log" "RABBITMQ_DIST_PORT=$P_DIST" RABBITMQ_ALLOW_INPUT=1 \
	    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-noinput -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none" \
	    "RABBITMQ_CTL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"
}

rabbit_conf()
{
	local d=$RUN/rabbit

	cp -f "$RUN/secrets/erlang-cookie" "$d/.erlang.cookie.new"
	chmod 0400 "$d/.erlang.cookie.new"
	mv -f "$d/.erlang.cookie.new" "$d/.erlang.cookie"
	printf '[].\n' >"$d/enabled_plugins"
	printf '[].\n' >"$d/advanced.config"
	(
		umask 077
		# consumer_timeout: above the longest job, in ms; the default of 30 min would take a long export's message away.
		# disk_free_limit: small, so that a tight disk of a test machine raises no alarm.
		cat >"$d/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$P_AMQP
default_user = admin
default_pass = $(secret amqp-admin)
consumer_timeout = 86400000
heartbeat = 30
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 33554432
log.console = false
log.file.level = info
END
	)
	{
		printf '#!/bin/sh\n# rabbitmqctl for the node of this folder; written by scripts/stack.\nexec env'
		rabbit_env | sed "s/'/'\\\\''/g; s/.*/ '&'/" | tr -d '\n'
		printf ' /usr/lib/rabbitmq/bin/rabbitmqctl "$@"\n'
	} >"$RUN/rabbitmqctl.new"
	chmod 0700 "$RUN/rabbitmqctl.new"
	mv -f "$RUN/rabbitmqctl.new" "$RUN/rabbitmqctl"
}

rabbit_start()
{
	local vars

	pid_of epmd >/dev/null ||
		launch epmd "$RUN/rabbit" env ERL_EPMD_ADDRESS=127.0.0.1 epmd -port "$P_EPMD" -address 127.0.0.1
	! pid_of rabbitmq >/dev/null || return 0
	rabbit_conf
	for _ in {1..50}; do
		! epmd_answers || break
		sleep 0.05
	done
	mapfile -t vars < <(rabbit_env)
	launch rabbitmq "$RUN/rabbit" env "${vars[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server
}

rabbit_wait()
{
	wait_for epmd 10 epmd_answers
	wait_for rabbitmq 120 amqp_answers
	# After the end of an epmd the node tells the next one its name, within seconds.
	wait_for rabbitmq 60 rabbit_named
}

# Connection.Start, a method frame on channel 0, follows the protocol header.
amqp_answers()
{
	local answer

	answer=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "AMQP\0\0\11\1" >&3 &&
	    head -c 3 <&3 | od -An -tx1' _ "$P_AMQP") && [ "$answer" = ' 01 00 00' ]
}

epmd_answers() { ERL_EPMD_PORT=$P_EPMD epmd -names >/dev/null 2>&1; }
rabbit_named() { ERL_EPMD_PORT=$P_EPMD epmd -names 2>/dev/null | grep -q "^name exports$PORTS at port $P_DIST\$"; }
rabbit_term() { term rabbitmq; }

rabbit_gone()
{
	gone rabbitmq 30
	term epmd
	gone epmd 5
}
