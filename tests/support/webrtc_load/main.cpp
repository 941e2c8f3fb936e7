// webrtc-load: many WebRTC peers of one server on this machine, for tests/bench/webrtc.sh.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/time.h"
#include "session.h"
#include "unit/rtp/media.h"

namespace {

using namespace std::chrono_literals;
using namespace stream;
using load::Session;

constexpr char kHelp[] =
    R"(Usage: webrtc-load publish|watch URL COUNT SECONDS [KBPS...]

COUNT peers (at most 2000) publish by WHIP, or watch by WHEP, for SECONDS (at most 600). A # in URL stands for
the number of the peer, from 1 on. Publishers send H.264 of 25 pictures a second and Opus, together KBPS (1000) each.
Viewers have lines of KBPS, in turn when there are several, and report what is beyond that as lost.
One line of JSON goes to standard output when all are connected, and one at the end.
)";
constexpr size_t kMaxSessions = 2000, kMaxSeconds = 600;
constexpr Nanoseconds kPicture = 40ms, kSound = 20ms, kCheck = 5s, kReport = 1s, kStart = 30s;
constexpr size_t kSoundBytes = 160;  // 64 kbit/s
constexpr size_t kGroup = 50;        // pictures

// Does something for one session after the other, each in its turn of a period.
class Round {
 public:
  Round(size_t count, Nanoseconds period, Nanoseconds begin)
      : count_(static_cast<int64_t>(count)), period_(period), begin_(begin) {}
  template <typename Do>
  void until(Nanoseconds now, Do what) {
    for (; begin_ + Nanoseconds(next_ * period_.count() / count_) <= now; ++next_)
      what(static_cast<size_t>(next_ % count_), static_cast<size_t>(next_ / count_));
  }

 private:
  int64_t count_, next_ = 0;
  Nanoseconds period_, begin_;
};

struct Media {
  explicit Media(size_t kbps) {
    const size_t bytes = (kbps * 1000 / 8 - kSoundBytes * 50) / 25;
    const auto config = rtp_media::config_of("h264");
    const auto pictures = rtp::make_packetiser("h264", config);
    for (unsigned i = 0; i < kGroup; ++i)
      video.push_back(pictures->packetise(rtp_media::unit_of("h264", i == 0, bytes, i), i == 0));
    audio = rtp::make_packetiser("opus", {})->packetise(rtp_media::noise(kSoundBytes, 1), true);
  }
  std::vector<std::vector<rtp::Payload>> video;
  std::vector<rtp::Payload> audio;
};

