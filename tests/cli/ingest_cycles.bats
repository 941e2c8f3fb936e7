# ctest: timeout=180
# I27: publishers that come and go leave nothing behind. The long form is
# INGEST_CYCLES=50000 BATS_TEST_TIMEOUT=7200 bats tests/cli/ingest_cycles.bats.
load ../support/common
load ../support/ingest

# What the process holds.
descriptors() { find "/proc/$(pid ingest)/fd" -mindepth 1 | wc -l; }
threads() { awk '/^Threads/ { print $2 }' "/proc/$(pid ingest)/status"; }
as_few() { [ "$(descriptors)" -le "$1" ] && [ "$(threads)" -le "$2" ]; }

cycles() {
  rtmp_cycles.py "$port" p "$(clip flash_flv)" "$1" >"$T/started"
  assert_equal "$(cat "$T/started")" "$1"
}

@test "publications that end in both ways leave no descriptor, thread or memory" {
  local count=${INGEST_CYCLES:-400} share=2
  # A short run sees the allocator's own steps.
  [ "$count" -ge 5000 ] || share=10
  listen --open p0 --open p1 --open p2 --open p3 --hold 1s --checks packets
  local fds threads rss
  fds=$(descriptors)
  threads=$(threads)
  cycles 200
  wait_for 20 as_few "$fds" "$threads"
  rss=$(rss_kib ingest)
  cycles "$count"
  wait_for 20 as_few "$fds" "$threads"
  echo "# $count cycles: $fds and $(descriptors) descriptors, $threads and $(threads) threads, $rss and $(rss_kib ingest) KiB" >&3
  [ "$(rss_kib ingest)" -le $((rss + rss * share / 100)) ] || fail "from $rss to $(rss_kib ingest) KiB"
  assert_equal "$(event_count publisher.connected)" $((count + 200))
  assert_equal "$(event_count publisher.disconnected)" $((count + 200))
}
