#!/bin/bash
# scripts/exportctl against a scripted service, t/data/exportctl_service.py: exit statuses, retries,
# output and files; connections that are cut, objects that change, links that expire; settings and
# completion.
. "$(dirname "$0")/lib.sh"
. t/data/exportctl.sh

# waits NAME N SECONDS: between its Nth request and the next, by the service's own clock.
waits() { [ "$(asked times | value "v['$1'][$2] - v['$1'][$2 - 1] >= $3")" = True ]; }

run 0 "create prints the id" \
    create --from 2018-11-30 --to 2018-12-01 --vehicle v1 --vehicle v2 --parameter speed \
    --time rfc3339
is "$(cat "$T/stdout")" "$(id a)" "the id and nothing else"
want='{"startDate": "2018-11-30", "endDate": "2018-12-01", "vehicles": ["v1", "v2"], '
want+='"parameters": ["speed"], "time": "rfc3339"}'
is "$(asked asked)" "$want" "what it requests"
run 0 "create -o" create --from 2018-11-30 --to 2018-12-01 -o "$T/x.zip"
is "$(stat -c %s "$T/x.zip")" 1024002 "the file is there, whole"
no "and no part of it" test -e "$T/x.zip.part"
is "$(grep -c '^STARTED' "$T/stderr")" 2 "not on a terminal: a line for each change" ||
    diag "$(cat "$T/stderr")"
ok "no poll sooner than Retry-After says" waits "$(id a)" 1 3
no "no escapes in it" grep -q $'\033' "$T/stderr"
run 1 "an export that failed" get "$(id b)" --wait
like "$(cat "$T/stderr")" 'FAILED: unknown_vehicle: vehicle_x' "says why"
run 5 "another checksum" get "$(id c)" -o "$T/c.zip"
no "nothing under the requested name" test -e "$T/c.zip"
run 0 "a download that is cut is resumed" get "$(id d)" -o "$T/d.zip"
is "$(sha256sum <"$T/d.zip")" "$(sha256sum <"$T/x.zip")" "and is whole in the end"
run 4 "an unknown id" get "$(id e)"
run 3 "an answer that is no JSON" get "$(id f)"
run 4 "a refused request" create --from 2018-11-30 --to 2018-12-01 --name bad
like "$(cat "$T/stderr")" 'HTTP 422: --from: no date' "says what is wrong"
run 0 "503 with Retry-After is tried again, under the same Idempotency-Key" \
    create --from 2018-11-30 --to 2018-12-01 --name busy
ok "no sooner than it says" waits busy 1 3
# keys_of STARTDATE: how many keys came with it, how many different ones, the first.
keys_of() { asked keys | value "len(v['$1']), len(set(v['$1'])), v['$1'][0]"; }
like "$(keys_of busy)" '^2 1 [0-9a-f]{32}$' \
    "the key is 128 random bits, and the same again"
run 0 "the same request, sent again" create --from 2018-11-30 --to 2018-12-01
like "$(keys_of 2018-11-30)" '^3 3 [0-9a-f]{32}$' "has another key"
run 2 "no arguments"
run 2 "an invalid id" get 1
run 2 "an invalid URL" get "$(id d)" --url nonsense
run 2 "a file that cannot be written" get "$(id d)" -o "$T/none/x.zip"
run 0 "--json" get "$(id d)" --json
ok "--json is JSON" /usr/bin/python3 -m json.tool "$T/stdout"
ok "--help" scripts/exportctl create --help

# -- downloads that do not go straight
same() { is "$(sha256sum <"$1")" "$(sha256sum <"$T/x.zip")" "$2"; }
nothing_else() { is "$(find "$T" -name "$1*")" "$T/$1" "nothing else of $1"; }

run 0 "a download that is cut twice" download "$(id 1)" -o "$T/1.zip"
same "$T/1.zip" "is whole"
is "$(asked ranges)" \
    '[["zip-resume", "bytes=300000-", "\"one\""], ["zip-resume", "bytes=301000-", "\"one\""]]' \
    "each time only the rest was asked for"
