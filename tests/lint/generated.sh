#!/usr/bin/env bash
# The man pages and completions in the tree are what the programs print; every page passes mandoc's lint.
#   generated.sh --write    makes them so (after a change of options or events)
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${TOOLS_BIN:-build/release/bin}
unset "${!STREAM_@}"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mkdir -p "$made/man" "$made/completions"/{bash,zsh,fish}

for source in tools/*/main.cpp; do
  name=stream-$(basename "$(dirname "$source")")
  "$bin/$name" __man >"$made/man/$name.1"
  "$bin/$name" __completion bash >"$made/completions/bash/$name"
  "$bin/$name" __completion zsh >"$made/completions/zsh/_$name"
  "$bin/$name" __completion fish >"$made/completions/fish/$name.fish"
done
"$bin/stream-ctl" __man stream-events >"$made/man/stream-events.7"

if [ "${1:-}" = --write ]; then
  mkdir -p man completions
  cp -r "$made/man" "$made/completions" .
fi
result=0
for file in $(cd "$made" && find . -type f | sort); do
  if ! cmp -s "$made/$file" "$file"; then
    echo "$file is stale: build, then run tests/lint/generated.sh --write"
    result=1
  fi
done
for file in man/*.1 completions/*/*; do
  [ -e "$made/$file" ] || { echo "$file belongs to no program"; result=1; }
done
for page in man/*.[157]; do
  # Whether the pages that a page names are installed is no matter of the page.
  mandoc -T lint -W warning "$page" || result=1
  if LC_ALL=C grep -nP '[^\x00-\x7f]' "$page"; then
    echo "$page: not ASCII"
    result=1
  fi
  if COLUMNS=80 mandoc -T ascii -O width=78 "$page" | col -b | grep -nE '^.{81}'; then
    echo "$page: wider than 80 columns"
    result=1
  fi
done
for shell in bash zsh fish; do
  command -v $shell >/dev/null || continue
  for script in completions/$shell/*; do
    $shell -n "$script" || { echo "$script: $shell cannot read it"; result=1; }
  done
done
exit $result
