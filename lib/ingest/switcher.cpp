#include "ingest/switcher.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr size_t kStandbyBytes = 16u << 20;
constexpr Nanoseconds kLongestCatchUp = 10s;

bool is_video(const av::Tracks& tracks, int track) {
  return tracks[static_cast<size_t>(track)].type == av::MediaType::kVideo;
}

// What a slate must be made anew for.
std::string parameters(const av::Tracks& tracks) {
  std::string all;
  for (const av::Track& t : tracks)
    all += t.codec + ' ' + std::to_string(t.width) + 'x' + std::to_string(t.height) + ' ' +
           std::to_string(t.sample_rate) + ' ' + std::to_string(t.channels) + ';';
  return all;
}

}  // namespace

struct Switcher::Input {
  std::string name;
  Hub hub;
  Timeline timeline;
  std::shared_ptr<HubReader> reader;
  av::Tracks tracks;  // as of the packet that was read last
  // Its hub's tracks became others: it is joined anew, and is on air from a keyframe again.
  bool opened = false, lost_layout = false, relaid = false;
  // From the newest keyframe on, while it is not on air.
  std::deque<av::Packet> standby;
  size_t standby_bytes = 0;
  av::Tracks standby_tracks;
  Nanoseconds standby_since{0};
  std::string session;
  bool live = false;
  std::optional<Nanoseconds> last;
  std::string left;  // why its source left

  bool is_entry(const av::Packet& packet) const {
    if (!packet.key) return false;
    return is_video(tracks, packet.track) ||
           std::none_of(tracks.begin(), tracks.end(),
                        [](const av::Track& t) { return t.type == av::MediaType::kVideo; });
  }
  void clear_standby() {
    standby.clear();
    standby_bytes = 0;
  }
};

Switcher::Switcher(Hub& out, Timeline& timeline, Options options, Observer observer)
    : out_(out),
      splicer_(out, timeline),
      options_(std::move(options)),
      observer_(std::move(observer)),
      last_sent_(options_.clock()) {}
Switcher::~Switcher() = default;

size_t Switcher::add(std::string name) {
  inputs_.push_back(std::make_unique<Input>());
  inputs_.back()->name = std::move(name);
  attach(*inputs_.back());
  return inputs_.size() - 1;
}

Hub& Switcher::hub(size_t input) {
  return inputs_.at(input)->hub;
}
Timeline& Switcher::timeline(size_t input) {
  return inputs_.at(input)->timeline;
}

void Switcher::attach(Input& input) {
  input.opened = input.lost_layout = false;
  size_t index = 0;
  while (index < inputs_.size() && inputs_[index].get() != &input) ++index;
  input.reader = input.hub.attach(OnSlow::kDrop, [this, index] { drain(index); });
}

// In the hub's push(): nothing here may attach or detach.
void Switcher::drain(size_t index) {
  Input& input = *inputs_[index];
  if (!input.reader) return;
  if (!input.opened && input.reader->state() != HubReader::State::kWaiting) {
    input.opened = true;
    input.tracks = input.reader->tracks();
  }
  while (auto packet = input.reader->pop()) take(index, std::move(*packet));
  if (input.reader->state() == HubReader::State::kEnded) input.lost_layout = true;
}

void Switcher::take(size_t index, av::Packet packet) {
  Input& input = *inputs_[index];
  const Nanoseconds now = options_.clock();
  input.last = now;
  input.live = true;
  if (packet.mark) {
    av::Track& track = input.tracks[static_cast<size_t>(packet.track)];
    const av::Tracks& newest = input.hub.tracks();
    if (!packet.mark->session.empty()) input.session = packet.mark->session;
    if (!packet.mark->extradata.empty()) {
      const auto same = static_cast<size_t>(packet.track);
      if (same < newest.size() && newest[same].extradata == packet.mark->extradata)
        track = newest[same];
      else
        track.extradata = packet.mark->extradata;
    }
  }
  if (on_air_ == static_cast<int>(index) && !input.relaid) return forward(input, packet);
  const bool entry = input.is_entry(packet);
  if (entry) {
    input.clear_standby();
    input.standby_since = now;
    input.standby_tracks = input.tracks;
  }
  if (!entry && input.standby.empty()) return;
  input.standby_bytes += packet.data.size();
  input.standby.push_back(std::move(packet));
  if (input.standby_bytes > kStandbyBytes) return input.clear_standby();
  if (entry && wanted() == static_cast<int>(index)) go_to(index, reason_for(on_air_));
}

void Switcher::forward(Input& input, const av::Packet& packet) {
  const bool changes = packet.mark && !packet.mark->extradata.empty();
  last_sent_ = options_.clock();
  splicer_.push(packet, last_sent_,
                changes ? &input.tracks[static_cast<size_t>(packet.track)] : nullptr);
}

bool Switcher::delivers(const Input& input) const {
  return input.live && input.last && options_.clock() - *input.last <= options_.stall;
}

int Switcher::wanted() const {
  if (selected_ == kSlateName) return kSlate;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i]->name == selected_ && delivers(*inputs_[i])) return static_cast<int>(i);
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (delivers(*inputs_[i])) return static_cast<int>(i);
  return kNone;
}

