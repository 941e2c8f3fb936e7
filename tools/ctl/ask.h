// The status of a stream's programs, as far as they answer.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace stream::ctl {

struct Answers {
  std::vector<nlohmann::json> tools;   // one status document each
  std::vector<nlohmann::json> failed;  // {tool, message}
};

// Never throws for a program that does not answer within two seconds: it is in `failed`.
Answers ask_status(const std::string& name, const std::vector<std::string>& tools);

}  // namespace stream::ctl
