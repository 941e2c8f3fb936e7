// Where things live: RUNTIME, STATE and CONFIG of stream(7), from STREAM_*_DIR, systemd's
// *_DIRECTORY, the system's places for root and XDG's for users. Directories are made 0700 when
// first needed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace stream::os {

std::string runtime_dir();
std::string state_dir();
std::string config_dir();

// RUNTIME/NAME, created. `name` must pass check_stream_name (asserted).
std::string stream_runtime_dir(std::string_view name);
// Where the bus NAME or NAME/RUNG is: RUNTIME/NAME/media.sock or RUNTIME/NAME/rungs/RUNG.sock.
// `bus` must pass check_bus_name (asserted). Nothing is created.
std::string media_socket_path(std::string_view bus);
// RUNTIME/NAME/<tool>.sock, nothing created.
std::string control_socket_path(std::string_view name, std::string_view tool);

// Names below RUNTIME that have a media or a control socket on which somebody listens.
std::vector<std::string> live_streams();
// Rungs of NAME's ladder, each bus:NAME/RUNG, sorted: by their sockets' names alone, or those on
// which somebody listens, which takes a connection to each.
std::vector<std::string> rungs_by_name(std::string_view name);
std::vector<std::string> live_rungs(std::string_view name);
// Tools that answer on RUNTIME/NAME/<tool>.sock, sorted.
std::vector<std::string> live_tools(std::string_view name);

// mkdir -p with 0700 for what is made. Throws Error naming the directory that could not be made.
void make_dirs(const std::string& path);

}  // namespace stream::os
