// The platforms, one file each. They live as long as the program and hold no state.
#pragma once
#include "logins/platform.h"

namespace stream::logins {

const Platform* youtube();
const Platform* twitch();
const Platform* facebook();
const Platform* cloudflare();

}  // namespace stream::logins
