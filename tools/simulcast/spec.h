// A destination as people write it: NAME=WHERE[,key=SOURCE][,profile=PLATFORM][,encode=WHEN]
// [,video=HOW][,enhanced=WHEN][,priority=N]. WHERE is a URL, file:PATH, or the source of a secret
// URL (or of a bare key, when the platform's server is known). Holds no secret but those that can
// be read only once.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "forward/forwarder.h"

namespace stream::simulcast {

struct Spec {
  std::string text;  // as written
  std::string name, where, key;
  const media::ForwardProfile* profile = nullptr;
  std::optional<media::EncodeMode> encode;
  std::optional<media::RungSpec> video;
  bool assume_enhanced = false;
  int priority = media::Uplink::kUsualPriority;
  // What @- and @fd:N gave.
  std::shared_ptr<const Secret> where_secret, key_secret;

  media::EncodeMode encode_mode() const;
  std::string file() const;  // the path; empty: it is no file
  // Reads the sources. Throws Error; blocks.
  media::ForwardTarget target() const;
  // For people: the address without what may be a key, or the source.
  std::string shown() const;
  // Can be read again by another process: no @- and no @fd:N, and no key in plain sight.
  bool keepable() const;
};

// Throws Error kUsage. Reads @- and @fd:N.
Spec parse_spec(std::string_view text);
// For options.
void parse_value(std::string_view text, Spec& out);

// Throws Error kUsage "secret.argv" for a key in a URL that stands on this process's command line,
// where everybody can read it, unless --insecure-argv stands there too.
void check_command_line(const std::vector<Spec>& specs);

}  // namespace stream::simulcast
