# lib.sh: TAP for shell tests; sourced. Sets cwd to the root of the tree, B (the build), T (a folder
# that is gone at exit).
#
#	. "$(dirname "$0")/lib.sh"
#	stack_test "mongo provision" "$@"	runs this file again inside t/with-stack;
#						leave out where no server is needed
#	ok "name" COMMAND...			the command succeeds; if not, its output is shown
#	no "name" COMMAND...			the command fails
#	is "$got" "$expected" "name"		equal
#	like "$got" 'regex' "name"		matches (bash's =~)
#	skip "name" "why"   skip_all "why"   diag "text"   at_exit 'command'
#	done_testing
#
# lacking WHAT is for what a machine may not have: the file is skipped, or with EXPORT_TEST_ALL=1
# fails.
# shellcheck shell=bash

set -uo pipefail
TEST_FILE=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
B=${B:-build}
T=$(mktemp -d "${TMPDIR:-/tmp}/export-t.XXXXXX") || exit 1
TEST_N=0
TEST_BAD=0
TEST_AT_EXIT=()

at_exit() { TEST_AT_EXIT=("$1" "${TEST_AT_EXIT[@]}"); }

test_exit()
{
	local rc=$? todo

	for todo in "${TEST_AT_EXIT[@]}"; do
		eval "$todo"
	done
	rm -rf "$T"
	exit "$rc"
}
trap test_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

diag() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

# result RC NAME: one line of TAP.
result()
{
	TEST_N=$((TEST_N + 1))
	if [ "$1" = 0 ]; then
		printf 'ok %d - %s\n' "$TEST_N" "$2"
	else
		printf 'not ok %d - %s\n' "$TEST_N" "$2"
		TEST_BAD=$((TEST_BAD + 1))
	fi
	return "$1"
}

ok()
{
	local name=$1 rc

	shift
	"$@" >"$T/.out" 2>&1
	rc=$?
	result "$rc" "$name" || { diag "exit $rc of: $*"; diag "$(tail -n 30 "$T/.out")"; return \
		1; }
}

no()
{
	local name=$1 rc=0

	shift
	! "$@" >"$T/.out" 2>&1 || rc=1
	result "$rc" "$name" ||
		{ diag "succeeded, and should not: $*"; diag "$(tail -n 30 "$T/.out")"; return 1; }
}

is()
{
	local rc=0

	[ "$1" = "$2" ] || rc=1
	result "$rc" "$3" || { diag "     got: $1"; diag "expected: $2"; return 1; }
}

like()
{
	local rc=0

	[[ $1 =~ $2 ]] || rc=1
	result "$rc" "$3" || { diag "        got: $1"; diag "no match of: $2"; return 1; }
}

skip()
{
	TEST_N=$((TEST_N + 1))
	printf 'ok %d - %s # SKIP %s\n' "$TEST_N" "$1" "$2"
}

skip_all() { printf '1..0 # SKIP %s\n' "$1"; exit 0; }

lacking()
{
	[ "${EXPORT_TEST_ALL-}" = 1 ] || skip_all "lacking: $1"
	printf 'not ok 1 - lacking: %s\n1..1\n' "$1"
	exit 1
}

done_testing()
{
	printf '1..%d\n' "$TEST_N"
	[ "$TEST_BAD" = 0 ] || exit 1
	exit 0
}

# stack_test "SERVICES" "$@": starts the file again with these servers (all where it is empty) and
# RUN/env in the environment.
stack_test()
{
	local services=$1

	shift
	[ "${WITH_STACK-}" != "$TEST_FILE" ] || return 0
	rm -rf "$T"
	WITH_STACK=$TEST_FILE exec t/with-stack ${services:+--only "$services"} \
		${STACK_CONF:+--conf "$STACK_CONF"} bash "$TEST_FILE" "$@"
}

# until_ok SECONDS COMMAND...: again and again until it succeeds; on a busy machine longer.
until_ok()
{
	local began=$SECONDS limit=$1 load cores

	shift
	cores=$(nproc)
	until "$@"; do
		read -r load _ </proc/loadavg
		load=$((${load%.*} / cores))
		[ "$SECONDS" -lt $((began + limit * (load > 1 ? load : 1))) ] || return 1
		sleep 0.1
	done
}
