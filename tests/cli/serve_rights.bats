#!/usr/bin/env bats
# stream-serve obeys what stream-archive hides and makes private.
load ../support/common
load ../support/archive

# Streams open, hidden and private in hls/, tokens by stream-keys, the address in $url.
serve() {
  local stream
  export STREAM_VAULT_KEY_FILE=$T/secret/key
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  stream-keys -q token viewer open >/dev/null
  stream-keys token public-key >public.json
  for stream in open hidden private; do
    mkdir -p "hls/$stream/720p"
    printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n' >"hls/$stream/master.m3u8"
    printf '#EXTM3U\n#EXTINF:2,\ns_1.m4s\n#EXT-X-ENDLIST\n' >"hls/$stream/720p/playlist.m3u8"
    head -c 1000 /dev/urandom >"hls/$stream/720p/s_1.m4s"
  done
  start serve stream-serve --hls hls --listen http://127.0.0.1:0 --events "$T/events" "$@"
  wait_for 5 has_event events service.ready
  url=$(jq -r 'select(.event == "listener.started").url' events)
}

token() { stream-keys -q token viewer "$@"; }
status_of() { curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"; }
with() { printf 'Authorization: Bearer %s' "$1"; }

@test "hidden ones are not there, private ones are for those who are allowed" {
  serve --token-key public.json
  stream-archive hide --hls hls/hidden
  stream-archive set --private --allow anna --hls hls/private --json >set.json
  assert_json set.json '.recordings[0].allow == ["anna"]'
  schema_check.py hls/private/rights.json
  local path anna bob
  anna=$(token private --user anna)
  bob=$(token private --user bob)
  for path in "" master.m3u8 720p/playlist.m3u8 720p/s_1.m4s; do
    assert_equal "$(status_of "${url}open/$path")" 200 "open/$path"
    assert_equal "$(status_of "${url}hidden/$path")" 404 "hidden/$path"
    assert_equal "$(status_of -H "$(with "$(token hidden)")" "${url}hidden/$path")" 200 "hidden/$path"
    assert_equal "$(status_of -H "$(with "$(token open)")" "${url}hidden/$path")" 404 "hidden/$path"
    assert_equal "$(status_of "${url}private/$path")" 401 "private/$path"
    assert_equal "$(status_of -H "$(with "$bob")" "${url}private/$path")" 403 "private/$path"
    assert_equal "$(status_of -H "$(with "$(token private)")" "${url}private/$path")" 403 "private/$path"
    assert_equal "$(status_of -H "$(with "$(token open --user anna)")" "${url}private/$path")" 403 "private/$path"
    assert_equal "$(status_of -H "$(with "${anna}x")" "${url}private/$path")" 403 "private/$path"
    assert_equal "$(status_of -H "$(with "$anna")" "${url}private/$path")" 200 "private/$path"
  done
  for path in private hidden; do
    case $(status_of "$url$path") in 401 | 404) ;; *) fail "$path" ;; esac
    case $(status_of -X POST -d x "$url$path/whep") in 40[145]) ;; *) fail "$path/whep" ;; esac
  done
  assert_equal "$(status_of "${url}private/rights.json")" 401
  assert_equal "$(status_of -H "$(with "$anna")" "${url}private/rights.json")" 404
  assert_equal "$(curl -s "$url" | grep -c 'href="\(hidden\|private\|open\)/')" 1
  curl -sI -H "$(with "$anna")" "${url}private/720p/s_1.m4s" | grep -qi '^cache-control: private'
  # Players that send no header: the page's address carries the token, a cookie the rest.
  curl -s -c jar "${url}private/?token=$anna" >page.html
  curl -sf -b jar "${url}private/720p/s_1.m4s" | cmp - hls/private/720p/s_1.m4s
  assert_equal "$(status_of -b jar "${url}hidden/master.m3u8")" 404
  refute grep -q "$anna" events
  # Taken back, and given to all: at once.
  stream-archive set --forbid anna --hls hls/private
  assert_equal "$(status_of -H "$(with "$anna")" "${url}private/master.m3u8")" 403
  stream-archive set --public --hls hls/private
  assert_equal "$(status_of "${url}private/master.m3u8")" 200
  stream-archive unhide --hls hls/hidden
  assert_equal "$(status_of "${url}hidden/master.m3u8")" 200
}

