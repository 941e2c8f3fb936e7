#include "hooks/hook.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/event_list.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::hooks {
namespace {

bool matches(std::string_view pattern, std::string_view event) {
  if (!pattern.ends_with(".*")) return pattern == event;
  return event.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool may_be_sent(std::string_view event) {
  return !event.starts_with("hook.") && event != "exit" && event.find('.') != event.npos;
}

}  // namespace

bool wants(const Hook& hook, std::string_view event) {
  if (!may_be_sent(event)) return false;
  const auto match = [&](std::string_view pattern) { return matches(pattern, event); };
  if (hook.events.empty())
    return std::any_of(std::begin(kUsualEvents), std::end(kUsualEvents), match);
  return std::any_of(hook.events.begin(), hook.events.end(), match);
}

bool is_event_pattern(std::string_view pattern) {
  const auto list = control::event_list();
  return std::any_of(list.begin(), list.end(), [&](const control::EventInfo& event) {
    return may_be_sent(event.name) && matches(pattern, event.name);
  });
}

std::string event_name(const Message& message) {
  const auto document = nlohmann::json::parse(message.body, nullptr, false);
  if (!document.is_object() || !document.contains("event") || !document["event"].is_string())
    return {};
  const std::string name = document["event"];
  return control::find_event(name) ? name : "";
}

std::string message_id(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += std::to_string(word.size()) + ":" + word;
  const crypto::Digest digest = crypto::sha256(crypto::bytes_of(text));
  return "evt_" + crypto::hex(Bytes{digest.data(), 16});
}

}  // namespace stream::hooks
