// Whether a name is that of a picture or a film.
#pragma once
#include <string_view>

namespace stream {

// By its ending, in lower case: a text for people ends otherwise.
bool is_picture_name(std::string_view name);

}  // namespace stream
