# nginx.sh: nginx with the tree's nginx/export.conf, unchanged, and what a site adds.
# shellcheck shell=bash

nginx_names() { printf 'nginx\n'; }

nginx_conf()
{
	local d=$RUN/nginx i

	cat >"$d/nginx.conf" <<END
# Written by scripts/stack at each start.
$([ "$(id -u)" != 0 ] || printf 'user root;')
daemon off;
worker_processes 2;
pid $RUN/nginx.pid;
error_log $RUN/log/nginx.log notice;
events { worker_connections 1024; }
http {
	access_log $RUN/log/nginx-access.log;
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
			printf '\tserver unix:%s/api-%s.sock max_fails=0;\n' "$RUN" "$i"
		done
		printf '}\n'
	} >"$d/export-upstream.conf"
	# No password is asked for here: on loopback, in a test, a name alone says who asks (curl -u NAME:x), so that tests have owners.
	cat >"$d/export-site.conf" <<END
listen 127.0.0.1:$P_NGINX;
server_name localhost;
root $TREE/nginx/www;
set \$export_user \$remote_user;
set \$export_auth claimed;
END
}

nginx_up()
{
	if ! pid_of nginx >/dev/null; then
		sweep 5 nginx	# workers of a master that was killed hold the port
		nginx_conf
		nginx -e "$RUN/log/nginx.log" -t -q -c "$RUN/nginx/nginx.conf" >>"$RUN/log/nginx.log" 2>&1 ||
			fail nginx "nginx refuses its configuration"
		launch nginx "$RUN/nginx" "$(command -v nginx)" -e "$RUN/log/nginx.log" -c "$RUN/nginx/nginx.conf"
	fi
	wait_for nginx 20 nginx_answers
}

# With an API behind it, when that answers too.
nginx_answers()
{
	if [ -S "$RUN/api-1.sock" ]; then
		curl -sf -m 5 "http://127.0.0.1:$P_NGINX/health"
	else
		curl -s -m 5 "http://127.0.0.1:$P_NGINX/"
	fi
}

nginx_stop()
{
	wanted nginx || return 0
	term nginx
	gone nginx 10
	sweep 5 nginx
}
