// A POST by HTTP/1.1 on a connection of its own; waits for the answer.
#pragma once
#include <string>

namespace load {

struct Answer {
  int status = 0;
  std::string body;
};
// Throws std::runtime_error when there is no answer. `url`: http://ADDRESS:PORT/PATH.
Answer post(const std::string& url, const std::string& type, const std::string& body);

}  // namespace load
