// Directories of a test's own, gone when it ends.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

struct TempDir {
  TempDir() {
    char name[] = "/tmp/stream-unit-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }

  std::string path;
};

// RUNTIME of stream(7) while it lives.
struct RuntimeDir : TempDir {
  RuntimeDir() { ::setenv("STREAM_RUNTIME_DIR", path.c_str(), 1); }
  ~RuntimeDir() { ::unsetenv("STREAM_RUNTIME_DIR"); }
};
