#!/bin/bash
# What people expect of scripts/exportctl, against the same scripted service as in 0600: version and
# help.
. "$(dirname "$0")/lib.sh"
. t/data/exportctl.sh
export EXPORTCTL_CONFIG=/dev/null

# -- version, help
version=$(sed -n 's/^#define EXPORT_VERSION "\(.*\)"$/\1/p' lib/base/version.h)
run 0 "--version" --version
is "$(cat "$T/stdout")" "exportctl $version" "is that of the programs"
run 0 "a request" estimate --from 2018-11-30 --to 2018-12-01
is "$(asked agent)" "\"exportctl/$version\"" "has it in its User-Agent"
run 0 "help" help
for status in 0 1 2 3 4 5 130 141; do
	like "$(cat "$T/stdout")" $'\n'"  $status +[a-z]" "help: exit status $status"
done
for command in create get wait download list cancel vehicles estimate help; do
	run 0 "help $command" help "$command"
	is "$(cat "$T/stdout")" "$(scripts/exportctl "$command" --help)" "is that of --help"
	like "$(cat "$T/stdout")" $'\nexamples:\n'"  exportctl $command " "has an example of it"
	is "$(sed '1,/^examples:/d' "$T/stdout" | grep -o '^  exportctl [a-z]*' | sort -u)" \
	    "  exportctl $command" "and of no other"
done
run 2 "help of what is no command" help make

# -- nothing there
run 0 "no exports" list --state CANCELLED
is "$(cat "$T/stdout")" "" "no heading"
is "$(cat "$T/stderr")" "no exports" "a word on stderr"
run 0 "no vehicles" vehicles --prefix none
is "$(cat "$T/stdout" "$T/stderr")" "no vehicles" "likewise"
run 0 "no vehicles, --quiet" vehicles --prefix none -q
is "$(cat "$T/stdout" "$T/stderr")" "" "nothing at all"
run 0 "no vehicles, --json" vehicles --prefix none --json
is "$(value 'v' <"$T/stdout")" "{'vehicles': []}" "as JSON"

# -- no traceback: output that cannot be written or encoded, Ctrl-C, what is no text
full() { scripts/exportctl "$@" >/dev/full 2>"$T/stderr"; }
for command in list vehicles help --help --version "list --help" "list --json"; do
	# shellcheck disable=SC2086	# its words
	full $command
	is "$?" 2 "$command on a full disk"
	is "$(cat "$T/stderr")" \
	    "exportctl: cannot write to standard output: No space left on device" "says so"
done
scripts/exportctl get 1 2>/dev/full
is "$?" 2 "a message on a full disk"
scripts/exportctl get "$(id b)" --wait >"$T/stdout" 2>/dev/full
is "$?" 1 "progress on a full disk: the status is what it was"
scripts/exportctl list 2>"$T/stderr" >&-
is "$?" 2 "closed standard output"
like "$(cat "$T/stderr")" 'cannot write to standard output: it is closed' "says so"
scripts/exportctl list --state CANCELLED >"$T/stdout" 2>&-
is "$?" 0 "closed standard error"
is "$(cat "$T/stdout")" "" "is not mixed with the other"
scripts/exportctl download "$(id d)" -o "$T/closed.zip" <&- >&- 2>&-
ok "all closed: a download is not mixed with messages" \
    cmp "$T/closed.zip" <(curl -s "$EXPORT_URL/zip")
scripts/exportctl help 2>"$T/stderr" | true
is "${PIPESTATUS[0]}" 141 "the reader of the help has gone" || diag "$(cat "$T/stderr")"
is "$(LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 scripts/exportctl list -q --state FAILED)" \
    "$(printf '%024d  FAILED       -                           0%%          -  Z?rich ?' 1)" \
    "characters that the terminal does not have"
is "$(LC_ALL=C scripts/exportctl list -q --state FAILED | tail -c 12)" "Zürich 車" \
    "LC_ALL=C: Python takes it for UTF-8"
run 2 "a vehicle that is no text" vehicles $'v\xfc'
is "$(cat "$T/stderr")" "exportctl: an argument or a setting is not text in UTF-8" "says so"
run 2 "-o without a name" get "$(id d)" -o ''
for at in http://127.0.0.1:x http://127.0.0.1:99999 'http://[::1' 'http://a b' ftp://a; do
	run 2 "no URL: $at" list --url "$at"
	like "$(cat "$T/stderr")" 'is not a http:// or https:// address' "says so"
