#!/usr/bin/env bash
# channel.sh FILE FILM...: writes the films into channel.m3u beside FILE, which is examples/channel.yaml or a copy
# of it, and runs the channel until it is told to stop.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin:$PATH
file=${1:?channel.sh FILE FILM...}
: "${2:?channel.sh FILE FILM...}"
realpath -- "${@:2}" >"$(dirname "$file")/channel.m3u"
exec stream-ctl up "$file"
