#include "webrtc/answer.h"

#include <algorithm>

#include "base/text.h"
#include "webrtc/codec_choice.h"
#include "webrtc/sdp_text.h"

namespace stream::webrtc {
namespace {

using Refusal = std::string;  // empty: none

// What the whole offer must have, whichever way media goes. Fills what the session needs.
Refusal check_transport(const Description& offer, Answer& answer) {
  if (offer.ice_lite) return "the offer is ice-lite and so are we: one side must send checks";
  const Media* first = nullptr;
  for (const auto& media : offer.media) {
    const std::string which = "the " + media.kind + " section of the offer ";
    if (media.kind != "audio" && media.kind != "video")
      return which + "is neither sound nor picture; offer only these";
    if (media.is_rejected()) return which + "has port 0; leave it out";
    if (!media.protocol.ends_with("RTP/SAVPF") && !media.protocol.ends_with("RTP/SAVP"))
      return which + "is not secure RTP but " + escaped(media.protocol, 40);
    if (!media.rtcp_mux) return which + "lacks a=rtcp-mux";
    if (offer.media.size() > 1 &&
        (media.mid.empty() ||
         std::find(offer.bundle.begin(), offer.bundle.end(), media.mid) == offer.bundle.end()))
      return which + "is not in a=group:BUNDLE; one transport must carry all media";
    for (const auto& other : offer.media)
      if (&other != &media && other.mid == media.mid) return which + "has an a=mid of another one";
    if (first == nullptr && media.port != 0) first = &media;
  }
  if (first == nullptr) first = &offer.media.front();
  if (!are_valid(first->ice))
    return "the offer lacks a=ice-ufrag or a=ice-pwd, or they are not valid";
  if (first->fingerprints.empty())
    return "the offer lacks an a=fingerprint of SHA-256, SHA-384 or SHA-512";
  answer.remote = first->ice;
  answer.fingerprints = first->fingerprints;
  answer.setup = first->setup == Setup::kPassive ? Setup::kActive : Setup::kPassive;
  return {};
}

uint8_t extension_of(const Media& media, std::string_view uri) {
  for (const auto& extension : media.extensions)
    if (extension.uri == uri && extension.id <= 14) return extension.id;
  return 0;
}

Track make_track(const Media& media, const Codec& codec) {
  Track track;
  track.kind = media.kind;
  track.mid = media.mid;
  track.codec = ffmpeg_name(codec);
  track.clock_rate = codec.clock_rate;
  track.channels = codec.channels;
  track.payload_type = codec.payload_type;
  track.offered = codec;
  track.sources = media.sources;
  track.nack = codec.has_feedback("nack");
  track.pli = codec.has_feedback("nack pli");
  track.fir = codec.has_feedback("ccm fir");
  track.remb = codec.has_feedback("goog-remb");
  if (track.nack) track.rtx_payload_type = rtx_of(media, codec);
  return track;
}

// The lines of one section and of the session.
class Writer {
 public:
  explicit Writer(const Local& local) : local_(local) {}

  void session(const Description& offer);
  void media(const Media& offered, const Codec& codec, const Track* track, Setup setup,
             std::string_view direction, int kbps = 0);
  void line(std::string_view text) { out_.append(text).append("\r\n"); }
  std::string take() { return std::move(out_); }

