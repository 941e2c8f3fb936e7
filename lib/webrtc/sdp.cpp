#include "webrtc/sdp.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "webrtc/sdp_text.h"

namespace stream::webrtc {
namespace {

constexpr size_t kMaxCodecs = 128, kMaxList = 64, kMaxParameters = 2048;

std::optional<Setup> setup_of(std::string_view text) {
  if (text == "actpass") return Setup::kActpass;
  if (text == "active") return Setup::kActive;
  if (text == "passive") return Setup::kPassive;
  return std::nullopt;
}

std::optional<uint8_t> payload_type_of(std::string_view text) {
  const auto number = number_of<int>(text, 0, 127);
  return number ? std::optional(static_cast<uint8_t>(*number)) : std::nullopt;
}

// What is read of one section, and of the session before the first.
struct Section {
  Media media;
  std::vector<uint8_t> order;  // payload types of the m= line
  std::map<uint8_t, Codec> codecs;
  std::vector<std::string> feedback_for_all;
  bool inherits_fingerprint = false;

  Codec* codec(std::string_view payload_type) {
    const auto number = payload_type_of(payload_type);
    if (!number || (codecs.size() >= kMaxCodecs && !codecs.count(*number))) return nullptr;
    Codec& found = codecs[*number];
    found.payload_type = *number;
    return &found;
  }
};

class Reader {
 public:
  Outcome<Description> read(std::string_view text);

 private:
  bool media_line(std::string_view value);
  void attribute(std::string_view line);
  void session_attribute(std::string_view name, std::string_view value);
  bool transport_attribute(std::string_view name, std::string_view value);
  bool codec_attribute(std::string_view name, std::string_view value);
  void media_attribute(std::string_view name, std::string_view value);
  void extension(std::string_view value);
  void source_group(std::string_view value);
  void close();
  Section& now() { return section_ ? *section_ : session_; }

