#include "record/file_names.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace stream::media {

namespace {

constexpr std::string_view kConversions = "YCymdeHIMSjuwVGsFTDRZaAbBp%";

void check_pattern(const std::string& pattern) {
  for (size_t at = 0; (at = pattern.find('%', at)) != std::string::npos; at += 2) {
    if (at + 1 < pattern.size() && kConversions.find(pattern[at + 1]) != std::string_view::npos)
      continue;
    throw Error(Exit::kUsage, "usage.value",
                "\"" + escaped(pattern.substr(at, 2)) + "\" in \"" + escaped(pattern) +
                    "\" is no part of a date",
                "for example rec/%Y%m%dT%H%M%SZ.mp4; %% is a plain %");
  }
}

}  // namespace

bool is_file_pattern(const std::string& output) {
  const bool names_files = output.find('%') != std::string::npos || container_of(output);
  return names_files && !std::filesystem::is_directory(output);
}

Container container_for(const std::string& output, Container otherwise) {
  return is_file_pattern(output) ? container_of(output).value_or(otherwise) : otherwise;
}

FileNames::FileNames(const std::string& output, std::string name, Container container,
                     std::string part)
    : part_(std::move(part)), suffix_(container_suffix(container)) {
  if (!is_file_pattern(output)) {
    directory_ = output;
    for (const char c : output + "/" + name) pattern_ += c == '%' ? "%%" : std::string(1, c);
    pattern_ += "-%Y%m%dT%H%M%SZ";
    prefix_ = name + "-";
    return;
  }
  check_pattern(output);
  pattern_ = output;
  if (container_of(output)) {
    const size_t dot = output.rfind('.');
    suffix_ = output.substr(dot);
    pattern_.resize(dot);
  }
  // Up to the last slash before the first conversion.
  const size_t slash = output.rfind('/', output.find('%'));
  directory_ = slash == std::string::npos ? "." : slash == 0 ? "/" : output.substr(0, slash);
}

std::string FileNames::path(std::chrono::system_clock::time_point time, int& n) const {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char text[4096];
  const size_t size = std::strftime(text, sizeof text, pattern_.c_str(), &tm);
  const std::string stem(text, size);
  for (;; ++n) {
    const std::string path =
        stem + part_ + (n > 1 ? "-" + std::to_string(n) : std::string()) + suffix_;
    if (::access(path.c_str(), F_OK) != 0) return path;
  }
}

}  // namespace stream::media
