// The forwarder's input: what a MediaInput reads arrives on the io context, in batches. A bus and a
// pipe are read on the io context's thread, all else on a thread of its own. A live input that went
// away is looked for as long as it is to be held; files and pipes are paced by their own time.
#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

class ForwardInput {
 public:
  struct Lost {};  // looked for again
  struct Ended {   // nothing follows
    std::exception_ptr error;
  };
  // Tracks: what follows is of these; after Lost the times begin anew.
  using Item = std::variant<av::Tracks, av::Packet, Lost, Ended>;
  using Handler = std::function<void(std::vector<Item>)>;

  // `own_times`: as InputOptions has it.
  ForwardInput(boost::asio::io_context& io, std::string spec, std::chrono::milliseconds hold,
               Handler handler, bool own_times = false);
  ~ForwardInput();  // ends what blocks and waits for the thread
  ForwardInput(const ForwardInput&) = delete;

 private:
  struct State;
  struct OnThread;
  struct OnLoop;
  std::shared_ptr<State> state_;
};

}  // namespace stream::media
