# For the tests in browsers: `load ../support/browser` after common and what else starts programs.
#
#   setup                    of each test; skips it where there is nothing to drive Chromium by
#   firefox_ready            from here on it is Firefox; skips the test where there is none
#   serve DIR ARGUMENT...    starts stream-serve as "serve", SCHEME=https: in TLS; $site ends with a slash; events in $T/served
#   trust CERTIFICATE...     Chromium takes them for good
#   play URL ARGUMENT...     play.mjs; its report in play.json
#   sights FILE              what is wrong to the eye and the ear, in the words of ffmpeg's detectors

setup() { browser_setup; }

browser_setup() {
  stream_setup
  export PULSE_RUNTIME_PATH="$T/pulse"  # Chromium looks for sound devices, and would leave a directory in /tmp
  [ -d "$ROOT/tests/browser/node_modules/playwright-core" ] || skip "run tests/support/install_npm.sh"
  mkdir -p hls
}

firefox_ready() {
  command -v firefox-esr >/dev/null || skip "needs firefox-esr"
  export BROWSER=firefox
}

serve() {
  local dir=$1
  shift
  start serve stream-serve --hls "$dir" --listen "${SCHEME:-http}://127.0.0.1:0" --events "$T/served" "$@"
  wait_for 10 has_event served service.ready
  # shellcheck disable=SC2034  # for the test
  site=$(jq -r 'select(.event == "listener.started").url' served)
}

# By the hash of their keys.
trust() {
  local file list=
  for file in "$@"; do
    list+=${list:+,}$(openssl x509 -in "$file" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
  done
  export CHROMIUM_ARGUMENTS=--ignore-certificate-errors-spki-list=$list
}

play() { node "$ROOT/tests/browser/play.mjs" "$@" >play.json 2>play.err || fail "$(cat play.err)"; }

sights() {
  ffmpeg -nostdin -v info -i "$1" -vf blackdetect=d=0.5,freezedetect=d=1 -af silencedetect=n=-50dB:d=2 -f null - 2>&1 |
    grep -oE 'black_start|freeze_start|silence_start' || true
}
