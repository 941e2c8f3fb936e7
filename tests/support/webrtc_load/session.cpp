#include "session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <stdexcept>
#include <utility>

#include "http_post.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "webrtc/sdp.h"

namespace load {

using namespace stream;

namespace {

constexpr uint8_t kVideo = 96, kAudio = 111, kNumbered = 3;

uint32_t random_number() {
  static std::mt19937 random(7);
  return static_cast<uint32_t>(random());
}

void connect_to(int fd, const webrtc::Endpoint& to) {
  if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0)
    throw std::runtime_error("no way to the server's UDP port");
}

}  // namespace

Session::Session(const std::string& url, bool publishes, uint64_t line)
    : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), line_(line) {
  if (fd_ < 0) throw std::runtime_error("no more sockets: raise ulimit -n");
  peer_ = std::make_unique<webrtc::Peer>(
      webrtc::IceCredentials{}, webrtc::Fingerprint{}, webrtc::Dtls::Role::kClient,
      [this](Bytes bytes) { ::send(fd_, bytes.data(), bytes.size(), 0); });
  const Answer answer = post(url, "application/sdp", offer(publishes));
  if (answer.status != 201)
    throw std::runtime_error("the server answers " + std::to_string(answer.status) + " " +
                             answer.body);
  take_answer(answer.body);
  for (Source* source : {&video_, &audio_}) {
    source->ssrc = random_number();
    source->next = static_cast<uint16_t>(random_number());
  }
}

Session::~Session() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Session::offer(bool publishes) const {
  const std::string transport =
      "c=IN IP4 0.0.0.0\r\na=ice-ufrag:" + peer_->ice.ufrag +
      "\r\na=ice-pwd:" + peer_->ice.password +
      "\r\na=fingerprint:" + to_text(peer_->context.certificate().fingerprint()) +
      "\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\n" +
      (publishes ? "a=sendonly\r\n" : "a=recvonly\r\n") + "a=extmap:" + std::to_string(kNumbered) +
      " " + std::string(webrtc::kTransportSequenceUri) + "\r\n";
  return "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
         "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\n" +
         transport +
         "a=rtpmap:96 H264/90000\r\n"
         "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
         "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n"
         "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
         "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n" +
         transport + "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n";
}

void Session::take_answer(const std::string& sdp) {
  const auto answer = webrtc::parse_description(sdp);
  if (!answer || answer->media.empty() || answer->media[0].candidates.empty() ||
      answer->media[0].fingerprints.empty())
    throw std::runtime_error("the answer is none: " + answer.error);
  const webrtc::Media& media = answer->media[0];
  // Made anew, now that both sides are known.
  const auto ice = peer_->ice;
  peer_ =
      std::make_unique<webrtc::Peer>(media.ice, media.fingerprints[0], webrtc::Dtls::Role::kClient,
                                     peer_->send, peer_->context.certificate());
  peer_->ice = ice;
  connect_to(
      fd_, {boost::asio::ip::make_address(media.candidates[0].address), media.candidates[0].port});
}

void Session::put_head(std::vector<uint8_t>& packet, bool video, bool marker, uint32_t timestamp) {
  Source& source = video ? video_ : audio_;
  packet.resize(rtp::kHeaderSize + 8);
  rtp::write_header({marker, video ? kVideo : kAudio, source.next++, timestamp, source.ssrc},
                    packet.data());
  packet[0] |= 0x10;  // RFC 8285: one extension of two bytes
  const uint16_t number = transport_++;
  const uint8_t extension[8] = {0xbe,
                                0xde,
                                0,
                                1,
                                kNumbered << 4 | 1,
                                static_cast<uint8_t>(number >> 8),
                                static_cast<uint8_t>(number),
                                0};
  std::copy(std::begin(extension), std::end(extension), packet.begin() + rtp::kHeaderSize);
}

void Session::send(bool video, const std::vector<rtp::Payload>& payloads, uint32_t timestamp) {
  std::vector<uint8_t> packet;
  for (const rtp::Payload& payload : payloads) {
    put_head(packet, video, payload.marker, timestamp);
    const Bytes data = payload.data;
    packet.insert(packet.end(), data.begin(), data.end());
    const size_t size = packet.size();
    packet.resize(size + webrtc::kSrtpRoom);
    const auto sealed = peer_->srtp->protect_rtp(packet, size);
    if (!sealed) throw std::runtime_error("SRTP refuses a packet");
    if (::send(fd_, packet.data(), *sealed, 0) < 0) ++counts.refused;
    ++counts.packets;
    counts.bytes += size;
  }
}

void Session::count(Bytes packet) {
  if (packet.size() < rtp::kHeaderSize || rtp::is_rtcp(packet)) {
    ++counts.heard;
    return;
  }
  ++counts.packets;
  counts.bytes += packet.size();
  bytes_since_report_ += packet.size();
  const uint8_t type = packet[1] & 0x7f;
  if (type != kVideo && type != kAudio) return;  // sent again
  Source& source = type == kVideo ? video_ : audio_;
  ++source.since_report;
  const auto number = static_cast<uint16_t>(packet[2] << 8 | packet[3]);
  const auto step = static_cast<int16_t>(number - source.next);
  if (source.begun && step > 0) counts.lost += static_cast<uint64_t>(step);
  source.begun = true;
  source.next = static_cast<uint16_t>(number + 1);
  source.ssrc = uint32_t{packet[8]} << 24 | uint32_t{packet[9]} << 16 | uint32_t{packet[10]} << 8 |
                packet[11];
}

void Session::receive(bool open) {
  uint8_t buffer[2048];
  for (ssize_t size; (size = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
    const Bytes datagram(buffer, static_cast<size_t>(size));
    const bool media = datagram[0] >= 128 && datagram[0] <= 191;
    if (media) count(datagram);
    if (media && !open) continue;
    peer_->receive(datagram);
    if (media && peer_->srtp && peer_->received.empty())
      throw std::runtime_error("a packet that can't be decrypted");
    peer_->received.clear();
  }
}

void Session::report() {
  ByteWriter out;
  rtp::ReceiverReport report{1, {}};
  const uint64_t bits = 8 * bytes_since_report_;
  const double missing = line_ && bits > line_ ? 1 - static_cast<double>(line_) / bits : 0;
  bytes_since_report_ = 0;
  for (Source* source : {&video_, &audio_}) {
    source->missed += missing * std::exchange(source->since_report, 0);
    if (!source->begun) continue;
    rtp::ReportBlock block;
    block.ssrc = source->ssrc;
    block.lost = static_cast<int32_t>(source->missed);
    block.highest_sequence = static_cast<uint16_t>(source->next - 1);
    report.blocks.push_back(block);
  }
  rtp::write_rtcp(out, report);
  std::vector<uint8_t> packet = out.take();
  const size_t size = packet.size();
  packet.resize(size + webrtc::kSrtpRoom);
  if (const auto sealed = peer_->srtp->protect_rtcp(packet, size))
    ::send(fd_, packet.data(), *sealed, 0);
}

}  // namespace load
