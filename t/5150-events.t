#!/bin/bash
# scripts/supervisor-events under a real supervisord with scripts/supervisord.conf: who hears of a
# program that does not come up, how soon, and that it is said once. The worker is a script that
# ends as ordered, the pool the real one, first without a configuration.
. "$(dirname "$0")/lib.sh"
for program in supervisord spawn-fcgi multiwatch; do
	command -v "$program" >/dev/null || lacking "$program; run scripts/deps"
done
[ -x "$B/export-api" ] || lacking "$B/export-api (make builds it)"

mkdir "$T/bin" "$T/run" "$T/run/web" "$T/run/worker" "$T/log"
cat >"$T/bin/export-worker" <<END
#!/bin/sh
read -r status <"$T/worker"
[ "\$status" != stay ] || exec sleep 600
exit "\$status"
END
cat >"$T/hook" <<END
echo "\$EXPORT_EVENT \$EXPORT_PROCESS \$EXPORT_REASON \$EXPORT_EXIT" >>"$T/hooked"
[ "\$EXPORT_EVENT" != process_recovered ] || exec sleep 600
END
chmod +x "$T/bin/export-worker"
ln -s "$(realpath "$B")/export-api" "$T/bin"
echo 78 >"$T/worker"
user=$(id -un)
export EXPORT_RUN=$T/run EXPORT_BIN=$T/bin EXPORT_CONF=$T/export.conf EXPORT_LOG=$T/log \
    EXPORT_HANDLERS=1 EXPORT_POOLS=1 EXPORT_WORKERS=1 EXPORT_AUTOSTART=false \
    EXPORT_API_USER=$user EXPORT_WORKER_USER=$user EXPORT_ALERT_HOOK="sh $T/hook"
# The listener's own timeouts, and its minute, are long for a test.
mkdir "$T/conf"
sed 's/supervisor-events --/supervisor-events --hook-timeout 2 --answer-timeout 1 --/
    s/TICK_60/TICK_5/' scripts/supervisord.conf >"$T/conf/supervisord.conf"
cp scripts/supervisor-events "$T/conf"
supervisord -n -s -c "$T/conf/supervisord.conf" >"$T/supervisord" 2>&1 &
SUPERVISORD=$!
end_supervisord()
{
	[ -n "$SUPERVISORD" ] || return 0
	kill -TERM "$SUPERVISORD" 2>/dev/null
	wait "$SUPERVISORD"
	SUPERVISORD=
}
at_exit end_supervisord
ctl() { supervisorctl -c "$T/conf/supervisord.conf" "$@"; }
log=$T/log/export-events.log prom=$T/run/supervisor.prom
says() { grep -qE "$1" "$log" 2>/dev/null; }
# state PROCESS STATE VALUE
state() { grep -qxF "export_process_state{process=\"$1\",state=\"$2\"} $3" "$prom" 2>/dev/null; }
until_ok 60 ctl pid >/dev/null || { diag "$(cat "$T/supervisord")"; exit 1; }
ok "it runs, and says what there is" until_ok 60 state export-worker-1 down 1
no "nothing of itself" grep -q export-events "$prom"

