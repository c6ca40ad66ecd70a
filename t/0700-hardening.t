#!/bin/bash
# Both programs have the hardening that the compiler and the linker were given options for.
. "$(dirname "$0")/lib.sh"

case "$B" in
*san*) skip_all "a build with sanitizers is not hardened" ;;
esac
command -v readelf >/dev/null || lacking "readelf (Debian: binutils)"
for name in export-api export-worker; do
	program=$B/$name
	[ -x "$program" ] || lacking "$program (make builds it)"
	like "$(readelf -h "$program")" 'Type: +DYN' "$name: position independent"
	like "$(readelf -lW "$program")" 'GNU_RELRO' "$name: relocations are read-only"
	like "$(readelf -dW "$program")" 'BIND_NOW|FLAGS.*NOW' "$name: bound when it starts"
	like "$(readelf -lW "$program")" 'GNU_STACK.* RW ' "$name: no code on the stack"
	like "$(readelf -sW --dyn-syms "$program")" '__stack_chk_fail' "$name: guarded stack"
	like "$(readelf -sW --dyn-syms "$program")" '__(snprintf|vsnprintf|memcpy|fprintf)_chk' \
		"$name: fortified"
	is "$(readelf -dW "$program" | grep -cE 'RPATH|RUNPATH')" 0 \
		"$name: only the system's libraries"
done
done_testing
