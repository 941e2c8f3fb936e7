#include "hooks/hooks.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "os/dirs.h"

namespace stream::hooks {

using namespace std::chrono_literals;

Hooks::Hooks(std::string stream, std::string directory, ReadSecret read_secret, Emit emit,
             SendLimits limits)
    : stream_(std::move(stream)),
      directory_(std::move(directory)),
      read_secret_(std::move(read_secret)),
      emit_(std::move(emit)),
      limits_(limits) {}

// All at once: each may have a connection to let go of.
Hooks::~Hooks() {
  for (const auto& sender : senders_) sender->cancel();
}

void Hooks::set(const std::vector<Hook>& hooks) {
  const auto wanted = [&](const std::unique_ptr<Sender>& sender) {
    return std::find(hooks.begin(), hooks.end(), sender->hook()) != hooks.end();
  };
  for (const auto& sender : senders_)
    if (!wanted(sender)) sender->cancel();
  std::erase_if(senders_, [&](const auto& sender) { return !wanted(sender); });
  for (const Hook& hook : hooks) {
    if (std::any_of(senders_.begin(), senders_.end(),
                    [&](const auto& sender) { return sender->hook() == hook; }))
      continue;
    const std::string directory = directory_ + "/" + hook.name;
    try {
      Outbox(directory).clean();
      senders_.push_back(
          std::make_unique<Sender>(hook, stream_, directory, read_secret_, emit_, limits_));
    } catch (const Error& e) {  // a full disk: the stream goes on
      log::error("hook '" + hook.name + "' is told nothing: " + e.what());
    }
  }
}

void Hooks::put(const Json& event, const std::string& id) {
  const std::string name = event.value("event", "");
  const std::string body = event.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::vector<std::string> words{stream_, body};
  const Message message{id.empty() ? message_id(words) : id, body};
  for (const auto& sender : senders_)
    if (wants(sender->hook(), name)) sender->put(name, message);
}

void Hooks::retry(const std::string& hook) {
  for (const auto& sender : senders_)
    if (hook.empty() || sender->hook().name == hook) sender->retry();
}

void Hooks::finish(std::chrono::milliseconds limit) {
  const Nanoseconds deadline = monotonic_now() + limit;
  for (const auto& sender : senders_) sender->drain();
  const auto drained = [](const auto& sender) { return sender->drained(); };
  while (!std::all_of(senders_.begin(), senders_.end(), drained) && monotonic_now() < deadline)
    std::this_thread::sleep_for(20ms);
}

Json Hooks::status() const {
  Json list = Json::array();
  for (const auto& sender : senders_) list.push_back(sender->status());
  return list;
}

std::string hooks_directory(const std::string& stream) {
  check_stream_name(stream);
  return os::state_dir() + "/" + stream + "/hooks";
}

}  // namespace stream::hooks
