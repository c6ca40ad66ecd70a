#!/bin/bash
# make install into a scratch DESTDIR with another PREFIX: what is there and with what modes, that
# it names no other prefix, that it runs from there; make uninstall leaves nothing.
. "$(dirname "$0")/lib.sh"
for program in export-api export-worker; do
	[ -x "$B/$program" ] || lacking "$B/$program (make builds it)"
done
case "$B" in
*san*) skip_all "a build with sanitizers is not installed" ;;
esac

D=$T/dest P=/opt/telemetry
examples=$D$P/share/telemetry-export/examples
# Also where make runs this.
unset MAKEFLAGS MFLAGS MAKELEVEL
installed() { (cd "$D" && find . -type f -printf '%m %P\n' | sort -k 2); }
is "$(make -n install DESTDIR="$D" PREFIX="$P" | grep -cE '^(cc|gcc|clang) ')" 0 \
    "nothing is compiled when it is built"
(umask 077; make -s install DESTDIR="$D" PREFIX="$P") >"$T/install" 2>&1 ||
    diag "$(cat "$T/install")"
is "$(cat "$T/install")" "" "make install"
expected()
{
	local f

	printf '%s\n' "755 sbin/export-api" "755 sbin/export-worker" "755 bin/exportctl" \
	    "644 share/man/man1/exportctl.1" "644 share/man/man5/export.conf.5" \
	    "644 share/man/man8/export-api.8" "644 share/man/man8/export-worker.8" \
	    "644 share/bash-completion/completions/exportctl" \
	    "644 share/zsh/site-functions/_exportctl" \
	    "644 share/fish/vendor_completions.d/exportctl.fish"
	printf '%s share/telemetry-export/%s\n' \
	    755 scripts/owners 755 scripts/parameters 755 scripts/provision \
	    755 scripts/supervisor-events \
	    644 scripts/s3-policy-api.json 644 scripts/s3-policy-worker.json \
	    644 scripts/s3-policy-worker-delete.json \
	    644 monitoring/alerts.yml 644 monitoring/dashboard.json \
	    644 examples/export.conf 644 examples/supervisord.conf 644 examples/logrotate
	for f in nginx/*.conf; do
		printf '644 share/telemetry-export/%s\n' "$f"
	done
	find nginx/www -type f -printf '644 share/telemetry-export/www/%P\n'
}
is "$(installed)" "$(expected | sed "s| | ${P#/}/|" | sort -k 2)" \
    "the files and their modes, nothing outside the prefix"
is "$(find "$D" -type d ! -perm 755 ! -path "$D")" "" \
    "folders that all may read, whatever the umask"
is "$(grep -rlF -e /usr/local -e "$D" -e "$PWD" "$D" --exclude=export-{api,worker})" "" \
    "no file names another prefix, the scratch folder or the tree"
no "nor has %(here)s" grep -rqF '%(here)s' "$D"
like "$(cat "$D$P/share/telemetry-export/nginx/export-site.conf")" \
    "root $P/share/telemetry-export/www;" \
    "nginx's root is rewritten"
like "$(cat "$examples/supervisord.conf")" \
    "command = $P/share/telemetry-export/scripts/supervisor-events " "supervisord's listener, too"
no "programs look for no library in their own folder" \
    bash -c 'readelf -d "$1" "$2" | grep -E "RPATH|RUNPATH"' - "$D$P"/sbin/*
# By these two a worker may finish its job within grace_ms of SIGTERM, before supervisord kills it.
grace_ms=$(sed -nE 's/^#?grace_ms = ([0-9]+)$/\1/p' "$examples/export.conf")
stop_s=$(sed -nE '/^\[program:export-worker\]/,/^\[/s/^stopwaitsecs = ([0-9]+)$/\1/p' \
    "$examples/supervisord.conf")
like "$grace_ms $stop_s" '^[0-9]+ [0-9]+$' "grace_ms and the worker's stopwaitsecs"
ok "supervisord waits longer than grace_ms" [ "$((stop_s * 1000))" -gt "$grace_ms" ]

for program in sbin/export-api sbin/export-worker bin/exportctl \
    share/telemetry-export/scripts/{owners,parameters,provision,supervisor-events}; do
	ok "${program##*/} runs from there" "$D$P/$program" --help
done
is "$("$D$P/bin/exportctl" --version)" "exportctl $("$D$P/sbin/export-api" --version |
    cut -d ' ' -f 2)" "one version"
ok "completion is bash" bash -n "$D$P/share/bash-completion/completions/exportctl"
if command -v logrotate >/dev/null; then
	# As root it wants a file that is root's; the folder is this test's.
	mkdir "$T/log"
	sed "s|/var/log/export|$T/log|" "$examples/logrotate" >"$T/logrotate"
	chmod 0644 "$T/logrotate"
	echo line >"$T/log/export-api.log"
	rotate() { logrotate -f -s "$T/state" "$T/logrotate"; }
	{ rotate && rotate; } >"$T/rotated" 2>&1 || diag "$(cat "$T/rotated")"
	is "$(stat -c %s "$T/log/export-api.log")" 0 "the file is emptied in its place"
	is "$(cat "$T"/log/export-api.log-*)" line "what was in it is kept"
else
	skip "logrotate" "lacking: logrotate"
fi

# Twice is as good as once; and what somebody else put there stays.
make -s install DESTDIR="$D" PREFIX="$P" >"$T/install" 2>&1
is "$(installed)" "$(expected | sed "s| | ${P#/}/|" | sort -k 2)" "again, the same"
: >"$D$P/bin/another"
make -s uninstall DESTDIR="$D" PREFIX="$P" >"$T/install" 2>&1
is "$(cat "$T/install")" "" "make uninstall"
is "$(cd "$D" && find . -type f)" "./${P#/}/bin/another" "leaves nothing but what is another's"
no "nor its folder" [ -e "$D$P/share/telemetry-export" ]
done_testing
