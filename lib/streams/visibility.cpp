// The section "visibility" of a stream file: who may see the stream.
#include <algorithm>

#include "base/text.h"
#include "streams/file.h"

namespace stream::streams {
namespace {

using config::Node;
using manifest::Rights;

constexpr size_t kMaxUser = 200, kMaxUsers = 1000;

const std::string& user_of(const Node& node) {
  if (node.text().empty() || node.text().size() > kMaxUser)
    node.fail("a user's name has 1 to 200 bytes",
              "it is what stream-keys token viewer STREAM --user says");
  return node.text();
}

}  // namespace

Rights parse_visibility(const Node& node) {
  node.only({"visible", "public", "allow", "owner"});
  Rights rights;
  if (const Node* visible = node.find("visible")) rights.hidden = !visible->boolean();
  if (const Node* is_public = node.find("public")) rights.is_public = is_public->boolean();
  if (const Node* owner = node.find("owner")) rights.owner = user_of(*owner);
  const Node* allow = node.find("allow");
  if (!allow) return rights;
  if (rights.is_public)
    allow->fail("everybody may see a public stream", "say public: false, or leave allow out");
  for (const Node& user : allow->items()) {
    const std::string& name = user_of(user);
    if (std::find(rights.allow.begin(), rights.allow.end(), name) != rights.allow.end())
      user.fail("'" + escaped(name, 60) + "' stands here twice");
    rights.allow.push_back(name);
  }
  if (rights.allow.size() > kMaxUsers) allow->fail("more than 1000 users");
  return rights;
}

Json visibility_json(const Rights& rights) {
  Json out = {{"visible", !rights.hidden}, {"public", rights.is_public}};
  if (!rights.allow.empty()) out["allow"] = rights.allow;
  if (!rights.owner.empty()) out["owner"] = rights.owner;
  return out;
}

}  // namespace stream::streams
