// Whether the store still has what was put there: size and SHA-256, read back.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "archive/upload.h"

namespace stream::archive {

// What is wrong with the object, for people; nullopt: nothing. Throws when the store can't be
// asked.
std::optional<std::string> find_damage(Store& store, const Receipt& receipt,
                                       const std::function<void(uint64_t bytes)>& read = nullptr);

}  // namespace stream::archive
