#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/url.h"
#include "journal.h"
#include "mend.h"
#include "record.h"
#include "source.h"

namespace stream::record {

namespace {

using control::Json;

constexpr Nanoseconds kProgress = std::chrono::seconds(10);

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw_errno("create", path, error.value(), "give -o a directory that can be made");
}

// Where the recording is to end: each track up to the given media time, no packet beyond.
class Limit {
 public:
  Limit(std::optional<Duration> duration, const av::Tracks& tracks) {
    if (duration) limit_ = duration->value;
    set_tracks(tracks);
  }
  void set_tracks(const av::Tracks& tracks) {
    tracks_ = &tracks;
    reached_.assign(tracks.size(), false);
  }
  // True when `packet` belongs into the recording.
  bool admits(const av::Packet& packet) {
    if (!limit_) return true;
    const auto track = static_cast<size_t>(packet.track);
    const Nanoseconds time(rescale(packet.dts, (*tracks_)[track].time_base, kNanosecondBase));
    if (!start_) start_ = time;
    beyond_ = std::max(beyond_, time - *start_ - *limit_);
    if (time - *start_ < *limit_) return true;
    reached_[track] = true;
    return false;
  }
  // Every track is there, or one is so far beyond that the others have nothing more.
  bool done() const {
    return limit_ && (beyond_ > std::chrono::milliseconds(500) ||
                      std::find(reached_.begin(), reached_.end(), false) == reached_.end());
  }

 private:
  std::optional<Nanoseconds> limit_, start_;
  const av::Tracks* tracks_ = nullptr;
  std::vector<bool> reached_;
  Nanoseconds beyond_ = Nanoseconds::min();
};

void tell_tracks(control::Service& service, const av::Tracks& tracks) {
  const auto known = [](auto value) { return value > 0 ? Json(value) : Json(nullptr); };
  for (size_t i = 0; i < tracks.size(); ++i) {
    const av::Track& track = tracks[i];
    service.emit(
        "track.added",
        {{"track", i},
         {"kind", track.type == av::MediaType::kVideo ? "video" : "audio"},
         {"codec", track.codec},
         {"width", known(track.width)},
         {"height", known(track.height)},
         {"frame_rate", track.frame_rate.known() ? Json(track.frame_rate.value()) : Json(nullptr)},
         {"sample_rate", known(track.sample_rate)},
         {"channels", known(track.channels)},
         {"session", nullptr}});
  }
}

void tell_progress(control::Service& service, const media::RecorderStatus& status,
                   Nanoseconds elapsed) {
  service.emit("progress",
               {{"media_seconds", seconds(status.recorded)},
                {"speed", elapsed.count() > 0 ? seconds(status.recorded) / seconds(elapsed) : 0.0},
                {"delay_seconds", nullptr},
                {"dropped_frames", status.dropped_packets}});
}

Json status_json(const media::RecorderStatus& status) {
  return {{"recording", status.active && status.session > 0},
          {"session", status.session > 0 ? Json(status.session) : Json(nullptr)},
          {"path", status.path.empty() ? Json(nullptr) : Json(status.path)},
          {"recorded_seconds", seconds(status.recorded)},
          {"lost_seconds", seconds(status.lost)},
          {"size_bytes", status.bytes},
          {"files", status.files},
          {"dropped_packets", status.dropped_packets},
          {"queued_packets", status.queued_packets},
          {"stalled", status.stalled}};
}

// The recorders of one recording: one, or one for each kind of track. They write into the journal
// as long as they live, also when something was thrown and the control socket still holds them.
class Recorders {
 public:
  explicit Recorders(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}
  void add(std::shared_ptr<media::Recorder> recorder) { all_.push_back(std::move(recorder)); }
  void set_tracks(const av::Tracks& tracks) {
    for (const auto& recorder : all_) recorder->set_tracks(tracks);
  }
  bool push(const av::Packet& packet) {
    bool good = true;
    for (const auto& recorder : all_) good &= recorder->push(packet);
    return good;
  }
  template <typename Do>
  void each(Do what) const {
    for (const auto& recorder : all_) what(*recorder);
  }
  media::RecorderStatus status() const {
    media::RecorderStatus sum = all_[0]->status();
    for (size_t i = 1; i < all_.size(); ++i) {
      const media::RecorderStatus other = all_[i]->status();
      sum.recorded = std::max(sum.recorded, other.recorded);
      sum.lost = std::max(sum.lost, other.lost);
      sum.bytes += other.bytes;
      sum.dropped_packets += other.dropped_packets;
      sum.files += other.files;
      sum.queued_packets += other.queued_packets;
      sum.stalled |= other.stalled;
      if (sum.path.empty()) sum.path = other.path;
    }
    return sum;
  }