  Description result_;
  Section session_;
  std::optional<Section> section_;
  std::string error_;
};

bool Reader::media_line(std::string_view value) {
  close();
  if (result_.media.size() >= kMaxMedia) {
    error_ = "the description has more than " + std::to_string(kMaxMedia) + " m= lines";
    return false;
  }
  section_ = session_;
  section_->inherits_fingerprint = true;
  Media& media = section_->media;
  media.kind = take_word(value);
  const auto port = number_of<uint16_t>(take_word(value), 0, 65535);
  media.protocol = take_word(value);
  if (!port || !is_token(media.kind) || media.protocol.empty() || media.protocol.size() > 64) {
    error_ = "a damaged m= line";
    return false;
  }
  media.port = *port;
  for (const auto word : words_of(value))
    if (const auto number = payload_type_of(word); number && section_->order.size() < kMaxCodecs)
      section_->order.push_back(*number);
  return true;
}

// Codecs in the order of the m= line, the feedback for all with each.
void Reader::close() {
  if (!section_) return;
  for (const uint8_t number : section_->order) {
    const auto found = section_->codecs.find(number);
    if (found == section_->codecs.end() || found->second.name.empty()) continue;
    Codec codec = found->second;
    codec.feedback.insert(codec.feedback.end(), section_->feedback_for_all.begin(),
                          section_->feedback_for_all.end());
    section_->media.codecs.push_back(std::move(codec));
    section_->codecs.erase(found);  // a number that is written twice counts once
  }
  result_.media.push_back(std::move(section_->media));
  section_.reset();
}

void Reader::attribute(std::string_view line) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (transport_attribute(name, value)) return;
  if (!section_) return session_attribute(name, value);
  if (!codec_attribute(name, value)) media_attribute(name, value);
}

void Reader::session_attribute(std::string_view name, std::string_view value) {
  if (name == "group" && take_word(value) == "BUNDLE") {
    for (const auto word : words_of(value))
      if (result_.bundle.size() < kMaxMedia && is_token(word)) result_.bundle.emplace_back(word);
  } else if (name == "ice-lite") {
    result_.ice_lite = true;
  } else if (name == "extmap-allow-mixed") {
    result_.extmap_allow_mixed = true;
  }
}

// What may stand in the session for all sections.
bool Reader::transport_attribute(std::string_view name, std::string_view value) {
  Media& media = now().media;
  if (name == "ice-ufrag") {
    media.ice.ufrag = value.substr(0, 257);
  } else if (name == "ice-pwd") {
    media.ice.password = value.substr(0, 257);
  } else if (name == "ice-options") {
    for (const auto word : words_of(value)) result_.trickle |= word == "trickle";
  } else if (name == "fingerprint") {
    const auto found = parse_fingerprint(value);
    if (now().inherits_fingerprint) media.fingerprints.clear();
    now().inherits_fingerprint = false;
    if (found && media.fingerprints.size() < 8) media.fingerprints.push_back(*found);
  } else if (name == "setup") {
    media.setup = setup_of(value);
  } else if (name == "sendrecv") {
    media.direction = Direction::kSendRecv;
  } else if (name == "sendonly") {
    media.direction = Direction::kSendOnly;
  } else if (name == "recvonly") {
    media.direction = Direction::kRecvOnly;
  } else if (name == "inactive") {
    media.direction = Direction::kInactive;
  } else {
    return false;
  }
  return true;
}

bool Reader::codec_attribute(std::string_view name, std::string_view value) {
  if (name != "rtpmap" && name != "fmtp" && name != "rtcp-fb") return false;
  const auto number = take_word(value);
  if (name == "rtcp-fb" && number == "*") {
    if (section_->feedback_for_all.size() < kMaxList)
      section_->feedback_for_all.emplace_back(value.substr(0, 64));
    return true;
  }
  Codec* codec = section_->codec(number);
  if (codec == nullptr) return true;
  if (name == "fmtp") {
    codec->parameters = value.substr(0, kMaxParameters);
  } else if (name == "rtcp-fb") {
    if (codec->feedback.size() < kMaxList) codec->feedback.emplace_back(value.substr(0, 64));
  } else {
    const auto encoding = take_word(value, '/');
    const auto rate = number_of<int>(take_word(value, '/'), 1, 1'000'000);
    const auto channels = number_of<int>(take_word(value, '/'), 1, 8);
    if (!is_token(encoding) || !rate) return true;
    codec->name = encoding;
    codec->clock_rate = *rate;
    codec->channels = channels.value_or(1);
  }
  return true;
}

void Reader::media_attribute(std::string_view name, std::string_view value) {
  Media& media = section_->media;
  if (name == "mid") {
    if (is_token(value, 32)) media.mid = value;
  } else if (name == "rtcp-mux") {
    media.rtcp_mux = true;
  } else if (name == "rtcp-rsize") {
    media.rtcp_rsize = true;
  } else if (name == "bundle-only") {
    media.bundle_only = true;
  } else if (name == "end-of-candidates") {
    media.end_of_candidates = true;
  } else if (name == "candidate") {
    const auto candidate = parse_candidate(value);
    if (candidate && media.candidates.size() < kMaxList) media.candidates.push_back(*candidate);
  } else if (name == "extmap") {
    extension(value);
  } else if (name == "rid") {
    const auto rid = take_word(value);
    if (take_word(value) == "send" && is_token(rid, 16) && media.rids.size() < kMaxMedia)
      media.rids.emplace_back(rid);
  } else if (name == "simulcast") {  // RFC 8853 5.1: ";" between streams, "," between alternatives
    while (!value.empty()) {
      const auto direction = take_word(value);
      const auto list = take_word(value);
      if (direction != "send") continue;
      for (auto alternatives : words_of(list, ';')) {
        auto rid = take_word(alternatives, ',');
        if (rid.starts_with('~')) rid.remove_prefix(1);  // paused for now
        if (is_token(rid, 16) && media.simulcast.size() < kMaxMedia)
          media.simulcast.emplace_back(rid);
      }
    }
  } else if (name == "ssrc") {
    const auto ssrc = number_of<uint32_t>(take_word(value), 0, 0xffffffffu);
    const auto is_it = [&](const Source& source) {
      return ssrc && (source.ssrc == *ssrc || source.rtx == *ssrc);
    };
    if (ssrc && media.sources.size() < kMaxList &&
        std::none_of(media.sources.begin(), media.sources.end(), is_it))
      media.sources.push_back({*ssrc, 0});
  } else if (name == "ssrc-group") {
    source_group(value);
  }
}

void Reader::extension(std::string_view value) {
  auto& extensions = section_->media.extensions;
  auto id = take_word(value);
  id = id.substr(0, id.find('/'));  // "/recvonly"
  const auto number = number_of<int>(id, 1, 255);
  const auto uri = take_word(value);
  if (number && !uri.empty() && uri.size() <= 256 && extensions.size() < kMaxList)
    extensions.push_back({static_cast<uint8_t>(*number), std::string(uri)});
}

// RFC 5576 4.2: FID joins a source to its retransmissions.
void Reader::source_group(std::string_view value) {
  auto& sources = section_->media.sources;
  if (take_word(value) != "FID") return;
  const auto ssrc = number_of<uint32_t>(take_word(value), 0, 0xffffffffu);
  const auto rtx = number_of<uint32_t>(take_word(value), 0, 0xffffffffu);
  if (!ssrc || !rtx || *ssrc == *rtx) return;
  std::erase_if(sources, [&](const Source& source) { return source.ssrc == *rtx; });
  const auto found = std::find_if(sources.begin(), sources.end(),
                                  [&](const Source& source) { return source.ssrc == *ssrc; });
  if (found != sources.end())
    found->rtx = *rtx;
  else if (sources.size() < kMaxList)
    sources.push_back({*ssrc, *rtx});
}

Outcome<Description> Reader::read(std::string_view text) {
  if (text.size() > kMaxDescription)
    return Outcome<Description>::failed("the description is larger than 64 KiB");
  // Some programs send something before it.
  if (!text.starts_with("v=0")) {
    const size_t begin = text.find("\nv=0");
    if (begin == std::string_view::npos)
      return Outcome<Description>::failed("no session description: there is no line v=0");
    text.remove_prefix(begin + 1);
  }
  for (size_t lines = 0; !text.empty(); ++lines) {
    if (lines >= kMaxLines)
      return Outcome<Description>::failed("the description has too many lines");
    const std::string_view line = take_line(text);
    if (line.size() < 2) continue;
    if (line[1] != '=')
      return Outcome<Description>::failed("a line of the description is damaged: '" +
                                          escaped(line, 60) + "'");
    if (line[0] == 'm' && !media_line(line.substr(2)))
      return Outcome<Description>::failed(error_ + ": '" + escaped(line, 60) + "'");
    if (line[0] == 'a') attribute(line.substr(2));
  }
  close();
  if (result_.media.empty()) return Outcome<Description>::failed("the description has no m= line");
  return {std::move(result_), {}};
}

}  // namespace

std::optional<std::string> Codec::parameter(std::string_view wanted) const {
  for (auto piece : words_of(parameters, ';')) {
    while (piece.starts_with(' ')) piece.remove_prefix(1);
    const size_t equals = piece.find('=');
    if (equal_without_case(piece.substr(0, equals), wanted))
      return std::string(equals == std::string_view::npos ? "" : piece.substr(equals + 1));
  }
  return std::nullopt;
}

bool Codec::has_feedback(std::string_view value) const {
  return std::find(feedback.begin(), feedback.end(), value) != feedback.end();
}

Outcome<Description> parse_description(std::string_view text) {
  return Reader().read(text);
}

std::string_view ffmpeg_name(const Codec& codec) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"H264", "h264"}, {"H265", "hevc"}, {"VP8", "vp8"},
      {"VP9", "vp9"},   {"AV1", "av1"},   {"opus", "opus"}};
  for (const auto& [sdp, ffmpeg] : kNames)
    if (equal_without_case(codec.name, sdp)) return ffmpeg;
  return {};
}

}  // namespace stream::webrtc
