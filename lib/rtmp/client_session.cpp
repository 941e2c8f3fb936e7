#include "rtmp/client_session.h"

#include <array>
#include <cassert>
#include <utility>

#include "rtmp/control.h"
#include "rtmp/handshake.h"
#include "rtmp/server_session.h"

namespace stream::rtmp {
namespace {

using amf0::Null;
using amf0::Object;
using amf0::Value;

constexpr uint32_t kCommandChunkStream = 3, kPublishChunkStream = 8;
constexpr double kConnect = 1, kReleaseStream = 2, kFcPublish = 3, kCreateStream = 4, kPublish = 5,
                 kFirstFree = 6;  // transaction numbers
constexpr uint32_t kCapsReconnect = 1;
constexpr int kCanEncode = 2;
// Answers to a peer that asks without reading are left out beyond this.
constexpr size_t kMaxUnsentAnswers = 16 << 10;
// A peer may ask to reconnect for ever; nobody needs more of that at once.
constexpr size_t kMaxEvents = 64;
constexpr size_t kMaxText = 512;

std::string short_text_of(const Object& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr ? std::string(value->text().substr(0, kMaxText)) : std::string();
}

// E-RTMP "Enhancing NetConnection connect Command": a list, or maps by FourCC.
std::vector<std::string> announced_fourccs(const Object& info) {
  constexpr size_t kMaxCodes = 64;
  std::vector<std::string> codes;
  const auto add = [&codes](std::string_view code) {
    if (codes.size() < kMaxCodes) codes.emplace_back(code.substr(0, 4));
  };
  if (const Value* list = info.find("fourCcList"); list != nullptr && list->array() != nullptr) {
    for (const Value& item : list->array()->items) add(item.text());
  }
  for (const char* name : {"videoFourCcInfoMap", "audioFourCcInfoMap"}) {
    const Value* map = info.find(name);
    if (map == nullptr || map->object() == nullptr) continue;
    for (const amf0::Property& entry : map->object()->properties) add(entry.first);
  }
  return codes;
}

}  // namespace

bool PublishRefused::permanent() const {
  constexpr std::array kPermanent = {status::kConnectRejected, status::kConnectInvalidApp,
                                     status::kBadName, status::kDenied, status::kRejected};
  for (const std::string_view known : kPermanent) {
    if (code == known) return true;
  }
  return false;
}

class ClientSession::Impl {
 public:
  explicit Impl(ClientOptions options) : options_(std::move(options)), reader_(options_.budget) {
    ClientHandshake::begin(out_);
  }

  void feed(Bytes received);
  std::optional<ClientEvent> next();
  void media(std::vector<Buffer>& out, const SharedMessage& message, uint32_t timestamp);
  void unpublish();

  Phase phase() const { return phase_; }
  ByteWriter& output() { return out_; }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  void connect();
  void create_stream();
  void publish();
  void message(const Message& message);
  void user_control(Bytes body);
  void acknowledgement(Bytes body);
  void command(Bytes body);
  void result(double transaction, amf0::Reader& arguments, bool error);
  void connect_answer(const Object* info, bool error);
  void status(const Object& info);
  void refuse(const Object& info, bool by_connect);
  void fail(std::string reason);
  void close();
  void emit(ClientEvent event);
  bool answers_fit() const { return out_.size() < kMaxUnsentAnswers; }

  template <typename... Values>
  void send(uint32_t chunk_stream, uint32_t stream_id, const Values&... values) {
    const auto body = amf0::encode(values...);
    writer_.write(out_, MessageType::kCommand, chunk_stream, stream_id, 0, body);
  }