@test "no way round: other spellings, links, damaged rights, no key" {
  serve
  stream-archive set --private --allow anna --hls hls/private
  ln -s private hls/alias
  ln -s private/720p hls/deep
  ln -s ../private/720p/s_1.m4s hls/open/link.m4s
  local path
  for path in private//720p/s_1.m4s private/./720p/s_1.m4s %70rivate/720p/s_1.m4s private%2f720p/s_1.m4s \
    open/../private/720p/s_1.m4s PRIVATE/720p/s_1.m4s alias/720p/s_1.m4s deep/s_1.m4s open/link.m4s alias/ alias; do
    case $(status_of "$url$path") in 40[0134]) ;; *) fail "$path: $(status_of "$url$path")" ;; esac
  done
  assert_equal "$(status_of -H "$(with "$(token private --user anna)")" "${url}private/master.m3u8")" 403
  echo '{"visibility":"public"' >hls/open/rights.json
  assert_equal "$(status_of "${url}open/master.m3u8")" 401
  assert_equal "$(curl -s "$url" | grep -c 'href="open/')" 0
  ln -sf "$T/elsewhere.json" hls/open/rights.json
  echo '{"visibility":"public","hidden":false,"owner":null,"allow":[]}' >elsewhere.json
  assert_equal "$(status_of "${url}open/master.m3u8")" 401
  run stream-serve --hls hls --listen http://127.0.0.1:0 --token-key none.json
  assert_status 1
  assert_output none.json
}

@test "recordings of an archive are shown as its catalogue says" {
  random_file talk.mp4 5000
  random_file secret.mp4 6000
  random_file on-its-way.mp4 100
  stream-archive put talk.mp4 --to dir:hls --stream demo
  stream-archive put secret.mp4 --to dir:hls --stream demo --private
  serve --token-key public.json
  cp on-its-way.mp4 hls/demo/recording/
  curl -sf "${url}demo/recording/talk.mp4" | cmp - talk.mp4
  assert_equal "$(status_of "${url}demo/recording/secret.mp4")" 401
  assert_equal "$(status_of "${url}demo/recording/on-its-way.mp4")" 404
  assert_equal "$(status_of "${url}_catalog/demo/talk.json")" 404
  stream-archive set secret --store dir:hls --allow anna
  curl -sf -H "$(with "$(token demo --user anna)")" "${url}demo/recording/secret.mp4" | cmp - secret.mp4
  assert_equal "$(status_of -H "$(with "$(token demo --user bob)")" "${url}demo/recording/secret.mp4")" 403
  stream-archive hide talk --store dir:hls
  assert_equal "$(status_of "${url}demo/recording/talk.mp4")" 404
  stream-archive unhide talk --store dir:hls
  stream-archive set secret --store dir:hls --public
  assert_equal "$(status_of "${url}demo/recording/talk.mp4")" 200
  assert_equal "$(status_of "${url}demo/recording/secret.mp4")" 200
  # What vod makes of a private one is private.
  cp "$(clip flash_4s)" clip.mp4
  stream-archive put clip.mp4 --to dir:hls --stream demo --private --owner otto
  stream-archive vod clip --store dir:hls -o hls/clip
  assert_equal "$(status_of "${url}clip/master.m3u8")" 401
  assert_equal "$(status_of -H "$(with "$(token clip --user otto)")" "${url}clip/master.m3u8")" 200
}

