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
import re, signal, subprocess, sys, time
worst = None
heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
for after in range(0, 400, 25):
    p = subprocess.Popen(["scripts/exportctl", "wait", "7" * 24], stderr=subprocess.PIPE,
                         preexec_fn=heard)
    time.sleep(after / 1000)
    p.send_signal(signal.SIGINT)
    said = p.communicate()[1].decode()
    # Before the first lines Python is not yet done with itself, and says so in its own way.
    traced = any(int(n) > 6 for n in re.findall(r'exportctl", line (\d+)', said))
    if traced or ("Traceback" not in said and p.returncode not in (130, -2)):
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
run 4 "a date" create --from 2018-11-30 --to 2018-12-01 --name bad
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

# -- dates; the clock says this
export EXPORTCTL_TEST_NOW=2018-12-05T23:34:56Z
# range NAME FROM TO OPTION...: what is asked for, and that it was said.
range()
{
	local name=$1 from=$2 to=$3

	shift 3
	run 0 "$name" estimate "$@"
	is "$(asked asked | value 'v["startDate"], v["endDate"]')" "$from $to" "is asked for"
	is "$(cat "$T/stderr")" "from $from to $to" "and said"
}
Z=T00:00:00Z
range "a day" 2018-12-04$Z 2018-12-05$Z --from yesterday --to today
range "today" 2018-12-05$Z 2018-12-06$Z --from today --to tomorrow
range "ago" 2018-11-28T23:34:00Z 2018-12-05T22:34:00Z --from 7d --to=-1h
range "a date and now" 2018-11-30 2018-12-05T23:34:00Z --from 2018-11-30 --to now
range "--last of days" 2018-11-28T23:34:00Z 2018-12-05T23:34:00Z --last 7d
range "--last of hours" 2018-12-04T23:34:00Z 2018-12-05T23:34:00Z --last 24h
range "--last of minutes" 2018-12-05T22:04:00Z 2018-12-05T23:34:00Z --last 90m
range "--last of weeks" 2018-11-21T23:34:00Z 2018-12-05T23:34:00Z --last 2w
# There it is the next day already.
range "a day of a zone" 2018-12-04T23:00:00Z 2018-12-05T23:00:00Z --from yesterday --to today \
    --time-zone Europe/Berlin
is "$(asked asked | value '"timeZone" in v')" False "the API needs no zone for it"
range "days of a zone" 2018-11-29T18:15:00Z 2018-11-30T18:15:00Z --from 2018-11-30 \
    --to 2018-12-01 --time-zone Asia/Kathmandu --time local
is "$(asked asked | value 'v["timeZone"]')" Asia/Kathmandu "nor does it lose one"
range "a day whose midnight the clock skips" 2018-11-04T03:00:00Z 2018-11-05T02:00:00Z \
    --from 2018-11-04 --to 2018-11-05 --time-zone America/Sao_Paulo
range "a day of 25 hours" 2018-10-27T22:00:00Z 2018-10-28T23:00:00Z --from 2018-10-28 \
    --to 2018-10-29 --time-zone Europe/Berlin
run 0 "instants" estimate --from 2018-11-30T06:00:00.5+01:00 --to 2018-12-01t00:00:00z \
    --time-zone Europe/Berlin
is "$(asked asked | value '*v.values()')" \
    "2018-11-30T06:00:00.5+01:00 2018-12-01t00:00:00z Europe/Berlin" \
    "are passed on as they are, the zone, too"
