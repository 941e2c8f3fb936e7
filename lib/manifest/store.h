// Where manifests live. All access goes through this interface, so that a shared store can stand
// behind it one day; no other code opens a manifest by its path. A document is replaced whole or
// not at all.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace stream::manifest {

using Json = nlohmann::json;

class Store {
 public:
  virtual ~Store() = default;
  // Keys are "part/part" of [A-Za-z0-9._-]; anything else is refused with Error "manifest.key".
  // nullopt: there is none. Throws Error kConfig "manifest.invalid" when it is not JSON.
  virtual std::optional<Json> load(const std::string& key) = 0;
  // `durable`: on the disk when it returns. Throws Error "os".
  virtual void save(const std::string& key, const Json& document, bool durable) = 0;
  virtual void remove(const std::string& key) = 0;
  // Keys directly beneath `prefix` ("" or "part/"), sorted.
  virtual std::vector<std::string> list(const std::string& prefix) = 0;
  // First parts of keys that have more than one, sorted.
  virtual std::vector<std::string> folders() = 0;
};

// DIRECTORY/KEY.json. Thread-safe, as it holds no state.
class FileStore : public Store {
 public:
  explicit FileStore(std::string directory) : directory_(std::move(directory)) {}
  std::optional<Json> load(const std::string& key) override;
  void save(const std::string& key, const Json& document, bool durable) override;
  void remove(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  std::vector<std::string> folders() override;

 private:
  std::string path(const std::string& key) const;
  std::string directory_;
};

}  // namespace stream::manifest
