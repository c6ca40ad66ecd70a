# s3.sh: SeaweedFS, one process: master, volume server, filer and S3 gateway. Each port is given: by
# default they are fixed.
# shellcheck shell=bash

s3_names() { printf '%ss3\n' "$(at s3 1)"; }

# The services get exactly their policy; actions such as "Write" would let the worker delete too.
# EXPORTREMOVER is the worker's key for s3_delete = yes.
s3_conf()
{
	(
		umask 077
		"$PYTHON" - "$RUN" "$TREE/scripts" >"$RUN/s3.json" <<'END'
import json, sys
run, scripts = sys.argv[1:]

def secret(name):
    return open("%s/secrets/%s" % (run, name)).read().strip()

def policy(name):
    return json.dumps(json.load(open("%s/s3-policy-%s.json" % (scripts, name))))

def identity(name, key, secret_name, **rights):
    credentials = {"accessKey": key, "secretKey": secret(secret_name)}
    return dict({"name": name, "credentials": [credentials]}, **rights)

print(json.dumps({
    "identities": [
        identity("admin", secret("s3-admin-key"), "s3-admin",
                 actions=["Admin", "Read", "Write", "List", "Tagging"]),
        identity("export-api", "EXPORTAPI", "api-s3", policyNames=["export-api"]),
        identity("export-worker", "EXPORTWORKER", "worker-s3", policyNames=["export-worker"]),
        identity("export-remover", "EXPORTREMOVER", "worker-s3",
                 policyNames=["export-worker-delete"]),
    ],
    "policies": [{"name": "export-" + name, "content": policy(name)}
                 for name in ("api", "worker", "worker-delete")],
}, indent=1))
END
	)
}

s3_start()
{
	local tls=() address cert

	! pid_of "$(s3_names)" >/dev/null || return 0
	address=$(host_address s3 1)
	cert=$(cert s3 1)
	[ -z "$TLS" ] || tls=(-s3.cert.file="$cert.crt" -s3.key.file="$cert.key")
	s3_conf
	s3_unlink
	launch "$(s3_names)" "$RUN/s3" "$SERVERS/weed" -logtostderr=true -v=0 server \
		-dir="$RUN/s3" -ip="$address" -ip.bind="$address" \
	    -master.port="$P_MASTER" -master.port.grpc=$((PORTS + 31)) -master.telemetry=false \
	    -master.electionTimeout=1s \
	    -master.volumeSizeLimitMB=256 \
	    -volume.port="$P_VOLUME" -volume.port.grpc=$((PORTS + 32)) -volume.max=100 \
	    -volume.preStopSeconds=0 \
	    -volume.minFreeSpace=100MiB \
	    -filer -filer.port="$P_FILER" -filer.port.grpc=$((PORTS + 33)) \
	    -filer.localSocket="$RUN/s3-filer.sock" \
	    -s3 -s3.port="$P_S3" -s3.port.grpc=$((PORTS + 34)) -s3.port.iceberg=0 -s3.port.lance=0 \
	    -s3.localSocket="$RUN/s3-s3.sock" \
	    -s3.config="$RUN/s3.json" -s3.iam=false -s3.autoCreateBucket=false "${tls[@]}"
}

s3_wait() { wait_for "$(s3_names)" 90 s3_answers; }

# The gateway refuses us, and there is a volume to write to: the first write of a test must not be
# the one that waits.
s3_answers()
{
	local address
	address=$(host_address s3 1)
	[ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' ${TLS:+--cacert "$TLS/ca.crt"} \
		"http${TLS:+s}://$address:$P_S3/")" = 403 ] &&
	    curl -sf -m 10 "http://$address:$P_MASTER/dir/assign?collection=$BUCKET" |
	    grep -q '"fid"'
}

s3_term() { term "$(s3_names)"; }

# When it is to end, the filer waits 15 s for its own S3 gateway to hang up. All is written by
# then; kill it after 2 s.
s3_gone()
{
	gone "$(s3_names)" 2 quietly
	s3_unlink
}

# weed puts its inner sockets in /tmp, whatever its options, and leaves some.
s3_unlink()
{
	rm -f "$RUN"/s3-*.sock "/tmp/seaweedfs-master-grpc-$((PORTS + 31)).sock" \
		"/tmp/seaweedfs-volume-grpc-$((PORTS + 32)).sock" \
		"/tmp/seaweedfs-filer-grpc-$((PORTS + 33)).sock" \
		"/tmp/seaweedfs-s3-grpc-$((PORTS + 34)).sock"
}
