#!/bin/bash
# The Debian package: is built, has no fault that lintian finds, and is installed, configured, used,
# upgraded, removed and purged in a root of its own: an overlay over this machine's, in a mount and
# a process namespace that end with the test, so that this machine's package database sees nothing.
# By itself the short form, without servers; DEB_FULL=1 (make check-deb) runs what is installed
# against real ones, with a job that is in the middle when the package is upgraded.
. "$(dirname "$0")/lib.sh"
case "$B" in
*san*) skip_all "a build with sanitizers is not packaged" ;;
esac
[ "${DEB_FULL-}" != 1 ] || stack_test "mongo rabbit s3 provision" "$@"
for program in dpkg-buildpackage dh lintian fakeroot supervisord nginx spawn-fcgi multiwatch; do
	PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
		lacking "$program; run scripts/deps"
done
git rev-parse -q --verify HEAD >/dev/null ||
	skip_all "no clone with git, whose files the package is made of"

# -- built and looked at
ok "scripts/dev/deb" scripts/dev/deb --version 1.0 || done_testing
deb=$(tail -n 1 "$T/.out")
cp "$deb" "$T/one.deb"
at_exit 'rm -f build/deb/telemetry-export_1.0_*'
# lintian's own complaint of being run by root goes to its standard error.
# It does not remove its temporary files.
TMPDIR=$T lintian --fail-on error,warning "$T/one.deb" >"$T/lintian" 2>"$T/lintian.err"
rc=$?
is "$rc:$(cat "$T/lintian")" "0:" "lintian finds neither error nor warning" ||
	diag "$(cat "$T/lintian.err")"
dpkg-deb -R "$T/one.deb" "$T/unpacked"
is "$(cat "$T/unpacked/DEBIAN/conffiles")" "/etc/export/export.conf
/etc/export/supervisor.conf
/etc/logrotate.d/telemetry-export" "what is configuration"
like "$(dpkg-deb -f "$T/one.deb" Depends)" \
	'libmongoc.*, nginx, spawn-fcgi, multiwatch, supervisor, python3' \
	"what it depends on"
programs() { sed -n '/^\[\(program\|eventlistener\):/,$p' "$1" | grep -v '^;' | grep -c =; }
is "$(grep -v '_backups = ' scripts/supervisord.conf >"$T/source" && programs "$T/source")" \
	"$(programs "$T/unpacked/etc/export/supervisor.conf")" \
    "supervisor's file has the programs' settings of scripts/supervisord.conf, all"
no "no setting waits for an environment" grep -q 'ENV_\|(here)' \
	"$T/unpacked/etc/export/supervisor.conf"
is "$(grep -rlF -e "$PWD" "$T/unpacked")" "" "no file names the folder it was built in"
ok "the maintainer's scripts are sh" bash -c 'for s in preinst postinst prerm postrm; do
	[ ! -e "$1/$s" ] || sh -n "$1/$s" || exit 1; done' - "$T/unpacked/DEBIAN"
# The next version: the same files.
sed -i 's/^Version: .*/Version: 1.1/' "$T/unpacked/DEBIAN/control"
dpkg-deb -b "$T/unpacked" "$T/two.deb" >/dev/null
rm -rf "$T/unpacked"

# -- a root of its own
if [ "$(id -u)" != 0 ] || ! unshare -m -p -f true 2>/dev/null; then
	skip "installation" "needs root, and namespaces"
	done_testing
fi
status=$(sha256sum /var/lib/dpkg/status)
mkdir "$T/over" "$T/root"
cat >"$T/init" <<'END'
T=$1
mount -t tmpfs -o size=4G,mode=0755 tmpfs "$T/over" && mkdir "$T/over/upper" "$T/over/work" &&
    mount -t overlay -o "lowerdir=/,upperdir=$T/over/upper,workdir=$T/over/work" \
	overlay "$T/root" &&
    mount -t proc proc "$T/root/proc" && mount --rbind /dev "$T/root/dev" &&
    mount -t tmpfs tmpfs "$T/root/run" &&
    mount -t tmpfs -o mode=1777 tmpfs "$T/root/tmp" && mount --bind "$T" "$T/root/mnt" || exit 1