done
for command in list vehicles "get $(id a)" "estimate --from 2018-11-30 --to 2018-12-01"; do
	# shellcheck disable=SC2086	# its words
	run 3 "${command%% *}: JSON of another service" $command --url "$EXPORT_URL/other"
done
/usr/bin/python3 - "$EXPORT_URL" 2>"$T/stderr" <<'END'
import signal, subprocess, sys, time
worst = None
heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
for after in range(0, 400, 25):
    p = subprocess.Popen(["scripts/exportctl", "wait", "7" * 24], stderr=subprocess.PIPE,
                         preexec_fn=heard)
    time.sleep(after / 1000)
    p.send_signal(signal.SIGINT)
    said = p.communicate()[1].decode()
    # Line 0: Python is not yet done with itself.
    if ("Traceback" in said and "line 0, in" not in said) or p.returncode not in (130, -2):
        sys.exit("after %d ms: %s %s" % (after, p.returncode, said))
END
is "$?" 0 "Ctrl-C at any time" || diag "$(cat "$T/stderr")"

# -- what cannot help is said at once
# at_once STATUS NAME ARGUMENT...: within 5 s, where retries take 60.
at_once()
{
	local begin=$SECONDS

	run "$@"
	ok "at once" [ $((SECONDS - begin)) -le 5 ]
}
nowhere=http://127.0.0.1:1
for command in list vehicles "vehicles v0" "get $(id a)" \
    "estimate --from 2018-11-30 --to 2018-12-01"; do
	# shellcheck disable=SC2086	# its words
	at_once 3 "$command: refused" $command --url $nowhere
	is "$(cat "$T/stdout" "$T/stderr")" \
	    "exportctl: $nowhere cannot be reached: Connection refused" "says so, without a heading"
done
for command in list "create --from 2018-11-30 --to 2018-12-01" "download $(id a)"; do
	# shellcheck disable=SC2086	# its words
	at_once 3 "${command%% *}: no such host" $command --url http://nowhere.invalid
	like "$(cat "$T/stderr")" 'http://nowhere.invalid cannot be reached' "says so"
	# shellcheck disable=SC2086	# its words
	at_once 3 "${command%% *}: TLS to a plain port" $command --url "https://127.0.0.1:$port"
	like "$(cat "$T/stderr")" 'cannot be reached: that port speaks no TLS; is it http://' \
	    "says so"
done
begin=$SECONDS
(timeout -s INT 3 scripts/exportctl wait "$(id a)" --url $nowhere) >"$T/stdout" 2>"$T/stderr"
is "$?" 124 "wait: goes on trying"
like "$(cat "$T/stderr")" "$nowhere cannot be reached: Connection refused; trying again for 60 s" \
    "says so"
at_once 3 "list: plain HTTP to a port of TLS" list --url "http://127.0.0.1:$tls_port"

# -- refusals in the words of the command line
run 4 "a date" create --from bad --to x
is "$(cat "$T/stderr")" "exportctl: HTTP 422: --from: no date" "the option"
run 4 "a vehicle" create --from 2018-11-30 --to 2018-12-01 --vehicle bad
is "$(cat "$T/stderr")" "exportctl: HTTP 422: --vehicle and --csv, not a/csv: no" \
    "options, where members are meant"
printf 'secret\n' >"$T/password"
chmod 0600 "$T/password"
for command in list "create --from 2018-11-30 --to 2018-12-01"; do
	# shellcheck disable=SC2086	# its words
	at_once 4 "${command%% *}: another password" $command --url "$EXPORT_URL/refuses" \
	    --user joe --password-file "$T/password"
	is "$(cat "$T/stderr")" "exportctl: HTTP 401: user joe or its password was refused by \
$EXPORT_URL/refuses" "says whose"
	# shellcheck disable=SC2086	# its words
	run 4 "${command%% *}: no user" $command --url "$EXPORT_URL/refuses"
	like "$(cat "$T/stderr")" 'HTTP 401: Unauthorized; --user and --password-file say who' \
	    "says what to do"
done
done_testing
