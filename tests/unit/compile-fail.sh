#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# compile-fail.sh: mistakes that must not compile, with every compiler at hand.
#
# Each file of refused/ is one case. Its second line says which floors it may include from
# and, for a mistake, the words the compiler must say (an extended regular expression):
#
#   /* floors: base sys core; compiles */
#   /* floors: base sys core; refused: too few arguments */
#
# Environment: srcdir (default: the top of the tree), builddir (where app/base/config.h was
# generated; default srcdir), CPPFLAGS (more -I, as configure found them).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
srcdir=${srcdir:-$here/../..}
builddir=${builddir:-$srcdir}
warnings=(-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
	-Wformat=2 -Wvla -Werror)
read -ra more <<<"${CPPFLAGS:-}"
failed=0
checked=0

complain() {
	echo "compile-fail: $1" >&2
	failed=1
}

for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	for file in "$here"/refused/*.c; do
		name=${file##*/}
		head=$(sed -n 2p "$file")
		[[ $head =~ ^/\*\ floors:\ ([a-z\ ]+)\;\ (compiles|refused:\ (.*))\ \*/$ ]] || {
			complain "$name: its second line is not as it should be"
			continue
		}
		refusal=${BASH_REMATCH[3]:-}
		include=(-iquote "$builddir/app/base" "${more[@]}" -iquote "$srcdir/sql")
		for floor in ${BASH_REMATCH[1]}; do
			include+=(-iquote "$srcdir/app/$floor")
		done
		checked=$((checked + 1))
		if said=$("$compiler" -std=gnu17 "${warnings[@]}" "${include[@]}" -c -o /dev/null \
			"$file" 2>&1); then
			[ -z "$refusal" ] || complain "$name: $compiler compiles it"
		elif [ -z "$refusal" ]; then
			complain "$name: $compiler does not compile it: $said"
		elif ! grep -Eq -- "$refusal" <<<"$said"; then
			complain "$name: $compiler refuses it, but for another reason: $said"
		fi
	done
done
# An upward call does not link: what the batch is linked with has no symbol of the web floor, so a
# program of the jobs floor that calls one fails, and the same program without the call does not.
link() {
	printf '#include "jobs.h"\nint web_serve(void);\nint main(void) { return %s; }\n' "$1" |
		"${CC:-gcc}" -std=gnu17 -iquote "$builddir/app/base" "${more[@]}" -iquote "$srcdir/sql" \
			-iquote "$srcdir/app/base" -iquote "$srcdir/app/sys" -iquote "$srcdir/app/core" \
			-iquote "$srcdir/app/jobs" -x c - -x none -o /dev/null "$builddir/libjobs.a" \
			"$builddir/libcore.a" "$builddir/libsys.a" "$builddir/libbase.a" ${LIBS:-} 2>&1
}
if [ -e "$builddir/libjobs.a" ]; then
	checked=$((checked + 2))
	said=$(link 'job_find("x") != 0') || complain "an honest program of the jobs floor does not link: $said"
	if said=$(link 'web_serve()'); then
		complain "a call from jobs up to web links"
	elif ! grep -q "undefined reference to .web_serve" <<<"$said"; then
		complain "a call from jobs up to web fails for another reason: $said"
	fi
fi

[ $checked -gt 0 ] || complain "no compiler, or no case"
[ $failed -eq 0 ] && echo "compile-fail: $checked cases as they should be"
exit $failed
