// What was changed on air, kept over restarts in STATE/NAME/simulcast.json: sources of secrets,
// never secrets.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "spec.h"

namespace stream::simulcast {

class Memory {
 public:
  // Nothing is kept without a stream name. Throws Error kConfig "state.invalid".
  explicit Memory(const std::string& stream);

  // The destinations of the command line with the changes applied.
  std::vector<Spec> apply(const std::vector<Spec>& configured) const;
  bool paused(const std::string& name) const { return paused_.count(name) > 0; }

  // Each is on the disk when it returns.
  void added(const Spec& spec);
  void removed(const std::string& name);
  void set_paused(const std::string& name, bool paused);

 private:
  void save() const;
  std::string path_;
  std::map<std::string, std::string> added_;  // name, text
  std::set<std::string> removed_, paused_;
};

}  // namespace stream::simulcast
