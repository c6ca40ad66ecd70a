#!/bin/bash
# Who includes whom: the directions and the foreign libraries of each part, by the include lines
# alone.
. "$(dirname "$0")/lib.sh"

# includes FILES...: "file header" a line, as written with its quotes or brackets.
includes() { grep -HE '^[[:space:]]*#[[:space:]]*include' "$@" |
	sed -E 's/^([^:]+):[^"<]*(["<][^">]*[">]).*/\1 \2/'; }
# none PATTERN NAME <FILE: no line of it matches; those that do are shown.
none()
{
	local found

	found=$(grep -E "$1")
	is "$found" "" "$2"
}

mapfile -t LIB < <(find lib -name '*.[ch]' | sort)
mapfile -t WORKER < <(find worker -name '*.[ch]' | sort)
SOURCES=("${LIB[@]}" "${WORKER[@]}" fcgi/*.[ch])
mapfile -t HEADERS < <(printf '%s\n' "${SOURCES[@]}" | grep '\.h$')
mapfile -t CODE < <(printf '%s\n' "${SOURCES[@]}" | grep '\.c$')

like "$(includes "${LIB[@]}" | wc -l)" '^[1-9][0-9]{2}' "there are include lines to look at"
is "$(includes "${SOURCES[@]}" | grep -cvE ' ("[a-z0-9]+(/[a-z0-9_]+)+\.h"|<[a-z0-9_/.-]+>)$')" 0 \
	"each is understood"

# Directions.
none ' "(worker|t)/' "fcgi/ includes nothing of worker/ or t/" < <(includes fcgi/*.[ch])
none ' "(fcgi|t)/' "worker/ includes nothing of fcgi/ or t/" < <(includes "${WORKER[@]}")
none ' "(fcgi|worker|t)/' "lib/ includes only lib/" < <(includes "${LIB[@]}")
# The rooms of lib/ and worker/: base knows no server, servers know no job, the engine knows
# neither.
none . "lib/base/ includes only itself" < <(includes lib/base/*.[ch] | grep '"' |
	grep -v ' "lib/base/')
none . "lib/servers/ includes only itself and lib/base/" < <(includes lib/servers/*.[ch] |
	grep '"' | grep -vE ' "lib/(base|servers)/')
none . "worker/engine/ includes only itself and lib/base/" < <(
	includes "${WORKER[@]}" | grep '^worker/engine/' | grep '"' |
		grep -vE ' "(worker/engine|lib/base)/')
none . "of worker/engine/ the rest of worker/ sees archive.h, source.h and sink.h" < <(
	includes worker/*.[ch] | grep ' "worker/engine/' |
		grep -vE ' "worker/engine/(archive|source|sink)\.h"$')
# No arrow runs back up: nothing that a file includes leads back to it. A header that two files
# share (x_impl.h) counts as x.
none . "no include leads back to where it began" < <(
	includes "${SOURCES[@]}" | grep '"' | tr -d '"' | sed -E 's/(_impl)?\.[ch]( |$)/\2/g' |
		awk '$1 != $2' | tsort 2>&1 >/dev/null)
none . "ours are included from the root of the tree" < <(includes "${SOURCES[@]}" | grep '"' |
	grep -vE ' "(lib|worker|fcgi)/')
while read -r file header; do
	header=${header//\"/}
	[ -f "$header" ] || echo "$file: $header"
done < <(includes "${SOURCES[@]}" | grep '"') >"$T/lacking"
is "$(cat "$T/lacking")" "" "what is included is there"

# A .c file includes its own header first.
for file in "${CODE[@]}"; do
	[ ! -f "${file%.c}.h" ] || [ "$(includes "$file" | head -n 1)" = "$file \"${file%.c}.h\"" \
		] || echo "$file"
done >"$T/first"
is "$(cat "$T/first")" "" "a file's own header comes first"

# Headers stand alone, guarded, and see C and POSIX only.
STANDARD='assert|ctype|errno|inttypes|limits|math|pthread|signal|stdalign|stdarg|stdatomic|stdbool'
STANDARD+='|stddef|stdint|stdio|stdlib|string|strings|time|sys/[a-z]+'
none . "no header includes a foreign one" < <(includes "${HEADERS[@]}" | grep '<' |
	grep -vE " <($STANDARD)\.h>$")
for file in "${HEADERS[@]}"; do
	guard=$(echo "${file^^}" | tr / _ | tr . _)
	{ grep -qx "#ifndef $guard" "$file" && grep -qx "#define $guard" "$file"; } || echo "$file"
done >"$T/guards"
is "$(cat "$T/guards")" "" "each header is guarded by its path"
for file in "${HEADERS[@]}"; do
	echo "#include \"$file\""
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wstrict-prototypes -Werror \
		-fsyntax-only -x c - <<<"#include \"$file\"" || echo "FAILED $file"
done >"$T/alone" 2>&1
is "$(grep -v '^#include' "$T/alone")" "" "each header compiles alone"

# may LIBRARY PATTERN FILES...: only these files include it.
may()
{
	local name=$1 pattern=$2 file

	shift 2
	includes "${SOURCES[@]}" | grep -E " <($pattern)" | cut -d ' ' -f 1 | sort -u >"$T/users"
	for file in "$@"; do
		echo "$file"
	done | sort -u >"$T/allowed"
	is "$(comm -23 "$T/users" "$T/allowed")" "" "who includes $name"
}
may libmongoc 'mongoc' lib/jobs/catalogue{,_estimate,_upkeep}.c lib/servers/failure.c \
	lib/jobs/{joblist,jobs,leftovers,owners,parameters,rates,records,tasks}.c \
	lib/jobs/{totals,units,usage,workers}.c lib/servers/{mongo,rights,trials}.c \
	worker/{fetch,odd,telemetry}.c
may rabbitmq-c '(rabbitmq-c/|amqp)' lib/servers/amqp.c lib/servers/queue.c
may libcurl 'curl' lib/servers/{credential_http,s3_exchange}.c lib/base/baseurl.c
none "<bson" "fcgi/ sees no BSON" < <(includes fcgi/*.[ch])
may libfcgi 'fcg' fcgi/*.c
# JSON is for clients, for the archive and for credentials, not for what lies between (totals.c: its
# hash table).
mapfile -t ENGINE < <(find worker/engine -name "*.c")
may json-c json fcgi/*.c lib/jobs/catalogue.c lib/jobs/totals.c lib/servers/credential.c \
	"${ENGINE[@]}"
may ISA-L 'isa-l|igzip' lib/base/digest.c worker/engine/deflate/blocks.c
may libexpat 'expat' lib/servers/s3xml.c
may zlib 'zlib' worker/engine/deflate/deflate.c worker/engine/archive/{packed,zip}.c

# The pure files take time, key and bytes as arguments.
PURE=(fcgi/spec.c lib/base/{buf,jsonstrict,nameset,num,timestamp,tzif,tzrule,utf8,zone}.c
	lib/jobs/scope.c lib/servers/{credential,s3xml,sigv4}.c
	worker/engine/slice.c worker/engine/decode/{document,numtext,points,unwind}.c
	worker/engine/deflate/{huffman,textdeflate}.c worker/engine/rows/{columns,csv,merge}.c)
OUTSIDE='time|gettimeofday|clock_gettime|clock_real_ms|clock_monotonic_ms|fopen|open|socket|getenv'
is "$(grep -nE "\b($OUTSIDE|rand|random)\(" "${PURE[@]}")" "" \
	"the pure files ask no clock, file or environment"
none '"lib/(base/(clock|log)|servers/(s3|queue|mongo)|jobs/jobs)\.h"' \
	"nor do they log or talk to servers" < <(includes "${PURE[@]}")

# lib/ never exits (but crash.c, which is not in a release), and assert() is not for what comes from
# outside.
is "$(grep -nE '\b(_?exit|_Exit|quick_exit|abort|err|errx|verr|verrx)\(' "${CODE[@]}" |
	grep '^lib/' | grep -v '^lib/base/crash.c:')" "" "lib/ never exits"

is "$(grep -nE '\b(_?exit|_Exit|quick_exit|errx?)\(' "${CODE[@]}" |
	grep -vE '^(lib/|(fcgi|worker)/main\.c:)')" "" "only main exits"
is "$(grep -nwE 'gets|strcpy|strcat|vsprintf|strtok|alloca' "${CODE[@]}" | grep '(')" "" \
	"no function that knows no bounds"

# A tab counts as eight columns, in the page as four. Exempt are data, and rows of tables in
# Markdown, which cannot be broken.
git ls-files -- ':!t/corpus' ':!t/data' ':!t/requirements/*.txt' ':!scripts/servers.txt' \
	':!LICENSE' ':!*.png' ':!*.svg' ':!*.json' >"$T/lined"
/usr/bin/python3 -c '
import os, sys
for name in filter(os.path.exists, sys.stdin.read().splitlines()):
    with open(name, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            columns = len(line.rstrip("\n").expandtabs(4 if name.startswith("nginx/www/") else 8))
            if columns > 100 and not (name.endswith(".md") and line.startswith("|")):
                print("%s:%d: %d columns" % (name, number, columns))' <"$T/lined" >"$T/wide" 2>&1
ok "there are files to measure" [ "$(wc -l <"$T/lined")" -gt 200 ]
is "$(cat "$T/wide")" "" "no line is wider than 100 columns"
done_testing
