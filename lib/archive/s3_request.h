// One request to an S3 store and what came of it; shared by the two files of s3_store.h.
#pragma once
#include "archive/s3_store.h"

namespace stream::archive {

struct S3Store::Ask {
  std::string method, key;  // key empty: the bucket
  Pairs query, headers;
  Source body;
  std::string payload_hash = kEmptyHash;
  std::function<bool(std::string_view)> sink;
  int sink_status = 200;
  // Looks at a 200: the code of an error that hides in its body, or "".
  std::function<std::string(const std::string& body)> hidden_error;
};

struct S3Store::Reply {
  int status = 0;
  std::string code, message;  // of the error; the code is empty for HEAD
  std::string body;
  fetch::Headers headers;
  bool uncertain = false;  // an earlier try had no answer: it may have been carried out
  bool broken = false;     // the sink has had bytes and the transfer broke: no new try was made

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
  bool ok() const { return status >= 200 && status < 300 && code.empty(); }
};

struct S3Store::Try {
  int count = 0, skews = 0, regions = 0, reloads = 0;
};

}  // namespace stream::archive
