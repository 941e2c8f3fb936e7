#include "ingest/source.h"

#include <utility>

namespace stream::media {
namespace {

class Pulled : public Source {
 public:
  Pulled(const std::string& spec, const av::InputOptions& options,
         std::shared_ptr<av::Input::Interrupter> interrupter)
      : input_(av::Input::open(spec, std::move(interrupter), options)) {}
  const av::Tracks& tracks() const override { return input_.tracks(); }
  std::optional<av::Packet> read() override { return input_.read(); }
  bool finite() const override { return input_.finite(); }

 private:
  av::Input input_;
};

class Pattern : public Source {
 public:
  explicit Pattern(const TestPatternOptions& options) : pattern_(options) {}
  const av::Tracks& tracks() const override { return pattern_.tracks(); }
  std::optional<av::Packet> read() override { return pattern_.next(); }

 private:
  TestPattern pattern_;
};

}  // namespace

OpenSource pull_source(std::string spec, av::InputOptions options) {
  return [spec = std::move(spec), options = std::move(options)](auto interrupter) {
    return std::make_unique<Pulled>(spec, options, std::move(interrupter));
  };
}

OpenSource pattern_source(TestPatternOptions options) {
  return [options](auto) { return std::make_unique<Pattern>(options); };
}

}  // namespace stream::media
