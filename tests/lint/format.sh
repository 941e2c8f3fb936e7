#!/usr/bin/env bash
# The sources are as clang-format leaves them. Only version 14 judges: others differ in details.
set -euo pipefail
cd "$(dirname "$0")/../.."
formatter=$(command -v clang-format-14 || command -v clang-format)
if ! "$formatter" --version | grep -q 'version 14\.'; then
  echo "clang-format 14 judges the format; here is $("$formatter" --version)"
  exit 77
fi
find lib tools tests -name node_modules -prune -o \( -name '*.h' -o -name '*.cpp' \) -print0 |
  xargs -0 -P 2 -n 40 "$formatter" --dry-run -Werror --fallback-style=none