// Why what is on air is left.
std::string Switcher::reason_for(int from) const {
  if (selected_ != "auto") return "asked for by the operator";
  if (from == kNone) return "the first that delivers";
  if (from >= 0 && !delivers(*inputs_[static_cast<size_t>(from)])) {
    const Input& input = *inputs_[static_cast<size_t>(from)];
    return input.live ? input.name + " sends nothing" : input.name + " is gone: " + input.left;
  }
  return "a preferred input is back";
}

std::string Switcher::name_of(int source) const {
  if (source == kSlate) return kSlateName;
  return source < 0 ? std::string() : inputs_[static_cast<size_t>(source)]->name;
}

void Switcher::tell(int to, const std::string& reason) {
  const Nanoseconds gap = on_air_ == kNone ? 0ns : options_.clock() - last_sent_;
  if (observer_) observer_({name_of(to), name_of(on_air_), reason, gap});
}

void Switcher::go_to(size_t index, const std::string& reason) {
  Input& input = *inputs_[index];
  if (on_air_ != static_cast<int>(index)) tell(static_cast<int>(index), reason);
  on_air_ = static_cast<int>(index);
  input.relaid = false;
  player_.reset();
  splicer_.begin(input.standby_tracks, input.standby.front(), input.session);
  av::Tracks tracks = std::exchange(input.tracks, input.standby_tracks);
  for (const av::Packet& packet : std::exchange(input.standby, {})) forward(input, packet);
  input.tracks = std::move(tracks);
  input.clear_standby();
}

void Switcher::go_to_slate(const std::string& reason) {
  if (slate_->loops().size() != out_.tracks().size()) return;
  SlatePlayer player(*slate_);
  if (player.next_time() == Nanoseconds::max()) return;
  tell(kSlate, reason);
  on_air_ = kSlate;
  // What was not sent since then is made up for.
  slate_begin_ = std::max(last_sent_, options_.clock() - kLongestCatchUp);
  player_.emplace(*slate_);
  splicer_.begin(slate_->tracks(), SlatePlayer(*slate_).next(), kSlateName);
  play_slate();
}

void Switcher::play_slate() {
  const Nanoseconds now = options_.clock();
  while (player_ && slate_begin_ + player_->next_time() <= now) {
    splicer_.push(player_->next(), now);
    last_sent_ = now;
  }
}

void Switcher::gone(size_t index, const std::string& reason) {
  Input& input = *inputs_.at(index);
  input.live = false;
  input.left = reason;
  input.clear_standby();
  look();
}

bool Switcher::select(const std::string& name) {
  const bool known = name == "auto" || (name == kSlateName && options_.slate) ||
                     std::any_of(inputs_.begin(), inputs_.end(),
                                 [&](const auto& input) { return input->name == name; });
  if (known) selected_ = name;
  return known;
}

Nanoseconds Switcher::next_tick() const {
  return on_air_ == kSlate ? 20ms : 200ms;
}

void Switcher::tick() {
  for (const auto& input : inputs_)
    if (input->lost_layout) {
      attach(*input);
      input->relaid = true;
      input->clear_standby();
      drain(static_cast<size_t>(&input - inputs_.data()));
    }
  if (!player_ && next_slate_) slate_ = std::exchange(next_slate_, nullptr);
  look();
  play_slate();
}

void Switcher::look() {
  if (!out_.announced() || out_.ended()) return;
  const int target = wanted();
  if (target == on_air_) return;
  const bool running = on_air_ == kSlate
                           ? selected_ != kSlateName
                           : on_air_ >= 0 && delivers(*inputs_[static_cast<size_t>(on_air_)]);
  if (target == kSlate) {
    if (slate_) go_to_slate(reason_for(on_air_));
    return;
  }
  // At its next keyframe; at once when nothing is on air and its newest one was not shown yet.
  if (target >= 0) {
    const Input& input = *inputs_[static_cast<size_t>(target)];
    const bool unseen = !input.standby.empty() && input.standby_since >= last_sent_;
    if (!running && unseen) return go_to(static_cast<size_t>(target), reason_for(on_air_));
  }
  const bool waited = options_.clock() - last_sent_ > options_.stall;
  if (!running && on_air_ != kSlate && slate_ && (target == kNone || waited))
    go_to_slate(reason_for(on_air_));
}

std::optional<av::Tracks> Switcher::slate_wanted() {
  if (!options_.slate || !out_.announced() || on_air_ < 0) return std::nullopt;
  const std::string now = parameters(out_.tracks());
  if (now == slate_for_) return std::nullopt;
  av::Tracks tracks = out_.tracks();
  const Rational rate = splicer_.frame_rate();
  for (av::Track& track : tracks) {
    if (track.type != av::MediaType::kVideo) continue;
    if (!rate.known()) return std::nullopt;
    track.frame_rate = rate;
  }
  slate_for_ = now;
  return tracks;
}

bool Switcher::live(size_t input) const {
  return delivers(*inputs_.at(input));
}
bool Switcher::any_live() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& i) { return delivers(*i); });
}
std::string Switcher::on_air() const {
  return name_of(on_air_);
}

std::vector<Switcher::Info> Switcher::inputs() const {
  std::vector<Info> all;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = *inputs_[i];
    Info info{input.name, on_air_ == static_cast<int>(i), delivers(input), std::nullopt};
    if (input.last) info.silent = options_.clock() - *input.last;
    all.push_back(std::move(info));
  }
  return all;
}

}  // namespace stream::media