is "$(cat "$T/stderr")" "" "with no more words"
run 0 "--quiet" estimate --last 7d -q
is "$(cat "$T/stderr")" "" "says nothing"
(unset EXPORTCTL_TEST_NOW && scripts/exportctl estimate -q --last 24h) >/dev/null
end=$(date -d "$(asked asked | value 'v["endDate"]')" +%s)
ok "else it is this machine's" [ $(($(date +%s) - end)) -lt 300 ]
is "$((end % 60))" 0 "cut to a minute"
# refused TEXT OPTION...
refused()
{
	local text=$1

	shift
	run 2 "refused: $*" create "$@"
	like "$(cat "$T/stderr")" "$text" "says why"
}
refused '--from noon: not a date; .*YYYY-MM-DD' --from noon --to now
refused '--to 7: not a date' --from 7d --to 7
refused '--from 999999w: not a date' --from 999999w --to now
refused '--from 2018-11-30T06:00: in which zone\? Add Z' --from 2018-11-30T06:00 --to now
refused '--last 0d: a length' --last 0d
refused '--last 1y: a length' --last 1y
refused '--last 999999w: not a date' --last 999999w
refused '--last says where' --last 7d --to now
refused '--last says where' --last 7d --from yesterday
refused '--last says where' --last 7d --since x
refused '--from and --since' --from 7d --since x --to now
refused 'where does the range begin\? --from' --to now
refused 'where does the range end\? .*--to now' --from 7d
refused '--time-zone Europe/Nowhere: there is no such zone' --from yesterday --to now \
    --time-zone Europe/Nowhere

# -- increments
since()
{
	run 0 "--since: $1" create --since "$2" --to today
	is "$(asked asked | value 'v["startDate"], v["endDate"]')" "$3 2018-12-05$Z" \
	    "begins where it ended"
	like "$(cat "$T/stderr")" "from $3, where $2 ended, to 2018-12-05$Z" "and says so"
}
since "an id" "$(id d)" 2018-12-01T06:00:00.000Z
printf '{"format": 6, "request": {"endDate": "2018-12-02T00:00:00.000Z"}}' >"$T/manifest.json"
since "a manifest" "$T/manifest.json" 2018-12-02T00:00:00.000Z
(cd "$T" && python3 -m zipfile -c november.zip manifest.json)
since "a ZIP" "$T/november.zip" 2018-12-02T00:00:00.000Z
scripts/exportctl get "$(id d)" --json >"$T/job.json"
since "what --json printed" "$T/job.json" 2018-12-01T06:00:00.000Z
run 1 "of an export that failed" create --since "$(id b)" --to now
like "$(cat "$T/stderr")" 'that export is FAILED' "would leave a gap"
run 4 "of none" create --since "$(id e)" --to now
refused "--since $T/none: No such file" --since "$T/none" --to now
refused '--since /dev/null: it is no ZIP' --since /dev/null --to now
refused '--since .*: it is no ZIP' --since "$T/server.crt" --to now

# -- -o -, -o FOLDER, --extract
curl -s "$EXPORT_URL/zip" >"$T/whole"
(set -o pipefail; scripts/exportctl download "$(id d)" -o - 2>"$T/stderr" | cat >"$T/piped")
is "$?" 0 "-o -"
ok "is the ZIP, nothing else" cmp "$T/piped" "$T/whole"
like "$(cat "$T/stderr")" $'\n'"standard output  1.0 MB  sha256 [0-9a-f]{64}\$" \
    "the rest is on stderr"
no "no file of that name" test -e -- -
scripts/exportctl download "$(id 6)" -o - >"$T/piped" 2>"$T/stderr"
ok "one that is cut goes on" cmp "$T/piped" "$T/whole" || diag "$(cat "$T/stderr")"
scripts/exportctl download "$(id 2)" -o - >"$T/piped" 2>"$T/stderr"
is "$?" 3 "one that changes cannot begin again"
like "$(cat "$T/stderr")" 'what was written to standard output cannot be taken back' "and says so"
scripts/exportctl download "$(id c)" -q -o - >"$T/piped" 2>"$T/stderr"
is "$?" 5 "another checksum"
like "$(cat "$T/stderr")" 'has SHA-256 .*; it went to standard output' "says so"
scripts/exportctl download "$(id d)" -q -o - >/dev/full 2>"$T/stderr"
is "$?" 2 "a full disk"
scripts/exportctl download "$(id d)" -q -o - 2>"$T/stderr" | head -c 1 >/dev/null
is "${PIPESTATUS[0]}" 141 "who reads has gone"
is "$(cat "$T/stderr")" "" "quietly"
run 2 "-o - and --json" download "$(id d)" -o - --json
run 2 "-o - and --extract" download "$(id d)" -o - --extract
/usr/bin/python3 -c 'import pty, sys
sys.exit(pty.spawn(["scripts/exportctl", "download", sys.argv[1], "-o", "-"]) >> 8)' "$(id d)" \
    >"$T/terminal" </dev/null