nothing_else 1.zip
run 0 "an object that changed between two attempts" download "$(id 2)" -o "$T/2.zip"
is "$(tail -c 2 "$T/2.zip")" KP "is the new one, whole"
nothing_else 2.zip
run 0 "a link that has expired" download "$(id 3)" -o "$T/3.zip"
same "$T/3.zip" "another link was requested"
run 0 "503 and 429 of the storage, with Retry-After" download "$(id 4)" -o "$T/4.zip"
ok "after 503 no sooner than it says" waits zip-busy 1 3
ok "nor after 429" waits zip-busy 2 2
run 4 "404 of the storage" download "$(id 5)" -o "$T/5.zip"
run 0 "no strong ETag: it begins again" download "$(id 0)" -o "$T/0.zip"
same "$T/0.zip" "and is whole"

# What an earlier run left: 300000 bytes. This one fetches the rest, after a 429 of the service.
head -c 300000 "$T/x.zip" >"$T/6.zip.part"
echo '"one"' >"$T/6.zip.part.etag"
curl -s "$EXPORT_URL/zip-stop" >/dev/null 2>&1		# the first is cut
run 0 "what an earlier run left" download "$(id 6)" -o "$T/6.zip"
same "$T/6.zip" "is gone on with"
like "$(asked ranges)" '"zip-stop", "bytes=300000-", ' "only the rest was asked for"
nothing_else 6.zip
head -c 300000 /dev/zero >"$T/z.zip.part"
echo '"one"' >"$T/z.zip.part.etag"
run 0 "what an earlier run left, with other bytes" download "$(id 6)" -o "$T/z.zip"
same "$T/z.zip" "is fetched from its beginning"
like "$(cat "$T/stderr")" 'does not fit; from the beginning' "and says so"
(flock 9 && exec scripts/exportctl download "$(id 6)" -o "$T/l.zip" >"$T/stdout" 2>"$T/stderr") \
    9>"$T/l.zip.part"
is "$?" 2 "two at once" || diag "$(cat "$T/stderr")"
like "$(cat "$T/stderr")" 'another exportctl' "say so"
run 5 "another checksum, again" download "$(id c)" -o "$T/c.zip"
like "$(cat "$T/stderr")" 'has SHA-256 .*, the service recorded 0000.*; it stays as .*c.zip.part' \
    "says both"

run 2 "a file that exists" create --from 2018-11-30 --to 2018-12-01 -o "$T/x.zip"
like "$(cat "$T/stderr")" 'x.zip exists; .*--force' "says what to do"
no "before it requests anything" grep -q '^export ' "$T/stderr"
run 0 "--force" download "$(id 6)" -o "$T/2.zip" --force
same "$T/2.zip" "replaces it"
(cd "$T" && "$OLDPWD/scripts/exportctl" download "$(id 6)" -q >"$T/stdout" 2>"$T/stderr")
same "$T/export-$(id 6).zip" "a name by itself"
is "$(cat "$T/stderr")" "" "--quiet is quiet"

# -- a terminal; Ctrl-C; a reader that has seen enough
python3 - "$T/t.zip" >"$T/terminal" <<'END'
import os, pty, subprocess, sys
master, slave = pty.openpty()
p = subprocess.Popen(["scripts/exportctl", "download", "12" * 12, "-o", sys.argv[1]],
                     stderr=slave, stdout=subprocess.DEVNULL)
os.close(slave)
seen = b""
try:
    while piece := os.read(master, 65536):
        seen += piece
except OSError:         # the other end is closed
    pass
sys.exit(p.wait() or os.write(1, seen) < 0)
END
is "$?" 0 "on a terminal"
like "$(tr '\r' '\n' <"$T/terminal")" \
    'DOWNLOADING \[#+\.+\] +[0-9]+%  [0-9]+ s left, [0-9.]+ kB of 1.0 MB, [0-9.]+ kB/s' \
    "a bar with the rate and the time left"
like "$(tr '\r' '\n' <"$T/terminal")" 'DOWNLOADING \[############\] 100%  1.0 MB of 1.0 MB' \
    "that becomes full"
