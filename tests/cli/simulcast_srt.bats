# ctest: timeout=240 processors=2
# SRT destinations: what arrives is what was sent; states are earned; peers that are absent, refuse, stall.
load ../support/common
load ../support/ingest
load ../support/simulcast
load ../support/srt

# srt_sink PORT FILE [OPTIONS]: srt-live-transmit listens and writes what comes to FILE
srt_sink() {
  start "sink$1" bash -c 'exec srt-live-transmit -q -a:no -chunk:1316 "srt://127.0.0.1:$1?mode=listener&$3" file://con >"$2"' - "$1" "$2" "${3:-}"
}

@test "srt-live-transmit: the pictures arrive bit for bit, beside an RTMP destination" {
  local udp tcp
  udp=$(free_udp_port) tcp=$(free_port)
  sink rtmp "$tcp"
  srt_sink "$udp" "$T/out.ts"
  start simulcast stream-simulcast -i "$(clip flash_4s)" --name demo --events "$T/events" \
    --to "backup=srt://127.0.0.1:$udp" --to "main=rtmp://127.0.0.1:$tcp/live/key"
  wait_for 15 saw backup live
  wait_exit simulcast
  assert_equal "$status" 0
  wait_exit "sink$udp" 10
  packet_hashes "$T/out.ts" v >"$T/arrived"
  less 100 "$(wc -l <"$T/arrived")"
  decodes "$T/out.ts"
  flash_beep.py "$T/out.ts" >"$T/offsets.json"
  assert_json "$T/offsets.json" '.pairs >= 3 and .max_abs_ms <= 25'
}

@test "ffmpeg as a listener, encrypted, with a stream id; the passphrase is in a file and nowhere else" {
  local udp
  udp=$(free_udp_port)
  canary >"$T/secret/pass"
  printf 'srt://127.0.0.1:%s?latency=200ms&streamid=publish:demo&passphrase=@file:%s' "$udp" "$T/secret/pass" >"$T/secret/where"
  chmod 600 "$T"/secret/*
  start ffmpeg ffmpeg -nostdin -v error -t 2 -i "srt://127.0.0.1:$udp?mode=listener&passphrase=$(canary)" -c copy -f mpegts -y "$T/out.ts"
  simulcast --to "backup=@file:$T/secret/where"
  wait_for 15 saw backup live
  assert_equal "$(field backup state)" live
  wait_exit ffmpeg
  less 30 "$(packets "$T/out.ts" v)"
  stop simulcast
}

@test "our own ingest takes it; a wrong key is refused for good, a wrong passphrase as well" {
  local key
  key=$(stream-keys new copy --store "$T/secret/keys")
  printf '%s' "$key" >"$T/secret/key"
  printf 'wrong-key' >"$T/secret/wrong"
  printf 'a passphrase' >"$T/secret/pass"
  chmod 600 "$T"/secret/*
  QUERY=passphrase=@file:$T/secret/pass listen_srt --key-file "$T/secret/keys"
  mv "$T/events" "$T/ingest.events"
  simulcast --to "good=$url?passphrase=@file:$T/secret/pass,key=@file:$T/secret/key" \
    --to "bad=$url?passphrase=@file:$T/secret/pass,key=@file:$T/secret/wrong" \
    --to "plain=$url,key=@file:$T/secret/key"
  wait_for 15 saw good live
  wait_for 15 saw bad refused
  wait_for 15 saw plain refused
  wait_for 10 test -S "$STREAM_RUNTIME_DIR/copy/media.sock"
  timeout 3 socat -u "UNIX-CONNECT:$STREAM_RUNTIME_DIR/copy/media.sock" "OPEN:$T/copy.nut,creat" || true
  less 30 "$(packets "$T/copy.nut" v)"
  [ "$(jq -r 'select(.event == "destination.health" and .destination == "good") | .rtt_seconds' "$T/events" | grep -vc null)" -gt 0 ]
  stop simulcast
  stop ingest
}

@test "nobody there, then there: backoff, and live soon after (S01, S07); stop at once in any state (S16)" {
  local udp
  udp=$(free_udp_port)
  simulcast --to "backup=srt://127.0.0.1:$udp"
  wait_for 15 saw backup backoff '.reason | contains("no answer")'
  run ! saw backup live
  srt_sink "$udp" "$T/out.ts"
  wait_for 15 saw backup live
  stop simulcast
  assert_equal "$status" 0
  start simulcast stream-simulcast -i "$T/live" --name demo --to "backup=srt://127.0.0.1:$udp"
}

@test "a peer that stops, and a way that swallows everything: not live any more within 10 s (S02)" {
  local udp
  udp=$(free_udp_port)
  srt_sink "$udp" "$T/out.ts"
  export port=$udp
  spoil relay 'clean; 4s: stall'
  simulcast --to "backup=srt://127.0.0.1:$spoiled"
  wait_for 15 saw backup live
  wait_for 14 saw backup backoff
  stop simulcast
}

@test "through loss and jitter: everything arrives" {
  local udp
  udp=$(free_udp_port)
  srt_sink "$udp" "$T/out.ts" latency=400
  export port=$udp
  spoil relay 'delay=20ms jitter=20ms loss=4%'
  start simulcast stream-simulcast -i "$(clip flash_4s)" --name demo --events "$T/events" \
    --to "backup=srt://127.0.0.1:$spoiled?latency=400ms"
  wait_exit simulcast 30
  assert_equal "$status" 0
  wait_exit "sink$udp" 10
  less 100 "$(packets "$T/out.ts" v)"
  decodes "$T/out.ts"
}
