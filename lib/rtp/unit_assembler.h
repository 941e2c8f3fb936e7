// What the depacketisers of depacketiser.cpp share: where access units begin and end, what a hole
// does to them. A codec's own part takes payloads and says whether they are sound.
#pragma once
#include <deque>

#include "rtp/depacketiser.h"

namespace stream::rtp {

class UnitAssembler : public Depacketiser {
 public:
  void feed(const Packet& packet) final;
  void hole() final;
  std::optional<AccessUnit> next() final;
  uint64_t discarded() const final { return discarded_; }

 protected:
  // True when no packet of the same unit can come before this payload.
  virtual bool starts_unit(Bytes payload) const = 0;
  // False: damaged.
  virtual bool add(Bytes payload) = 0;
  // What was added since reset(); `unit.data` stays empty when nothing is to come out. False:
  // damaged.
  virtual bool finish(AccessUnit& unit) = 0;
  virtual void reset() = 0;

 private:
  void close();

  std::deque<AccessUnit> units_;
  uint32_t timestamp_ = 0;
  bool open_ = false, bad_ = false;
  bool after_hole_ = false;  // the next unit may lack its beginning
  uint64_t discarded_ = 0;
};

std::unique_ptr<Depacketiser> make_nal_depacketiser(bool hevc);
std::unique_ptr<Depacketiser> make_vp8_depacketiser();
std::unique_ptr<Depacketiser> make_vp9_depacketiser();
std::unique_ptr<Depacketiser> make_av1_depacketiser();

}  // namespace stream::rtp