# A machine of its own has other programs under no supervisor, nginx on no port, and no index of man
# pages to keep.
rm -f "$T"/root/etc/nginx/sites-enabled/* "$T"/root/etc/nginx/conf.d/* \
    "$T"/root/etc/supervisor/conf.d/* "$T/root/var/lib/man-db/auto-update"
: >"$T/ready"
while :; do
	sleep 60 &
	wait $!
done
END
unshare --mount --propagation private --pid --fork --kill-child=KILL bash "$T/init" "$T" \
	>"$T/init.log" 2>&1 &
UNSHARE=$!
at_exit 'kill -KILL "$UNSHARE"; wait "$UNSHARE" 2>/dev/null'
until_ok 30 test -e "$T/ready" ||
	{ diag "$(cat "$T/init.log")"; ok "an overlay over this machine's root" false;
	done_testing; }
INIT=$(pgrep -P "$UNSHARE")
# in COMMAND...: in that root.
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
	LC_ALL=C.UTF-8 ${URL:+EXPORT_URL="$URL"} nsenter -t "$INIT" -m -p -r -- chroot "$T/root" \
	"$@"; }
# What is in the upper layer is what has changed. Only files; a removed one is a device there.
changed()
{
	nsenter -t "$INIT" -m -r -- \
		find "$T/over/upper" -type f -printf '/%P\n' -o -type l -printf \
		'/%P\n' |
	    grep -vE -e '^/(var/lib/dpkg|var/cache)' \
	    -e '^/var/log/(dpkg|alternatives|apt|nginx|supervisor)' \
	    -e '^/(var/lib/(nginx|systemd)|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$)' \
	    -e '^/etc/(\.pwd\.lock$|ld.so.cache$)' | sort
}
changed >"$T/before"

in_root dpkg -i /mnt/one.deb >"$T/installed" 2>&1
is "$?" 0 "dpkg -i" || diag "$(cat "$T/installed")"
steps='does not run yet.*There is none yet in: /etc/export/api-mongodb .*worker-s3 '
steps+='.*dpkg-reconfigure telemetry-export'
like "$(cat "$T/installed")" "$steps" "says what is left to do"
no "starts nothing" in_root pgrep -x 'supervisord|nginx|multiwatch|export-api|export-worker'
no "nor would supervisor" in_root test -e /etc/supervisor/conf.d/telemetry-export.conf
is "$(in_root stat -c '%a %U:%G %n' /etc/export /etc/export/export.conf /run/export \
	/run/export/web /run/export/worker /run/export/api.counters /var/log/export)" \
	"750 root:export /etc/export
640 root:export /etc/export/export.conf
755 root:root /run/export
2750 export-api:export-web /run/export/web
755 export-worker:export /run/export/worker
640 export-api:export /run/export/api.counters
750 root:adm /var/log/export" "who may read and write where"
for user in export-api export-worker; do
	is "$(in_root id -gn "$user"):$(in_root getent passwd "$user" | cut -d : -f 6,7)" \
		"export:/nonexistent:/usr/sbin/nologin" "user $user"
	ok "$user reads the configuration" in_root runuser -u "$user" -- head -c 1 \
		/etc/export/export.conf
done
in_root runuser -u export-worker -- export-worker >"$T/unconfigured" 2>&1
is "$?" 78 "the worker without its secrets: 78"
like "$(cat "$T/unconfigured")" '/etc/export/worker-mongodb: No such file' "naming the missing file"
ok "exportctl" in_root exportctl --help
ok "man" in_root sh -c 'zcat /usr/share/man/man5/export.conf.5.gz | mandoc -T lint -W error'
in_root supervisord -c /etc/supervisor/supervisord.conf >"$T/supervisord" 2>&1 ||
	diag "$(cat "$T/supervisord")"
ctl() { in_root supervisorctl "$@"; }
ok "supervisor runs" until_ok 60 ctl pid
is "$(ctl status)" "" "and has nothing to start"

# gone: what dpkg -r and -P leave.
removed()
{
	in_root dpkg -r telemetry-export >"$T/removed" 2>&1
	is "$?" 0 "dpkg -r" || diag "$(cat "$T/removed")"
	no "stops everything" in_root pgrep -x 'multiwatch|export-api|export-worker'
	no "nor does supervisor know it" grep -q export <(ctl status 2>&1)
	ok "configuration stays" in_root test -s /etc/export/export.conf
	in_root dpkg -P telemetry-export >"$T/removed" 2>&1
	is "$?" 0 "dpkg -P" || diag "$(cat "$T/removed")"
	ctl shutdown >/dev/null
	changed >"$T/after"
	is "$(comm -13 "$T/before" "$T/after")" "" "nothing of it is left"
	no "nor a folder" in_root sh -c 'ls -d /etc/export /var/log/export /run/export \
		/usr/share/telemetry-export 2>/dev/null | grep .'
	is "$(in_root getent passwd export-api export-worker | wc -l)" 2 "but the users"
	is "$(sha256sum /var/lib/dpkg/status)" "$status" \
		"this machine's package database has seen nothing"
}
if [ "${DEB_FULL-}" != 1 ]; then
	removed
	done_testing
fi

# -- configured, by the steps it printed
scripts/dev/generate --uri "$MONGODB_ADMIN_URI" --vehicles 2 --start 2018-11-30 --days 1 \
	>"$T/generate" 2>&1 || diag "$(cat "$T/generate")"
{
	sed "s|$EXPORT_RUN/secrets/|/etc/export/|; /^grace_ms/d" "$EXPORT_CONF"
	# So slow that a job of 109 documents lasts for some 20 s, and is given back 2 s after
	# SIGTERM. (A cursor's first batch is not counted.)
	printf 'batch_documents = 2\nread_documents_s = 4\ngrace_ms = 2000\nrenew_ms = 500\n'
} >"$T/export.conf"
in_root sh -c 'cat /mnt/export.conf >/etc/export/export.conf'
for secret in mongodb amqp s3; do
	for who in api worker; do
		in_root install -m 0400 -o "export-$who" /dev/stdin "/etc/export/$who-$secret" \
			<"$EXPORT_RUN/secrets/$who-$secret"
	done
done
for who in api worker; do
	ok "export-$who --check" in_root runuser -u "export-$who" -- "export-$who" --check
	no "does not read the other's secrets" in_root runuser -u "export-$who" -- sh -c \
		'cat /etc/export/worker-s3 && cat /etc/export/api-s3'
done
port=$((EXPORT_PORTS + 8))
in_root adduser --quiet www-data export-web
in_root sh -c \
	'cp /usr/share/telemetry-export/nginx/export-site.conf /etc/nginx/
    cp /usr/share/telemetry-export/nginx/export-upstream.conf /etc/nginx/
    ln -s /usr/share/telemetry-export/nginx/export.conf /etc/nginx/conf.d/telemetry-export.conf'
in_root sed -i "s/127.0.0.1:8080/127.0.0.1:$port/; s/127.0.0.1:8081/127.0.0.1:$((port + 1))/" \
	/etc/nginx/export-site.conf
in_root nginx >"$T/nginx" 2>&1 || diag "$(cat "$T/nginx")"
in_root dpkg-reconfigure telemetry-export >"$T/reconfigured" 2>&1
is "$?" 0 "dpkg-reconfigure" || diag "$(cat "$T/reconfigured")"
running() { [ "$(ctl status | grep -c '^export.* RUNNING ')" = 4 ]; }
ok "starts pool, probe, worker and listener" until_ok 60 running || diag "$(ctl status)"
URL=http://127.0.0.1:$port
ok "nginx reaches the pool" until_ok 60 curl -sf -m 5 "$URL/health"
ok "/ready is on its listener" curl -sf -m 5 "http://127.0.0.1:$((port + 1))/ready"
no "and not where clients are" curl -sf -m 5 "$URL/ready"
ok "and serves the description" curl -sf -m 5 "$URL/openapi.yaml"
for socket in api-1 probe; do
	is "$(in_root stat -c '%a %U:%G' "/run/export/web/$socket.sock")" \
		"660 export-api:export-web" "the socket $socket"
done
is "$(in_root ps -o user:20= -C export-api,export-worker | sort -u | xargs)" \
	"export-api export-worker" "who they run as"
like "$(in_root runuser -u nobody -- cat /run/export/supervisor.prom)" \
	'export_process_state.process="export-worker-1",state="up". 1' \
	"the state of the programs, for everybody"
no "nginx cannot read the configuration" in_root runuser -u www-data -- cat /etc/export/export.conf
no "nobody else reaches the sockets" in_root runuser -u export-worker -- ls /run/export/web

# -- an upgrade with a job in the middle
id=$(in_root exportctl create --from 2018-11-30 --to 2018-12-01)
like "$id" '^[0-9a-f]{24}$' "a job"
some() { curl -s "$URL/export/$id" |
	grep -q '"state":"STARTED".*"phase":"exporting","documents":[1-9]'; }
ok "is in the middle" until_ok 60 some
worker=$(in_root cat /run/export/worker/worker-1.pid)
handlers=$(in_root pgrep -x export-api | sort | xargs)
in_root dpkg -i /mnt/two.deb >"$T/upgraded" 2>&1
is "$?" 0 "dpkg -i of the next version" || diag "$(cat "$T/upgraded")"
like "$(in_root dpkg-query -W telemetry-export)" '1.1$' "is there"
ok "all run again" until_ok 60 running
no "the worker is another" [ "$(in_root cat /run/export/worker/worker-1.pid)" = "$worker" ]
no "and so are the handlers" [ "$(in_root pgrep -x export-api | sort | xargs)" = "$handlers" ]
ok "the job reaches FINISHED" in_root exportctl download "$id" -o /tmp/x.zip -q
is "$(in_root unzip -Z1 /tmp/x.zip | sort | xargs)" \
	"manifest.json vehicle_001.csv vehicle_002.csv" "with all that belongs to it"
ok "its end is in the log" until_ok 30 in_root grep -q "job=$id op=done" \
	/var/log/export/export-worker.log
log=$(in_root grep "job=$id" /var/log/export/export-worker.log)
is "$(grep -o 'op=[a-z_]*' <<<"$log" | xargs)" "op=claimed op=handed_back op=claimed op=done" \
	"given back by the one, done by the other"
like "$log" 'op=done attempts=1 ' "and no attempt was counted for it"
no "no program was down for good" in_root grep -q op=process_fatal /var/log/export/export-events.log

in_root nginx -s quit
in_root rm -f /etc/nginx/export-site.conf /etc/nginx/export-upstream.conf \
	/etc/nginx/conf.d/telemetry-export.conf /tmp/x.zip
until_ok 30 bash -c '! nsenter -t "$1" -p -m -r pgrep -x nginx >/dev/null' - "$INIT"
removed
done_testing
