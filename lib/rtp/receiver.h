// One received stream (an SSRC with its RTX): puts packets in order within a bound of time and
// count, says what to ask for again, makes access units, keeps the numbers of a receiver report.
// After a loss picture holds its output until the next key frame, so that nobody sees a picture
// built on a missing one. Pure: time is passed in; one thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "rtp/depacketiser.h"
#include "rtp/rtcp.h"

namespace stream::rtp {

struct ReceiverOptions {
  std::string codec;                                  // FFmpeg's name
  int clock_rate = 90000;                             // 48000 for Opus
  int channels = 2;                                   // of sound
  bool nack = true;                                   // the peer answers NACK
  Nanoseconds hold = std::chrono::milliseconds(250);  // how long a missing packet is waited for
  // A missing packet is asked for at once, as browsers do: packets that overtake each other are
  // rare, and then one comes twice.
  Nanoseconds nack_again = std::chrono::milliseconds(25);
  int nack_tries = 10;
  size_t max_packets = 2048;  // held at one time
};

struct ReceiverStats {
  uint64_t packets = 0, bytes = 0;
  uint64_t lost = 0;        // given up
  uint64_t recovered = 0;   // came after they were asked for again, or with a later packet
  uint64_t late = 0;        // came after they had been given up, or once more
  uint64_t duplicates = 0;  // of those that wait
  uint64_t nacks = 0;       // sequence numbers asked for
  uint64_t discarded = 0;   // access units that were begun and dropped
  uint64_t held_back = 0;   // whole units that waited in vain for a key frame
  uint32_t jitter = 0;      // RFC 3550 6.4.1, in timestamp units
  size_t buffered = 0;      // packets

  // What is counted from the beginning on.
  ReceiverStats& operator+=(const ReceiverStats& more) noexcept;
};

class Receiver {
 public:
  struct Unit : AccessUnit {
    int64_t time = 0;            // the timestamp without wraps, from that of the first packet on
    Nanoseconds arrived{0};      // of the last packet of it
    bool discontinuity = false;  // something before it is missing
  };

  // The codec must be one that make_depacketiser() knows.
  explicit Receiver(ReceiverOptions options);
  ~Receiver();
  Receiver(Receiver&&) noexcept;
  Receiver& operator=(Receiver&&) noexcept;

  // A packet of the stream. `again`: it came by retransmission and says nothing of jitter.
  void receive(const Packet& packet, Nanoseconds now, bool again = false);
  // A packet of its RTX stream (RFC 4588 4); the payload type of the original is not looked at.
  void receive_rtx(const Packet& packet, Nanoseconds now);
  // A packet that may repeat those before it (RFC 2198), each of `payload_type`: what of them is
  // missing is taken as well.
  void receive_red(const Packet& packet, uint8_t payload_type, Nanoseconds now);
  // Gives up what has been missing for too long. Call when deadline() has come.
  void tick(Nanoseconds now);
  std::optional<Unit> next();

  // Sequence numbers to ask for now, at most 128.
  std::vector<uint16_t> nacks(Nanoseconds now);
  // A key frame is needed: at the start of a picture, after a loss. Stays true until it came.
  bool wants_key_frame() const noexcept;
  // When tick() or nacks() may have something to do; nullopt: not before the next packet.
  std::optional<Nanoseconds> deadline() const;

  void sender_report(const SenderReport& report, Nanoseconds now);
  // For the next RR, without the SSRC; nullopt before the first packet.
  std::optional<ReportBlock> report(Nanoseconds now);
  // A timestamp of the peer (of an SR) on the line of Unit::time.
  int64_t line_time(uint32_t timestamp) const;
  ReceiverStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::rtp
