#include "manifest/rights.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "os/atomic_file.h"

namespace stream::manifest {

namespace {

[[noreturn]] void invalid_rights(const std::string& what) {
  throw Error(Exit::kConfig, "rights.invalid", "the rights are not valid: " + what,
              "their schema is stream.rights/1; set them anew with stream-archive set");
}

const Json& member(const Json& document, const char* name) {
  const auto at = document.find(name);
  if (at == document.end()) invalid_rights(std::string("no \"") + name + "\"");
  return *at;
}

}  // namespace

bool Rights::lets(const std::string& user) const {
  if (is_public) return true;
  return !user.empty() &&
         (user == owner || std::find(allow.begin(), allow.end(), user) != allow.end());
}

Json to_json(const Rights& rights) {
  return {{"schema", "stream.rights/1"},
          {"visibility", rights.is_public ? "public" : "private"},
          {"hidden", rights.hidden},
          {"owner", rights.owner.empty() ? Json(nullptr) : Json(rights.owner)},
          {"allow", rights.allow}};
}

Rights rights_from_json(const Json& document) {
  if (!document.is_object()) invalid_rights("no object");
  Rights rights;
  const Json &visibility = member(document, "visibility"), &hidden = member(document, "hidden"),
             &owner = member(document, "owner"), &allow = member(document, "allow");
  if (visibility != "public" && visibility != "private")
    invalid_rights("\"visibility\" is neither public nor private");
  rights.is_public = visibility == "public";
  if (!hidden.is_boolean()) invalid_rights("\"hidden\" is neither true nor false");
  rights.hidden = hidden.get<bool>();
  if (!owner.is_null() && !owner.is_string()) invalid_rights("\"owner\" is no name");
  if (owner.is_string()) rights.owner = owner.get<std::string>();
  if (!allow.is_array()) invalid_rights("\"allow\" is no list");
  for (const Json& user : allow) {
    if (!user.is_string()) invalid_rights("\"allow\" holds what is no name");
    rights.allow.push_back(user.get<std::string>());
  }
  return rights;
}

void save_rights(const std::string& directory, const Rights& rights) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw_errno("create", directory, error.value());
  os::write_file(directory + "/" + kRightsFile,
                 to_json(rights).dump(2, ' ', false, Json::error_handler_t::replace) + "\n",
                 os::Sync::kYes);
}

}  // namespace stream::manifest
