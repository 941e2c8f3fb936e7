#include "session.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/url.h"
#include "forward/file_link.h"
#include "observe/metrics.h"
#include "report.h"

namespace stream::simulcast {

using control::Json;
using media::ForwardState;

namespace {

media::Forwarder::Options forwarder_options(const Options& o) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  media::Forwarder::Options options;
  options.input = o.input.input;
  options.hold = duration_cast<milliseconds>(o.hold.value);
  options.slate = o.slate;
  options.ca_file = o.ca_file;
  options.uplink_bps = o.uplink.bps;
  options.policy.retry_max = o.retry_max;
  options.policy.retry_for = duration_cast<milliseconds>(o.retry_for.value);
  options.policy.sittings_per_hour = o.sittings;
  return options;
}

const char* event_name(ForwardState state) {
  switch (state) {
    case ForwardState::kResolving:
      return "destination.resolving";
    case ForwardState::kConnecting:
      return "destination.connecting";
    case ForwardState::kHandshaking:
      return "destination.handshaking";
    case ForwardState::kPublishing:
      return "destination.publishing";
    case ForwardState::kLive:
      return "destination.live";
    case ForwardState::kDegraded:
      return "destination.degraded";
    case ForwardState::kStalled:
      return "destination.stalled";
    case ForwardState::kBackoff:
      return "destination.backoff";
    case ForwardState::kPaused:
      return "destination.paused";
    case ForwardState::kHeld:
      return "destination.held";
    case ForwardState::kRefused:
      return "destination.refused";
    case ForwardState::kGaveUp:
      return "destination.gave_up";
    case ForwardState::kIdle:
    case ForwardState::kStopped:
      return "destination.stopped";
  }
  return "";
}

std::string without_secrets(const std::string& input) {
  const auto url = parse_url(input);
  return url ? url->redacted() : input;
}

}  // namespace

Session::Session(boost::asio::io_context& io, control::Service& service, const Options& options,
                 std::string stream, bool show_table)
    : io_(io),
      service_(service),
      options_(options),
      stream_(std::move(stream)),
      show_table_(show_table),
      memory_(stream_),
      marks_(stream_),
      forwarder_(io, forwarder_options(options), handlers()),
      second_(io),
      end_(io) {
  declare_verbs();
  service_.on_stop([this] { stop(); });
}

void Session::begin() {
  for (const Spec& spec : memory_.apply(options_.to)) start(spec);
  forwarder_.run();
  every_second();
}

void Session::start(const Spec& spec) {
  specs_[spec.name] = spec;
  media::ForwardDestinationOptions options;
  options.name = spec.name;
  options.target = [spec] { return spec.target(); };
  options.profile = spec.profile;
  options.paused = memory_.paused(spec.name);
  options.encode = spec.encode_mode();
  options.picture = spec.video;
  options.assume_enhanced = spec.assume_enhanced;
  options.file = spec.file();
  options.priority = spec.priority;
  options.lived_before = marks_.lately(spec);
  if (!options.file.empty()) options.sound_codecs = media::file_kind(options.file).sound_codecs;
  forwarder_.add(std::move(options));
  service_.emit(
      "destination.added",
      {{"destination", spec.name}, {"target", spec.shown()}, {"profile", spec.profile->name}});
}

// --- events ----------------------------------------------------------------------------------

media::Forwarder::Handlers Session::handlers() {
  media::Forwarder::Handlers h;
  h.state = [this](const media::ForwardDestination& destination, ForwardState before,
                   const std::string& reason) { on_state(destination, before, reason); };
  h.finding = [this](const std::string& name, const media::ForwardFinding& finding) {
    service_.emit("destination.unfit", {{"destination", name},
                                        {"refused", finding.refuse},
                                        {"reason", finding.reason},
                                        {"remedy", finding.remedy}});
    log::warning(finding.reason + "; " + finding.remedy);
  };
  h.encode = [this](const std::string& event, const media::RungSpec& rung) {
    const std::string name = to_text(rung);
    Json fields = {{"encode", name}, {"reason", nullptr}};
    if (event == "encode.slow") {
      fields["reason"] = "pictures were left out, so that the stream stays in real time";
      log::warning("encoding " + name + " can't keep up: pictures are left out");
    }
    service_.emit(event, fields);
  };
  h.tracks = [this](const av::Tracks& tracks) {
    if (ready_) return service_.emit("input.returned", {{"detail", "the input is there again"}});
    ready_ = true;
    service_.ready("forwarding " + without_secrets(options_.input.input) + " to " +
                   std::to_string(specs_.size()) + " destinations");
    (void)tracks;
  };
  h.lost = [this] {
    service_.emit("input.lost",
                  {{"detail", "destinations are held for " + to_text(options_.hold)}});
    log::warning("the input is gone; destinations are held for " + to_text(options_.hold));
  };
  h.uplink = [this](const media::Forwarder::UplinkStatus& status) {
    const Json fields = to_json(status);
    service_.emit(status.full ? "uplink.full" : "uplink.free", fields);
    if (status.full)
      log::warning(uplink_line(fields));
    else
      log::info("the uplink has room for all destinations");
  };
  h.media = [this] { service_.alive(); };
  h.ended = [this](std::exception_ptr error) { on_ended(error); };
  return h;
}

