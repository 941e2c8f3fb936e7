// What stream-ingest was asked for, and the declaration of its options.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/bundles.h"
#include "cli/command.h"
#include "cli/ice_bundle.h"
#include "cli/tls_bundle.h"
#include "input_spec.h"
#include "media/hub.h"
#include "media/slate.h"
#include "pull_rules.h"

namespace stream::ingest {

struct Options {
  cli::ServiceBundle service;
  cli::OutputBundle output;
  std::string on_slow = "auto";

  // Sources; of exactly one kind, --input with or without --listen.
  std::vector<std::string> listen;
  std::string pull, playlist;
  bool loop = false;
  std::vector<PullAllow> pull_allow;
  bool test_pattern = false;
  std::vector<InputSpec> inputs;

  // What keeps a stream going.
  Duration hold{std::chrono::seconds(30)}, stall{std::chrono::seconds(3)};
  std::string slate, fallback;

  std::string checks = "all";

  // --listen
  std::string key_file;
  std::string auth_url;   // or the source of one
  std::string token_key;  // file of a public key
  cli::TlsBundle tls;
  std::vector<std::string> open;
  bool insecure = false;
  std::vector<std::string> passphrases;    // STREAM=SOURCE, of SRT
  unsigned rtc_port = 8189;                // of UDP, for WHIP
  std::vector<std::string> rtc_addresses;  // that its publishers are told
  cli::IceBundle ice;
  std::string on_conflict = "replace";
  std::vector<std::string> codecs;
  Duration admission{std::chrono::seconds(10)}, idle{std::chrono::seconds(10)};
  unsigned max_connections = 4096, max_waiting = 512, max_waiting_per_address = 128;
  ByteSize waiting_memory{4u << 20};

  // --pull and --test-pattern
  bool realtime = false;
  std::optional<Duration> duration;
  FrameSize size{1280, 720};
  double rate = 30;
  BitRate bit_rate{0};

  bool to_bus() const { return output.output.empty() || output.output.starts_with("bus:"); }
  // The stream's name where there is only one: --name, bus:NAME of -o, the only --open. Empty:
  // several or none.
  std::string single_name() const;
  media::OnSlow slow_policy(bool live) const;
  // Somebody's keys count: no stream is open unless --open says so.
  bool asks_for_keys() const {
    return !key_file.empty() || !auth_url.empty() || !token_key.empty();
  }
  bool listens() const { return !listen.empty() || !inputs.empty(); }
  media::SlateSource slate_source() const;
};

// Description, examples and sections of the manual.
void describe(cli::Command& command);
// Declares everything but the verbs; `options` must outlive the command.
void declare(cli::Command& command, Options& options);

}  // namespace stream::ingest
