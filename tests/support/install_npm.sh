#!/usr/bin/env bash
# install_npm.sh: puts the locked npm packages of the tests beside their package.json: what plays our
# streams (tests/browser) and what checks our tokens (tests/livekit).
set -euo pipefail
cd "$(dirname "$0")/.."

for folder in browser livekit; do
  stamp=$folder/node_modules/.installed
  if [ ! -e "$stamp" ] || ! cmp -s "$folder/package-lock.json" "$stamp"; then
    echo "Installing npm packages for tests/$folder (see its package.json)" >&2
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2)
    cp "$folder/package-lock.json" "$stamp"
  fi
done