void Session::on_state(const media::ForwardDestination& destination, ForwardState before,
                       const std::string& reason) {
  const auto status = destination.status(monotonic_now());
  const auto text = [](const std::string& t) { return t.empty() ? Json(nullptr) : Json(t); };
  Json retry(nullptr);
  if (status.retry_at)
    retry = std::chrono::duration<double>(*status.retry_at - monotonic_now()).count();
  service_.emit(event_name(destination.state()), {{"destination", destination.name()},
                                                  {"before", to_text(before)},
                                                  {"reason", text(reason)},
                                                  {"retry_seconds", retry}});
  const std::string line = "destination " + destination.name() + " is " +
                           std::string(to_text(destination.state())) +
                           (reason.empty() ? "" : ": " + reason);
  switch (destination.state()) {
    case ForwardState::kLive:
      return log::info(line);
    case ForwardState::kDegraded:
    case ForwardState::kStalled:
    case ForwardState::kBackoff:
    case ForwardState::kHeld:
      return log::warning(line);
    case ForwardState::kRefused:
    case ForwardState::kGaveUp:
      return log::error(line);
    default:
      return log::debug(line);
  }
}

void Session::on_ended(std::exception_ptr error) {
  error_ = error;
  if (!error) service_.emit("media.ended", {{"detail", "the input ended"}});
  service_.stop(error ? "the input failed" : "the input ended");
}

void Session::every_second() {
  const Json list = destination_list();
  for (const Json& one : list) {
    service_.emit("destination.health", {{"destination", one["name"]},
                                         {"state", one["state"]},
                                         {"health", one["health"]},
                                         {"in_bps", one["in_bps"]},
                                         {"out_bps", one["out_bps"]},
                                         {"frame_rate", one["frame_rate"]},
                                         {"queue_bytes", one["queue_bytes"]},
                                         {"queue_seconds", one["queue_seconds"]},
                                         {"dropped_pictures", one["dropped_pictures"]},
                                         {"dropped_sounds", one["dropped_sounds"]},
                                         {"rtt_seconds", one["rtt_seconds"]},
                                         {"reconnects", one["reconnects"]},
                                         {"last_error", one["last_error"]}});
  }
  mark_live();
  if (show_table_) table_.show(list);
  if (stopping_) return;
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](const boost::system::error_code& e) {
    if (!e) every_second();
  });
  if (options_.duration && !end_.expiry().time_since_epoch().count()) {
    end_.expires_after(
        std::chrono::duration_cast<std::chrono::milliseconds>(options_.duration->value));
    end_.async_wait([this](const boost::system::error_code& e) {
      if (!e) service_.stop("the duration was reached");
    });
  }
}

void Session::mark_live() {
  std::vector<const Spec*> live;
  for (const auto* destination : forwarder_.destinations())
    if (is_on_air(destination->state())) live.push_back(&specs_.at(destination->name()));
  marks_.live(live);
}

// --- verbs -----------------------------------------------------------------------------------

Json Session::destination_list() const {
  Json list = Json::array();
  const Nanoseconds now = monotonic_now();
  for (const auto* destination : forwarder_.destinations()) {
    const Spec& spec = specs_.at(destination->name());
    list.push_back(
        to_json(destination->status(now), spec.shown(), std::string(spec.profile->name)));
    const media::RenditionPlan& plan = forwarder_.plan_of(destination->name());
    list.back()["video"] = plan.picture ? to_text(*plan.picture) : "copy";
    list.back()["audio"] = plan.sound ? "aac" : "copy";
    list.back()["priority"] = spec.priority;
    list.back()["share"] = to_text(forwarder_.share_of(destination->name()));
  }
  return list;
}

Json Session::encoding_list() const {
  Json list = Json::array();
  for (const auto& encoding : forwarder_.encodings()) list.push_back(to_json(encoding));
  return list;
}

Json Session::status() const {
  const media::ForwardMeasure measure = forwarder_.measure();
  return {{"input", without_secrets(options_.input.input)},
          {"input_lost", forwarder_.input_lost()},
          {"input_video_bps", measure.video_bps},
          {"input_keyframe_seconds", measure.keyframe_s},
          {"uplink", to_json(forwarder_.uplink())},
          {"encodings", encoding_list()},
          {"destinations", destination_list()}};
}