@test "a group's page names what is the viewer's, also what is yet to come" {
  applied() {
    printf 'name: %s\ngroup: day\ninput: {test_pattern: true}\n%s\n' "$1" "$2" >"$1.yaml"
    stream-ctl apply "$1.yaml"
  }
  listed() { curl -sf "$@" "$url" | sed -n 's|.*<li><a href="\([a-z]*\)/".*|\1|p' | sort | paste -sd' '; }
  local soon='schedule: {time_zone: UTC, at: "2098-07-01 20:00", duration: 1h}'
  for stream in open hidden private; do applied $stream ''; done
  applied later "$soon"
  applied party "visibility: {public: false, allow: [anna]}"$'\n'"$soon"
  applied secret "visibility: {visible: false}"$'\n'"$soon"
  serve --group day --token-key public.json
  stream-archive hide --hls hls/hidden
  stream-archive set --private --allow anna --hls hls/private
  assert_equal "$(listed)" "later open"
  local guest anna bob
  guest=$(token hidden secret)
  anna=$(token open private party --user anna)
  bob=$(token open private party --user bob)
  assert_equal "$(listed -H "$(with "$guest")")" "hidden later open secret"
  assert_equal "$(listed -H "$(with "$anna")")" "later open party private"
  assert_equal "$(listed -H "$(with "$bob")")" "later open"
  assert_equal "$(listed -H "$(with "${anna}x")")" "later open"
  # One link to the list is a key to what it names.
  curl -sf -D headers -o /dev/null -c jar "$url?token=$anna"
  grep -qi '^referrer-policy: no-referrer' headers
  assert_equal "$(listed -b jar)" "later open party private"
  assert_equal "$(status_of -b jar "${url}private/master.m3u8")" 200
  assert_equal "$(status_of -b jar "${url}hidden/master.m3u8")" 404
  curl -sf -D headers -o /dev/null "$url?token=x%3B%20Path%3D/x;y"
  refute grep -qi '^set-cookie' headers
}

# demo from a stream file, whose visibility is as given; $url is where it is shown. No files are made.
live() {
  cat >s.yaml <<END
name: demo
input: {test_pattern: true, size: 320x180, rate: 25}
ladder: {rungs: ["180p@200k,preset=ultrafast"], bus: true, low_delay: true, segment: 1s}
serve: {listen: "http://127.0.0.1:0", whep: true, rtc_port: 0, token_key: public.json}
visibility: $1
END
  export STREAM_VAULT_KEY_FILE=$T/secret/key
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  stream-keys -q token viewer demo >/dev/null
  stream-keys token public-key >public.json
  start up stream-ctl up s.yaml --restart-delay 100ms
  wait_for 30 test -S "$STREAM_RUNTIME_DIR/demo/rungs/180p.sock"
  url=$(stream-ctl status demo serve --json | jq -r '.tools[0].url')
}
offers() { # offers CURL-OPTION...: the code that a player's offer is answered with
  status_of -H 'Content-Type: application/sdp' --data-binary "@$ROOT/tests/fuzz/corpus/sdp/safariviewer" "$@" "${url}demo/whep"
}
answers() { [ "$(offers "${@:2}")" = "$1" ]; }

@test "live streams without --hls: who may watch is what the stream file says, as it is now" {
  live '{public: false, allow: [anna]}'
  anna=$(token demo --user anna)
  bob=$(token demo --user bob)
  wait_for 20 answers 201 -H "$(with "$anna")"
  assert_equal "$(offers)" 401
  assert_equal "$(offers -H "$(with "$bob")")" 403
  assert_equal "$(offers -H "$(with "$(token other --user anna)")")" 403
  assert_equal "$(status_of "${url}demo/live")" 401
  assert_equal "$(status_of "${url}demo/live?token=$anna")" 200
  for made_up in nobody/live nobody/whep demo/../demo/live; do
    case $(status_of "$url$made_up") in 200 | 401 | 404 | 400 | 405) ;; *) fail "$made_up" ;; esac
  done
  sed -i 's/^visibility.*/visibility: {visible: false}/' s.yaml
  stream-ctl apply s.yaml
  wait_for 5 answers 404
  assert_equal "$(offers -H "$(with "$bob")")" 201
  sed -i '/^visibility/d' s.yaml
  stream-ctl apply s.yaml
  wait_for 5 answers 201
  # What can't be read is for nobody.
  stop up KILL
  echo broken >"$STREAM_STATE_DIR/demo/stream.json"
  wait_for 5 answers 401
}
