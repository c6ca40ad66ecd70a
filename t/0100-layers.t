#!/bin/bash
# Who includes whom: the directions and the foreign libraries of each part, by the include lines alone.
. "$(dirname "$0")/lib.sh"

# includes FILES...: "file header" a line, as written with its quotes or brackets.
includes() { grep -HE '^[[:space:]]*#[[:space:]]*include' "$@" | sed -E 's/^([^:]+):[^"<]*(["<][^">]*[">]).*/\1 \2/'; }
# none PATTERN NAME <FILE: no line of it matches; those that do are shown.
none()
{
	local found

	found=$(grep -E "$1")
	is "$found" "" "$2"
}

like "$(includes lib/*.[ch] | wc -l)" '^[1-9][0-9]{2}' "there are include lines to look at"
is "$(includes lib/*.[ch] worker/*.[ch] fcgi/*.[ch] | grep -cvE ' ("[a-z0-9]+/[a-z0-9_]+\.h"|<[a-z0-9_/.-]+>)$')" 0 "each is understood"

# Directions.
none ' "(worker|t)/' "fcgi/ includes nothing of worker/ or t/" < <(includes fcgi/*.[ch])
none ' "(fcgi|t)/' "worker/ includes nothing of fcgi/ or t/" < <(includes worker/*.[ch])
none ' "(fcgi|worker|t)/' "lib/ includes only lib/" < <(includes lib/*.[ch])
none . "ours are included from the root of the tree" < <(includes lib/*.[ch] worker/*.[ch] fcgi/*.[ch] | grep '"' | grep -vE ' "(lib|worker|fcgi)/')
while read -r file header; do
	header=${header//\"/}
	[ -f "$header" ] || echo "$file: $header"
done < <(includes lib/*.[ch] worker/*.[ch] fcgi/*.[ch] | grep '"') >"$T/lacking"
is "$(cat "$T/lacking")" "" "what is included is there"

# A .c file includes its own header first.
for file in lib/*.c worker/*.c fcgi/*.c; do
	[ ! -f "${file%.c}.h" ] || [ "$(includes "$file" | head -n 1)" = "$file \"${file%.c}.h\"" ] || echo "$file"
done >"$T/first"
is "$(cat "$T/first")" "" "a file's own header comes first"

# Headers stand alone, guarded, and see C and POSIX only.
STANDARD='assert|ctype|errno|inttypes|limits|math|pthread|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|sys/[a-z]+'
none . "no header includes a foreign one" < <(includes lib/*.h worker/*.h fcgi/*.h | grep '<' | grep -vE " <($STANDARD)\.h>$")
for file in lib/*.h worker/*.h fcgi/*.h; do
	guard=$(echo "${file^^}" | tr / _ | tr . _)
	{ grep -qx "#ifndef $guard" "$file" && grep -qx "#define $guard" "$file"; } || echo "$file"
done >"$T/guards"
is "$(cat "$T/guards")" "" "each header is guarded by its path"
for file in lib/*.h worker/*.h fcgi/*.h; do
	echo "#include \"$file\""
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wstrict-prototypes -Werror -fsyntax-only -x c - <<<"#include \"$file\"" || echo "FAILED $file"
done >"$T/alone" 2>&1
is "$(grep -v '^#include' "$T/alone")" "" "each header compiles alone"

# may LIBRARY PATTERN FILES...: only these files include it.
may()
{
	local name=$1 pattern=$2 file

	shift 2
	includes lib/*.[ch] worker/*.[ch] fcgi/*.[ch] | grep -E " <($pattern)" | cut -d ' ' -f 1 | sort -u >"$T/users"
	for file in "$@"; do
		echo "$file"
	done | sort -u >"$T/allowed"
	is "$(comm -23 "$T/users" "$T/allowed")" "" "who includes $name"
}
may libmongoc 'mongoc' lib/catalogue.c lib/check.c lib/failure.c lib/joblist.c lib/jobs.c lib/mongo.c lib/rights.c lib/stats.c lib/units.c worker/assemble.c worker/reader.c worker/keeper.c worker/report.c worker/main.c fcgi/main.c
may rabbitmq-c 'amqp' lib/queue.c
may libcurl 'curl' lib/s3.c
may libfcgi 'fcg' fcgi/*.c
may ISA-L 'isa-l|igzip' worker/blocks.c
may zlib 'zlib' worker/deflate.c worker/zip.c

# The pure files take time, key and bytes as arguments.
PURE="fcgi/spec.c lib/buf.c lib/jsontext.c lib/num.c lib/s3xml.c lib/sigv4.c lib/timestamp.c lib/utf8.c worker/columns.c worker/csv.c
worker/huffman.c worker/merge.c worker/number.c worker/points.c worker/slice.c worker/sound.c worker/textdeflate.c
worker/unwind.c"
# shellcheck disable=SC2086
is "$(grep -nE '\b(time|gettimeofday|clock_gettime|clock_real_ms|clock_monotonic_ms|fopen|open|socket|getenv|rand|random)\(' $PURE)" "" "the pure files ask no clock, file or environment"
# shellcheck disable=SC2086
none '"lib/(clock|log|s3|queue|jobs|mongo)\.h"' "nor do they log or talk to servers" < <(includes $PURE)

# lib/ never exits (but crash.c, which is not in a release), and assert() is not for what comes from outside.
is "$(grep -nE '\b(_?exit|_Exit|quick_exit|abort|err|errx|verr|verrx)\(' lib/*.c | grep -v '^lib/crash.c:')" "" "lib/ never exits"


is "$(grep -nE '\b(_?exit|_Exit|quick_exit|errx?)\(' fcgi/*.c worker/*.c | grep -vE '^(fcgi|worker)/main\.c:')" "" "only main exits"
is "$(grep -nwE 'gets|strcpy|strcat|vsprintf|strtok|alloca' lib/*.c fcgi/*.c worker/*.c | grep '(')" "" "no function that knows no bounds"
done_testing
