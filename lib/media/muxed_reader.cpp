#include "media/muxed_reader.h"

#include <utility>

namespace stream::media {

MuxedReader::MuxedReader(Hub& hub, std::string format, OnSlow on_slow, std::function<void()> wake)
    : format_(std::move(format)), reader_(hub.attach(on_slow, std::move(wake))) {}

void MuxedReader::fill(std::vector<uint8_t>& bytes, size_t enough) {
  using State = HubReader::State;
  if (finished_) return;
  target_ = &bytes;
  if (!output_ && reader_->queued_packets() > 0)
    output_.emplace(
        format_, reader_->tracks(),
        [this](Bytes piece) { target_->insert(target_->end(), piece.begin(), piece.end()); },
        av::Output::Seek{}, true);
  while (bytes.size() < enough) {
    const auto packet = reader_->pop();
    if (!packet) break;
    output_->write(*packet);
  }
  if (reader_->state() == State::kEnded && reader_->queued_packets() == 0) {
    if (output_) output_->finish();
    finished_ = true;
  }
}

}  // namespace stream::media
