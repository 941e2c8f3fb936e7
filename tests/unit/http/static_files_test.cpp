#include "http/static_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::http;

namespace {

struct Tree : TempDir {
  Tree() {
    std::filesystem::create_directories(path + "/root/demo");
    write("root/demo/master.m3u8", "#EXTM3U\n");
    write("root/demo/s.m4s", "0123456789");
    write("root/demo/.hidden.m4s", "hidden");
    write("root/demo/state.json", "{}");
    write("root/demo/s.m4s.tmp12-1", "half");
    write("outside.m4s", "secret");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path + "/" + name) << text;
  }
};

std::string header(const Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

Request get(std::vector<std::pair<std::string, std::string>> headers = {}) {
  Request request;
  request.method = "GET";
  request.headers = std::move(headers);
  return request;
}

}  // namespace

TEST_CASE("files: types and caching") {
  const Tree tree;
  const StaticFiles files(tree.path + "/root");
  const Response playlist = files.serve(get(), "/demo/master.m3u8");
  CHECK(playlist.status == 200);
  CHECK(playlist.type == "application/vnd.apple.mpegurl");
  CHECK(header(playlist, "Cache-Control") == "no-cache");
  CHECK(playlist.size() == 8);
  const Response segment = files.serve(get(), "/demo/s.m4s");
  CHECK(segment.type == "video/iso.segment");
  CHECK(header(segment, "Cache-Control").find("immutable") != std::string::npos);
  CHECK(header(segment, "Accept-Ranges") == "bytes");
  const Response absent = files.serve(get(), "/demo/none.m4s");
  CHECK(absent.status == 404);
  CHECK(header(absent, "Cache-Control") == "public, max-age=1");
}

TEST_CASE("files: nothing but media, and nothing from outside") {
  Tree tree;
  const std::string root = tree.path + "/root";
  ::symlink("../../outside.m4s", (root + "/demo/out.m4s").c_str());
  ::symlink((tree.path + "/outside.m4s").c_str(), (root + "/demo/absolute.m4s").c_str());
  ::symlink("..", (root + "/up").c_str());
  ::symlink("s.m4s", (root + "/demo/inside.m4s").c_str());
  ::symlink("/proc/self/fd/0", (root + "/demo/magic.m4s").c_str());
  ::mkfifo((root + "/demo/fifo.m4s").c_str(), 0600);
  std::filesystem::create_directories(root + "/demo/dir.m4s");
  const StaticFiles files(root);
  for (const char* path :
       {"/demo/out.m4s", "/demo/absolute.m4s", "/up/outside.m4s", "/demo/magic.m4s",
        "/demo/fifo.m4s", "/demo/dir.m4s", "/demo/.hidden.m4s", "/demo/state.json",
        "/demo/s.m4s.tmp12-1", "/demo", "/demo/", "/", "/demo/../../outside.m4s"}) {
    CAPTURE(path);
    CHECK(files.serve(get(), path).status == 404);
  }
  CHECK(files.serve(get(), "/demo/inside.m4s").status == 200);
  CHECK(StaticFiles("").serve(get(), "/etc/passwd.m4s").status == 404);
  CHECK_FALSE(StaticFiles("").open("/", O_RDONLY | O_DIRECTORY));
  CHECK_THROWS_AS(StaticFiles(root + "/none"), Error);
  CHECK_THROWS_AS(StaticFiles(root + "/demo/s.m4s"), Error);
}

TEST_CASE("files: conditions") {
  const Tree tree;
  const StaticFiles files(tree.path + "/root");
  const Response first = files.serve(get(), "/demo/s.m4s");
  const std::string etag = header(first, "ETag"), modified = header(first, "Last-Modified");
  CHECK(etag.size() > 4);
  CHECK(modified.ends_with(" GMT"));
  CHECK(files.serve(get({{"if-none-match", etag}}), "/demo/s.m4s").status == 304);
  CHECK(files.serve(get({{"if-none-match", "\"x\", " + etag}}), "/demo/s.m4s").status == 304);
  CHECK(files.serve(get({{"if-none-match", "*"}}), "/demo/s.m4s").status == 304);
  CHECK(files.serve(get({{"if-none-match", "\"x\""}}), "/demo/s.m4s").status == 200);
  CHECK(files.serve(get({{"if-modified-since", modified}}), "/demo/s.m4s").status == 304);
  CHECK(
      files.serve(get({{"if-none-match", "\"x\""}, {"if-modified-since", modified}}), "/demo/s.m4s")
          .status == 200);
  CHECK(files.serve(get({{"range", "bytes=0-1"}, {"if-range", etag}}), "/demo/s.m4s").status ==
        206);
  CHECK(files.serve(get({{"range", "bytes=0-1"}, {"if-range", "\"x\""}}), "/demo/s.m4s").status ==
        200);
}

TEST_CASE("files: ranges") {
  const Tree tree;
  const StaticFiles files(tree.path + "/root");
  const auto ask = [&](const char* range) {
    return files.serve(get({{"range", range}}), "/demo/s.m4s");
  };
  struct Case {
    const char* range;
    unsigned status;
    const char* content_range;
  };
  for (const Case& c :
       {Case{"bytes=0-3", 206, "bytes 0-3/10"}, Case{"bytes=4-", 206, "bytes 4-9/10"},
        Case{"bytes=-3", 206, "bytes 7-9/10"}, Case{"bytes=-30", 206, "bytes 0-9/10"},
        Case{"bytes=0-99", 206, "bytes 0-9/10"}, Case{"bytes=9-9", 206, "bytes 9-9/10"},
        Case{"bytes=10-", 416, "bytes */10"}, Case{"bytes=-0", 416, "bytes */10"},
        Case{"bytes=99999999999999999999-", 200, ""}, Case{"bytes=0-1,3-4", 200, ""},
        Case{"bytes=3-1", 200, ""}, Case{"bytes=-", 200, ""}, Case{"bytes=a-b", 200, ""},
        Case{"lines=0-1", 200, ""}, Case{"bytes", 200, ""}}) {
    CAPTURE(c.range);
    const Response response = ask(c.range);
    CHECK(response.status == c.status);
    CHECK(header(response, "Content-Range") == c.content_range);
  }
  CHECK(ask("bytes=4-").length == 6);
  CHECK(ask("bytes=4-").offset == 4);
}
