// Who may see a stream or a recording, stream.rights/1: the file rights.json in the directory of an
// HLS output, and the members of the same names in an entry of the catalogue. What has none is for
// everybody. schema/rights-1.json is its JSON Schema.
#pragma once
#include <string>
#include <vector>

#include "manifest/store.h"

namespace stream::manifest {

inline constexpr char kRightsFile[] = "rights.json";

struct Rights {
  bool hidden = false;  // in no list, and not there for who has no token for it
  bool is_public = true;
  std::string owner;               // may see it as well; may be empty
  std::vector<std::string> allow;  // users who may see it when it is private

  bool for_everybody() const { return is_public && !hidden; }
  bool lets(const std::string& user) const;
  bool operator==(const Rights&) const = default;
};

Json to_json(const Rights& rights);
// Other members are left alone. Throws Error kConfig "rights.invalid" naming what is wrong.
Rights rights_from_json(const Json& document);
// Writes the file into an output's directory, which is made; durable. Throws Error "os".
void save_rights(const std::string& directory, const Rights& rights);

}  // namespace stream::manifest
