#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# compile-fail.sh: mistakes that must not compile, with every compiler at hand.
#
# Each file of compile-fail/ is one case. Its second line says which floors it may include from
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
	for file in "$here"/compile-fail/*.c; do
		name=${file##*/}
		head=$(sed -n 2p "$file")
		[[ $head =~ ^/\*\ floors:\ ([a-z\ ]+)\;\ (compiles|refused:\ (.*))\ \*/$ ]] || {
			complain "$name: its second line is not as it should be"
			continue
		}
		refusal=${BASH_REMATCH[3]:-}
		include=("-I$builddir/app/base" "${more[@]}" "-I$srcdir/sql")
		for floor in ${BASH_REMATCH[1]}; do
			include+=("-I$srcdir/app/$floor")
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
[ $checked -gt 0 ] || complain "no compiler, or no case"
[ $failed -eq 0 ] && echo "compile-fail: $checked cases as they should be"
exit $failed
