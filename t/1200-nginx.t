#!/bin/bash
# nginx/export.conf, unchanged: what it lets through, and its own errors as
# application/problem+json. There is no API here: what is passed on is answered 502.
. "$(dirname "$0")/lib.sh"
stack_test "nginx" "$@"

problem()
{
	local type=${2// /-}

	printf '{"type":"/problems/%s","title":"%s","status":%d} %d application/problem+json' \
	    "${type,,}" "$2" "$1" "$1"
}
get() { curl -s -m 20 -w ' %{http_code} %{content_type}' "$@" | tr -d '\n'; }
raw()
{
	timeout 10 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"; printf "$1" >&3; cat <&3' \
	    "$PORTS" "$1" | tr -d '\r'
}
big() { printf "%0$1d" 0; }

for path in /export '/export?state=STARTED' /export/5c01f1d2e4b0a1b2c3d4e5f6 /limits /health \
    /ready /metrics; do
	is "$(get "$EXPORT_URL$path")" "$(problem 502 "Bad Gateway")" "$path is passed on"
done
for path in /exports /export1 /limits/ /healthz /health/ /ready/x /metrics/ /index.html \
    /.problem; do
	is "$(get "$EXPORT_URL$path")" "$(problem 404 "Not Found")" "$path is not there"
done
is "$(get --path-as-is "$EXPORT_URL/../etc/passwd")" "$(problem 400 "Bad Request")" "/.. is refused"
is "$(get -X TRACE "$EXPORT_URL/export")" "$(problem 405 "Method Not Allowed")" "TRACE"
is "$(big 131073 | get --data-binary @- "$EXPORT_URL/export")" \
    "$(problem 413 "Content Too Large")" "a body of more than 128 KiB"
is "$(big 131072 | get --data-binary @- "$EXPORT_URL/export")" "$(problem 502 "Bad Gateway")" \
    "a body of 128 KiB is passed on"
is "$(get "$EXPORT_URL/export?$(big 9000)")" "$(problem 414 "URI Too Long")" "a long URI"
is "$(get -H "X: $(big 9000)" "$EXPORT_URL/export")" \
    "$(problem 431 "Request Header Fields Too Large")" "a long header"
like "$(raw 'NONSENSE\r\n\r\n')" '400 Bad Request.*"status":400' "a line that is no request"
like "$(raw 'GET /export HTTP/1.1\r\n\r\n')" '400 Bad Request.*application/problem\+json' "no Host"
like "$(curl -sI "$EXPORT_URL/nope")" 'Server: nginx'$'\r' "no version in Server"
like "$(curl -sI "$EXPORT_URL/nope")" 'Cache-Control: no-store' "an error is not cached"
statuses() { for _; do curl -s -o /dev/null -w '%{http_code}\n' "$EXPORT_URL/export"; done; }
export -f statuses
is "$(seq 800 | xargs -P 40 -n 20 bash -c 'statuses "$@"' - | sort -u)" \
    502 "800 requests of one client within seconds are let through"
done_testing