class Load {
 public:
  Load(bool publishes, const std::string& url, size_t count, std::vector<uint64_t> lines)
      : publishes_(publishes), lines_(std::move(lines)) {
    for (size_t i = 0; i < count; ++i) {
      std::string one = url;
      if (const size_t at = one.find('#'); at != one.npos)
        one.replace(at, 1, std::to_string(i + 1));
      const uint64_t line = lines_.empty() ? 0 : 1000 * lines_[i % lines_.size()];
      sessions_.push_back(std::make_unique<Session>(one, publishes, line));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, sessions_.back()->fd(), &event);
      sessions_.back()->check();
      receive(0);
    }
  }
  ~Load() { ::close(epoll_); }

  void connect() {
    const Nanoseconds begin = monotonic_now();
    Round checks(sessions_.size(), 1s, begin);
    while (connected() < sessions_.size()) {
      if (monotonic_now() - begin > kStart)
        throw std::runtime_error(std::to_string(connected()) + " of " +
                                 std::to_string(sessions_.size()) + " are connected after 30 s");
      checks.until(monotonic_now(), [&](size_t i, size_t) {
        if (!sessions_[i]->is_connected()) sessions_[i]->check();
      });
      receive(10);
    }
  }
  void run(const Media& media, Nanoseconds length) {
    for (auto& session : sessions_) session->counts = {};
    const size_t count = sessions_.size();
    const Nanoseconds begin = monotonic_now();
    Round pictures(count, kPicture, begin), sounds(count, kSound, begin),
        checks(count, kCheck, begin), reports(count, kReport, begin);
    for (Nanoseconds now = begin; now < begin + length; now = monotonic_now()) {
      if (publishes_) {
        pictures.until(now, [&](size_t i, size_t n) {
          sessions_[i]->send(true, media.video[n % kGroup], static_cast<uint32_t>(n * 3600));
        });
        sounds.until(now, [&](size_t i, size_t n) {
          sessions_[i]->send(false, media.audio, static_cast<uint32_t>(n * 960));
        });
      } else {
        reports.until(now, [&](size_t i, size_t) { sessions_[i]->report(); });
      }
      checks.until(now, [&](size_t i, size_t) { sessions_[i]->check(); });
      receive(1);
    }
  }
  void print(double seconds) const {
    load::Counts sum;
    for (const auto& session : sessions_) {
      sum.packets += session->counts.packets;
      sum.bytes += session->counts.bytes;
      sum.lost += session->counts.lost;
      sum.refused += session->counts.refused;
      sum.heard += session->counts.heard;
    }
    std::printf(
        "{\"sessions\": %zu, \"seconds\": %.1f, \"packets\": %llu, \"kbps_each\": %.0f, "
        "\"lost\": %llu, \"refused\": %llu, \"heard\": %llu, \"kbps_by_line\": %s}\n",
        sessions_.size(), seconds, static_cast<unsigned long long>(sum.packets),
        static_cast<double>(sum.bytes) * 8e-3 / seconds / static_cast<double>(sessions_.size()),
        static_cast<unsigned long long>(sum.lost), static_cast<unsigned long long>(sum.refused),
        static_cast<unsigned long long>(sum.heard), by_line(seconds).c_str());
  }

 private:
  // What the viewers of each line got, on average.
  std::string by_line(double seconds) const {
    std::string text = "[";
    for (size_t line = 0; line < lines_.size(); ++line) {
      double kbits = 0, viewers = 0;
      for (size_t i = line; i < sessions_.size(); i += lines_.size(), ++viewers)
        kbits += static_cast<double>(sessions_[i]->counts.bytes) * 8e-3;
      text += (line ? ", " : "") +
              std::to_string(std::lround(kbits / seconds / std::max(1.0, viewers)));
    }
    return text + "]";
  }
  size_t connected() const {
    size_t sum = 0;
    for (const auto& session : sessions_) sum += session->is_connected();
    return sum;
  }
  // Every eighth is decrypted: that is what a check of the content costs here.
  void receive(int wait_ms) {
    epoll_event events[256];
    const int got = epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < got; ++i)
      sessions_[events[i].data.u64]->receive(events[i].data.u64 % 8 == 0);
  }

  const bool publishes_;
  const std::vector<uint64_t> lines_;  // kbit/s, of viewers
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (argc < 5 || (what != "publish" && what != "watch")) {
    std::fputs(kHelp, what == "--help" ? stdout : stderr);
    return what == "--help" ? 0 : 2;
  }
  const size_t count = std::min<size_t>(std::strtoul(argv[3], nullptr, 10), kMaxSessions),
               seconds = std::min<size_t>(std::strtoul(argv[4], nullptr, 10), kMaxSeconds);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  try {
    std::vector<uint64_t> rates;
    for (int i = 5; i < argc; ++i) rates.push_back(std::strtoul(argv[i], nullptr, 10));
    const bool publishes = what == "publish";
    const Media media(publishes && !rates.empty() ? rates[0] : 1000);
    Load load(publishes, argv[2], count, publishes ? std::vector<uint64_t>{} : std::move(rates));
    load.connect();
    std::printf("{\"connected\": %zu}\n", count);
    std::fflush(stdout);
    load.run(media, std::chrono::seconds(seconds));
    load.print(static_cast<double>(seconds));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "webrtc-load: %s\n", error.what());
    return 1;
  }
  return 0;
}