 private:
  const Local& local_;
  std::string out_;
};

void Writer::session(const Description& offer) {
  line("v=0");
  const size_t id = std::hash<std::string>()(local_.ice.ufrag + local_.ice.password) >> 2;
  line("o=- " + std::to_string(id) + " 1 IN IP4 127.0.0.1");
  line("s=-");
  line("t=0 0");
  line("a=ice-lite");
  if (offer.extmap_allow_mixed) line("a=extmap-allow-mixed");
  std::string bundle = "a=group:BUNDLE";
  for (const auto& media : offer.media)
    if (!media.mid.empty()) bundle += " " + media.mid;
  if (!offer.bundle.empty()) line(bundle);
  line("a=msid-semantic: WMS *");
}

void Writer::media(const Media& offered, const Codec& codec, const Track* track, Setup setup,
                   std::string_view direction, int kbps) {
  const std::string number = std::to_string(codec.payload_type);
  std::string head = "m=" + offered.kind + " 9 " + offered.protocol;
  // The first of them is what browsers send.
  if (track != nullptr && track->red_payload_type)
    head += " " + std::to_string(*track->red_payload_type);
  head += " " + number;
  if (track != nullptr && track->rtx_payload_type)
    head += " " + std::to_string(*track->rtx_payload_type);
  line(head);
  line("c=IN IP4 0.0.0.0");
  if (kbps > 0) line("b=AS:" + std::to_string(kbps));
  if (!offered.mid.empty()) line("a=mid:" + offered.mid);
  line("a=rtcp-mux");
  if (offered.rtcp_rsize) line("a=rtcp-rsize");
  line("a=ice-ufrag:" + local_.ice.ufrag);
  line("a=ice-pwd:" + local_.ice.password);
  line("a=fingerprint:" + to_text(local_.fingerprint));
  line(setup == Setup::kActive ? "a=setup:active" : "a=setup:passive");
  line("a=" + std::string(direction));
  const std::string rate = "/" + std::to_string(codec.clock_rate) +
                           (codec.channels > 1 ? "/" + std::to_string(codec.channels) : "");
  line("a=rtpmap:" + number + " " + codec.name + rate);
  if (!codec.parameters.empty()) line("a=fmtp:" + number + " " + codec.parameters);
  if (track != nullptr) {
    for (const auto& [agreed, name] :
         {std::pair{track->nack, "nack"}, std::pair{track->pli, "nack pli"},
          std::pair{track->fir, "ccm fir"}, std::pair{track->remb, "goog-remb"},
          std::pair{track->transport_cc, "transport-cc"}})
      if (agreed) line("a=rtcp-fb:" + number + " " + name);
    if (track->red_payload_type) {
      const std::string red = std::to_string(*track->red_payload_type);
      line("a=rtpmap:" + red + " red" + rate);
      line("a=fmtp:" + red + " " + number + "/" + number);
    }
    if (track->rtx_payload_type) {
      const std::string rtx = std::to_string(*track->rtx_payload_type);
      line("a=rtpmap:" + rtx + " rtx/" + std::to_string(codec.clock_rate));
      line("a=fmtp:" + rtx + " apt=" + number);
    }
    for (const auto& [id, uri] :
         {std::pair{track->mid_extension, kMidUri}, std::pair{track->rid_extension, kRidUri},
          std::pair{track->repaired_rid_extension, kRepairedRidUri},
          std::pair{track->abs_send_time_extension, kAbsSendTimeUri},
          std::pair{track->transport_sequence_extension, kTransportSequenceUri},
          std::pair{track->playout_delay_extension, kPlayoutDelayUri}})
      if (id != 0) line("a=extmap:" + std::to_string(id) + " " + std::string(uri));
  }
  for (const auto& candidate : local_.candidates) line("a=candidate:" + to_text(candidate));
  line("a=end-of-candidates");
}

// RFC 7587 6.1: what a receiver wants, and Chrome sends stereo only when it is asked to.
std::string opus_parameters(const Codec& offered, int bit_rate) {
  std::string text = "minptime=10;useinbandfec=1";
  if (offered.channels > 1) text += ";stereo=1;sprop-stereo=1";
  if (bit_rate > 0) text += ";maxaveragebitrate=" + std::to_string(bit_rate);
  return text;
}

Refusal check_publisher(const Description& offer) {
  size_t sounds = 0, pictures = 0;
  for (const auto& media : offer.media) {
    if (media.direction != Direction::kSendOnly && media.direction != Direction::kSendRecv)
      return "the " + media.kind + " section of the offer sends nothing (want a=sendonly)";
    ++(media.kind == "audio" ? sounds : pictures);
  }
  if (sounds > 1 || pictures > 1)
    return "the offer has " + std::to_string(sounds) + " sound and " + std::to_string(pictures) +
           " picture tracks; publish at most one of each";
  return {};
}

// One of the two: who gets both sends by the lower.
void choose_congestion_control(const Media& media, const Codec& codec, Track& track) {
  const uint8_t numbered = extension_of(media, kTransportSequenceUri);
  track.transport_cc = numbered != 0 && codec.has_feedback("transport-cc");
  if (track.transport_cc) {
    track.transport_sequence_extension = numbered;
    track.remb = false;
  } else if (track.remb) {
    track.abs_send_time_extension = extension_of(media, kAbsSendTimeUri);
  }
}

void add_layers(const Media& media, size_t most, Track& track) {
  if (media.simulcast.size() < 2) return;
  for (const auto& rid : media.simulcast)
    if (track.rids.size() < most &&
        std::find(media.rids.begin(), media.rids.end(), rid) != media.rids.end())
      track.rids.push_back(rid);
  track.rid_extension = extension_of(media, kRidUri);
  track.repaired_rid_extension = extension_of(media, kRepairedRidUri);
}

}  // namespace

Outcome<Answer> answer_publisher(const Description& offer, const Local& local,
                                 const PublisherPolicy& policy) {
  Answer answer;
  Refusal refusal = check_transport(offer, answer);
  if (refusal.empty()) refusal = check_publisher(offer);
  if (!refusal.empty()) return Outcome<Answer>::failed(refusal);
  Writer writer(local);
  writer.session(offer);
  for (const auto& media : offer.media) {
    const Codec* chosen = choose_codec(media, policy.codecs);
    if (chosen == nullptr)
      return Outcome<Answer>::failed("none of the " + media.kind +
                                     " codecs of the offer is taken (" + names_of(media) + ")");
    Track track = make_track(media, *chosen);
    track.mid_extension = extension_of(media, kMidUri);
    choose_congestion_control(media, *chosen, track);
    add_layers(media, policy.layers, track);
    Codec written = *chosen;
    if (track.codec == "opus") {
      written.parameters = opus_parameters(*chosen, policy.opus_bps);
      track.red_payload_type = red_of(media, *chosen);
    }
    writer.media(media, written, &track, answer.setup, "recvonly",
                 media.kind == "video" ? policy.video_kbps : 0);
    std::string list;
    for (const auto& rid : track.rids) {
      writer.line("a=rid:" + rid + " recv");
      list += (list.empty() ? "" : ";") + rid;
    }
    if (!list.empty()) writer.line("a=simulcast:recv " + list);
    answer.tracks.push_back(std::move(track));
  }
  answer.sdp = writer.take();
  return {std::move(answer), {}};
}

Outcome<Answer> answer_viewer(const Description& offer, const Local& local,
                              const ViewerPolicy& policy) {
  Answer answer;
  if (const Refusal refusal = check_transport(offer, answer); !refusal.empty())
    return Outcome<Answer>::failed(refusal);
  Writer writer(local);
  writer.session(offer);
  for (const auto& media : offer.media) {
    const bool wanted =
        media.direction == Direction::kRecvOnly || media.direction == Direction::kSendRecv;
    const bool given = std::any_of(answer.tracks.begin(), answer.tracks.end(),
                                   [&](const Track& track) { return track.kind == media.kind; });
    const auto sent =
        std::find_if(policy.tracks.begin(), policy.tracks.end(),
                     [&](const SentTrack& track) { return track.kind == media.kind; });
    if (!wanted || given || sent == policy.tracks.end()) {
      if (media.codecs.empty())
        return Outcome<Answer>::failed("the " + media.kind + " section of the offer has no codec");
      writer.media(media, media.codecs.front(), nullptr, answer.setup, "inactive");
      continue;
    }
    const std::string profile =
        sent->codec == "h264" && sent->profile_level_id.empty() ? "42e01f" : sent->profile_level_id;
    const Codec* chosen = choose_codec(media, {sent->codec}, profile);
    if (chosen == nullptr)
      return Outcome<Answer>::failed("the stream is " + sent->codec + " and the player takes " +
                                     names_of(media));
    Track track = make_track(media, *chosen);
    // Only where somebody acts on it; players estimate by the times of sending.
    if (policy.estimates && track.remb && media.kind == "video")
      track.abs_send_time_extension = extension_of(media, kAbsSendTimeUri);
    track.remb = track.abs_send_time_extension != 0;
    if (sent->rtx_ssrc == 0) track.rtx_payload_type.reset();
    if (track.nack && media.kind == "video")
      track.playout_delay_extension = extension_of(media, kPlayoutDelayUri);
    Codec written = *chosen;
    if (track.codec == "opus") written.parameters = opus_parameters(*chosen, 0);
    writer.media(media, written, &track, answer.setup, "sendonly");
    const std::string ssrc = std::to_string(sent->ssrc), rtx = std::to_string(sent->rtx_ssrc);
    writer.line("a=msid:" + policy.stream_id + " " + media.kind);
    if (track.rtx_payload_type) writer.line("a=ssrc-group:FID " + ssrc + " " + rtx);
    for (const auto& source : {ssrc, rtx}) {
      if (source == rtx && !track.rtx_payload_type) continue;
      writer.line("a=ssrc:" + source + " cname:" + policy.cname);
      writer.line("a=ssrc:" + source + " msid:" + policy.stream_id + " " + media.kind);
    }
    answer.tracks.push_back(std::move(track));
  }
  if (answer.tracks.empty())
    return Outcome<Answer>::failed("the player asks for nothing that the stream has");
  answer.sdp = writer.take();
  return {std::move(answer), {}};
}

}  // namespace stream::webrtc
