#!/usr/bin/env bash
# install.sh PURPOSE...: installs the Debian packages that a purpose needs and this machine lacks.
# The one list of what the project depends on. Knows Debian 12 and 13.
#   run    what a stream needs beside our programs     build   compiler and libraries
#   test   what tests/run.sh uses                      ci      what .ci/run uses on top
#   bench  what tests/bench/run.sh compares with
set -euo pipefail

declare -A packages=(
  [run]="ffmpeg python3 tzdata util-linux"
  [build]="cmake ninja-build g++ ccache pkg-config libssl-dev nlohmann-json3-dev
    libyaml-cpp-dev libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev libswscale-dev
    libswresample-dev libzimg-dev libsrt-gnutls-dev libass-dev libsodium-dev libsrtp2-dev libcurl4-openssl-dev libpugixml-dev doctest-dev"
  [test]="bats faketime systemd tmux srt-tools python3 tzdata strace jq curl socat procps iproute2 util-linux rtmpdump gstreamer1.0-tools
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-nice python3-gst-1.0 gir1.2-gst-plugins-bad-1.0
    gir1.2-gst-rtsp-server-1.0 chromium firefox-esr
    fonts-dejavu-core python3-jsonschema python3-yaml mandoc bash-completion zsh fish
    clang-format shellcheck python3-swift"
  [ci]="clang llvm libclang-rt-dev"
  [bench]="srt-tools nginx libnginx-mod-rtmp python3 socat time rclone awscli gnuplot-nox"
)

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' ok installed'; }

# Boost 1.81 is the oldest with the coroutine support we use; Debian 12's default is older.
if [ "$(. /etc/os-release && echo "${VERSION_ID:-99}")" = 12 ]; then
  packages[build]+=" libboost1.81-dev"
else
  packages[build]+=" libboost-dev"
fi
# Any Node will do, from Debian or not; Debian's npm is a package of its own.
command -v node >/dev/null || packages[test]+=" nodejs"
command -v npm >/dev/null || packages[test]+=" npm"

missing=()
reasons=()
for purpose in "$@"; do
  lacking=()
  for package in ${packages[$purpose]:?no such purpose}; do
    installed "$package" || lacking+=("$package")
  done
  if [ ${#lacking[@]} -gt 0 ]; then
    missing+=("${lacking[@]}")
    reasons+=("to $purpose: ${lacking[*]}")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing Debian packages that are missing here:" >&2
printf '  %s\n' "${reasons[@]}" >&2
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install.sh: not root and no sudo; as root: apt-get install ${missing[*]}" >&2
    exit 4
  }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq </dev/null >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${missing[@]}" </dev/null >&2
