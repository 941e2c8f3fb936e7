// A store in a directory: objects are plain files under their keys, put in place by link or rename,
// so that they appear whole. What a file can't say about itself (type, metadata, checksum) stands
// beside it in DIR/.stream/about/KEY.json; multipart uploads grow in DIR/.stream/uploads.
#pragma once
#include "archive/store.h"

namespace stream::archive {

class DirStore : public Store {
 public:
  // The directory is made when something is put into it.
  explicit DirStore(std::string directory);

  std::string url(const std::string& key) const override;
  std::string put(const std::string& key, const Source& source, const PutOptions& options) override;
  std::string begin_upload(const std::string& key, const PutOptions& options) override;
  Part put_part(const std::string& key, const std::string& upload, Part part,
                const Source& source) override;
  std::optional<std::vector<Part>> parts(const std::string& key,
                                         const std::string& upload) override;
  std::string finish_upload(const std::string& key, const std::string& upload,
                            const std::vector<Part>& parts, const PutOptions& options) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  std::vector<Upload> uploads(const std::string& prefix) override;
  std::optional<Object> head(const std::string& key) override;
  void get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) override;
  Page list(const std::string& prefix, const std::string& after, bool by_folder) override;
  void remove(const std::vector<std::string>& keys) override;
  std::string presign(const std::string& method, const std::string& key,
                      std::chrono::seconds life) override;
  void put_lifecycle(const std::string& xml) override;

 private:
  std::string path(const std::string& key) const;
  std::string about_path(const std::string& key) const;
  std::string upload_path(const std::string& upload) const;
  std::string place(const std::string& staged, const std::string& key, const std::string& etag,
                    const PutOptions& options);

  std::string directory_;
};

}  // namespace stream::archive