  ClientOptions options_;
  ClientHandshake handshake_;
  ChunkReader reader_;
  ChunkWriter writer_;
  ByteWriter out_;
  std::deque<ClientEvent> events_;
  Phase phase_ = Phase::kHandshake;
  uint32_t stream_id_ = 0;
  double next_transaction_ = kFirstFree;
  uint64_t received_ = 0, answered_ = 0;  // bytes; what we have acknowledged of them
  uint32_t peer_window_ = 0;              // 0: not asked for
  uint64_t acknowledged_ = 0;             // by the peer
  uint32_t last_acknowledgement_ = 0;
};

void ClientSession::Impl::feed(Bytes in) {
  if (phase_ == Phase::kClosed) return;
  received_ += in.size();
  if (phase_ == Phase::kHandshake) {
    const HandshakeStatus status = handshake_.feed(in, out_);
    if (status == HandshakeStatus::kError) return fail(handshake_.error());
    if (status == HandshakeStatus::kNeedMore) return;
    connect();
  }
  Message incoming;
  while (phase_ != Phase::kClosed) {
    const ChunkReader::Status status = reader_.next(in, incoming);
    if (status == ChunkReader::Status::kError) return fail(reader_.error());
    if (status == ChunkReader::Status::kNeedMore) break;
    message(incoming);
  }
  if (peer_window_ == 0 || received_ - answered_ < peer_window_ || !answers_fit()) return;
  answered_ = received_;
  write_control(writer_, out_, MessageType::kAcknowledgement, static_cast<uint32_t>(received_));
}

std::optional<ClientEvent> ClientSession::Impl::next() {
  if (events_.empty()) return std::nullopt;
  std::optional<ClientEvent> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

void ClientSession::Impl::emit(ClientEvent event) {
  if (events_.size() < kMaxEvents) events_.push_back(std::move(event));
}

void ClientSession::Impl::fail(std::string reason) {
  close();
  events_.push_back(ClientFailed{std::move(reason)});
}

void ClientSession::Impl::close() {
  phase_ = Phase::kClosed;
}

// --- what we ask for -----------------------------------------------------------------------

void ClientSession::Impl::connect() {
  phase_ = Phase::kConnect;
  write_control(writer_, out_, MessageType::kSetChunkSize, options_.chunk_size);
  writer_.set_chunk_size(options_.chunk_size);
  Object object{{"app", options_.app},
                {"type", "nonprivate"},
                {"flashVer", options_.flash_version},
                {"swfUrl", options_.tc_url},
                {"tcUrl", options_.tc_url},
                {"capsEx", static_cast<double>(kCapsReconnect)}};
  if (!options_.fourccs.empty()) {
    amf0::Array list;
    Object map;
    for (const std::string& code : options_.fourccs) {
      list.items.emplace_back(code);
      map.properties.emplace_back(code, kCanEncode);
    }
    object.properties.emplace_back("fourCcList", std::move(list));
    object.properties.emplace_back("videoFourCcInfoMap", map);
    object.properties.emplace_back("audioFourCcInfoMap", std::move(map));
  }
  send(kCommandChunkStream, 0, "connect", kConnect, object);
}

void ClientSession::Impl::create_stream() {
  phase_ = Phase::kPublish;
  write_control(writer_, out_, MessageType::kWindowAckSize, options_.window);
  send(kCommandChunkStream, 0, "releaseStream", kReleaseStream, Null{}, options_.key.reveal());
  send(kCommandChunkStream, 0, "FCPublish", kFcPublish, Null{}, options_.key.reveal());
  send(kCommandChunkStream, 0, "createStream", kCreateStream, Null{});
}

void ClientSession::Impl::publish() {
  send(kPublishChunkStream, stream_id_, "publish", kPublish, Null{}, options_.key.reveal(), "live");
}

void ClientSession::Impl::media(std::vector<Buffer>& out, const SharedMessage& message,
                                uint32_t timestamp) {
  assert(phase_ == Phase::kStarted);
  writer_.write_shared(out, message, stream_id_, timestamp);
}

void ClientSession::Impl::unpublish() {
  if (phase_ != Phase::kStarted) return;
  send(kCommandChunkStream, 0, "FCUnpublish", next_transaction_, Null{}, options_.key.reveal());
  send(kCommandChunkStream, 0, "deleteStream", next_transaction_ + 1, Null{},
       static_cast<double>(stream_id_));
  close();
}

// --- what the peer says --------------------------------------------------------------------

void ClientSession::Impl::message(const Message& message) {
  const Bytes body = message.payload;
  switch (message.type) {
    case MessageType::kCommand:
      return command(body);
    case MessageType::kCommandAmf3:  // one byte says which AMF; AMF0 follows
      return command(body.empty() ? body : body.subspan(1));
    case MessageType::kUserControl:
      return user_control(body);
    case MessageType::kAcknowledgement:
      return acknowledgement(body);
    case MessageType::kWindowAckSize: {
      ByteReader reader(body);
      peer_window_ = reader.u32();
      return;
    }
    default:
      return;  // bandwidth limits, data, and what is not known
  }
}

void ClientSession::Impl::user_control(Bytes body) {
  ByteReader reader(body);
  const uint16_t event = reader.u16();
  const uint32_t value = reader.u32();
  if (reader.ok() && event == static_cast<uint16_t>(UserControl::kPingRequest) && answers_fit()) {
    write_user_control(writer_, out_, UserControl::kPingResponse, value);
  }
}

void ClientSession::Impl::acknowledgement(Bytes body) {
  ByteReader reader(body);
  const uint32_t value = reader.u32();
  if (!reader.ok()) return;
  const uint32_t step = value - last_acknowledgement_;  // modulo 2^32
  if (step == 0 || step > 0x7FFFFFFF) return;
  last_acknowledgement_ = value;
  acknowledged_ += step;
}

void ClientSession::Impl::command(Bytes body) {
  amf0::Reader arguments(body);
  const Value name = arguments.read();
  if (name.text().empty()) return fail("a command without a name");
  const double transaction = arguments.read().number().value_or(0);  // ffmpeg leaves it out
  if (name.text() == "_result" || name.text() == "_error") {
    result(transaction, arguments, name.text() == "_error");
  } else if (name.text() == "onStatus") {
    arguments.read();  // null
    const Value info = arguments.read();
    if (const Object* object = info.object()) status(*object);
  } else if (name.text() == "onBWDone" && answers_fit()) {
    send(kCommandChunkStream, 0, "_checkbw", next_transaction_++, Null{});
  } else if (name.text() == "close") {
    refuse(Object{{"code", "NetConnection.Connect.Closed"}}, phase_ == Phase::kConnect);
  }
}

void ClientSession::Impl::result(double transaction, amf0::Reader& arguments, bool error) {
  arguments.read();  // properties, or null
  const Value answer = arguments.read();
  if (transaction == kConnect && phase_ == Phase::kConnect)
    return connect_answer(answer.object(), error);
  if (transaction == kCreateStream && phase_ == Phase::kPublish && stream_id_ == 0) {
    if (error) return refuse(answer.object() != nullptr ? *answer.object() : Object(), false);
    const double id = answer.number().value_or(0);
    if (!(id >= 1 && id <= 0xFFFFFFFF)) return fail("createStream gave no usable stream id");
    stream_id_ = static_cast<uint32_t>(id);
    return publish();
  }
  // Servers that don't know releaseStream and FCPublish say so; it doesn't matter.
  if (transaction == kPublish && error && phase_ == Phase::kPublish)
    refuse(answer.object() != nullptr ? *answer.object() : Object(), false);
}

void ClientSession::Impl::connect_answer(const Object* info, bool error) {
  if (!error) {
    emit(PeerConnected{info != nullptr ? announced_fourccs(*info) : std::vector<std::string>()});
    return create_stream();
  }
  if (info == nullptr) return refuse(Object{}, true);
  // {code: 302, redirect: URL} in "ex" or "ex2".
  for (const char* name : {"ex", "ex2"}) {
    const Value* ex = info->find(name);
    if (ex == nullptr || ex->object() == nullptr) continue;
    std::string url = short_text_of(*ex->object(), "redirect");
    if (url.empty()) continue;
    close();
    events_.push_back(Redirected{Secret(std::move(url))});
    return;
  }
  refuse(*info, true);
}

void ClientSession::Impl::status(const Object& info) {
  const std::string level = short_text_of(info, "level"), code = short_text_of(info, "code");
  if (code == "NetConnection.Connect.ReconnectRequest") {
    return emit(ReconnectRequested{Secret(short_text_of(info, "tcUrl")),
                                   short_text_of(info, "description")});
  }
  if (code == "NetStream.Publish.Start") {
    if (phase_ != Phase::kPublish || stream_id_ == 0) return;
    phase_ = Phase::kStarted;
    return emit(PublishStarted{});
  }
  const bool ended = code == "NetConnection.Connect.Closed" ||
                     code == "NetConnection.Connect.AppShutdown" ||
                     code == "NetStream.Unpublish.Success";
  if (level == "error" || ended) refuse(info, phase_ == Phase::kConnect);
}

void ClientSession::Impl::refuse(const Object& info, bool by_connect) {
  close();
  events_.push_back(
      PublishRefused{short_text_of(info, "code"), short_text_of(info, "description"), by_connect});
}

// --- the door ------------------------------------------------------------------------------

ClientSession::ClientSession(ClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
ClientSession::~ClientSession() = default;
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;

void ClientSession::feed(Bytes received) {
  impl_->feed(received);
}
std::optional<ClientEvent> ClientSession::next() {
  return impl_->next();
}
ClientSession::Phase ClientSession::phase() const {
  return impl_->phase();
}
void ClientSession::media(std::vector<Buffer>& out, const SharedMessage& message,
                          uint32_t timestamp) {
  impl_->media(out, message, timestamp);
}
void ClientSession::unpublish() {
  impl_->unpublish();
}
bool ClientSession::has_output() const {
  return impl_->output().size() > 0;
}
std::vector<uint8_t> ClientSession::take_output() {
  return impl_->output().take();
}
uint64_t ClientSession::acknowledged() const {
  return impl_->acknowledged();
}

std::vector<uint8_t> metadata_body(amf0::Object values) {
  values.ecma_array = true;
  return amf0::encode("@setDataFrame", "onMetaData", values);
}

}  // namespace stream::rtmp
