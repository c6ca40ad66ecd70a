# hosts.sh: hosts of a stack, each a network namespace with an address of its own, and certificates
# for them. Only with HOSTS=yes.
#
# The switch that they hang on is a namespace too, NET (xp0, xp1, ...), so that no firewall of this
# machine stands between them. In it a bridge has a link for each host, named after it, whose other
# end is eth0 in the namespace NET-HOST; and one for this machine itself, the client, whose other
# end is the link NET. That one's alias is RUN: so we know our own. NET's number gives the base port
# and the range of addresses, 198.18.N.0/24, out of what RFC 2544 sets apart for tests. Nothing is
# routed between it and anywhere.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

PORTS=		# of a stack around us, never ours
TLS=$RUN/tls
MEMBERS=${MEMBERS:-3}
RABBITS=${RABBITS:-3}
APIS=2
OWNERS=16	# names that may ask: owner-0 to owner-15, all with RUN/secrets/owners
NETS=200
NOBODY=02:00:00:00:00:00	# a MAC address that no host has

at() { printf '%s-%s/' "$1" "$2"; }
cert() { printf '%s/%s-%s' "$TLS" "$1" "$2"; }
is_at() { [ -z "$1" ] || [ "/proc/$2/ns/net" -ef "/run/netns/$NET-${1%/}" ]; }

host_address()
{
	local tens
	case "$1" in
	mongo) tens=1 ;; rabbit) tens=2 ;; s3) tens=3 ;; api) tens=4 ;; worker) tens=5 ;;
	esac
	printf '198.18.%s.%s%s' "${NET#xp}" "$tens" "$2"
}

# The host has a name of its own, too: it is in the names of its workers.
on_of()
{
	ON=()
	# shellcheck disable=SC2016	# for sh
	[ -z "$1" ] ||
		ON=(nsenter "--net=/run/netns/$NET-${1%/}" unshare --uts sh -c \
		'hostname "$0" && exec "$@"' "${1%/}")
}

places()
{
	local i n
	case "$1" in
	mongo) n=$MEMBERS ;; rabbit) n=$RABBITS ;; s3) n=1 ;; api) n=$APIS ;; worker) n=$WORKERS ;;
	esac
	for ((i = 1; i <= n; i++)); do
		at "$1" "$i"
		printf '\n'
	done
}

# KIND NUMBER, a line for each host.
hosts_all() { local kind; for kind in mongo rabbit s3 api worker; do places "$kind"; done |
	sed 's|/$||; s/-/ /'; }
is_host() { hosts_all | grep -qxF "${1%-*} ${1##*-}"; }
address_of() { if [ "$1" = client ]; then printf '198.18.%s.1' "${NET#xp}"; else host_address \
	"${1%-*}" "${1##*-}"; fi; }

# ---- the net

net_mine() { [ "$(cat "/sys/class/net/$1/ifalias" 2>/dev/null)" = "$RUN" ]; }

# Prints the base port of the net that is ours, else claims one that nobody has.
default_ports()
{
	local n

	for ((n = 0; n < NETS; n++)); do
		! net_mine "xp$n" || { printf '%s' $((10000 + n * 40)); return; }
	done
	[ "$verb" = up ] || { printf 10000; return; }
	for ((n = 0; n < NETS; n++)); do
		! net_claim "xp$n" || { printf '%s' $((10000 + n * 40)); return; }
	done
	die "none of the $NETS ranges 198.18.N.0/24 is free; ip netns list shows who has them"
}

# net_claim NET: makes the switch, unless somebody has it. One that has no owner is what a killed
# `up` left: they claim one after the other.
net_claim()
(
	exec 7</run/lock
	flock 7
	[ -z "$(cat "/sys/class/net/$1/ifalias" 2>/dev/null)" ] || exit 1
	{ ip link del "$1"; ip netns del "$1"; } 2>/dev/null || :
	ip netns add "$1" && ip link add "$1" type veth peer name client netns "$1" &&
		ip link set "$1" alias "$RUN"
)

net_may()
{
	command -v ip >/dev/null || die "ip is not there (Debian's iproute2); run scripts/deps"
	unshare --net true 2>/dev/null ||
		die "hosts are network namespaces, which take root" \
			"(CAP_NET_ADMIN and CAP_SYS_ADMIN); run this as root"
	[ "$WORKERS" -ge 1 ] && [ "$WORKERS" -le 8 ] ||
		die "WORKERS=$WORKERS is not between 1 and 8"
	[ "${#RUN}" -le 76 ] || die "RUN=$RUN is too long for the sockets in it; 76 bytes at most"
}

# Switch and hosts that are missing are made, what is cut is joined.
net_up()
{
	local kind number

	net_mine "$NET" || net_claim "$NET" ||
		die "$RUN began with the addresses of $NET, which" \
			"$(cat "/sys/class/net/$NET/ifalias") has now;" \
			"end those hosts, or remove $RUN to start from nothing"
	ip -n "$NET" link show bridge >/dev/null 2>&1 || {
		ip -n "$NET" link add bridge type bridge
		ip -n "$NET" link set bridge up
		ip -n "$NET" link set client master bridge up
		ip addr add "$(address_of client)/24" dev "$NET"
	}
	ip link set "$NET" up
	while read -r kind number; do
		host_up "$kind-$number"
	done < <(hosts_all)
}

