# mongo.sh: a replica set `exports` of MEMBERS mongods, with a key file, authorization and one admin
# user.
# shellcheck shell=bash

mongo_names()
{
	local i

	for ((i = 1; i <= MEMBERS; i++)); do
		printf '%smongod-%s\n' "$(at mongo "$i")" "$i"
	done
}

mongo_start()
{
	local i name tls=()

	for ((i = 1; i <= MEMBERS; i++)); do
		name=$(at mongo "$i")mongod-$i
		! pid_of "$name" >/dev/null || continue
		mkdir -p "$RUN/mongo/$i"
		[ -z "$TLS" ] || {
			(umask 077; cat "$(cert mongo "$i")".{crt,key} \
				>"$RUN/secrets/mongodb-tls-$i")
			tls=(--tlsMode requireTLS --tlsCertificateKeyFile \
				"$RUN/secrets/mongodb-tls-$i" --tlsCAFile "$TLS/ca.crt"
			    --tlsAllowConnectionsWithoutCertificates --setParameter \
			    	suppressNoTLSPeerCertificateWarning=true)
		}
		# Quiesce mode would hold each stop for 15 s.
		launch "$name" "$RUN/mongo" "$SERVERS/mongod" --replSet exports --keyFile \
			"$RUN/secrets/mongodb-keyfile" --auth \
			--bind_ip "127.0.0.1${HOSTS:+,$(host_address mongo "$i")}" --port \
			$((P_MONGO + i - 1)) --nounixsocket --dbpath "$RUN/mongo/$i" \
			--wiredTigerCacheSizeGB "$MONGO_CACHE_GB" --oplogSize 1024 \
			--setParameter shutdownTimeoutMillisForSignaledShutdown=100 \
			${MONGO_FAULTS:+--setParameter enableTestCommands=1} "${tls[@]}"
	done
}

mongo_wait()
{
	local i

	for ((i = 1; i <= MEMBERS; i++)); do
		wait_for "$(at mongo "$i")mongod-$i" 60 tcp_open "$(host_address mongo "$i")" \
			$((P_MONGO + i - 1))
	done
	on_of "$(at mongo 1)"
	with_env "${ON[@]}" "$PYTHON" "$TREE/scripts/dev/lib-stack/mongo-init" \
		"127.0.0.1:$P_MONGO" >>"$RUN/log/mongo-init.log" 2>&1 ||
		fail mongo-init "the replica set has no primary, or its admin cannot log in"
}

mongo_term() { local n; for n in $(mongo_names); do term "$n"; done; }
mongo_gone() { local n; for n in $(mongo_names); do gone "$n" 30; done; }
tcp_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }	# ADDRESS PORT
