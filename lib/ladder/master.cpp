#include "ladder/master.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "os/atomic_file.h"

namespace stream::media {
namespace {

// Until it was measured: rate control keeps the mean of a segment about this near its target.
constexpr double kMargin = 1.1;

}  // namespace

MasterBook::MasterBook(std::filesystem::path directory, bool at_end)
    : path_(std::move(directory) / "master.m3u8"), at_end_(at_end) {}

void MasterBook::expect(const std::string& name) {
  std::lock_guard lock(mutex_);
  known_.try_emplace(name, false);
}

bool MasterBook::changed(const Entry& before, const Entry& now) const {
  return before.codecs != now.codecs || before.width != now.width || before.height != now.height ||
         before.channels != now.channels || before.frame_rate != now.frame_rate;
}

void MasterBook::update(const std::string& name, const Entry& entry) {
  std::lock_guard lock(mutex_);
  known_[name] = true;
  Entry& e = entries_[name];
  const bool news = changed(e, entry) || entry.rates.peak > declared_[name];
  e = entry;
  const bool all = std::all_of(known_.begin(), known_.end(), [](auto& k) { return k.second; });
  if (!at_end_ && all && (news || !written_)) write(false);
}

std::string MasterBook::finish() {
  std::lock_guard lock(mutex_);
  if (!entries_.empty()) write(true);
  return failure_;
}

bool MasterBook::written() const {
  std::lock_guard lock(mutex_);
  return written_;
}

void MasterBook::write(bool final) {
  hls::MasterPlaylist master;
  const Entry* sound = nullptr;
  uint64_t sound_peak = 0, sound_average = 0;
  std::vector<const std::pair<const std::string, Entry>*> ordered;
  const auto peak = [&](const std::string& name, const Entry& e) {
    const auto meant = static_cast<uint64_t>(kMargin * static_cast<double>(e.bit_rate));
    return declared_[name] =
               final ? e.rates.peak : std::max({e.rates.peak, meant, declared_[name]});
  };
  for (const auto& item : entries_) {
    if (item.second.audio) {
      sound = &item.second;
      sound_peak = peak(item.first, item.second);
      sound_average = item.second.rates.average;
      hls::AudioRendition a;
      a.uri = item.first + "/playlist.m3u8";
      a.channels = item.second.channels;
      master.audio.push_back(a);
    } else {
      ordered.push_back(&item);
    }
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->second.order < b->second.order; });
  for (const auto* item : ordered) {
    const Entry& e = item->second;
    hls::Variant v;
    v.uri = item->first + "/playlist.m3u8";
    v.bandwidth = peak(item->first, e) + sound_peak;
    v.average_bandwidth = e.rates.average + sound_average;
    v.codecs = e.codecs + (sound ? "," + sound->codecs : "");
    v.width = e.width;
    v.height = e.height;
    v.frame_rate = e.frame_rate;
    if (sound) v.audio_group = master.audio.front().group;
    master.variants.push_back(v);
  }
  if (ordered.empty() && sound) {  // sound only: a variant of its own, no group
    hls::Variant v;
    v.uri = master.audio.front().uri;
    v.bandwidth = sound_peak;
    v.average_bandwidth = sound_average;
    v.codecs = sound->codecs;
    master.audio.clear();
    master.variants.push_back(v);
  }
  try {
    os::write_file(path_.string(), hls::to_text(master), os::Sync::kNo);
    written_ = true;
    failure_.clear();
  } catch (const Error& e) {
    log::error(failure_ = e.what());
  }
}

}  // namespace stream::media
