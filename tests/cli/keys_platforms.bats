# stream-keys login, refresh, endpoint, go-live, end, status, logout against scripted platforms.
# ctest: timeout=240
load ../support/common

setup() {
  stream_setup
  export STREAM_VAULT_KEY_FILE="$T/secret/key"
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  (umask 077 && echo "clienttoken appsecret" >"$T/secret/client" && echo "$CANARY-cf-token" >"$T/secret/cf")
}

# platforms [EXPIRES_IN]: starts them, sets ROOT_URL.
platforms() {
  start platforms platforms.py "$T/secret" "${1:-3600}"
  wait_for 10 grep -q http "$T/platforms.out"
  ROOT_URL=$(cat "$T/platforms.out")
}

login() {
  local platform=$1
  shift
  stream-keys login "$platform" --client-id id --client-secret "@file:$T/secret/client" \
    --auth-root "$ROOT_URL" --api-root "$ROOT_URL" "$@"
}

requests() { grep -c "$1" "$T/secret/requests" || true; }
fault() { printf '[{"path":"%s","times":%s,"status":%s,"body":"%s"}]' "$@" >"$T/secret/faults"; }
value() { stream-keys vault get "$1"; }

@test "youtube: a code is entered elsewhere, a broadcast prepared, shown and ended" {
  platforms
  run login youtube
  assert_status 0
  assert_output "https://www.google.com/device" "ABCD-EFGH" "logged in"
  stream-keys endpoint youtube --title "A title" --privacy unlisted --at 2026-12-24T18:00:00Z --json >"$T/made.json"
  assert_json "$T/made.json" '.entries == ["youtube", "youtube.backup"] and .broadcast.broadcast == "broadcast1"'
  [ "$(value youtube)" = "rtmps://a.rtmps.youtube.com:443/live2/$CANARY-yt-key" ]
  [ "$(value youtube.backup)" = "rtmps://a.rtmps.youtube.com:443/live2?backup=1/$CANARY-yt-key" ]
  run stream-keys go-live youtube --timeout 100ms
  assert_status 124
  assert_output "no media yet"
  touch "$T/secret/active"
  stream-keys -q go-live youtube
  stream-keys -q go-live youtube # repeating it is harmless
  stream-keys status youtube --json >"$T/status.json"
  assert_json "$T/status.json" '.state == "live" and .stream == "active" and .health == "good"'
  stream-keys -q end youtube
  # The account's stream, and so its key, is made once and not per broadcast.
  stream-keys -q endpoint youtube --title "Another"
  assert_equal "$(requests 'POST /youtube/v3/liveStreams ')" 1
}

