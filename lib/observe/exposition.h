// Samples and the Prometheus text format (version 0.0.4) that shows them. Bounded: beyond its cap
// a sample is left out and counted, and none appears twice. Pure.
#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream::observe {

enum class MetricType { kCounter, kGauge };

struct Family {
  std::string_view name;
  MetricType type;
  std::string_view help;  // a sentence
};

using Labels = std::vector<std::pair<std::string_view, std::string>>;

struct Sample {
  const Family* family;
  Labels labels;
  double value;
};

class Samples {
 public:
  explicit Samples(size_t most) : most_(most) {}

  // `family` must outlive this.
  void add(const Family& family, Labels labels, double value);
  void leave_out(size_t count) { left_out_ += count; }

  const std::vector<Sample>& all() const { return samples_; }
  size_t left_out() const { return left_out_; }
  // HELP and TYPE of each of `families`, in their order, and the samples that belong to it.
  std::string text(std::span<const Family* const> families) const;

 private:
  const size_t most_;
  size_t left_out_ = 0;
  std::vector<Sample> samples_;
  std::set<std::string> seen_;
};

std::string_view to_text(MetricType type);

}  // namespace stream::observe
