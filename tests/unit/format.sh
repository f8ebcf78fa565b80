#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# format.sh: every C file is as clang-format makes it.
set -euo pipefail

cd "${srcdir:-.}"
command -v clang-format >/dev/null || {
	echo "format: clang-format is missing; on Debian: apt-get install clang-format"
	exit 77
}
mapfile -t files < <(find app tests -name '*.[ch]' | sort)
clang-format --dry-run -Werror "${files[@]}"
echo "format: ${#files[@]} files as clang-format makes them"