@test "youtube: a browser on this machine, with PKCE and our state only" {
  platforms
  login youtube --browser >"$T/login.out" 2>"$T/secret/login.err" &
  local login_pid=$!
  wait_for 10 grep -q code_challenge "$T/secret/login.err"
  url=$(grep code_challenge "$T/secret/login.err")
  redirect=$(python3 -c 'import sys, urllib.parse as u; print(dict(u.parse_qsl(u.urlsplit(sys.argv[1]).query))["redirect_uri"])' "$url")
  [[ "$redirect" == http://127.0.0.1:* ]]
  # Others that knock are turned away and change nothing.
  [ "$(curl -s -o /dev/null -w '%{http_code}' "$redirect?code=stolen&state=wrong")" = 404 ]
  [ "$(curl -s -o /dev/null -w '%{http_code}' "${redirect}favicon.ico")" = 404 ]
  run curl -sL "$url"
  assert_output "Done"
  wait "$login_pid"
  stream-keys -q refresh youtube
}

@test "twitch: login, address and key, status, logout" {
  platforms
  run login twitch
  assert_status 0
  assert_output WXYZ
  stream-keys -q endpoint twitch --title "A title" --entry tw
  [ "$(value tw)" = "rtmps://near.example/app/live_42_$CANARY?x=1" ]
  stream-keys status twitch --entry tw --json >"$T/status.json"
  assert_json "$T/status.json" '.state == "offline"'
  touch "$T/secret/active"
  stream-keys status twitch --entry tw --json >"$T/status.json"
  assert_json "$T/status.json" '.state == "live" and .title == "A title"'
  stream-keys -q logout twitch
  assert_equal "$(requests 'POST /oauth2/revoke 200')" 1
  run stream-keys refresh twitch
  assert_status 4
  assert_output "log in first"
}

@test "facebook: the long-lived token, the address as it came, live and end" {
  platforms
  login facebook 2>/dev/null
  stream-keys -q endpoint facebook --title "A title" --target page1
  [ "$(value facebook)" = "rtmps://live-api-s.facebook.com:443/rtmp/FB-77-0-$CANARY?s_bl=1&s_sc=2" ]
  stream-keys -q go-live facebook
  stream-keys status facebook --json >"$T/status.json"
  assert_json "$T/status.json" '.state == "LIVE" and .viewers == 3'
  stream-keys -q end facebook
  # What can't be renewed is seen by doctor before it ends.
  stream-keys doctor --within 61d --json >"$T/doctor.json"
  assert_json "$T/doctor.json" '[.checks[] | select(.id == "vault.expiry")] | length == 1'
}

@test "cloudflare: an API token, a live input with three addresses" {
  platforms
  stream-keys -q login cloudflare --api-token "@file:$T/secret/cf" --target acct --api-root "$ROOT_URL"
  stream-keys endpoint cloudflare --title "A title" --json >"$T/made.json" 2>/dev/null
  assert_json "$T/made.json" '.entries == ["cloudflare", "cloudflare.srt", "cloudflare.whip"] and .broadcast.playback'
  [ "$(value cloudflare)" = "rtmps://live.cloudflare.com:443/live/$CANARY-cf-key" ]
  [[ "$(value cloudflare.srt)" == "srt://live.cloudflare.com:778?streamid="*"&passphrase=$CANARY-cf-srt" ]]
  stream-keys -q end cloudflare
  stream-keys status cloudflare --json >"$T/status.json"
  assert_json "$T/status.json" '.state == "connected" and .enabled == false'
  stream-keys -q go-live cloudflare
  (umask 077 && echo "wrong" >"$T/secret/wrong")
  stream-keys -q login cloudflare --api-token "@file:$T/secret/wrong" --target acct --api-root "$ROOT_URL"
  run stream-keys status cloudflare
  assert_status 11
  assert_output "Authentication error"
}

@test "eight processes renew a login exactly once, with single-use refresh tokens" {
  platforms
  # Each round a login whose token of 1 s is over; the issuer ends the family if one is spent twice.
  for round in 1 2 3 4 5; do
    echo 1 >"$T/secret/expires_in"
    login twitch --account "round$round" 2>/dev/null
    echo 3600 >"$T/secret/expires_in"
    sleep 1
    before=$(requests 'POST /oauth2/token ')
    workers=()
    for _ in $(seq 8); do
      stream-keys -q refresh twitch --account "round$round" &
      workers+=($!)
    done
    for worker in "${workers[@]}"; do wait "$worker"; done
    assert_equal "$(requests 'POST /oauth2/token ')" $((before + 1))
  done
}

@test "an issuer that fails throws no login away" {
  platforms 2
  login twitch 2>/dev/null
  entry=$(value login.twitch.main | jq -r .refresh_token)
  for answer in '500 {}' '503 ' '0 ' '200 not-json' '429 {}' '200 {}'; do
    fault /oauth2/token 99 ${answer%% *} "${answer#* }"
    run stream-keys refresh twitch
    if [ "$status" -ne 0 ]; then
      assert_status 10
      assert_output "the login is kept"
    fi
    [ "$(value login.twitch.main | jq -r .refresh_token)" = "$entry" ]
  done
  rm "$T/secret/faults"
  sleep 2
  stream-keys -q refresh twitch
  [ "$(value login.twitch.main | jq -r .refresh_token)" != "$entry" ]
}

@test "a login that is over says so, and stays until somebody decides" {
  platforms 1
  login twitch 2>/dev/null
  fault /oauth2/token 99 400 '{\"status\":400,\"message\":\"Invalid refresh token\"}'
  sleep 1
  run stream-keys refresh twitch
  assert_status 11
  assert_output "log in again: stream-keys login twitch"
  stream-keys vault list --no-header | grep -q login.twitch.main
}

@test "a token that the platform refuses early is renewed once, and the call repeated" {
  platforms
  login youtube 2>/dev/null
  fault /youtube/v3/liveBroadcasts 1 401 '{}'
  stream-keys -q endpoint youtube --title x
  assert_equal "$(requests 'POST /youtube/v3/liveBroadcasts 401')" 1
}

@test "refusals come with the platform's own word" {
  platforms
  login youtube 2>/dev/null
  fault /youtube/v3/liveBroadcasts 9 403 '{\"error\":{\"errors\":[{\"reason\":\"liveStreamingNotEnabled\"}]}}'
  run stream-keys endpoint youtube --title x
  assert_status 11
  assert_output liveStreamingNotEnabled
  fault /youtube/v3/liveBroadcasts 9 200 '[1,2]'
  run stream-keys endpoint youtube --title x
  assert_status 10
  fault /device/code 9 400 '{\"error\":\"invalid_client\"}'
  run login youtube --account other
  assert_status 11
  assert_output invalid_client
  run stream-keys status youtube
  assert_status 4
  assert_output "stream-keys endpoint youtube"
  run stream-keys login youtube --client-id x --auth-root http://192.0.2.1
  assert_status 2
  run stream-keys login kick
  assert_status 2
}
