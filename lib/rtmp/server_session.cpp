#include "rtmp/server_session.h"

#include <algorithm>
#include <utility>

#include "base/fifo.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/connect.h"
#include "rtmp/handshake.h"
#include "rtmp/server_replies.h"

namespace stream::rtmp {
namespace {

using amf0::Object;
using amf0::Undefined;
using amf0::Value;

// One message cannot make more events than this; the rest of it is dropped.
constexpr size_t kMaxEventsPerMessage = 4096;

}  // namespace

class ServerSession::Impl {
 public:
  explicit Impl(ServerOptions options)
      : options_(options),
        reader_(options.unauthorised_budget),
        acknowledge_window_(options.window) {}

  void feed(Bytes received);
  std::optional<Event> next();
  void accept();
  void reject(std::string_view code, std::string_view description);
  void on_media(std::function<void(Media&&)> take) { take_ = std::move(take); }

  bool publishing() const { return publishing_; }
  uint64_t received() const { return received_; }
  uint64_t malformed() const { return malformed_; }
  ServerReplies& replies() { return replies_; }

 private:
  enum class Open { kNone, kConnect, kPublish };

  void parse(Bytes& in, bool one_message);
  bool shake_hands(Bytes& in);
  void hold(Bytes in);
  void acknowledge();
  void fail(std::string reason);
  void close();
  bool waiting() const { return open_ != Open::kNone; }

  void message(const Message& message);
  void user_control(const Message& message);
  void command(const Message& message, Bytes body);
  void connected_command(std::string_view name, double transaction, amf0::Reader& arguments,
                         const Message& message);
  void connect(double transaction, amf0::Reader& arguments, const Message& message);
  void publish(amf0::Reader& arguments, const Message& message);
  void unpublish();
  void data(const Message& message, Bytes body);
  void media(const Message& message);
  void aggregate(const Message& message);

  ServerOptions options_;
  ServerHandshake handshake_;
  bool handshake_done_ = false;
  ChunkReader reader_;
  ServerReplies replies_;
  Fifo<Event> events_;
  std::vector<Media> media_;  // scratch
  std::function<void(Media&&)> take_;

  // What arrived behind an open request; parsed message by message after the answer.
  std::vector<uint8_t> held_;
  size_t held_at_ = 0;

  uint64_t received_ = 0, acknowledged_ = 0;
  uint32_t acknowledge_window_;
  uint64_t malformed_ = 0;