same "$T/t.zip" "all the same"
# Ctrl-C comes when the first progress line is there.
interrupted()
{
	local pid
	python3 - "$@" 2>"$T/stderr" <<'END' &
import signal, subprocess, sys
p = subprocess.Popen(["scripts/exportctl"] + sys.argv[1:],
                     stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
line = p.stderr.readline()
p.send_signal(signal.SIGINT)
sys.stderr.write(line + p.stderr.read())
sys.exit(p.wait(30))
END
	pid=$!
	wait "$pid"
}
interrupted wait "$(id 7)"
is "$?" 130 "Ctrl-C in the middle of a wait" || diag "$(cat "$T/stderr")"
like "$(cat "$T/stderr")" \
    "stopped; the export goes on; come back to it with: exportctl wait $(id 7)\$" \
    "says how to continue"
like "$(cat "$T/stderr")" '^STARTED 100% 10 min left, ' "the time left goes by the service's clock"
interrupted get "$(id 7)" -o "$T/it's.zip"
like "$(cat "$T/stderr")" "exportctl download $(id 7) -o '$T/it'\"'\"'s.zip'" "with -o too"
set -o pipefail
scripts/exportctl list --all 2>"$T/stderr" | head -n 1 >/dev/null
scripts/exportctl list --all 2>>"$T/stderr" | true
is "$(cat "$T/stderr")" "" "a broken pipe ends quietly"

# -- the client certificate is for the service, not for its storage, which asks for one here
run 0 "a client certificate" \
    download "$(id d)" -q -o "$T/tls.zip" --url "https://localhost:$tls_port" \
    --ca "$T/server.crt" --cert "$T/client.crt" --key "$T/client.key"
same "$T/tls.zip" "the whole way by TLS"
is "$(asked peers)" '[["export", "client"], ["zip-cut", null]]' \
    "the service sees it, the storage does not"

# -- lists
run 0 "list" list
is "$(cat "$T/stdout")" "$(cat <<'END'
ID                        STATE        CREATED               PROGRESS       SIZE  NAME
000000000000000000000001  FINISHED     2018-12-01T00:00:00Z      100%        0 B  n?[1m0
000000000000000000000002  FINISHED     2018-12-01T00:00:00Z      100%     1.0 kB  n?[1m1
000000000000000000000003  FINISHED     2018-12-01T00:00:00Z      100%     2.0 kB  n?[1m2
000000000000000000000004  FINISHED     2018-12-01T00:00:00Z      100%     3.0 kB  n?[1m3
000000000000000000000005  FINISHED     2018-12-01T00:00:00Z      100%     4.0 kB  n?[1m4
END
)" "columns, page after page; nothing moves the cursor"
run 0 "list --limit" list --limit 3 --state finished,FAILED
is "$(grep -c FINISHED "$T/stdout")" 3 "as many as requested"
like "$(cat "$T/stderr")" '--all' "says that there are more"
is "$(asked query)" \
    '{"state": "FINISHED,FAILED", "after": "000000000000000000000002", "limit": "1"}' \
    "what it requests"
run 0 "list --json --all" list --json --all
is "$(value 'list(v), len(v["exports"])' <"$T/stdout")" "['exports'] 5" "one value with all"
run 0 "list --json --limit" list --json --limit 2
is "$(value 'v["next"], len(v["exports"])' <"$T/stdout")" "000000000000000000000002 2" \
    "and next"
run 2 "an invalid state" list --state DONE
like "$(cat "$T/stderr")" 'NOT_STARTED, STARTED' "lists the states"
run 2 "no limit" list --limit 0
run 0 "vehicles" vehicles --prefix v --quiet
is "$(cut -d ' ' -f 1 "$T/stdout" | tr '\n' ' ')" "v0 v1 v2 v3 v4 v5 " "only names, no heading"
like "$(head -n 1 "$T/stdout")" '^v0 +2018-11-30T05:00:00Z +- +speed,soc$' "hours and parameters"
like "$(asked query)" '"prefix": "v"' "with the prefix"
run 2 "vehicles NAME takes no --all" vehicles v0 --all

# -- create, estimate, cancel
printf '\xef\xbb\xbfv2\r\nv3\n\n v1 \n' >"$T/vehicles"
run 0 "--vehicles-from" \
    create --from 2018-11-30 --to 2018-12-01 --vehicle v1 --vehicles-from "$T/vehicles"
like "$(asked asked)" '"vehicles": \["v1", "v2", "v3"\]' "each once"
run 0 "--vehicles-from -" create --from 2018-11-30 --to 2018-12-01 --vehicles-from - <<<v4
like "$(asked asked)" '"vehicles": \["v4"\]' "from standard input"
run 2 "no vehicle in the file does not mean all" \
    create --from 2018-11-30 --to 2018-12-01 --vehicles-from /dev/null
run 2 "no file of vehicles" create --from 2018-11-30 --to 2018-12-01 --vehicles-from "$T/none"
run 0 "steps" create --from 2018-11-30 --to 2018-12-01 --every 60s --take mean --hold 0s
like "$(asked asked)" '"every": "60s".*"take": "mean".*"hold": "0s"' "as they were given"
run 0 "no steps" create --from 2018-11-30 --to 2018-12-01
is "$(asked asked | grep -cE 'every|take|hold')" 0 "are not asked for"
run 0 "files of days, units" create --from 2018-11-30 --to 2018-12-01 --split day \
    --time-zone Asia/Kathmandu --header unit
like "$(asked asked)" '"split": "day".*"timeZone": "Asia/Kathmandu".*"header": "unit"' \
    "as they were given"
run 0 "Parquet" create --from 2018-11-30 --to 2018-12-01 --format parquet --time-zone Asia/Kathmandu
like "$(asked asked)" '"format": "parquet".*"timeZone": "Asia/Kathmandu"' "as it was given"
is "$(asked asked | grep -cE '"(time|csv)"')" 0 "and no form of CSVs"
run 2 "another format" create --from 2018-11-30 --to 2018-12-01 --format arrow
run 2 "another split" create --from 2018-11-30 --to 2018-12-01 --split week
run 2 "another header" create --from 2018-11-30 --to 2018-12-01 --header label
run 2 "another take" create --from 2018-11-30 --to 2018-12-01 --every 60s --take median
run 0 "409 while the first is in flight" create --from 2018-11-30 --to 2018-12-01 --name flight
ok "no sooner than it says" waits flight 1 2
like "$(keys_of flight)" '^2 1 [0-9a-f]{32}$' "under the same Idempotency-Key"
run 4 "a redirection is not followed" create --from 2018-11-30 --to 2018-12-01 --name moved
like "$(cat "$T/stderr")" 'HTTP 307: .*127.0.0.1:1/export' "and named"
printf 'secret\n' >"$T/me.password"
chmod 0600 "$T/me.password"
for command in "create --from 2018-11-30 --to 2018-12-01" "get $(id a)" list vehicles \
    "cancel $(id a)"; do
	# shellcheck disable=SC2086	# its words
	run 4 "${command%% *}: 302 is not followed" $command --url "$EXPORT_URL/moved" \
	    --user me --password-file "$T/me.password"
	like "$(cat "$T/stderr")" 'HTTP 302: .*127.0.0.1:[0-9]+/' "and named"
done
is "$(asked strangers)" '[]' "no password goes to another server"
run 0 "estimate" estimate --from 2018-11-30 --to 2018-12-01
is "$(cat "$T/stdout")" "1,234 documents of at most 10,000,000, of 2 vehicles
not known: v9; an export of it fails, unless it is new" "in words"
run 1 "cancel does not give up what is FINISHED" cancel "$(id 8)"
is "$(asked deleted)" 0 "nothing was sent"
run 0 "cancel --force does" cancel "$(id 8)" --force
like "$(cat "$T/stdout")" 'EXPIRED: it had finished; its result is given up' "and says so"
run 0 "cancel" cancel "$(id 9)"
is "$(cat "$T/stdout")" "$(id 9) CANCELLED" "what became of it"
run 0 "cancel twice" cancel "$(id 9)"
run 1 "cancel what FAILED" cancel "$(id b)"

# -- user and URL: from option, environment, file, default
mkdir -p "$T/config" "$T/home/.config"
printf 'secret\n' >"$T/config/password"
chmod 0600 "$T/config/password"
who() { curl -s "$URL/who" | value 'v[-1]'; }
ask() { run "$1" "$2" create --from 2018-11-30 --to 2018-12-01 "${@:3}"; }
URL=$EXPORT_URL
unset EXPORT_URL
printf '# a comment\nurl = %s\nuser = filed\npassword_file = password\n' "$URL" \
    >"$T/config/exportctl.conf"
ask 0 "all from the file"
is "$(who)" filed:secret "its user, and the password file in its folder"
EXPORT_USER=environ ask 0 "the environment"
is "$(who)" environ:secret "goes before the file"
EXPORT_USER=environ ask 0 "an option" --user option
is "$(who)" option:secret "goes before the environment"
EXPORT_URL=http://127.0.0.1:1 ask 0 "--url goes before EXPORT_URL" --url "$URL"
printf 'url = %s\n' "$URL" >"$T/home/.config/exportctl.conf"
XDG_CONFIG_HOME='' HOME=$T/home ask 0 "~/.config"
is "$(who)" None "without a name"
cp "$T/config/exportctl.conf" "$T/named"
XDG_CONFIG_HOME='' HOME=$T EXPORTCTL_CONFIG=$T/named \
    ask 2 "EXPORTCTL_CONFIG, whose password file is not there"
EXPORTCTL_CONFIG=$T/none ask 2 "EXPORTCTL_CONFIG that is not there"
export EXPORT_URL=$URL
EXPORT_URL=${URL/:\/\//:\/\/inurl:pass%20word@} EXPORTCTL_CONFIG=/dev/null \
    ask 0 "name and password in EXPORT_URL"
is "$(who)" "inurl:pass word" "are taken"
ask 2 "a password as an argument" --url "${URL/:\/\//:\/\/a:b@}"
like "$(cat "$T/stderr")" 'seen by everybody' "is refused"
for bad in 'color = blue' 'url' 'user = a
user = b' 'url = http://a:b@c'; do
	printf '%s\n' "$bad" >"$T/bad"
	EXPORTCTL_CONFIG=$T/bad ask 2 "a file with: ${bad//$'\n'/, }"
	like "$(cat "$T/stderr")" 'bad, line [12]: ' "says where"
done
chmod 0640 "$T/config/password"
ask 2 "a password file that others may read"
like "$(cat "$T/stderr")" 'chmod 0600' "says what to do"
: >"$T/config/password"
chmod 0600 "$T/config/password"
ask 2 "a password file without one"
EXPORTCTL_CONFIG=/dev/null ask 2 "a user without a password, no terminal to ask on" \
    --user somebody </dev/null
EXPORTCTL_CONFIG=/dev/null ask 2 "an invalid CA file" --ca /dev/null

# -- completion: what bash would offer for a line
complete_line()
{
	bash --norc -c '
		. scripts/exportctl.bash
		PATH=$PWD/scripts:$PATH
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_exportctl
		printf "%s\n" "${COMPREPLY[@]}"' - "$@" 2>"$T/stderr" | tr '\n' ' '
}
export EXPORTCTL_CONFIG=/dev/null
is "$(complete_line exportctl '')" "create get wait download list cancel vehicles estimate help " \
    "complete: commands"
for command in create get wait download list cancel vehicles estimate help; do
	options=$(scripts/exportctl "$command" --help |
	    sed '/^examples:/,$d' | grep -o -- '--[a-z][a-z-]*')
	is "$(complete_line exportctl "$command" -- | tr ' ' '\n' | sort -u | xargs)" \
	    "$(sort -u <<<"$options" | xargs)" "complete: options of $command, all there are"
done

# The same options in fish and zsh.
fish_options()
{
	sed -e ':a;/\\$/{N;s/\\\n *//;ba}' scripts/exportctl.fish | grep '^complete ' |
	    grep -e "__exportctl_in [a-z ]*\<$1\>" -e '^complete -c exportctl -[sl] ' |
	    grep -oE -- ' -l [a-z-]+' | sed 's/^ -l /--/' | sort -u | xargs
}
zsh_options()
{
	zsh -fc '. scripts/exportctl.zsh; _exportctl_options "$1"; print -l -- $specs' - "$1" |
	    grep -oE -- '--[a-z-]+(=?\[|=?:)' | grep -oE -- '--[a-z-]*[a-z]' | sort -u | xargs
}
for command in create get wait download list cancel vehicles estimate help; do
	options=$(scripts/exportctl "$command" --help | sed '/^examples:/,$d' |
	    grep -o -- '--[a-z][a-z-]*' | sort -u | xargs)
	is "$(fish_options "$command")" "$options" "fish: options of $command, all there are"
	if command -v zsh >/dev/null; then
		is "$(zsh_options "$command")" "$options" "zsh: options of $command, all there are"
	fi
	for option in $options; do
		grep -qE -- "$option(=?\[|=?:|,-|=?})" scripts/exportctl.zsh || echo "$option"
	done >"$T/missing"
	is "$(cat "$T/missing")" "" "zsh: none of $command is missing"
	is "$(grep -c "'$command:" scripts/exportctl.zsh)" 1 "zsh: the command $command"
	is "$(grep -c -- "__exportctl_none -a $command " scripts/exportctl.fish)" 1 \
	    "fish: the command $command"
done
if command -v zsh >/dev/null; then
	ok "zsh reads it" zsh -n scripts/exportctl.zsh
fi
if command -v fish >/dev/null; then
	is "$(HOME=$T PATH=$PWD/scripts:$PATH fish --no-config -c \
	    'source scripts/exportctl.fish; complete -C "exportctl create --vehicle v"' |
	    tr '\n' ' ' | tr -d '\t' | sed 's/only this vehicle//g')" "v0 v1 v2 v3 v4 v5 " \
	    "fish: vehicles"
fi

is "$(complete_line exportctl create --time '')" "ms rfc3339 local " "complete: values"
is "$(complete_line exportctl create --parameter '')" "soc speed " "complete: parameters"
is "$(complete_line exportctl create --vehicle v0 --parameter '')" "speed of " \
    "complete: parameters of the vehicle"
is "$(complete_line exportctl create --last 7)" "7d " "complete: lengths"
is "$(complete_line exportctl create --since 00000000000000000000000)" \
    "$(printf '00000000000000000000000%d ' {1..5})" "complete: where an earlier one ended"
is "$(complete_line exportctl create --every 10)" "100ms 10s 10m " "complete: steps"
is "$(complete_line exportctl create --split '')" "none day month " "complete: files"
is "$(complete_line exportctl create --format p)" "parquet " "complete: formats"
is "$(complete_line exportctl create --header u)" "unit " "complete: headers"
is "$(complete_line exportctl create --take m)" "mean min max " "complete: what they take"
is "$(complete_line exportctl create --time = r)" "rfc3339 " "complete: after ="
is "$(complete_line exportctl list --state FINISHED,F)" "FINISHED,FINISHED FINISHED,FAILED " \
    "complete: one more state"
is "$(complete_line exportctl list --fields state,s)" "state,state state,size state,sha256 " \
    "complete: one more field"
is "$(complete_line exportctl create --vehicle '')" "v0 v1 v2 v3 v4 v5 " "complete: vehicles"
is "$(complete_line exportctl vehicles v3)" "v3 " "complete: a vehicle by its prefix"
ids=$(printf '00000000000000000000000%d ' {1..5})
is "$(complete_line exportctl download 00000000000000000000000)" "$ids" \
    "complete: ids"
is "$(EXPORT_URL=http://127.0.0.1:1 complete_line \
    exportctl get --url http : "//127.0.0.1" : "${URL##*:}" 00)" "$ids" \
    "complete: by the --url of the line"
begin=$SECONDS
is "$(EXPORT_URL=http://127.0.0.1:1 complete_line exportctl get '')" " " \
    "complete: no service, no ids"
ok "about 2 s at most" [ $((SECONDS - begin)) -le 8 ]
is "$(cat "$T/stderr")" "" "and no message"
done_testing
