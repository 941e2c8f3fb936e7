#include "mirroring.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "archive/hash.h"
#include "base/log.h"

namespace stream::archive {
namespace {

double seconds_of(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

Mirror::Events mirror_events(control::Service& service, const std::string& url) {
  Mirror::Events events;
  events.live = [&service, url] {
    service.emit("mirror.live", {{"url", url}});
    service.status_line("mirroring to " + url);
  };
  events.failing = [&service](const std::string& why) {
    log::warning("the store fails; the mirror stands still: " + why);
    service.emit("mirror.failing", {{"reason", why}});
  };
  events.recovered = [&service](Nanoseconds outage) {
    log::info("the store takes what comes again");
    service.emit("mirror.recovered", {{"outage_seconds", seconds_of(outage)}});
  };
  events.lag = [&service](const MirrorStatus& s) { service.emit("mirror.lag", to_json(s)); };
  return events;
}

MirrorOptions placed(MirrorOptions options, const OpenStore& store, const std::string& stream) {
  options.prefix = store.key(stream + "/");
  return options;
}

}  // namespace

Mirroring::Mirroring(std::shared_ptr<OpenStore> store, control::Service& service,
                     MirrorOptions options, const std::string& stream)
    : store_(std::move(store)),
      service_(service),
      url_(store_->store->url(store_->key(stream + "/master.m3u8"))),
      lock_(state_dir() + "/push-" + sha256_of(store_->endpoint + url_).substr(0, 24) + ".lock",
            "the mirror at " + url_),
      mirror_(*store_->store, placed(std::move(options), *store_, stream),
              mirror_events(service, url_)) {}

bool Mirroring::run() {
  const bool done = mirror_.run();
  if (const MirrorStatus s = status(); s.ended) service_.emit("mirror.ended", to_json(s));
  return done;
}

Json to_json(const MirrorStatus& s) {
  return {{"segment_p50_seconds", seconds_of(s.segments.quantile(.5))},
          {"segment_p95_seconds", seconds_of(s.segments.quantile(.95))},
          {"playlist_p50_seconds", seconds_of(s.playlists.quantile(.5))},
          {"playlist_p95_seconds", seconds_of(s.playlists.quantile(.95))},
          {"behind", s.behind},
          {"skipped", s.skipped},
          {"objects", s.objects},
          {"bytes", s.bytes}};
}

Json status_json(const MirrorStatus& s, const std::string& url) {
  Json status = to_json(s);
  status["url"] = url;
  status["live"] = s.live;
  status["failing"] = s.failing.empty() ? Json(nullptr) : Json(s.failing);
  return status;
}

std::string line_of(const MirrorStatus& s) {
  char text[120];
  std::snprintf(text, sizeof text, "%llu objects  lag p95 %.2f s  behind %llu  skipped %llu",
                static_cast<unsigned long long>(s.objects), seconds_of(s.segments.quantile(.95)),
                static_cast<unsigned long long>(s.behind),
                static_cast<unsigned long long>(s.skipped));
  return text + std::string(s.failing.empty() ? "" : "  the store fails");
}

}  // namespace stream::archive