  Open open_ = Open::kNone;
  bool connected_ = false, publishing_ = false, closed_ = false;
  std::string app_;
  Object offer_;  // of connect
  double connect_transaction_ = 0;
  uint32_t connect_chunk_stream_ = 3;
  uint32_t last_stream_ = 0;     // created
  uint32_t publish_stream_ = 0;  // of the open or accepted publish
};

void ServerSession::Impl::feed(Bytes received) {
  received_ += received.size();
  if (closed_) return;
  if (waiting() || held_at_ < held_.size()) {
    hold(received);
  } else {
    parse(received, false);
    if (waiting()) hold(received);
  }
  acknowledge();
}

std::optional<Event> ServerSession::Impl::next() {
  while (events_.empty() && !waiting() && !closed_ && held_at_ < held_.size()) {
    Bytes in = Bytes(held_).subspan(held_at_);
    parse(in, true);
    held_at_ = closed_ ? 0 : held_.size() - in.size();  // a failure drops what was held
  }
  if (held_at_ == held_.size() && !held_.empty()) {
    held_ = {};
    held_at_ = 0;
  }
  if (events_.empty()) return std::nullopt;
  return events_.pop();
}

void ServerSession::Impl::hold(Bytes in) {
  if (closed_) return;
  const size_t budget = publishing_ ? options_.budget : options_.unauthorised_budget;
  const size_t kept = held_.size() - held_at_;
  if (in.size() > budget || kept + reader_.memory() > budget - in.size()) {
    return fail("more than " + std::to_string(budget) +
                " bytes sent before the answer to a request");
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(held_at_));
  held_at_ = 0;
  held_.insert(held_.end(), in.begin(), in.end());
}

void ServerSession::Impl::parse(Bytes& in, bool one_message) {
  if (!handshake_done_ && !shake_hands(in)) return;
  Message incoming;
  while (!waiting() && !closed_) {
    switch (reader_.next(in, incoming)) {
      case ChunkReader::Status::kNeedMore:
        return;
      case ChunkReader::Status::kError:
        return fail(reader_.error());
      case ChunkReader::Status::kMessage:
        message(incoming);
        if (one_message) return;
    }
  }
}

bool ServerSession::Impl::shake_hands(Bytes& in) {
  switch (handshake_.feed(in, replies_.raw())) {
    case HandshakeStatus::kNeedMore:
      return false;
    case HandshakeStatus::kError:
      fail(handshake_.error());
      return false;
    case HandshakeStatus::kDone:
      handshake_done_ = true;
  }
  return true;
}

void ServerSession::Impl::acknowledge() {
  if (!connected_ || closed_ || received_ - acknowledged_ < acknowledge_window_) return;
  acknowledged_ = received_;
  replies_.acknowledge(static_cast<uint32_t>(received_));
}

void ServerSession::Impl::fail(std::string reason) {
  if (closed_) return;
  close();
  events_.push(Failed{std::move(reason)});
}

void ServerSession::Impl::close() {
  closed_ = true;
  publishing_ = false;
  open_ = Open::kNone;
  held_ = {};
  held_at_ = 0;
}

void ServerSession::Impl::accept() {
  const Open request = std::exchange(open_, Open::kNone);
  if (request == Open::kPublish) {
    publishing_ = true;
    reader_.set_budget(options_.budget);
    replies_.publish_started(publish_stream_);
  } else if (request == Open::kConnect) {
    connected_ = true;
    replies_.connected(connect_chunk_stream_, connect_transaction_, options_.window,
                       options_.chunk_size, offer_);
    offer_ = {};
  }
}

void ServerSession::Impl::reject(std::string_view code, std::string_view description) {
  if (closed_) return;
  if (open_ == Open::kConnect) {
    replies_.connect_refused(connect_chunk_stream_, connect_transaction_, code, description);
  } else if (open_ == Open::kPublish || publishing_) {
    replies_.refused(publish_stream_, code, description);
  }
  events_.clear();
  close();
}

void ServerSession::Impl::message(const Message& message) {
  const Bytes body = message.payload;
  switch (message.type) {
    case MessageType::kAudio:
    case MessageType::kVideo:
      return media(message);
    case MessageType::kAggregate:
      return aggregate(message);
    case MessageType::kCommand:
      return command(message, body);
    case MessageType::kData:
      return data(message, body);
    // One byte says which AMF; AMF0 follows, with single values switched to AMF3.
    case MessageType::kCommandAmf3:
      return command(message, body.empty() ? body : body.subspan(1));
    case MessageType::kDataAmf3:
      return data(message, body.empty() ? body : body.subspan(1));
    case MessageType::kUserControl:
      return user_control(message);
    case MessageType::kWindowAckSize: {
      ByteReader reader(body);
      const uint32_t window = reader.u32();
      if (window > 0) acknowledge_window_ = window;
      return;
    }
    default:
      return;  // acknowledgements and what is not known
  }
}

void ServerSession::Impl::user_control(const Message& message) {
  ByteReader reader(message.payload);
  const uint16_t event = reader.u16();
  const uint32_t value = reader.u32();
  if (reader.ok() && event == static_cast<uint16_t>(UserControl::kPingRequest)) {
    replies_.pong(value);
  }
}

void ServerSession::Impl::command(const Message& message, Bytes body) {
  amf0::Reader arguments(body);
  const Value name = arguments.read();
  const double transaction = arguments.read().number().value_or(0);
  if (name.text().empty()) return fail("a command without a name");
  if (name.text() == "connect") return connect(transaction, arguments, message);
  if (connected_) connected_command(name.text(), transaction, arguments, message);
}

void ServerSession::Impl::connect(double transaction, amf0::Reader& arguments,
                                  const Message& message) {
  if (connected_) return fail("a second connect");
  const Value value = arguments.read();
  if (!arguments.ok()) return fail("connect: its arguments are no AMF0 or are nested too deep");
  const Object* object = value.object();
  if (object == nullptr) return fail("connect without an object");
  connect_transaction_ = transaction;
  connect_chunk_stream_ = message.chunk_stream;
  offer_ = *object;
  ConnectRequested request = read_connect(*object);
  app_ = request.app;
  open_ = Open::kConnect;
  events_.push(std::move(request));
}

void ServerSession::Impl::connected_command(std::string_view name, double transaction,
                                            amf0::Reader& arguments, const Message& message) {
  if (name == "createStream") {
    ++last_stream_;
    replies_.result(message, transaction, static_cast<double>(last_stream_));
  } else if (name == "publish") {
    publish(arguments, message);
  } else if (name == "releaseStream") {
    replies_.result(message, transaction, Undefined{});
  } else if (name == "FCPublish") {
    replies_.result(message, transaction, Undefined{});
    replies_.fc_publish(message);
  } else if (name == "FCUnpublish") {
    replies_.result(message, transaction, Undefined{});
    unpublish();
  } else if (name == "deleteStream" || name == "closeStream") {
    unpublish();
  } else if (name == "play" || name == "play2") {
    replies_.refused(message.stream_id, "NetStream.Play.Failed", "Only publishing is served here.");
  }
}

void ServerSession::Impl::publish(amf0::Reader& arguments, const Message& message) {
  arguments.read();  // null
  const Value name_value = arguments.read();
  const Value type = arguments.read();  // may be missing
  if (!std::holds_alternative<std::string>(name_value)) return fail("publish without a name");
  const uint32_t fallback = std::max<uint32_t>(last_stream_, 1);
  const uint32_t stream_id = message.stream_id > 0 ? message.stream_id : fallback;
  if (publishing_) {
    return replies_.refused(stream_id, status::kBadName, "This connection publishes already.");
  }
  std::string_view name = name_value.text();
  // ffmpeg puts this before names that end in .mp4 or .f4v.
  if (name.starts_with("mp4:")) name.remove_prefix(4);
  const auto [key, query] = split_query(name);
  publish_stream_ = stream_id;
  open_ = Open::kPublish;
  events_.push(PublishRequested{app_, Secret(std::string(key)), Secret(std::string(query)),
                                std::string(type.text())});
}

void ServerSession::Impl::unpublish() {
  if (!publishing_) return;
  publishing_ = false;
  events_.push(Unpublished{});
}

void ServerSession::Impl::data(const Message& message, Bytes body) {
  if (!publishing_) return;
  amf0::Reader reader(body);
  Value name = reader.read();
  if (name.text() == "@setDataFrame") name = reader.read();
  if (name.text() != "onMetaData") return;
  Value values = reader.read();
  Object* object = std::get_if<Object>(&values);
  if (object == nullptr) {
    ++malformed_;
    return;
  }
  events_.push(Metadata{message.timestamp, std::move(*object)});
}

void ServerSession::Impl::media(const Message& message) {
  if (!publishing_) return;
  media_.clear();
  const auto parse_tag = message.type == MessageType::kVideo ? parse_video : parse_audio;
  if (parse_tag(message.payload, message.timestamp, media_) == TagResult::kMalformed) ++malformed_;
  for (Media& item : media_) {
    if (take_ && events_.empty() && !closed_)
      take_(std::move(item));
    else if (!closed_)
      events_.push(std::move(item));
  }
}

void ServerSession::Impl::aggregate(const Message& message) {
  if (!publishing_) return;
  std::vector<Message> parts;
  if (!split_aggregate(message, parts)) ++malformed_;
  const size_t most = events_.size() + kMaxEventsPerMessage;
  for (const Message& part : parts) {
    if (events_.size() > most) return;
    if (part.type == MessageType::kData) {
      data(part, part.payload);
    } else if (part.type == MessageType::kAudio || part.type == MessageType::kVideo) {
      media(part);
    }
  }
}

ServerSession::ServerSession(ServerOptions options) : impl_(std::make_unique<Impl>(options)) {}
ServerSession::~ServerSession() = default;
ServerSession::ServerSession(ServerSession&&) noexcept = default;
ServerSession& ServerSession::operator=(ServerSession&&) noexcept = default;

void ServerSession::feed(Bytes received) {
  impl_->feed(received);
}
void ServerSession::on_media(std::function<void(Media&&)> take) {
  impl_->on_media(std::move(take));
}
std::optional<Event> ServerSession::next() {
  return impl_->next();
}
void ServerSession::accept() {
  impl_->accept();
}
void ServerSession::reject(std::string_view code, std::string_view description) {
  impl_->reject(code, description);
}
bool ServerSession::publishing() const {
  return impl_->publishing();
}
uint64_t ServerSession::bytes_received() const {
  return impl_->received();
}
uint64_t ServerSession::malformed_tags() const {
  return impl_->malformed();
}
bool ServerSession::has_output() const {
  return !impl_->replies().empty();
}
std::vector<uint8_t> ServerSession::take_output() {
  return impl_->replies().take();
}

}  // namespace stream::rtmp
