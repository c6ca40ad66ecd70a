# mongo.sh: a replica set `exports` of MEMBERS mongods, with a key file, authorization and one admin user.
# shellcheck shell=bash

mongo_names()
{
	local i

	for ((i = 1; i <= MEMBERS; i++)); do
		printf 'mongod-%s\n' "$i"
	done
}

mongo_start()
{
	local i name tls=()

	[ -z "$TLS" ] || {
		(umask 077; cat "$TLS/server.crt" "$TLS/server.key" >"$RUN/secrets/mongodb-tls")
		tls=(--tlsMode requireTLS --tlsCertificateKeyFile "$RUN/secrets/mongodb-tls" --tlsCAFile "$TLS/ca.crt"
		    --tlsAllowConnectionsWithoutCertificates --setParameter suppressNoTLSPeerCertificateWarning=true)
	}
	for ((i = 1; i <= MEMBERS; i++)); do
		name=mongod-$i
		! pid_of "$name" >/dev/null || continue
		mkdir -p "$RUN/mongo/$i"
		# Quiesce mode would hold each stop for 15 s.
		launch "$name" "$RUN/mongo" "$SERVERS/mongod" --replSet exports --keyFile "$RUN/secrets/mongodb-keyfile" --auth \
			--bind_ip 127.0.0.1 --port $((P_MONGO + i - 1)) --nounixsocket --dbpath "$RUN/mongo/$i" \
			--wiredTigerCacheSizeGB "$MONGO_CACHE_GB" --oplogSize 1024 \
			--setParameter shutdownTimeoutMillisForSignaledShutdown=100 "${tls[@]}"
	done
}

mongo_wait()
{
	local i

	for ((i = 1; i <= MEMBERS; i++)); do
		wait_for "mongod-$i" 60 tcp_open $((P_MONGO + i - 1))
	done
	with_env "$PYTHON" "$TREE/scripts/lib-stack/mongo-init" >>"$RUN/log/mongo-init.log" 2>&1 ||
		fail mongo-init "the replica set has no primary, or its admin cannot log in"
}

mongo_term() { local n; for n in $(mongo_names); do term "$n"; done; }
mongo_gone() { local n; for n in $(mongo_names); do gone "$n" 30; done; }
tcp_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
