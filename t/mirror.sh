# mirror.sh: where this system takes Debian from; for scripts that make a root of another one.
# shellcheck shell=bash

# MIRROR, or the first of this system's sources; fails where there is none.
debian_mirror()
{
	[ -z "${MIRROR-}" ] || { printf '%s\n' "$MIRROR"; return; }
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
	    /etc/apt/sources.list.d/*.sources 2>/dev/null || :; } |
		sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' | sed -n 1p |
		grep .
}
