#include "forward/file_link.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "av/output.h"
#include "base/bounded_queue.h"
#include "base/error.h"
#include "os/fd.h"

namespace stream::media {
namespace {

using Kind = LinkFailure::Kind;
using Chunk = std::vector<uint8_t>;

constexpr size_t kMaxWaiting = 4u << 20;  // bytes between the loop and the thread
constexpr size_t kBatch = 256 << 10;
constexpr int kMostNames = 10'000;

std::string numbered(const std::string& path, int number) {
  if (number == 1) return path;
  const size_t dot = path.rfind('.');
  return path.substr(0, dot) + "-" + std::to_string(number) + path.substr(dot);
}

// What is meant by the user, and will not change by trying again.
bool is_final(int error) {
  return error == EACCES || error == EPERM || error == ENOENT || error == ENOTDIR ||
         error == EISDIR || error == EROFS || error == ENAMETOOLONG;
}

class FileLink;

// The thread's side; outlives the link until all is written.
struct Writer : std::enable_shared_from_this<Writer> {
  boost::asio::io_context& io;
  const std::string path;
  std::weak_ptr<FileLink> link;
  BoundedQueue<Chunk> queue{SIZE_MAX, kMaxWaiting};
  std::atomic<uint64_t> written{0};

  Writer(boost::asio::io_context& context, std::string where)
      : io(context), path(std::move(where)) {}
  void run();
  void fail(int error);
  void tell(void (FileLink::*what)(int), int value = 0);
};

class FileLink final : public ForwardLink, public std::enable_shared_from_this<FileLink> {
 public:
  FileLink(boost::asio::io_context& io, std::string path, std::function<av::Tracks()> tracks,
           ForwardLinkHost& host)
      : path_(std::move(path)),
        tracks_(std::move(tracks)),
        host_(&host),
        writer_(std::make_shared<Writer>(io, path_)) {}
  ~FileLink() override { finish(); }

  void begin() {
    writer_->link = weak_from_this();
    boost::asio::post(writer_->io, [weak = weak_from_this(), writer = writer_] {
      const auto self = weak.lock();
      if (!self || !self->host_->link_phase(ForwardState::kConnecting)) return;
      std::thread([writer] { writer->run(); }).detach();
    });
  }
  // The writer says so, on the loop.
  void opened(int) {
    for (const ForwardState phase : {ForwardState::kHandshaking, ForwardState::kPublishing})
      if (!host_->link_phase(phase)) return;
    open_ = true;
    host_->link_ready();
  }
  void progressed(int) {
    if (!blocked_ || writer_->queue.cost() > kMaxWaiting / 2) return;
    blocked_ = false;
    host_->link_writable();
  }
  void broke(int error) { fail(errno_text(error), is_final(error)); }

  void send(ForwardQueue& queue, int64_t offset_ms) override {
    while (open_ && !failed_ && !finished_ && !queue.empty()) {
      if (writer_->queue.cost() + kBatch > kMaxWaiting) {
        blocked_ = true;
        return;
      }
      try {
        write(*queue.pop(), offset_ms);
      } catch (const Error& error) {
        return fail(error.what(), true);
      }
      if (pending_.size() >= kBatch || queue.empty()) flush();
    }
  }
  bool flushed() const override { return failed_ || writer_->written == taken_; }
  void finish() override {
    if (finished_) return;
    finished_ = true;
    try {
      if (output_) output_->finish();
      flush();
    } catch (const Error&) {
      // What is there is all that there will be.
    }
    writer_->queue.stop();
  }
  Flow flow() const override {
    Flow flow;
    flow.taken_bytes = taken_;
    flow.sent_bytes = flow.acknowledged_bytes = writer_->written;
    flow.pending_bytes = taken_ - flow.sent_bytes;
    return flow;
  }

 private:
  void write(const ForwardMessage& message, int64_t offset_ms) {
    if (message.opening) {
      if (!output_ || moved_) return;
      moved_ = true;  // its container can't hold another configuration
      return host_->link_moved({{}, true, true});
    }
    if (moved_) return;
    if (!output_) {
      made_of_ = tracks_();
      output_.emplace(file_kind(path_).format, made_of_, [this](Bytes bytes) {
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
      });
    }
    av::Packet packet = message.packet;
    const av::Track& track = made_of_.at(static_cast<size_t>(packet.track));
    const int64_t offset = rescale(offset_ms, {1, 1000}, track.time_base);
    packet.dts -= offset;
    packet.pts -= offset;
    packet.mark.reset();
    output_->write(packet);
  }
  void flush() {
    if (pending_.empty()) return;
    taken_ += pending_.size();
    const size_t size = pending_.size();
    writer_->queue.push(std::exchange(pending_, {}), size);
  }
  void fail(const std::string& reason, bool permanent) {
    if (failed_) return;
    failed_ = true;
    host_->link_failed({permanent ? Kind::kRefused : Kind::kNetwork, permanent, false,
                        "cannot write " + path_ + ": " + reason});
  }

  const std::string path_;
  const std::function<av::Tracks()> tracks_;
  ForwardLinkHost* host_;
  const std::shared_ptr<Writer> writer_;
  std::optional<av::Output> output_;
  av::Tracks made_of_;
  Chunk pending_;
  uint64_t taken_ = 0;
  bool open_ = false, blocked_ = false, failed_ = false, finished_ = false, moved_ = false;
};

void Writer::tell(void (FileLink::*what)(int), int value) {
  boost::asio::post(io, [self = shared_from_this(), what, value] {
    if (const auto to = self->link.lock()) ((*to).*what)(value);
  });
}

void Writer::run() {
  os::Fd file;
  std::string name;
  int error = EEXIST;
  for (int number = 1; number < kMostNames && error == EEXIST; ++number) {
    name = numbered(path, number);
    file = os::Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    error = file ? 0 : errno;
  }
  if (error != 0) return fail(error);
  tell(&FileLink::opened);
  while (auto chunk = queue.pop()) {
    error = os::write_all(file.get(), *chunk);
    if (error != 0) break;
    written += chunk->size();
    tell(&FileLink::progressed);
  }
  if (written == 0) ::unlink(name.c_str());
  if (error != 0) fail(error);
}

void Writer::fail(int error) {
  queue.stop();
  tell(&FileLink::broke, error);
}

}  // namespace

FileKind file_kind(const std::string& path) {
  if (path.ends_with(".flv")) return {"flv", "aac mp3"};
  if (path.ends_with(".ts")) return {"mpegts", "aac mp3 ac3 eac3"};
  if (path.ends_with(".mkv")) return {"matroska", ""};
  throw Error(Exit::kUsage, "destination.url", "file:" + path + " is of no known kind",
              "end its name in .flv, .ts or .mkv");
}

std::shared_ptr<ForwardLink> make_file_link(boost::asio::io_context& io, std::string path,
                                            std::function<av::Tracks()> tracks,
                                            ForwardLinkHost& host) {
  const auto link = std::make_shared<FileLink>(io, std::move(path), std::move(tracks), host);
  link->begin();
  return link;
}

}  // namespace stream::media
