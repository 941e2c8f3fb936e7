# stream-keys token, roles, invite: tokens for viewers and for LiveKit's rooms.
load ../support/common

setup() {
  stream_setup
  export STREAM_VAULT_KEY_FILE="$T/secret/key"
  (umask 077 && echo "$CANARY-is-longer-than-32-characters" >"$T/secret/api")
}

livekit() { stream-keys -q token livekit --api-key devkey --api-secret "@file:$T/secret/api" "$@"; }
by_livekit() { node "$ROOT/tests/livekit/check.mjs" devkey "$T/secret/api" "$@"; }

@test "a viewer's token opens its stream, by the public key alone" {
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  token=$(stream-keys -q token viewer demo --user anna --expires 2h)
  stream-keys token public-key >"$T/public.json"
  unset STREAM_VAULT_KEY_FILE
  stream-keys token verify --public-key "$T/public.json" --stream demo <<<"$token" >"$T/claims.json"
  assert_json "$T/claims.json" '.aud == "view:demo" and .sub == "anna" and .exp - .iat == 7200'
  run stream-keys token verify --public-key "$T/public.json" --stream demo2 <<<"$token"
  assert_status 1
  assert_output audience
  run stream-keys token verify --public-key "$T/public.json" --stream demo <<<"${token%?????}AAAAA"
  assert_status 1
}

@test "the signing key is made once, also by ten at once" {
  stream-keys -q vault init --key-file "$STREAM_VAULT_KEY_FILE"
  makers=()
  for n in $(seq 10); do
    stream-keys -q token viewer demo >"$T/secret/token$n" &
    makers+=($!)
  done
  wait "${makers[@]}"
  for n in $(seq 10); do stream-keys -q token verify --stream demo <"$T/secret/token$n"; done
}

@test "LiveKit's own library accepts our token and reads the same claims" {
  [ -d "$ROOT/tests/livekit/node_modules" ] || skip "the npm packages are not installed"
  livekit --room "Röom <1>" --identity guest-1 --name 'A&B' --metadata '{"seat":1}' --attribute a=b \
    --can-publish=false --can-subscribe --hidden | by_livekit >"$T/claims.json"
  assert_json "$T/claims.json" '.iss == "devkey" and .sub == "guest-1" and .name == "A&B"'
  assert_json "$T/claims.json" '.metadata == "{\"seat\":1}" and .attributes == {"a": "b"}'
  assert_json "$T/claims.json" '.video == {"room": "Röom <1>", "roomJoin": true, "canPublish": false,
    "canSubscribe": true, "hidden": true}'
}

@test "we accept LiveKit's own tokens, and nothing else" {
  [ -d "$ROOT/tests/livekit/node_modules" ] || skip "the npm packages are not installed"
  token=$(by_livekit --make '{"roomJoin":true,"room":"r","canPublish":false}')
  stream-keys token verify --api-secret "@file:$T/secret/api" --issuer devkey <<<"$token" >"$T/claims.json"
  assert_json "$T/claims.json" '.video.canPublish == false'
  run stream-keys token verify --api-secret "@file:$T/secret/api" --issuer other <<<"$token"
  assert_status 1
  (umask 077 && echo "another-secret-of-more-than-32-characters" >"$T/secret/other")
  run stream-keys token verify --api-secret "@file:$T/secret/other" <<<"$token"
  assert_status 1
  assert_output "signature"
}

@test "an unsigned token and one with two algorithms are refused" {
  b64() { printf '%s' "$1" | basenc --base64url | tr -d '=\n'; }
  claims=$(b64 '{"exp":4000000000}')
  for header in '{"alg":"none"}' '{"alg":"HS256","alg":"none"}' '{"alg":"EdDSA"}' '{"jwk":{},"alg":"HS256"}'; do
    run stream-keys token verify --api-secret "@file:$T/secret/api" <<<"$(b64 "$header").$claims."
    assert_status 1
  done
  head -c 20000 /dev/zero | tr '\0' A >"$T/secret/long"
  run stream-keys token verify --api-secret "@file:$T/secret/api" <"$T/secret/long"
  assert_status 1
}

@test "failing to find out is not a no" {
  run stream-keys token verify --api-secret "@file:$T/none" <<<"a.b.c"
  assert_status 6
  assert_output "$T/none"
  run stream-keys token verify --nonsense <<<"a.b.c"
  assert_status 2
}

@test "roles expand to grants, and a link carries a token with them" {
  stream-keys roles --json >"$T/roles.json"
  assert_json "$T/roles.json" '[.roles[].role] == ["host", "moderator", "guest"]'
  link=$(stream-keys -q invite "my room" --role guest --expires 1d --base-url https://meet.example \
    --api-key devkey --api-secret "@file:$T/secret/api")
  [[ "$link" == "https://meet.example/my%20room#token="* ]]
  stream-keys token verify --api-secret "@file:$T/secret/api" <<<"${link#*#token=}" >"$T/claims.json"
  assert_json "$T/claims.json" '.video.room == "my room" and .exp - .iat == 86400'
  [ "$(jq -S .video "$T/claims.json")" = "$(jq -S '.roles[2].video + {room: "my room"}' "$T/roles.json")" ]
}

@test "what can't be is said before anything is signed" {
  run livekit --room r
  assert_status 2
  run livekit --room r --identity i --metadata '{broken'
  assert_status 2
  run livekit --room r --identity i --expires 0s
  assert_status 2
  run livekit --room r --identity i --role king
  assert_status 2
  assert_output guest
  run livekit --room r --identity i --can-publish=maybe
  assert_status 2
  run stream-keys invite r --base-url ftp://x --api-key k --api-secret "@file:$T/secret/api"
  assert_status 2
}
