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
done_testing
