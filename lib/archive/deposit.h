// One recording on its way into the archive: its files, where they go, what the catalogue will say.
// It is kept as a file in the queue until all of it has arrived, so that a later run finishes what
// a killed one began.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/upload.h"

namespace stream::archive {

struct DepositFile {
  std::string local;  // absolute
  std::string name;   // what it is called in the recording
  std::map<std::string, std::string> metadata = {};
  // Makes `local`, just before it is sent; it goes when it has arrived.
  std::function<void()> make = {};
};

struct Deposit {
  std::string id, stream;
  std::vector<DepositFile> files;
  std::string manifest_path;  // deleted with the files; may be empty
  Json manifest;              // or null
  WallTime started{};
  std::optional<WallTime> ended;
  double duration = 0;
  bool is_spool = false, delete_after = false;
  manifest::Rights rights;  // of an entry that is new
};

// A file by itself. Throws what examining it throws.
Deposit deposit_of_file(const std::string& path, const std::string& stream,
                        const std::string& name);
// A manifest and all that it lists. Throws Error kConfig "manifest.invalid", kNotAllowed
// "archive.open" while the recording goes on.
Deposit deposit_of_manifest(const std::string& path, const std::string& stream);
bool is_manifest(const std::string& path);
std::string content_type_of(const std::string& name);
std::string recording_id_of(const std::string& file_name);

class Archiver {
 public:
  struct Events {
    std::function<void(int64_t bytes)> total, done;  // for a progress bar
    std::function<void(const std::string& path, const Receipt&)> stored;
    std::function<void(const std::string& path, const Receipt&)> verified;
    std::function<void(const std::string& path)> deleted;
  };

  // `state`: its directory "queue" holds what is unfinished.
  Archiver(OpenStore& store, Catalog& catalog, UploadSettings settings, std::string state,
           Events events);

  struct Outcome {
    CatalogEntry entry;
    bool was_there = false, verified = false, deleted = false;
    uint64_t sent_bytes = 0;
  };
  // From any thread. `growth` for the only file of a spool.
  Outcome deposit(const Deposit& deposit, const Uploader::Growth& growth = nullptr);

  // What is sent instead of the files themselves, for a store that can't hold them as they are.
  // Whatever is made on the way is called `scratch` and then something.
  using Cutter =
      std::function<std::vector<DepositFile>(const Deposit&, const std::string& scratch)>;
  void cut_by(Cutter cutter) { cutter_ = std::move(cutter); }

  // What earlier runs left, for this store.
  std::vector<Deposit> pending() const;
  // Aborts uploads of ours whose files are gone.
  int abort_orphans() { return archive::abort_orphans(*store_.store, queue_); }
  std::string new_spool(const std::string& name) const;

 private:
  std::string job_path(const Deposit& deposit) const;
  std::string object_key(const Deposit& deposit, const DepositFile& file) const;
  Receipt put_file(const Deposit& deposit, const DepositFile& file, const CatalogEntry& before,
                   const Uploader::Growth& growth);
  bool verify(CatalogEntry& entry);
  void remove_half_written(const std::string& job) const;

  OpenStore& store_;
  Catalog& catalog_;
  Uploader uploader_;
  const std::string queue_;
  Events events_;
  Cutter cutter_;
  std::mutex catalog_mutex_;
  uint64_t sequence_ = 0;
};

}  // namespace stream::archive
