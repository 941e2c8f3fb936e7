# Stream files: stream-ctl check, plan, show.
load ../support/common

stream_file() {
  cat >s.yaml <<YAML
name: wedding
title: Anna and Ben
input: {listen: rtmp://127.0.0.1:1935/live, open: true, bit_rate: 4M}
ladder: {output: hls/wedding, rungs: [720p@2800k, 360p@800k]}
record: {output: rec}
destinations:
  one: {url: rtmp://127.0.0.1/app, key: "@file:one.key"}
  two: "@vault:two"
YAML
}

@test "check: right, wrong with place and right word, several" {
  stream_file
  run stream-ctl check s.yaml
  assert_status 0
  assert_output "s.yaml: stream 'wedding' is right"
  printf 'name: a\ninput: {test_pattern: true}\nrecrd: {output: x}\n' >wrong.yaml
  run --separate-stderr stream-ctl check wrong.yaml
  assert_status 6
  assert_equal "$output" ""
  output=$stderr assert_output "wrong.yaml:3:1: unknown key 'recrd'" "did you mean record?"
  run stream-ctl check s.yaml wrong.yaml
  assert_status 6
  assert_output "wrong.yaml:3:1:" "1 of 2 files are wrong"
  stream-ctl check s.yaml --json >check.json
  schema_check.py check.json
  stream-ctl check wrong.yaml --json 2>errors >plain || status=$?
  assert_status 6
  [ ! -s plain ]
  tail -n1 errors >error.json
  assert_json error.json '.error.id == "config.invalid" and .error.code == 6'
  # What is not there is no "no": the verbs that answer with 1 do so for nothing else.
  for verb in check show plan diff apply doctor; do
    run stream-ctl $verb none.yaml
    assert_status 6
    assert_output "none.yaml: No such file"
  done
  mkdir -p directory.yaml state/wedding/stream.json
  run stream-ctl check directory.yaml
  assert_status 6
  run stream-ctl diff s.yaml
  assert_status 6
  run stream-ctl check
  assert_status 2
}

@test "show: the normal form is the same stream file" {
  stream_file
  stream-ctl show s.yaml >normal.yaml
  grep -qx "  output: $T/rec" normal.yaml
  grep -q "key: \"@file:$T/one.key\"" normal.yaml
  mkdir elsewhere
  mv normal.yaml elsewhere/
  stream-ctl show s.yaml --json >a.json
  stream-ctl show elsewhere/normal.yaml --json >b.json
  cmp a.json b.json
  schema_check.py a.json
  jq '.file + {schema: "stream.file/1"}' a.json >file.json
  # The schema is for the file, which has no member "schema".
  jq '.properties.schema = {}' "$ROOT/lib/streams/schema/stream-file-1.json" >schema.json
  python3 -c 'import json, jsonschema; jsonschema.validate(json.load(open("file.json")), json.load(open("schema.json")))'
}

@test "plan: programs, arguments and what they need" {
  stream_file
  run stream-ctl plan s.yaml
  assert_status 0
  assert_output "stream-ingest --name wedding --listen rtmp://127.0.0.1:1935/live --open wedding" \
    "stream-ladder --input bus:wedding" "8.0 Mbit/s" "1.80 GB/h" "cores are here"
  stream-ctl plan s.yaml --json >plan.json
  schema_check.py plan.json
  assert_json plan.json '.input_bps == 4000000 and [.programs[].program] == ["stream-ingest", "stream-ladder", "stream-record", "stream-simulcast"]'
  assert_json plan.json '([.programs[].cores] | add) - .total.cores | fabs < 0.001'
  stream-ctl plan s.yaml --figures --json >figures.json
  schema_check.py figures.json
  assert_json figures.json '[.figures[] | .value > 0] | all'
}

@test "a file that is no stream file, of any kind, is an error and never more" {
  head -c 2000000 /dev/zero | tr '\0' 'a' >big.yaml
  printf 'name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n' >deep.yaml
  printf 'name: "a\\0b"\ninput: {test_pattern: true}\n' >nul.yaml
  printf 'name: a\ninput: {pull: "\\e[31mx", size: 3x3}\n' >esc.yaml
  : >empty.yaml
  mkfifo fifo
  for file in big deep nul esc empty; do
    run timeout 5 stream-ctl check "$file.yaml"
    [ "$status" -eq 6 ] || [ "$status" -eq 1 ] || fail "$file: $status $output"
    refute_output $'\e'
  done
}

@test "the keys are the same in code, schema, manual and programs" {
  run stream_file_keys.py
  assert_status 0
  assert_equal "$output" ""
}
