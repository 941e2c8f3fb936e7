#!/usr/bin/env bash
# channel.sh FILE: runs examples/channel.yaml, or a copy of it, over and over: each time the programme has come
# to its end it begins again. ROUNDS=N ends after so many. A service manager does the same with Restart=always.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?channel.sh FILE}
for ((round = 1; round <= ${ROUNDS:-1000000}; round++)); do
  stream-ctl up "$file"
done