is "$?" 2 "-o - on a terminal"
like "$(cat "$T/terminal")" 'standard output is a terminal' "is refused"

ident() { printf "$1%020d$2" 0; }
mkdir "$T/in"
run 0 "-o FOLDER" download "$(ident a0 15)" -o "$T/in"
like "$(cat "$T/stdout")" "^$T/in/aut.zip  [0-9]+ B  sha256 [0-9a-f]{64}\$" "the name of the link"
is "$(find "$T/in" -type f)" "$T/in/aut.zip" "nothing else"
run 2 "again" download "$(ident a0 15)" -o "$T/in/"
like "$(cat "$T/stderr")" "$T/in/aut.zip exists; .*--force" "says that it is there"
run 0 "with --force" download "$(ident a0 15)" -o "$T/in/" --force
run 0 "a link without a name" download "$(ident a0 10)" -o "$T/in"
ok "the name of the answer" test -e "$T/in/fête.zip"
run 0 "a name that is no file's" download "$(ident a0 05)" -o "$T/in/" --force
ok "is not taken" test ! -e "$T/evil.zip"
run 0 "no name at all" download "$(id d)" -o "$T/in"
ok "the id's" test -e "$T/in/export-$(id d).zip"
run 2 "no such folder" download "$(id d)" -o "$T/none/"

