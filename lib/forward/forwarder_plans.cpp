// The forwarder's other half: which destination gets which rendition, and what is encoded for that.
#include <algorithm>

#include "forward/forwarder.h"
#include "rtmp/flv_writer.h"

namespace stream::media {

// A copy would do, within the profile's limits and those of the setting that was asked for.
bool Forwarder::pictures_fit(const Entry& e, int track, const RungSpec& setting) const {
  ForwardProfile limits = *e.options.profile;
  if (e.options.picture) {
    limits.max_height = setting.box_height;
    limits.max_video_bps = setting.bit_rate;
  }
  if (!rtmp::is_sendable(rtmp::MediaKind::kVideo, tracks_[static_cast<size_t>(track)].codec))
    return false;
  const auto findings = check_profile(limits, tracks_, measure_);
  return std::none_of(findings.begin(), findings.end(),
                      [](const ForwardFinding& finding) { return finding.mended; });
}

RenditionPlan Forwarder::plan_for(Entry& e) const {
  const ForwardDestinationOptions& o = e.options;
  RenditionPlan plan;
  plan.video = first_of(tracks_, av::MediaType::kVideo);
  const std::string_view codecs =
      o.profile->audio_codecs.empty() ? o.sound_codecs : o.profile->audio_codecs;
  for (size_t i = 0; i < tracks_.size() && plan.audio < 0; ++i) {
    if (tracks_[i].type == av::MediaType::kAudio && lists_codec(codecs, tracks_[i].codec))
      plan.audio = static_cast<int>(i);
  }
  if (plan.audio < 0) {
    plan.audio = first_of(tracks_, av::MediaType::kAudio);
    plan.sound = plan.audio >= 0 && o.encode != EncodeMode::kNever;
  }
  if (plan.video < 0) return plan;
  const RungSpec setting = o.picture ? *o.picture : parse_rung(o.profile->encoding);
  if (o.encode == EncodeMode::kAlways ||
      (o.encode == EncodeMode::kAuto &&
       e.auto_encode.judge(pictures_fit(e, plan.video, setting), monotonic_now())))
    plan.picture = setting;
  return plan;
}

// The rendition that `e` should have by now; on air it changes at a keyframe.
void Forwarder::arrange(Entry& e) {
  const auto leave = [&e](std::shared_ptr<Rendition>& rendition) {
    if (rendition) std::erase(rendition->users, e.destination.get());
    rendition.reset();
  };
  if (e.before && e.destination->switched()) leave(e.before);
  const RenditionPlan plan = plan_for(e);
  if (e.rendition && e.rendition->plan() == plan) return;
  const auto same = [&plan](const auto& rendition) { return rendition->plan() == plan; };
  auto it = std::find_if(renditions_.begin(), renditions_.end(), same);
  if (it == renditions_.end()) {
    it = renditions_.insert(renditions_.end(), std::make_shared<Rendition>(plan));
    tell_encodes();
    (*it)->set_tracks(tracks_, encodes_);
  }
  const std::shared_ptr<Rendition> next = *it;
  if (!e.destination) {
    e.rendition = next;
    return;
  }
  if (e.before) {
    leave(e.rendition);  // it was never changed to
  } else {
    e.before = std::move(e.rendition);
  }
  e.rendition = next;
  if (e.before == next) {
    e.before.reset();
  } else {
    next->users.push_back(e.destination.get());
  }
  e.destination->use(next->feed());
  if (e.before && e.destination->switched()) leave(e.before);
}

// All of them; what nobody needs any more ends.
void Forwarder::arrange() {
  for (auto& [name, one] : entries_) arrange(one);
  const auto unused = [this](const std::shared_ptr<Rendition>& rendition) {
    return std::none_of(entries_.begin(), entries_.end(), [&](const auto& pair) {
      return pair.second.rendition == rendition || pair.second.before == rendition;
    });
  };
  std::erase_if(renditions_, unused);
  tell_encodes();
}

void Forwarder::tell_encodes() {
  std::vector<RungSpec> pictures;
  bool sound = false;
  for (const auto& rendition : renditions_) {
    const auto& picture = rendition->plan().picture;
    sound |= rendition->plan().sound;
    if (picture && std::find(pictures.begin(), pictures.end(), *picture) == pictures.end())
      pictures.push_back(*picture);
  }
  encodes_.need(pictures, sound);
  const auto tell = [this](const char* event, const auto& in, const auto& but_not_in) {
    for (const RungSpec& spec : in) {
      const bool known = std::find(but_not_in.begin(), but_not_in.end(), spec) != but_not_in.end();
      if (!known && handlers_.encode) handlers_.encode(event, spec);
    }
  };
  tell("encode.started", pictures, encoding_);
  tell("encode.ended", encoding_, pictures);
  encoding_ = std::move(pictures);
}

void Forwarder::encoded(const RungSpec* picture, const av::Packet& packet) {
  if (stop_at_) return;
  for (const auto& rendition : renditions_) {
    const RenditionPlan& plan = rendition->plan();
    if (picture && plan.picture == *picture) rendition->encoded_picture(packet);
    if (!picture && plan.sound) rendition->encoded_sound(packet);
  }
}

// Who gets pictures of an encoder that falls behind is degraded, however fast it takes them.
void Forwarder::look_at_encodes(Nanoseconds now) {
  for (const ForwardEncodes::Status& status : encodes_.look(now)) {
    if (handlers_.encode)
      handlers_.encode(status.slow ? "encode.slow" : "encode.recovered", status.spec);
    for (const auto& rendition : renditions_) {
      if (rendition->plan().picture != status.spec) continue;
      for (ForwardDestination* user : rendition->users)
        user->impair(status.slow ? "too slow: this machine can't encode all pictures" : "");
    }
  }
}

std::vector<Forwarder::Encoding> Forwarder::encodings() const {
  std::vector<Encoding> all;
  const auto users = [this](const auto& wanted) {
    std::vector<std::string> names;
    for (const auto& [name, one] : entries_) {
      if (wanted(one.rendition->plan())) names.push_back(name);
    }
    return names;
  };
  for (const ForwardEncodes::Status& status : encodes_.status()) {
    all.push_back({to_text(status.spec),
                   users([&](const RenditionPlan& plan) { return plan.picture == status.spec; }),
                   status.encode, status.slow});
  }
  if (encodes_.encodes_sound())
    all.push_back(
        {"sound", users([](const RenditionPlan& plan) { return plan.sound; }), {}, false});
  return all;
}

}  // namespace stream::media
