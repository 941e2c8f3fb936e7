// What an OAuth issuer or a browser sends: "STATUS\nBODY".
#include <cstdlib>
#include <string>

#include "logins/api.h"
#include "logins/oauth.h"

#include "crypto/strict_json.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), size);
  const int status = std::atoi(std::string(text.substr(0, line)).c_str());
  const std::string_view body = text.substr(std::min(line + 1, size));
  const auto answer = logins::read_token_answer(status, body);
  if ((answer.outcome == logins::Outcome::kOk) != !answer.access.empty()) std::abort();
  const auto device = logins::read_device_answer(status, body);
  if (device.ok && (device.interval < 0 || device.expires_in < 1)) std::abort();
  if (!logins::read_redirect(body, "state").code.empty() && body.find("state") == body.npos)
    std::abort();
  if (const auto document = crypto::strict_json(body)) logins::Api::reason(*document);
  return 0;
}
