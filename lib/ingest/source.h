// Where packets come from when nobody publishes them: blocking, on a thread of its own
// (SourceThread). Pulled: a file or a URL; Pattern: the test pattern.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "av/input.h"
#include "ingest/test_pattern.h"

namespace stream::media {

class Source {
 public:
  virtual ~Source() = default;
  virtual const av::Tracks& tracks() const = 0;
  // nullopt: the end, or interrupted. Throws Error.
  virtual std::optional<av::Packet> read() = 0;
  // Whether the end that read() gave is one for good; else the source may come back.
  virtual bool finite() const { return true; }
};

// Opens one; called again when a source that is not finite has ended. Throws Error; with
// Exit::kNetwork it is tried again.
using OpenSource = std::function<std::unique_ptr<Source>(std::shared_ptr<av::Input::Interrupter>)>;

OpenSource pull_source(std::string spec, av::InputOptions options = {});
OpenSource pattern_source(TestPatternOptions options);

}  // namespace stream::media
