// What an operator's endpoint answers: whatever is a yes names a stream that can be one, or none.
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "keys/publish_question.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto answer = keys::read_answer(200, text);
  const bool yes = answer.kind == keys::PublishAnswer::Kind::kYes;
  if (!answer.stream.empty() && (!yes || !is_stream_name(answer.stream))) std::abort();
  if (!yes && answer.reason.empty()) std::abort();
  keys::PublishQuestion question;
  question.encoder = question.stream = question.key = text;
  keys::write_question(question);
  return 0;
}