# For later: a pool whose handlers all exit 78. multiwatch is up all the same.
ctl start export-api:export-api-1 >/dev/null 2>&1 &
pool=$!
ctl start export-worker:export-worker-1 >/dev/null 2>&1 &
starter=$!
fatal='level=error op=process_fatal process=export-worker-1 reason=config tries=1 exit=78'
ok "status 78: said at the first try" until_ok 60 says "^time=[0-9TZ:.-]+ $fatal\$"
wait "$starter"
ok "in the text file too" until_ok 30 state export-worker-1 fatal 1
ok "the other states are 0" state export-worker-1 down 0
is "$(stat -c %a "$prom")" 644 "which anybody may read"
ok "the hook is called" until_ok 30 grep -qxF 'process_fatal export-worker-1 config 78' "$T/hooked"
restarts='export_process_restarts_total{process="export-worker-1"}'
tried() { [ "$(sed -n "s/^$restarts //p" "$prom")" -ge "$1" ]; }
ok "supervisord goes on trying, counted" until_ok 60 tried 3
is "$(grep -c 'op=process_fatal process=export-worker-1' "$log")" 1 "and it is said once"

echo stay >"$T/worker"
ok "when it comes up" until_ok 60 says 'level=info op=process_recovered process=export-worker-1$'
ok "it is up" until_ok 30 state export-worker-1 up 1
ok "a hook that takes too long is ended" \
    until_ok 60 says 'op=hook event=process_recovered process=export-worker-1 timeout_s=2'

ctl stop export-worker:export-worker-1 >/dev/null
ok "who stops it hears nothing" until_ok 30 state export-worker-1 down 1
echo 1 >"$T/worker"
ctl start export-worker:export-worker-1 >/dev/null 2>&1 &
starter=$!
ok "three times in a row not up" \
    until_ok 90 says 'op=process_fatal process=export-worker-1 reason=backoff tries=3 exit=1$'
wait "$starter"
is "$(grep -c 'reason=backoff' "$log")" 1 "said once"
ok "the hook is called again" until_ok 30 grep -qxF 'process_fatal export-worker-1 backoff 1' \
    "$T/hooked"

echo stay >"$T/worker"
ok "it comes up" until_ok 90 state export-worker-1 up 1
kill -KILL "$(ctl pid export-worker:export-worker-1)"
ok "killed when it was up" \
    until_ok 60 says 'level=warn op=process_exited process=export-worker-1 exit=SIGKILL$'
ok "it is started again" until_ok 60 state export-worker-1 up 1
is "$(grep -c 'op=process_fatal process=export-worker-1' "$log")" 2 "and that is no alarm"
# The pool.
wait "$pool"
like "$(ctl status export-api:export-api-1)" RUNNING \
    "a pool whose handlers all exit 78 is up, as supervisord sees it"
ok "but does not answer" \
    until_ok 90 says 'level=error op=process_fatal process=export-api-1 reason=silent tries=0$'
echo secret >"$T/secret"
chmod 0400 "$T/secret"
# No server is there: to answer /health it needs none.
sed "s|= /etc/export/.*|= $T/secret|; s|127.0.0.1:[0-9]*|127.0.0.1:1|" scripts/export.conf \
    >"$T/export.conf"
ok "when they have one" until_ok 90 says 'op=process_recovered process=export-api-1$'
ok "it is up" until_ok 30 state export-api-1 up 1
is "$(find "$T/run" -name '.supervisor-*')" "" "no half-written file is left"

# A handler gone wrong: who asks it neither hangs nor grows, and is not root.
cat >"$T/ask.py" <<'END'
import importlib.machinery, importlib.util, os, pwd, resource, socket, struct, sys, threading, time
loader = importlib.machinery.SourceFileLoader("events", "scripts/supervisor-events")
sys.dont_write_bytecode = True
events = importlib.util.module_from_spec(importlib.util.spec_from_loader("events", loader))
loader.exec_module(events)
path, uids = sys.argv[1] + "/peer.sock", []

def peer(chunk, pause_s):
    """Sends chunks until the asker is gone; says in time whether that came."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    os.chmod(path, 0o777)
    listening.listen(1)
    def run():
        conn, _ = listening.accept()
        uids.append(struct.unpack("3i", conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                                                        12))[1])
        try:
            for _ in range(1000000):
                conn.sendall(chunk)
                time.sleep(pause_s)
        except OSError:
            pass
    threading.Thread(target=run, daemon=True).start()

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
user = "nobody" if os.geteuid() == 0 else None
for name, chunk, pause_s in (("drip", b"x", 0.5), ("flood", b"x" * 65536, 0)):
    peer(chunk, pause_s)
    began = time.monotonic()
    said = events.answers_to(user, path, 2)
    print(name, said, "soon" if time.monotonic() - began < 10 else "late")
    os.unlink(path)
grown = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF,
                                                      resource.RUSAGE_CHILDREN)) >> 10
print("small" if grown < 200 else "%d MiB" % grown)
print("nobody" if set(uids) == {pwd.getpwnam(user).pw_uid if user else os.geteuid()} else uids)
END
mkdir "$T/peer"
chmod 0755 "$T" "$T/peer"
is "$(timeout 60 python3 "$T/ask.py" "$T/peer" | tr '\n' ' ')" \
    "drip False soon flood False soon small nobody " \
    "an answer has a deadline and 64 KiB, and is read without root"

listener=$(ctl pid export-events)
end_supervisord
gone() { [ ! -d "/proc/$listener" ]; }
ok "it ends with supervisord" until_ok 30 gone
ok "--help" scripts/supervisor-events --help
no "by hand it says what it is for" scripts/supervisor-events
done_testing
