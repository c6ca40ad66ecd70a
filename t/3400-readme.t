#!/bin/bash
# README.md is true: scripts/demo prints what it shows there, and every command of its session works.
. "$(dirname "$0")/lib.sh"
stack_test "mongo rabbit s3 provision api worker nginx" "$@"

# The commands name run/env and run/FILE: here that is the folder of this test's stack.
mkdir "$T/tree"
for f in "$PWD"/*; do
	[ "${f##*/}" = run ] || ln -s "$f" "$T/tree/"
done
ln -s "$EXPORT_RUN" "$T/tree/run"

ok "scripts/demo" bash -c 'cd "$1" && scripts/demo >"$2" 2>&1 || { tail -n 20 "$2"; exit 1; }' - "$T/tree" "$T/demo"

# What varies: the job's id, its SHA-256 and how far a poll found it.
n=0
while IFS= read -r line; do
	ok "the demo prints: $line" grep -qF -- "$line" "$T/demo"
	n=$((n + 1))
done < <(sed -n 's/^      \( *[0-9]* *2018-12-02 00:00 *vehicle_.*\)$/\1/p; s/^    \(time,.*\)$/\1/p; s/^    \(15435[0-9]*,.*\)$/\1/p' README.md)
ok "README shows the demo's files and rows" [ "$n" -ge 6 ]

n=0
while IFS= read -r command; do
	ok "\$ $command" bash -c 'cd "$1" && set -ae && '"$command" - "$T/tree"
	n=$((n + 1))
done < <(sed -n 's/^    \$ //p' README.md)
ok "README has commands" [ "$n" -ge 5 ]

for file in $(grep -o '](\([a-zA-Z/.]*\))' README.md | tr -d ']()'); do
	ok "$file is there" [ -e "$file" ]
done
for key in grace_ms max_attempts link_ttl_s; do
	ok "$key is a key of export.conf" grep -q "^#*$key" scripts/export.conf
done
done_testing
