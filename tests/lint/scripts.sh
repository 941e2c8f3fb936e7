#!/usr/bin/env bash
# Shell scripts pass shellcheck, bats files too; Python scripts compile.
set -euo pipefail
cd "$(dirname "$0")/../.."
grep -rlE --exclude-dir={build,out,node_modules,.git} '^#!.*\b(ba)?sh$' . |
  xargs -P 2 -n 12 shellcheck -x -S warning
find tests \( -name '*.bats' -o -name '*.bash' \) -not -path '*/node_modules/*' -print0 |
  xargs -0 -P 2 -n 8 shellcheck -s bats -S warning -e SC2120,SC2154,SC2238
find . \( -name build -o -name out -o -name node_modules \) -prune -o -name '*.py' -print0 |
  xargs -0 python3 -c 'import ast, sys
for path in sys.argv[1:]: ast.parse(open(path).read(), path)'