 private:
  const std::shared_ptr<Journal> journal_;  // goes last
  std::vector<std::shared_ptr<media::Recorder>> all_;
};

// Reads until the input, the time or the patience ends; says which.
std::string copy(Source& source, Recorders& recorders, const Options& o,
                 control::Service& service) {
  const Nanoseconds began = monotonic_now();
  Nanoseconds next_progress = began + kProgress;
  Limit limit(o.duration, source.tracks());
  for (;;) {
    media::MediaInput::Item item = source.read();
    if (std::holds_alternative<media::MediaInput::End>(item)) break;
    if (std::holds_alternative<media::MediaInput::TracksChanged>(item)) {
      tell_tracks(service, source.tracks());
      limit.set_tracks(source.tracks());
      recorders.set_tracks(source.tracks());
      continue;
    }
    auto& packet = std::get<av::Packet>(item);
    service.alive();
    if (limit.admits(packet)) {
      if (!recorders.push(packet)) return "the recorder broke";
    } else if (limit.done()) {
      return "the duration was reached";
    }
    if (const Nanoseconds now = monotonic_now(); now >= next_progress) {
      tell_progress(service, recorders.status(), now - began);
      next_progress = now + kProgress;
    }
  }
  if (o.until && wall_now() >= o.until->value) return "the time was reached";
  if (service.stopping()) return "stopped";
  service.emit("media.ended", {{"detail", "the input ended"}});
  return "the input ended";
}

media::RecorderOptions recorder_options(const Options& o, const std::string& name, bool wait) {
  media::RecorderOptions options;
  options.output = o.output;
  options.name = name.empty() ? "recording" : name;
  options.container = media::container_for(o.output, media::container_named(o.format));
  options.expected = o.duration ? o.duration->value : Nanoseconds(0);
  options.wait = wait;
  if (o.split) {
    options.split_time = o.split->time;
    options.split_bytes = o.split->bytes;
  }
  options.gap = o.gap.value;
  options.standby = o.standby;
  options.pre_roll = o.pre_roll.value;
  options.min_free = o.min_free.bytes;
  if (o.thumbnail) options.thumbnails = o.thumbnail->value;
  return options;
}

void make_recorders(const Options& o, const media::RecorderOptions& options, Journal& journal,
                    const std::function<void()>& broken, Recorders& recorders) {
  const auto add = [&](std::optional<av::MediaType> only, const std::string& part) {
    media::RecorderOptions own = options;
    own.only = only;
    own.part = part;
    if (only == av::MediaType::kAudio) own.thumbnails.reset();
    recorders.add(std::make_shared<media::Recorder>(own, journal.events(broken)));
  };
  if (o.tracks == "all") add({}, "");
  if (o.tracks == "video" || o.tracks == "audio")
    add(o.tracks == "video" ? av::MediaType::kVideo : av::MediaType::kAudio, "");
  if (o.tracks == "video,audio") {
    add(av::MediaType::kVideo, "-video");
    add(av::MediaType::kAudio, "-audio");
  }
}

void add_verbs(control::Service& service, const std::shared_ptr<Recorders>& recorders) {
  service.status([recorders](const std::string&) { return status_json(recorders->status()); });
  service.verb("record.split", [recorders](const Json&, const std::string&) {
    recorders->each([](media::Recorder& r) { r.split(); });
    return Json{{"split", true}};
  });
  service.verb("record.start", [recorders](const Json&, const std::string&) {
    recorders->each([](media::Recorder& r) { r.start(); });
    return Json{{"recording", true}};
  });
  service.verb("record.stop", [recorders](const Json&, const std::string&) {
    recorders->each([](media::Recorder& r) { r.stop(); });
    return Json{{"recording", false}};
  });
}

// Ends the input when --until comes; asleep until then.
class Alarm {
 public:
  Alarm(const std::optional<PointInTime>& until, std::shared_ptr<av::Input::Interrupter> input) {
    if (until)
      thread_ = std::thread([this, then = until->value, input = std::move(input)] {
        std::unique_lock lock(mutex_);
        if (!stop_.wait_until(lock, then, [this] { return ended_; })) input->interrupt();
      });
  }
  ~Alarm() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    stop_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool ended_ = false;
  std::thread thread_;
};

Exit record(const Options& o, const cli::Context& context, control::Service& service,
            const std::shared_ptr<av::Input::Interrupter>& interrupter) {
  const std::string bus = cli::name_for(o.input.input);
  const std::string name = !o.service.name.empty() ? o.service.name : bus;
  const Alarm alarm(o.until, interrupter);
  Source source(o.input.input, o.follow, interrupter);

  manifest::Recording recording;
  recording.stream = name;
  recording.input = without_secrets(o.input.input);
  recording.started = wall_now();
  const media::RecorderOptions options = recorder_options(o, name, source.waits_for_reader());
  const media::FileNames names(options.output, options.name, options.container);
  make_directory(names.directory());
  const auto journal = std::make_shared<Journal>(names.directory(), std::move(recording),
                                                 o.tracks == "video,audio" ? 2 : 1, service);
  for (const std::string& key : mend_manifests(names.directory(), names.prefix(), name))
    log::warning("the recorder of " + key + " died; its manifest is mended");
  const auto recorders = std::make_shared<Recorders>(journal);
  make_recorders(
      o, options, *journal, [interrupter] { interrupter->interrupt(); }, *recorders);
  add_verbs(service, recorders);
  recorders->set_tracks(source.tracks());
  tell_tracks(service, source.tracks());
  service.ready((o.standby ? "ready to record " : "recording ") + without_secrets(o.input.input) +
                " to " + o.output);

  std::string reason;
  std::exception_ptr broken;
  try {
    reason = copy(source, *recorders, o, service);
  } catch (const Error& error) {  // what came before is good: it is finished first
    reason = error.what();
    broken = std::current_exception();
  }
  recorders->each([&](media::Recorder& recorder) {
    try {
      recorder.finish(reason);
    } catch (const Error& error) {
      reason = error.what();
      broken = std::current_exception();
    }
  });
  const manifest::Json document = journal->finish(reason, recorders->status());
  if (!journal->empty()) context.print_json(document);
  if (broken) std::rethrow_exception(broken);
  if (journal->empty() && !service.stopping() && !o.standby) {
    throw Error(Exit::kInputDamaged, "record.empty",
                without_secrets(o.input.input) + " ended before any media came",
                "check the source with ffprobe");
  }
  const std::string incomplete = journal->empty() ? std::string() : journal->incomplete();
  if (!incomplete.empty()) {
    throw Error(Exit::kPartial, "record.partial",
                "the recording " + journal->path() + " is not whole: " + incomplete,
                "what there is plays; a manifest that lags behind is mended by the next "
                "stream-record that writes to the same directory");
  }
  return Exit::kOk;
}

}  // namespace

std::string without_secrets(const std::string& input) {
  const auto url = parse_url(input);
  return url ? url->redacted() : input;
}

int run(const Options& o, cli::Context& context) {
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file size is an error of write(), as a full disk is
  control::Service service(o.service.service(context.tool(), cli::name_for(o.input.input)));
  const auto interrupter = std::make_shared<av::Input::Interrupter>();
  service.on_stop([interrupter] { interrupter->interrupt(); });
  return service.run([&] {
    try {
      return record(o, context, service, interrupter);
    } catch (const Error& error) {
      const bool time_is_up = o.until && wall_now() >= o.until->value;
      if (error.id() == "input.interrupted" && (service.stopping() || time_is_up))
        return Exit::kOk;  // a signal decides
      throw;
    }
  });
}

}  // namespace stream::record
