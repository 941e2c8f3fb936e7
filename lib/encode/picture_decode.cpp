#include "encode/picture_decode.h"

#include "base/error.h"
#include "base/log.h"

namespace stream::media {

PictureDecode::PictureDecode(const av::Track& track, int threads) : threads_(threads) {
  source(track);
  thread_ = std::thread([this] { run(); });
}

PictureDecode::~PictureDecode() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  items_.notify_all();
  thread_.join();
}

void PictureDecode::source(const av::Track& track) {
  const std::lock_guard lock(mutex_);
  base_ = track.time_base;
  waits_ = true;
  queue_.push_back(track);
  items_.notify_one();
}

void PictureDecode::push(const av::Packet& packet, Nanoseconds shift) {
  const std::lock_guard lock(mutex_);
  if (waits_ && !packet.key) {
    dropped_ += shedding_;
    return;
  }
  waits_ = shedding_ = false;
  av::Packet moved = packet;
  const int64_t ticks = rescale(shift.count(), kNanosecondBase, kPictureBase);
  moved.dts = rescale(packet.dts, base_, kPictureBase) + ticks;
  moved.pts = rescale(packet.pts, base_, kPictureBase) + ticks;
  bytes_ += moved.data.size();
  queue_.push_back(std::move(moved));
  shed();
  items_.notify_one();
}

// Up to the newest keyframe; without one that one is waited for.
void PictureDecode::shed() {
  const auto packet = [this](size_t i) { return std::get_if<av::Packet>(&queue_[i]); };
  size_t first = 0;
  while (first < queue_.size() && !packet(first)) ++first;
  const size_t last = queue_.size() - 1;
  const int64_t span = packet(last)->dts - packet(first)->dts;
  if (bytes_ <= kMaxBytes && span <= rescale(kMaxWaiting.count(), kNanosecondBase, kPictureBase))
    return;
  size_t keep = queue_.size();
  for (size_t i = queue_.size(); i-- > first + 1;) {
    if (packet(i) && packet(i)->key) {
      keep = i;
      break;
    }
  }
  waits_ = shedding_ = keep == queue_.size();
  std::deque<Item> rest;
  bytes_ = 0;
  for (size_t i = 0; i < queue_.size(); ++i) {
    if (i < keep && packet(i)) {
      ++dropped_;
      continue;
    }
    if (packet(i)) bytes_ += packet(i)->data.size();
    rest.push_back(std::move(queue_[i]));
  }
  queue_ = std::move(rest);
}

void PictureDecode::set_encodes(std::vector<std::shared_ptr<PictureEncode>> encodes) {
  const std::lock_guard lock(mutex_);
  encodes_.swap(encodes);
}

void PictureDecode::finish() {
  const std::lock_guard lock(mutex_);
  finishing_ = true;
  items_.notify_all();
}

void PictureDecode::run() {
  for (;;) {
    std::optional<Item> item;
    {
      std::unique_lock lock(mutex_);
      items_.wait(lock, [this] { return cancelled_ || finishing_ || !queue_.empty(); });
      if (cancelled_) return;
      if (queue_.empty()) break;
      item = std::move(queue_.front());
      queue_.pop_front();
      if (const auto* packet = std::get_if<av::Packet>(&*item)) bytes_ -= packet->data.size();
    }
    try {
      std::visit([this](auto& what) { handle(what); }, *item);
    } catch (const Error& e) {
      decoder_.reset();
      log::error(e.what());
    }
  }
  close();
  const std::lock_guard lock(mutex_);
  for (const auto& encode : encodes_) encode->finish();
}

void PictureDecode::handle(av::Track& track) {
  close();
  track_ = std::move(track);
  track_.time_base = kPictureBase;
  open();
}

void PictureDecode::handle(av::Packet& packet) {
  if (packet.mark) {
    const bool config =
        !packet.mark->extradata.empty() && !(packet.mark->extradata == track_.extradata);
    if (config || packet.mark->discontinuity || !packet.mark->session.empty()) {
      close();
      if (config) track_.extradata = packet.mark->extradata;
      open();
    }
  }
  if (!decoder_ && packet.key) open();
  if (!decoder_) return;
  decoder_->send(packet);
  receive();
}

void PictureDecode::open() {
  decoder_.emplace(track_, threads_);
}

void PictureDecode::close() {
  if (!decoder_) return;
  decoder_->finish();
  receive();
  decoder_.reset();
}

void PictureDecode::receive() {
  std::vector<std::shared_ptr<PictureEncode>> encodes;
  {
    const std::lock_guard lock(mutex_);
    encodes = encodes_;
  }
  const uint64_t damaged = decoder_->dropped();
  while (auto picture = decoder_->receive()) {
    for (const auto& encode : encodes) encode->offer(*picture, track_.frame_rate);
  }
  const std::lock_guard lock(mutex_);
  damaged_ += decoder_->dropped() - damaged;
}

uint64_t PictureDecode::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}
uint64_t PictureDecode::damaged() const {
  const std::lock_guard lock(mutex_);
  return damaged_;
}

}  // namespace stream::media