void Session::declare_verbs() {
  service_.status([this](const std::string&) { return status(); });
  service_.verb("destination.add",
                [this](const Json& params, const std::string&) { return add(params, false); });
  service_.verb("destination.set",
                [this](const Json& params, const std::string&) { return add(params, true); });
  for (const char* verb : {"remove", "pause", "resume"}) {
    service_.verb(
        "destination." + std::string(verb),
        [this, verb](const Json& params, const std::string&) { return each(params, verb); });
  }
  service_.verb("destination.list", [this](const Json&, const std::string&) {
    return Json{{"schema", "stream.destinations/1"},
                {"uplink", to_json(forwarder_.uplink())},
                {"encodings", encoding_list()},
                {"destinations", destination_list()}};
  });
  service_.verb("metrics", [this](const Json&, const std::string&) {
    return Json{
        {"text", observe::metrics_text(observe::samples_of(stream_, "simulcast", status()))}};
  });
}

// {"spec": "NAME=WHERE"}. The same again changes nothing.
Json Session::add(const Json& params, bool replace) {
  if (!params.contains("spec") || !params["spec"].is_string())
    throw Error(Exit::kUsage, "usage.value", "the request has no \"spec\"", "NAME=WHERE");
  const std::string text = params["spec"].get<std::string>();
  // The program's own stdin and descriptors are not the asker's.
  for (const char* once : {"=@-", "=@fd:"}) {
    if (text.find(once) != text.npos)
      throw Error(Exit::kUsage, "destination.source",
                  "a destination on air needs a source that can be read again",
                  "use @vault:NAME, @file:PATH or @cred:NAME");
  }
  const Spec spec = parse_spec(text);
  if (!spec.keepable())
    throw Error(
        Exit::kUsage, "destination.source",
        "the URL of " + spec.name + " seems to carry a key, which would be kept in plain text",
        "put it into a file of mode 0600 and write " + spec.name + "=@file:PATH");
  if (!spec.file().empty() && spec.file().front() != '/')
    throw Error(Exit::kUsage, "destination.url", spec.where + " is not the whole path",
                "write " + spec.name + "=file:/PATH: the program has a directory of its own");
  const auto known = specs_.find(spec.name);
  const bool exists = known != specs_.end();
  if (exists && !replace) {
    if (known->second.text == spec.text) return {{"changed", false}, {"destination", spec.name}};
    throw Error(Exit::kUsage, "destination.name",
                "there is a destination '" + spec.name + "' already",
                "use set to replace it, or choose another name");
  }
  if (exists) forwarder_.remove(spec.name);
  start(spec);
  memory_.added(spec);
  return {{"changed", true}, {"destination", spec.name}};
}

// {"names": [...]}: all of them are known, or nothing is done.
Json Session::each(const Json& params, const std::string& verb) {
  if (!params.contains("names") || !params["names"].is_array())
    throw Error(Exit::kUsage, "usage.value", "the request has no \"names\"",
                "names of destinations");
  std::vector<std::string> names;
  for (const Json& name : params["names"]) {
    if (!name.is_string() || specs_.count(name.get<std::string>()) == 0)
      throw Error(Exit::kUsage, "destination.name", "there is no destination " + name.dump(),
                  "stream-simulcast list shows them");
    names.push_back(name.get<std::string>());
  }
  for (const std::string& name : names) {
    if (verb == "remove") {
      forwarder_.remove(name);
      specs_.erase(name);
      memory_.removed(name);
      service_.emit("destination.removed", {{"destination", name}});
    } else if (verb == "pause") {
      memory_.set_paused(name, true);
      forwarder_.pause(name);
    } else {
      memory_.set_paused(name, false);
      forwarder_.resume(name);
    }
  }
  return {{"changed", true}, {"destinations", names}};
}

// --- the end ---------------------------------------------------------------------------------

void Session::stop() {
  if (stopping_) return;
  stopping_ = true;
  mark_live();
  for (const auto* destination : forwarder_.destinations()) {
    ++total_;
    const ForwardState state = destination->state();
    if (state == ForwardState::kRefused) ++refused_;
    if (destination->was_live() || state == ForwardState::kPaused) continue;
    ++failed_;
    // What failed for good was told then; the end may come before anything failed.
    if (state != ForwardState::kRefused && state != ForwardState::kGaveUp)
      log::error("destination " + destination->name() +
                 " was never live; when the end came it was " + std::string(to_text(state)));
  }
  second_.cancel();
  end_.cancel();
  forwarder_.stop([this] { io_.stop(); });
}

Exit Session::result() const {
  if (error_) std::rethrow_exception(error_);
  if (failed_ == 0) return Exit::kOk;
  if (failed_ < total_) return Exit::kPartial;
  return refused_ == total_ ? Exit::kRefused : Exit::kNetwork;
}

}  // namespace stream::simulcast
