// The program while it runs: the forwarder, its control verbs, its events, and the table on a
// terminal. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <string>

#include "control/service.h"
#include "forward/forwarder.h"
#include "live_marks.h"
#include "live_table.h"
#include "memory.h"
#include "options.h"

namespace stream::simulcast {

class Session {
 public:
  Session(boost::asio::io_context& io, control::Service& service, const Options& options,
          std::string stream, bool show_table);

  void begin();
  // What the run came to, once the io context has no more work: throws what the input threw.
  Exit result() const;

 private:
  using Json = nlohmann::json;
  media::Forwarder::Handlers handlers();
  void declare_verbs();
  Json destination_list() const;
  Json encoding_list() const;
  Json status() const;
  Json add(const Json& params, bool replace);
  Json each(const Json& params, const std::string& verb);
  void start(const Spec& spec);
  void on_state(const media::ForwardDestination& destination, media::ForwardState before,
                const std::string& reason);
  void on_ended(std::exception_ptr error);
  void every_second();
  void mark_live();
  void stop();

  boost::asio::io_context& io_;
  control::Service& service_;
  const Options& options_;
  const std::string stream_;
  const bool show_table_;
  Memory memory_;
  LiveMarks marks_;
  std::map<std::string, Spec> specs_;
  media::Forwarder forwarder_;
  boost::asio::steady_timer second_, end_;
  bool ready_ = false, stopping_ = false;
  LiveTable table_;
  std::exception_ptr error_;
  size_t refused_ = 0, failed_ = 0, total_ = 0;  // at the end
};

}  // namespace stream::simulcast