# files FOLDER: all that is in it.
files() { (cd "$1" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '); }
run 0 "--extract" download "$(ident a0 15)" -o "$T/out" --extract
is "$(files "$T/out")" "manifest.json v 2.csv v1.csv " "its files, no ZIP, in a new folder"
is "$(cat "$T/out/v 2.csv")" "in v 2.csv" "and their bytes"
like "$(cat "$T/stdout")" "^$T/out  3 files  of aut.zip  [0-9]+ B  sha256 " "and says so"
is "$(stat -c %a "$T/out/v1.csv")" "$(printf '%o' $((0666 & ~0$(umask))))" "by the umask"
run 2 "files that exist" download "$(ident a0 15)" -o "$T/out" --extract
like "$(cat "$T/stderr")" "exists; --force replaces it; $T/out/aut.zip is not unpacked" "says so"
echo old >"$T/out/v1.csv"
run 0 "--force" download "$(ident a0 15)" -o "$T/out" --extract --force
is "$(cat "$T/out/v1.csv")" "in v1.csv" "replaces them"
is "$(files "$T/out")" "aut.zip manifest.json v 2.csv v1.csv " \
    "by a ZIP that was there before, which stays"
mkdir "$T/cwd"
(cd "$T/cwd" && "$OLDPWD/scripts/exportctl" get "$(ident a0 15)" --extract --keep-zip) \
    >"$T/stdout" 2>"$T/stderr"
is "$(files "$T/cwd")" "aut.zip manifest.json v 2.csv v1.csv " "here, the ZIP kept"
run 0 "create --extract" create --from 2018-11-30 --to 2018-12-01 --name 'to unpack' \
    -o "$T/made" --extract
is "$(files "$T/made")" "manifest.json v 2.csv v1.csv " "all of it"
for bad in 1 2 3 4 5 6 7 8 9; do
	run 5 "an archive that is not to be unpacked, $bad" \
	    download "$(ident "a$bad" 15)" -o "$T/bad$bad" --extract
	is "$(files "$T/bad$bad")" "aut.zip " "is left as it is, nothing of it unpacked"
done
is "$(find "$T" /evil.csv -name '*evil*' 2>/dev/null)" "" "nothing elsewhere"
like "$(scripts/exportctl download "$(ident a7 15)" -o "$T/bad7" --extract --force 2>&1)" \
    "cannot be unpacked: Bad CRC-32 for file 'v1.csv'" "a wrong CRC is named"
run 2 "--extract to a ZIP" download "$(id d)" -o "$T/x.zip" --extract
run 2 "--keep-zip without --extract" download "$(id d)" -o "$T/x.zip" --keep-zip
(ulimit -f 0; exec scripts/exportctl download "$(ident a0 15)" -q -o "$T/big" --extract) \
    >"$T/stdout" 2>"$T/stderr"
is "$?" 2 "no room" || diag "$(cat "$T/stderr")"

# -- all that the API takes
# Members of Request, and parameters of queries, against what exportctl sends and lists.
/usr/bin/python3 - >"$T/members" <<'END'
import importlib.machinery, importlib.util, re, subprocess, sys
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("exportctl", "scripts/exportctl")
ctl = importlib.util.module_from_spec(importlib.util.spec_from_loader("exportctl", loader))
loader.exec_module(ctl)
text = open("nginx/www/openapi.yaml", encoding="utf-8").read()
request = re.search(r"^    Request:\n(.*?)^    \w+:\n", text, re.M | re.S)[1]
members = re.findall(r"^        (\w+):", request[request.index("      properties:\n"):], re.M)
queries = set(re.findall(r"- name: (\w+)\n +in: query", text))
# A dry run is estimate; pages after the first are --all.
asked = set(members) | queries - {"dryRun", "after"}
print(len(members), len(queries), sorted(asked ^ set(ctl.OPTIONS)))
for command, names in (("create", members), ("estimate", members),
                       ("list", ("state", "limit", "fields")), ("vehicles", ("prefix", "limit"))):
    shown = subprocess.run(["scripts/exportctl", command, "--help"], stdout=subprocess.PIPE,
                           text=True, check=True).stdout
    print(command, [n for n in names if not re.search("^  %s " % ctl.OPTIONS[n], shown, re.M)])
END
is "$(cat "$T/members")" "16 6 []
create []
estimate []
list []
vehicles []" "each member of openapi.yaml is an option, each option a member"

all=(--from 2018-11-30 --to 2018-12-01 --vehicle v1 --parameter speed --format csv --time local
    --split day --time-zone Europe/Berlin --every 1m --take mean --hold 1m --csv excel
    --header unit --compression small --unknown-vehicles skip --name "it's all")
body='{"startDate": "2018-11-29T23:00:00Z", "endDate": "2018-11-30T23:00:00Z", '
body+='"vehicles": ["v1"], "parameters": ["speed"], "format": "csv", "time": "local", '
body+='"split": "day", "timeZone": "Europe/Berlin", "every": "1m", "take": "mean", "hold": "1m", '
body+='"csv": "excel", "header": "unit", "compression": "small", "unknownVehicles": "skip", '
body+="\"name\": \"it's all\"}"
run 0 "all options" create "${all[@]}"
is "$(asked asked)" "$body" "are sent"
run 0 "--fields" list --json --limit 1 --fields state,size
is "$(asked query)" '{"fields": "state,size", "limit": "1"}' "is asked for"
run 2 "--fields without --json" list --fields state

# What the page shows as a command is one.
if command -v node >/dev/null; then
	cp nginx/www/commands.js "$T/commands.mjs"
	node --input-type=module -e "
		import { exportctl } from '$T/commands.mjs';
		console.log(exportctl(process.argv[1], JSON.parse(process.argv[2])));" \
	    "$EXPORT_URL" "$body" >"$T/command"
	PATH=$PWD/scripts:$PATH EXPORT_URL=http://127.0.0.1:1 bash "$T/command" >"$T/stdout" 2>&1
	is "$(cat "$T/stdout")" "$(id a)" "the page's command"
	is "$(asked asked)" "$body" "sends what the page does"
else
	skip "the page's command" "no node"
fi
done_testing
