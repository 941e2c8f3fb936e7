// From what programs say of themselves to Prometheus samples: one table for all programs. Labels
// are stream, program, rendition, destination, input and channel, the stream that viewers watch;
// never an address, a session or a key.
// Pure.
#pragma once
#include <span>
#include <string>

#include "observe/exposition.h"
#include "observe/gather.h"

namespace stream::observe {

inline constexpr size_t kMaxEntries = 256;     // of one list of one program: destinations, rungs
inline constexpr size_t kMaxSamples = 20'000;  // of all programs

// All families there are, in the order of the text.
std::span<const Family* const> families();

// `version` is that of who asked.
Samples samples_of(const std::vector<Answer>& answers, const std::string& version);
// Of a status document alone, as a program knows it of itself.
Samples samples_of(const std::string& stream, const std::string& tool, const Json& status);

// The whole text; families without a sample have HELP and TYPE only.
std::string metrics_text(const Samples& samples);

}  // namespace stream::observe
