// Packets to bytes in a container that needs no seeking: nut (the bus), mpegts, matroska, flv. The
// sink is called on the writer's thread with pieces of any size, valid during the call. With a seek
// function the container may also go back: matroska and webm then get duration and index.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "av/packet.h"
#include "av/track.h"

namespace stream::av {

class Output {
 public:
  using Sink = std::function<void(Bytes)>;  // may throw: the call that wrote then throws it

  // The next piece goes to this offset of the file.
  using Seek = std::function<void(uint64_t)>;

  // Writes the headers. `keeps_contract`: NUT promises in its header that what follows is to the
  // contract of stream(7), so that readers need not repair it. Throws Error kUnsupported
  // "output.format" for a container or a codec in it that this build cannot write.
  Output(const std::string& format, const Tracks& tracks, Sink sink, Seek seek = {},
         bool keeps_contract = false);
  Output(Output&&) noexcept;
  Output& operator=(Output&&) noexcept;
  ~Output();

  // Complete in the sink when it returns.
  void write(const Packet& packet);
  // What the container itself holds back (a cluster) goes into the sink.
  void flush();
  // MPEG-TS: the tables come again before the next packet, so that a segment may begin there.
  void restart_headers();
  // The trailer, where the container has one.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::av
