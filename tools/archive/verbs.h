// The verbs of stream-archive, one maker per file, and the options that they share. Each maker's
// options live as long as the command.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "archive/catalog.h"
#include "archive/location.h"
#include "base/units.h"
#include "cli/run.h"
#include "control/service.h"

namespace stream::archive {

cli::Command put_command();
cli::Command push_command();
cli::Command follow_command();
cli::Command get_command();
cli::Command verify_command();
cli::Command presign_command();
cli::Command list_command();
cli::Command show_command();
cli::Command search_command();
cli::Command hide_command();
cli::Command unhide_command();
cli::Command set_command();
cli::Command delete_command();
cli::Command export_command();
cli::Command prune_command();
cli::Command lifecycle_command();
cli::Command vod_command();

// Which store, and how it is spoken to.
struct StoreOptions {
  std::string url, endpoint, region, addressing = "auto", credentials;
  Duration retry_for{std::chrono::hours(24)}, stall{std::chrono::seconds(60)};
  BitRate limit;

  // `flag`: "--store", or "--to" for what writes.
  void declare(cli::Command& command, const std::string& flag = "--store", bool required = true);
  OpenStore open(std::function<void(const Trouble&)> trouble = nullptr) const;
  // For a verb that may run for long: the service tells its troubles and stops it, whenever that
  // is, even when the verb has let go of it.
  std::shared_ptr<OpenStore> open_for(control::Service& service) const;
};

// How old the local index of the catalogue may be.
struct IndexOptions {
  Duration max_age{std::chrono::minutes(5)};
  void declare(cli::Command& command);
};

// Events of a verb that may run for long.
struct EventOptions {
  std::string events;
  void declare(cli::Command& command);
  control::ServiceOptions service() const;
};

std::string state_dir();  // STATE/archive, made

// However a verb ends, nobody asks for its status any more.
struct StatusEnd {
  control::Service& service;
  ~StatusEnd() { service.status(nullptr); }
};

// A directory as it is from the root, by whatever name it was given.
std::string absolute_directory(const std::string& path);

// Tells a store's troubles as the event "store.retrying" and, once a minute, as a warning.
std::function<void(const Trouble&)> tell_trouble(control::Service& service);

}  // namespace stream::archive
