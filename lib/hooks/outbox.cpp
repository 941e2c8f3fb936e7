#include "hooks/outbox.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"

namespace stream::hooks {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kSchema[] = "stream.hook/1";
constexpr size_t kDigits = 16;
constexpr size_t kMaxBytes = 1 << 20;
constexpr std::string_view kSuffix = ".json";

bool is_message_id(std::string_view id) {
  return id.starts_with("evt_") && id.size() == 36 &&
         id.find_first_not_of("0123456789abcdef", 4) == id.npos;
}

std::string digits(uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llu", static_cast<int>(kDigits),
                static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

Outbox::Outbox(std::string directory) : directory_(std::move(directory)) {
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kSuffix) || name.size() < kDigits + 1 + kSuffix.size()) continue;
    const std::string number = name.substr(0, kDigits);
    const std::string id = name.substr(kDigits + 1, name.size() - kDigits - 1 - kSuffix.size());
    if (number.find_first_not_of("0123456789") != number.npos || !is_message_id(id)) continue;
    names_.push_back({std::stoull(number), id});
  }
  std::sort(names_.begin(), names_.end(),
            [](const Name& a, const Name& b) { return a.number < b.number; });
  if (!names_.empty()) next_ = names_.back().number + 1;
}

std::string Outbox::path(const Name& name) const {
  return directory_ + "/" + digits(name.number) + "-" + name.id + std::string(kSuffix);
}

void Outbox::clean() {
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().find(".json.tmp") != std::string::npos)
      ::unlink(at->path().c_str());
  }
}

std::optional<std::string> Outbox::put(const Message& message, WallTime now) {
  const std::lock_guard lock(mutex_);
  for (const Name& name : names_)
    if (name.id == message.id && ::access(path(name).c_str(), F_OK) == 0) return std::nullopt;
  os::make_dirs(directory_);
  const Name name{next_, message.id};
  const Json document{{"schema", kSchema},
                      {"id", message.id},
                      {"created_at", rfc3339(now)},
                      {"body", message.body}};
  os::write_file(path(name), document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                 os::Sync::kYes, 0600);
  ++next_;
  names_.push_back(name);
  if (names_.size() <= kMost) return std::nullopt;
  const Name oldest = names_.front();
  names_.pop_front();
  ::unlink(path(oldest).c_str());
  return oldest.id;
}

std::optional<Outbox::Entry> Outbox::read(const Name& name) {
  const std::string file = path(name);
  if (::access(file.c_str(), F_OK) != 0) return std::nullopt;  // sent by another process
  try {
    const Json document = Json::parse(os::read_file(file, kMaxBytes));
    const auto created = parse_rfc3339(document.at("created_at").get<std::string>());
    if (document.at("schema") == kSchema && document.at("id") == name.id && created)
      return Entry{name.number, {name.id, document.at("body").get<std::string>()}, *created};
  } catch (const Json::exception&) {  // told below
  } catch (const Error& e) {
    log::error(e.what());
  }
  log::error(file + " is no message to a hook any more; it is left aside as " + file + ".bad");
  ::rename(file.c_str(), (file + ".bad").c_str());
  return std::nullopt;
}

std::optional<Outbox::Entry> Outbox::front() {
  const std::lock_guard lock(mutex_);
  while (!names_.empty()) {
    if (auto entry = read(names_.front())) return entry;
    names_.pop_front();
  }
  return std::nullopt;
}

void Outbox::remove(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  ::unlink(path({entry.number, entry.message.id}).c_str());
  std::erase_if(names_, [&](const Name& name) { return name.number == entry.number; });
}

Outbox::Size Outbox::size() {
  const std::lock_guard lock(mutex_);
  while (!names_.empty()) {
    if (const auto entry = read(names_.front())) return {names_.size(), entry->created};
    names_.pop_front();
  }
  return {};
}

}  // namespace stream::hooks
