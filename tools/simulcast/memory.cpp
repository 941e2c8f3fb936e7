#include "memory.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"

namespace stream::simulcast {

using Json = nlohmann::json;

namespace {
constexpr char kSchema[] = "stream.simulcast/1";
}

Memory::Memory(const std::string& stream) {
  if (stream.empty()) return;
  path_ = os::state_dir() + "/" + stream + "/simulcast.json";
  if (access(path_.c_str(), F_OK) != 0) return;
  const std::string text = os::read_file(path_, 1 << 20);
  try {
    const Json file = Json::parse(text);
    if (file.at("schema") != kSchema) throw std::runtime_error("another schema");
    added_ = file.at("added").get<decltype(added_)>();
    removed_ = file.at("removed").get<decltype(removed_)>();
    paused_ = file.at("paused").get<decltype(paused_)>();
  } catch (const std::exception&) {
    throw Error(Exit::kConfig, "state.invalid", path_ + " is not the state of stream-simulcast",
                "move it away to start with the destinations of the command line");
  }
}

std::vector<Spec> Memory::apply(const std::vector<Spec>& configured) const {
  std::vector<Spec> specs;
  for (const Spec& spec : configured) {
    if (removed_.count(spec.name) == 0 && added_.count(spec.name) == 0) specs.push_back(spec);
  }
  for (const auto& [name, text] : added_) specs.push_back(parse_spec(text));
  return specs;
}

void Memory::added(const Spec& spec) {
  added_[spec.name] = spec.text;
  removed_.erase(spec.name);
  save();
}

void Memory::removed(const std::string& name) {
  added_.erase(name);
  paused_.erase(name);
  removed_.insert(name);
  save();
}

void Memory::set_paused(const std::string& name, bool paused) {
  if (paused) {
    paused_.insert(name);
  } else {
    paused_.erase(name);
  }
  save();
}

void Memory::save() const {
  if (path_.empty()) return;
  os::make_dirs(path_.substr(0, path_.rfind('/')));
  const Json file = {
      {"schema", kSchema}, {"added", added_}, {"removed", removed_}, {"paused", paused_}};
  os::write_file(path_, file.dump(2) + "\n", os::Sync::kYes, 0600);
}

}  // namespace stream::simulcast
