// Where secrets come from: never the command line itself, never the environment. One grammar for
// all programs: @vault:NAME, @file:PATH, @- (stdin), @fd:N, @cred:NAME (systemd credential).
#pragma once
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/url.h"

namespace stream::cli {

bool is_secret_source(std::string_view text);

// Reads at most 64 KiB and drops one final newline. Throws Error kUsage "secret.source" for a bare
// value (which it does not repeat), kNotAllowed "secret.permissions" for a file that others can
// read unless allow_open_secrets(true) was called.
Secret read_secret(std::string_view source);
// Of a text that is a secret or the source of one.
Secret secret_of(std::string_view text);
void allow_open_secrets(bool allow);

// True for a URL in which somebody put a key: a password, a query parameter with a telling name, a
// long mixed last path segment of rtmp and rtmps.
bool carries_secret(const Url& url);

}  // namespace stream::cli
