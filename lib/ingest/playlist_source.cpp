#include "ingest/playlist_source.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/nal.h"

namespace stream::media {
namespace {

constexpr size_t kMostAhead = 200;  // packets, until the first picture of an item is seen

class PlaylistSource : public Source {
 public:
  PlaylistSource(Playlist playlist, std::shared_ptr<av::Input::Interrupter> interrupter);
  const av::Tracks& tracks() const override { return tracks_; }
  std::optional<av::Packet> read() override;

 private:
  struct Line {              // a track as it is handed on
    int source = -1;         // of the item that plays
    int64_t shift = 0;       // to the item's times, in the line's time base
    int64_t last = kNoTime;  // decoding time
    Buffer extradata;        // in force
    bool changed = false;
  };
  bool next_item();
  bool open(const std::string& file);
  std::string unfit() const;
  void begin_item();
  std::optional<av::Packet> place(av::Packet packet);
  int clock() const;  // the line that joins go by

  Playlist playlist_;
  std::shared_ptr<av::Input::Interrupter> interrupter_;
  std::vector<std::string> files_;
  size_t next_ = 0;
  bool played_ = false;  // something of this round
  std::optional<av::Input> input_;
  std::deque<av::Packet> ahead_;
  av::Tracks tracks_;
  std::vector<Line> lines_;
  Nanoseconds end_{0};  // where the next item goes
};

PlaylistSource::PlaylistSource(Playlist playlist,
                               std::shared_ptr<av::Input::Interrupter> interrupter)
    : playlist_(std::move(playlist)),
      interrupter_(std::move(interrupter)),
      files_(playlist_.files()) {
  if (!next_item() && !interrupter_->interrupted())
    throw Error(Exit::kInputDamaged, "playlist.empty", "nothing in the playlist can be played",
                "see the reasons above");
}

int PlaylistSource::clock() const {
  for (size_t i = 0; i < tracks_.size(); ++i)
    if (tracks_[i].type == av::MediaType::kVideo && lines_[i].source >= 0) return int(i);
  for (size_t i = 0; i < tracks_.size(); ++i)
    if (lines_[i].source >= 0) return int(i);
  return 0;
}

// False at the end of it all.
bool PlaylistSource::next_item() {
  for (;;) {
    input_.reset();
    if (next_ == files_.size()) {
      if (!played_ || !playlist_.loop) return false;
      try {
        files_ = playlist_.files();
      } catch (const Error& error) {
        log::warning(std::string(error.what()) + "; the list that was read before is played again");
      }
      next_ = 0;
      played_ = false;
      continue;
    }
    if (interrupter_->interrupted()) return false;
    if (open(files_[next_++])) return true;
  }
}

bool PlaylistSource::open(const std::string& file) {
  std::string reason;
  try {
    input_ = av::Input::open(file, interrupter_);
    reason = unfit();
  } catch (const Error& error) {
    reason = error.what();
  }
  if (interrupter_->interrupted()) return false;
  if (!reason.empty()) {
    input_.reset();
    playlist_.left_out(file, reason);
    return false;
  }
  begin_item();
  if (ahead_.empty()) {
    playlist_.left_out(file, "there is no media in it");
    return false;
  }
  played_ = true;
  playlist_.begins(file);
  return true;
}

// Why the item can't follow; empty when it can. Says which track goes to which line.
std::string PlaylistSource::unfit() const {
  if (tracks_.empty()) return {};
  for (const av::Track& track : tracks_) {
    const auto& all = input_->tracks();
    const auto same = std::find_if(
        all.begin(), all.end(), [&](const av::Track& other) { return other.type == track.type; });
    if (same == all.end()) continue;
    if (same->codec != track.codec)
      return "it has " + same->codec + " where the playlist began with " + track.codec +
             "; encode it likewise";
    const bool nal = track.codec == "h264" || track.codec == "hevc";
    if (nal && codec::is_annexb(same->extradata) != codec::is_annexb(track.extradata))
      return "MP4 and MPEG-TS can't follow each other; stream-record remux makes one of the other";
    if (track.type == av::MediaType::kAudio &&
        (same->sample_rate != track.sample_rate || same->channels != track.channels))
      return "its sound has " + std::to_string(same->sample_rate) + " Hz and " +
             std::to_string(same->channels) + " channels, the playlist began with " +
             std::to_string(track.sample_rate) + " Hz and " + std::to_string(track.channels);
  }
  return {};
}

void PlaylistSource::begin_item() {
  const av::Tracks& own = input_->tracks();
  if (tracks_.empty()) {
    for (const av::Track& track : own)
      if (std::none_of(tracks_.begin(), tracks_.end(),
                       [&](const av::Track& t) { return t.type == track.type; }))
        tracks_.push_back(track);
    lines_.resize(tracks_.size());
    for (size_t i = 0; i < tracks_.size(); ++i) lines_[i].extradata = tracks_[i].extradata;
  }
  for (size_t i = 0; i < tracks_.size(); ++i) {
    const auto at = std::find_if(own.begin(), own.end(), [&](const av::Track& track) {
      return track.type == tracks_[i].type;
    });
    lines_[i].source = at == own.end() ? -1 : static_cast<int>(at - own.begin());
    if (at == own.end()) continue;
    lines_[i].changed = !(lines_[i].extradata == at->extradata);
    lines_[i].extradata = at->extradata;
  }
  // Where the item starts: at its first picture, or else at its first packet.
  const Line& line = lines_[static_cast<size_t>(clock())];
  Nanoseconds start{0};
  ahead_.clear();
  for (bool found = false; !found && ahead_.size() < kMostAhead;) {
    auto packet = input_->read();
    if (!packet) break;
    found = packet->track == line.source && packet->pts != kNoTime;
    if (found)
      start = Nanoseconds(
          rescale(packet->pts, own[static_cast<size_t>(packet->track)].time_base, kNanosecondBase));
    ahead_.push_back(std::move(*packet));
  }
  for (size_t i = 0; i < tracks_.size(); ++i)
    lines_[i].shift = rescale((end_ - start).count(), kNanosecondBase, tracks_[i].time_base);
}

// On the line that it belongs to; nullopt: it belongs to none, or what it overlaps was played.
std::optional<av::Packet> PlaylistSource::place(av::Packet packet) {
  const auto at = std::find_if(lines_.begin(), lines_.end(),
                               [&](const Line& line) { return line.source == packet.track; });
  if (at == lines_.end() || (packet.dts == kNoTime && packet.pts == kNoTime)) return std::nullopt;
  const auto index = static_cast<size_t>(at - lines_.begin());
  const av::Track& own = input_->tracks()[static_cast<size_t>(packet.track)];
  const Rational base = tracks_[index].time_base;
  if (packet.dts == kNoTime) packet.dts = packet.pts;
  if (packet.pts == kNoTime) packet.pts = packet.dts;
  packet.dts = rescale(packet.dts, own.time_base, base) + at->shift;
  packet.pts = rescale(packet.pts, own.time_base, base) + at->shift;
  packet.duration = rescale(packet.duration, own.time_base, base);
  if (packet.duration == 0 && own.frame_rate.known())
    packet.duration = rescale(own.frame_rate.den, {1, own.frame_rate.num}, base);
  packet.track = static_cast<int>(index);
  if (at->last != kNoTime && packet.dts <= at->last) {
    if (own.type == av::MediaType::kAudio) return std::nullopt;
    packet.dts = at->last + 1;  // decoding runs further ahead in this item
    packet.pts = std::max(packet.pts, packet.dts);
  }
  at->last = packet.dts;
  if (std::exchange(at->changed, false)) {
    auto mark = std::make_shared<av::Mark>();
    mark->extradata = at->extradata;
    packet.mark = std::move(mark);
  }
  if (static_cast<int>(index) == clock())
    end_ =
        std::max(end_, Nanoseconds(rescale(packet.pts + packet.duration, base, kNanosecondBase)));
  return packet;
}

std::optional<av::Packet> PlaylistSource::read() {
  for (;;) {
    std::optional<av::Packet> packet;
    if (!ahead_.empty()) {
      packet = std::move(ahead_.front());
      ahead_.pop_front();
    } else if (input_) {
      try {
        packet = input_->read();
      } catch (const Error& error) {
        log::warning(std::string(error.what()) + "; the playlist goes on behind it");
      }
    }
    if (interrupter_->interrupted()) return std::nullopt;
    if (packet) {
      if (auto placed = place(std::move(*packet))) return placed;
    } else if (!next_item()) {
      if (playlist_.loop && !interrupter_->interrupted())
        throw Error(Exit::kInputDamaged, "playlist.empty", "nothing in the playlist can be played",
                    "see the reasons above");
      return std::nullopt;
    }
  }
}

}  // namespace

OpenSource playlist_source(Playlist playlist) {
  return [playlist = std::move(playlist)](auto interrupter) {
    return std::make_unique<PlaylistSource>(playlist, std::move(interrupter));
  };
}

}  // namespace stream::media
