#!/usr/bin/env bash
# run.sh [ctest arguments]: installs what is missing, builds, runs every test through ctest.
#   tests/run.sh -R unit      only the tests whose name matches
#   tests/run.sh -L cli       only the tests of the command line
set -euo pipefail
cd "$(dirname "$0")/.."

tests/support/install.sh run build test
tests/support/install_npm.sh
cmake --preset release
cmake --build --preset release
exec ctest --preset release --parallel "${TEST_JOBS:-$(($(nproc) + 1))}" "$@" </dev/null
