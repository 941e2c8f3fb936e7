// Manifests whose recorder died: their files get true length and size, the recording is finished.
#pragma once
#include <string>
#include <vector>

namespace stream::record {

// The keys of those in `directory` that were mended. At the start of a recorder: those whose keys
// begin with `prefix`, of `stream`, with an open file that nobody writes.
std::vector<std::string> mend_manifests(const std::string& directory, const std::string& prefix,
                                        const std::string& stream);
// On request: all, also those that wait between two sessions, with checksums.
std::vector<std::string> mend_manifests(const std::string& directory);

}  // namespace stream::record
