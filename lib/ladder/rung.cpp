#include "ladder/rung.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "ladder/master.h"

namespace stream::media {
namespace {

// Pictures cost 1 each: few, they are large. Sound and notices are free but counted.
constexpr size_t kPictures = 3;
constexpr size_t kRungItems = 4096;
// A rung is paused because it is slow: what its encoder still holds may not take long.
constexpr Nanoseconds kPauseFlush = std::chrono::seconds(2);
constexpr Nanoseconds kNoHurry = std::chrono::hours(1);

}  // namespace

Rung::Rung(const RungSpec& spec, Nanoseconds segment,
           const std::optional<hls::RenditionOptions>& files, int order, MasterBook& master,
           EventSink event, Probe probe, std::shared_ptr<RungBus> bus)
    : name_(spec.name),
      order_(order),
      master_(master),
      event_(std::move(event)),
      probe_(std::move(probe)),
      bus_(std::move(bus)),
      writer_(files ? SegmentWriter::make(*files, spec.name, event_) : nullptr),
      meter_(segment),
      queue_(kRungItems, kPictures) {
  status_.name = name_;
  thread_ = std::thread([this] { run(); });
}

Rung::~Rung() {
  queue_.stop();
  join();
}

void Rung::join() {
  if (thread_.joinable()) thread_.join();
}

void Rung::push(RungItem item) {
  const size_t cost = std::holds_alternative<Picture>(item) ? 1 : 0;
  queue_.push(std::move(item), cost);
}

void Rung::run() {
  while (auto item = queue_.pop()) std::visit([this](auto& what) { handle(what); }, *item);
  flush(kNoHurry);
  flush_group();
  if (!writer_) return;
  writer_->finish();
  after_write();
}

void Rung::handle(BeginEpoch& begin) {
  flush(kNoHurry);
  flush_group();
  if (writer_) writer_->end();
  meter_.end();
  encoder_.reset();
  begin_ = std::move(begin);
  started_ = false;
  waiting_sound_.clear();
  retry_later_ = false;
  decode_times_.clear();
  keyframes_.clear();
  sent_segment_ = -1;
  {
    std::lock_guard lock(mutex_);
    status_.width = begin_.rung.width;
    status_.height = begin_.rung.height;
    status_.copied = begin_.rung.copied;
    status_.encoder = begin_.rung.copied ? "" : begin_.rung.spec.encoder;
  }
  const double fps = begin_.frame_rate.known() ? begin_.frame_rate.value() : 30;
  interval_ = static_cast<int64_t>(kLadderSecond / fps);
  if (writer_) writer_->set_nominal_duration(interval_);
  if (begin_.rung.copied)
    start_writer(*begin_.source);
  else
    open_encoder();
}

void Rung::open_encoder() {
  const PlannedRung& r = begin_.rung;
  av::VideoEncoding o;
  o.encoder = r.spec.encoder;
  o.preset = r.spec.preset;
  o.tune = r.spec.tune;
  o.profile = r.spec.profile;
  o.low_delay = r.spec.low_delay;
  o.width = r.width;
  o.height = r.height;
  o.time_base = kLadderBase;
  o.frame_rate = begin_.frame_rate.known() ? begin_.frame_rate : Rational{30, 1};
  o.bit_rate = r.spec.bit_rate;
  o.bt601 = begin_.bt601;
  o.threads = r.threads;
  const double segment = static_cast<double>(begin_.grid->segment()) / kLadderSecond;
  o.keyframe_distance = static_cast<int>(std::max(600.0, 3 * segment * o.frame_rate.value()));
  try {
    encoder_ = std::make_unique<av::Encoder>(o);
  } catch (const std::exception& e) {
    encoder_failed(e.what());
  }
}

void Rung::encoder_failed(const std::string& reason) {
  encoder_.reset();
  decode_times_.clear();
  keyframes_.clear();
  {
    std::lock_guard lock(mutex_);
    status_.restarts++;
  }
  log::error("rung " + name_ + ": " + reason + "; its encoder is started again");
  event_("rung.failed", {{"rung", name_}, {"reason", reason}});
}

void Rung::handle(Picture& picture) {
  if (monotonic_now().count() >= deadline_) return;
  const bool first = picture.segment != sent_segment_;
  // An encoder that broke is replaced at once; one that can't be opened is tried once a segment.
  if (!encoder_ && (first || !retry_later_)) {
    open_encoder();
    retry_later_ = !encoder_;
    sent_segment_ = -1;
  }
  if (!encoder_) return;
  const bool key = picture.segment != sent_segment_;
  try {
    if (probe_) probe_(name_, picture.frame.pts());
    encoder_->send(picture.frame, key);
    decode_time(picture.frame.pts());
    if (key) keyframes_.emplace_back(picture.frame.pts(), picture.segment);
    sent_segment_ = picture.segment;
    picture.frame = av::Frame();
    drain();
  } catch (const std::exception& e) {
    encoder_failed(e.what());
    sent_segment_ = -1;
  }
}

void Rung::drain() {
  while (auto packet = encoder_->receive()) deliver(std::move(*packet));
}

// The encoder's last packets; those that are not there in time are let go.
void Rung::flush(Nanoseconds at_most) {
  if (!encoder_) return;
  const int64_t until = (monotonic_now() + at_most).count();
  try {
    encoder_->finish();
    while (monotonic_now().count() < std::min(until, deadline_.load())) {
      auto packet = encoder_->receive();
      if (!packet) break;
      deliver(std::move(*packet));
    }
  } catch (const Error& e) {
    encoder_failed(e.what());
  }
  encoder_.reset();
}

void Rung::deliver(av::Packet packet) {
  if (!started_) start_writer(encoder_->track());
  if (bus_) bus_->picture(packet);
  CodedUnit unit;
  unit.fmp4_dts = packet.pts;
  if (!decode_times_.empty()) {
    unit.fmp4_dts = decode_times_.front();
    decode_times_.pop_front();
  }
  if (packet.key && !keyframes_.empty() && packet.pts >= keyframes_.front().first) {
    out_segment_ = keyframes_.front().second;
    keyframes_.pop_front();
  }
  unit.segment = out_segment_;
  unit.packet = std::move(packet);
  write(std::move(unit));
}

// The n-th packet out is decoded at the time of the picture kReorder before the n-th: alike in all
// rungs whatever their encoders reorder, and never after its own presentation.
int64_t Rung::decode_time(int64_t pts) {
  if (decode_times_.empty())
    for (int i = kReorder; i > 0; i--) decode_times_.push_back(pts - i * interval_);
  decode_times_.push_back(pts);
  return decode_times_.front();
}

// A copied rung's order of presentation, which files want, is known at the end of its segment.
void Rung::handle(Coded& coded) {
  if (bus_) bus_->picture(coded.packet);
  if (!writer_) return write({std::move(coded.packet), 0, coded.segment});
  if (!group_.empty() && coded.segment != group_.front().segment) flush_group();
  group_.push_back(std::move(coded));
}

void Rung::flush_group() {
  std::vector<int64_t> times;
  for (const Coded& c : group_) times.push_back(c.packet.pts);
  std::sort(times.begin(), times.end());
  for (size_t i = 0; i < group_.size(); i++) {
    CodedUnit unit;
    unit.fmp4_dts = decode_time(times[i]);
    decode_times_.pop_front();
    unit.segment = group_[i].segment;
    unit.packet = std::move(group_[i].packet);
    write(std::move(unit));
  }
  group_.clear();
}

// In files alone: on the bus it is beside all rungs.
void Rung::handle(Sound& sound) {
  if (!writer_) return;
  if (started_)
    writer_->add_sound(std::move(sound.packet));
  else if (begin_.sound && waiting_sound_.size() < kRungItems)
    waiting_sound_.push_back(std::move(sound.packet));
}

void Rung::handle(Skip& skip) {
  flush(kPauseFlush);
  if (bus_) bus_->pause();
  decode_times_.clear();
  keyframes_.clear();
  sent_segment_ = -1;
  meter_.end();
  if (writer_) writer_->end();
  if (writer_ && begin_.epoch) {
    if (!started_ && begin_.epoch->discontinuity) writer_->rendition().discontinuity();
    writer_->skip_until(*begin_.epoch, skip.segment + 1);
  }
  retry_later_ = false;
}

void Rung::start_writer(const av::Track& track) {
  if (writer_) writer_->begin(track, begin_.sound.get(), begin_.epoch);
  if (bus_) bus_->begin(track, begin_.beside.get(), begin_.epoch->discontinuity);
  started_ = true;
  for (av::Packet& packet : waiting_sound_) writer_->add_sound(std::move(packet));
  waiting_sound_.clear();
}

void Rung::write(CodedUnit unit) {
  const int64_t pts = unit.packet.pts;
  const size_t size = unit.packet.data.size();
  const int64_t segment = unit.segment;
  if (writer_) writer_->add(std::move(unit));
  const bool metered = !writer_ && meter_.add(segment, pts, size);
  {
    std::lock_guard lock(mutex_);
    status_.pictures++;
    status_.bytes += size;
    status_.position = std::max(status_.position, pts);
    if (metered) status_.rates = meter_.rates();
  }
  if (writer_) after_write();
}

void Rung::after_write() {
  const hls::Rendition& rendition = writer_->rendition();
  const uint64_t next = rendition.next_sequence();
  if (next == reported_) return;
  reported_ = next;
  MasterBook::Entry entry;
  entry.order = order_;
  entry.codecs = writer_->codecs();
  entry.width = begin_.rung.width;
  entry.height = begin_.rung.height;
  entry.frame_rate = begin_.frame_rate.known() ? begin_.frame_rate.value() : 0;
  entry.bit_rate = begin_.rung.copied ? 0 : begin_.rung.spec.bit_rate;
  entry.rates = rendition.rates();
  {
    std::lock_guard lock(mutex_);
    status_.segments = rendition.playlist().segments.size();
    status_.gaps = rendition.gaps();
    status_.rates = entry.rates;
  }
  if (!rendition.playlist().segments.empty()) master_.update(name_, entry);
}

RungStatus Rung::status() const {
  std::lock_guard lock(mutex_);
  RungStatus s = status_;
  s.queued = queue_.cost();
  if (bus_) s.bus = bus_->status();
  return s;
}

}  // namespace stream::media