host_up()
{
	local ns=$NET-$1

	# That eth0 is up is the last that happens inside.
	if [ -z "$(ip -n "$ns" -o link show up dev eth0 2>/dev/null)" ]; then
		ip netns del "$ns" 2>/dev/null || :
		ip -n "$NET" link del "$1" 2>/dev/null || :
		ip netns add "$ns"
		ip -n "$ns" -batch - <<END
link set lo up
link add eth0 type veth peer name $1 netns $NET
addr add $(address_of "$1")/24 dev eth0
link set eth0 up
END
		ip -n "$NET" link set "$1" master bridge
	fi
	join "$1"
}

net_down()
{
	local ns

	net_mine "$NET" || return 0
	for ns in /run/netns/"$NET"-*; do
		[ ! -e "$ns" ] || ip netns del "${ns##*/}"
	done
	ip netns del "$NET"
	ip link del "$NET" 2>/dev/null || :	# it went with the other end, or is about to
}

# ---- cut and join

# in_ns HOST WORDS...: ip in the host's namespace, or here for the client. dev_of HOST: its only
# link.
in_ns() { local host=$1; shift; if [ "$host" = client ]; then ip "$@"; else ip -n "$NET-$host" \
	"$@"; fi; }
dev_of() { if [ "$1" = client ]; then printf '%s' "$NET"; else printf eth0; fi; }

# cut HOST: takes its link down, as if its cable were pulled. cut HOST OTHER: what the two send to
# each other goes to a MAC address that nobody has, so is lost without a word, while all others hear
# both.
cut()
{
	if [ -z "${2-}" ]; then
		ip -n "$NET" link set "$1" down
	else
		in_ns "$1" neigh replace "$(address_of "$2")" lladdr "$NOBODY" dev \
			"$(dev_of "$1")" nud permanent
		in_ns "$2" neigh replace "$(address_of "$1")" lladdr "$NOBODY" dev \
			"$(dev_of "$2")" nud permanent
	fi
}

# join HOST: to all. join HOST OTHER: to each other.
join()
{
	local kind number

	if [ -n "${2-}" ]; then
		in_ns "$1" neigh flush to "$(address_of "$2")" dev "$(dev_of "$1")" nud permanent
		in_ns "$2" neigh flush to "$(address_of "$1")" dev "$(dev_of "$2")" nud permanent
		return
	fi
	ip -n "$NET" link set "$1" up
	in_ns "$1" neigh flush dev eth0 nud permanent
	while read -r kind number; do
		[ ! -e "/run/netns/$NET-$kind-$number" ] ||
			in_ns "$kind-$number" neigh flush to "$(address_of "$1")" dev eth0 nud \
			permanent
	done < <(hosts_all)
	in_ns client neigh flush to "$(address_of "$1")" dev "$NET" nud permanent
}

# A line for each host: its address, and from whom it is cut.
net_status()
{
	local kind number host from rc=0

	while read -r kind number; do
		host=$kind-$number
		if ! net_mine "$NET" || [ ! -e "/run/netns/$NET-$host" ]; then
			from='not there'
			rc=1
		elif [ -z "$(ip -n "$NET" -o link show up dev "$host" 2>/dev/null)" ]; then
			from='cut off'
		else
			from=$(in_ns "$host" neigh show dev eth0 nud permanent |
				awk '{ printf " %s", $1 }')
			from=${from:+cut from$from}
		fi
		printf '%-14s %-14s %s\n' "$host" "$(address_of "$host")" "${from:-joined}"
	done < <(hosts_all)
	return "$rc"
}

# ---- certificates

# A CA, and a certificate for each host with its name and address, made once.
tls_make()
{
	local kind number path address

	(
		umask 077
		mkdir -p "$TLS"
		[ -s "$TLS/ca.crt" ] ||
			tls_key "$TLS/ca" -x509 -days 3650 -subj "/CN=CA of the hosts" \
			-addext keyUsage=critical,keyCertSign,cRLSign -out "$TLS/ca.crt"
		while read -r kind number; do
			path=$(cert "$kind" "$number")
			[ ! -s "$path.crt" ] || continue
			tls_key "$path" -subj "/CN=$kind-$number" -out "$path.csr"
			address=$(host_address "$kind" "$number")
			# Erlang takes an address in a node's name for a host's name.
			printf 'subjectAltName=DNS:%s,DNS:localhost,DNS:%s,IP:%s,IP:127.0.0.1\n' \
				"$kind-$number" "$address" "$address" >"$path.ext"
			openssl x509 -req -in "$path.csr" -CA "$TLS/ca.crt" -CAkey "$TLS/ca.key" \
				-CAcreateserial -days 3650 -extfile "$path.ext" \
			    -out "$path.crt.new"
			mv "$path.crt.new" "$path.crt"
		done < <(hosts_all)
	) >>"$RUN/log/tls.log" 2>&1 || fail tls "openssl makes no certificates"
}

tls_key() { local path=$1; shift; openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout "$path.key" "$@"; }
