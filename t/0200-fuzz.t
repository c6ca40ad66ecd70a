#!/bin/bash
# Each fuzz target on its corpus, where every input that ever broke something stays.
. "$(dirname "$0")/lib.sh"

for target in t/fuzz/*.c; do
	name=$(basename "$target" .c)
	[ "$name" != replay ] || continue
	program=$B/t/replay-$name
	[ -x "$program" ] || lacking "$program (make check builds it)"
	ok "$name: $(find "t/corpus/$name" -type f ! -name '.*' | wc -l) inputs" "$program"
done
done_testing
