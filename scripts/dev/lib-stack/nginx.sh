# nginx.sh: nginx with the tree's nginx/export.conf, unchanged, and what a site adds.
# shellcheck shell=bash

nginx_names() { places api | sed 's/$/nginx/'; }

# nginx_conf AT NUMBER
nginx_conf()
{
	local at=$1 d=$RUN/${1}nginx i

	mkdir -p "$d"
	cat >"$d/nginx.conf" <<END
# Written by scripts/stack at each start.
$([ "$(id -u)" != 0 ] || printf 'user root;')
daemon off;
worker_processes 2;
pid $RUN/${at}nginx.pid;
error_log $RUN/log/${at}nginx.log notice;
events { worker_connections 1024; }
http {
	access_log $RUN/log/${at}nginx-access.log;
	client_body_temp_path $d/body;
	fastcgi_temp_path $d/fastcgi;
	proxy_temp_path $d/proxy;
	scgi_temp_path $d/scgi;
	uwsgi_temp_path $d/uwsgi;
	include "$TREE/nginx/export.conf";
}
END
	{
		printf 'upstream export_api {\n'
		for ((i = 1; i <= POOLS; i++)); do
			printf '\tserver unix:%s/%sweb/api-%s.sock max_fails=0;\n' "$RUN" "$at" "$i"
		done
		printf '}\nupstream export_probe {\n'
		printf '\tserver unix:%s/%sweb/probe.sock max_fails=0;\n}\n' "$RUN" "$at"
	} >"$d/export-upstream.conf"
	# No password is asked for here: on loopback, in a test, only a name says who asks (curl -u
	# NAME:x), so that tests have owners.
	cat >"$d/export-site.conf" <<END
listen 127.0.0.1:$P_NGINX$([ -z "$HOSTS" ] || printf ' ssl');
server_name localhost;
set \$export_inner 127.0.0.1:$P_NGINX;
root $TREE/nginx/www;
$(if [ -n "$HOSTS" ]; then
	nginx_open "$d" "$2"
else
	printf 'set $export_user $remote_user;\nif ($remote_user) { set $export_auth claimed; }'
fi)
END
}

# nginx_open FOLDER NUMBER: what a host has that all may reach: passwords and TLS. Loopback is for
# /ready and /metrics.
nginx_open()
{
	local cert i
	cert=$(cert api "$2")

	mkdir -p "$1/export"
	(
		umask 077
		cp "$cert.crt" "$1/export/tls.crt"
		cp "$cert.key" "$1/export/tls.key"
		for ((i = 0; i < OWNERS; i++)); do
			# A hash would cost each request milliseconds.
			printf 'owner-%s:{PLAIN}%s\n' "$i" "$(secret owners)"
		done >"$1/export-users"
	)
	printf 'listen %s:%s ssl;\n' "$(host_address api "$2")" "$P_NGINX"
	printf 'set $export_names "%s";\n' "$(host_address api "$2")"
	printf 'include "%s/nginx/%s.conf";\n' "$TREE" tls "$TREE" auth-basic
}

nginx_up()
{
	local at n=0

	places_of api
	for at in "${PLACES[@]}"; do
		n=$((n + 1))
		if ! pid_of "${at}nginx" >/dev/null; then
			sweep "$at" 5 nginx	# workers of a master that was killed hold the port
			mkdir -p "$RUN/log/$at"
			nginx_conf "$at" "$n"
			on "$at" nginx -e "$RUN/log/${at}nginx.log" -t -q -c \
				"$RUN/${at}nginx/nginx.conf" >>"$RUN/log/${at}nginx.log" 2>&1 ||
				fail "${at}nginx" "nginx refuses its configuration"
			launch "${at}nginx" "$RUN/${at}nginx" "$(command -v nginx)" -e \
				"$RUN/log/${at}nginx.log" -c "$RUN/${at}nginx/nginx.conf"
		fi
		wait_for "${at}nginx" 20 nginx_answers "$at" "$n"
	done
}

# nginx_answers AT NUMBER: with an API behind it, when that answers too.
nginx_answers()
{
	local url
	url=http${HOSTS:+s}://$(host_address api "$2"):$P_NGINX

	if [ -S "$RUN/${1}web/api-1.sock" ]; then
		curl -sf -m 5 ${HOSTS:+--cacert "$TLS/ca.crt"} "$url/health"
	else
		curl -s -m 5 ${HOSTS:+--cacert "$TLS/ca.crt"} "$url/"
	fi
}

nginx_stop()
{
	local name

	wanted nginx || return 0
	for name in $(nginx_names); do
		term "$name"
		gone "$name" 10
	done
	sweep "" 5 nginx
}
