#include "live_marks.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"

namespace stream::simulcast {

using Json = nlohmann::json;

namespace {
constexpr char kMarksSchema[] = "stream.simulcast-live/1";
}

LiveMarks::LiveMarks(const std::string& stream) {
  if (stream.empty()) return;
  path_ = os::state_dir() + "/" + stream + "/simulcast-live.json";
  if (access(path_.c_str(), F_OK) != 0) return;
  try {
    const Json file = Json::parse(os::read_file(path_, 1 << 20));
    if (file.at("schema") != kMarksSchema) return;
    for (const auto& [name, mark] : file.at("live").items()) {
      if (const auto until = parse_rfc3339(mark.at("until").get<std::string>()))
        marks_[name] = {*until, mark.at("where").get<std::string>()};
    }
  } catch (const std::exception& error) {
    log::debug(path_ + " is not used: " + error.what());
  }
}

bool LiveMarks::lately(const Spec& spec, Time now) const {
  const auto mark = marks_.find(spec.name);
  return mark != marks_.end() && mark->second.where == spec.shown() &&
         now - mark->second.until < kLately;
}

void LiveMarks::live(const std::vector<const Spec*>& specs, Time now) {
  std::string names;
  for (const Spec* spec : specs) {
    marks_[spec->name] = {now, spec->shown()};
    names += spec->name + "\n";
  }
  if (names == written_ && (names.empty() || now - written_at_ < kEvery)) return;
  written_ = names;
  written_at_ = now;
  std::erase_if(marks_, [now](const auto& one) { return now - one.second.until >= kLately; });
  save();
}

// Not waited for: the media passes on this thread.
void LiveMarks::save() const {
  if (path_.empty()) return;
  Json live = Json::object();
  for (const auto& [name, mark] : marks_)
    live[name] = {{"until", rfc3339(mark.until)}, {"where", mark.where}};
  try {
    os::make_dirs(path_.substr(0, path_.rfind('/')));
    os::write_file(path_, Json{{"schema", kMarksSchema}, {"live", live}}.dump(2) + "\n",
                   os::Sync::kNo, 0600);
  } catch (const Error& error) {
    log::debug(path_ + " is not written: " + error.what());
  }
}

}  // namespace stream::simulcast
