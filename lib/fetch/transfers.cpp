#include "fetch/transfers.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/lower.h"
#include "base/text.h"
#include "base/time.h"
#include "base/url.h"

namespace stream::fetch {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(20);  // of a bandwidth limit
constexpr size_t kMaxHeaders = 64 << 10;

enum class Phase { kConnect, kSend, kAnswer, kReceive };

// Gives out bytes at a rate; at most a fifth of a second of them at once.
class Bucket {
 public:
  void set_rate(uint64_t rate) { rate_ = rate; }
  bool limited() const { return rate_ > 0; }
  size_t take(size_t wanted) {
    if (!limited()) return wanted;
    const auto now = Clock::now();
    const double full = static_cast<double>(rate_) / 5;
    level_ += std::chrono::duration<double>(now - at_).count() * static_cast<double>(rate_);
    level_ = std::min(level_, full);
    at_ = now;
    const size_t given = std::min(wanted, static_cast<size_t>(std::max(0.0, level_)));
    level_ -= static_cast<double>(given);
    return given;
  }

 private:
  std::atomic<uint64_t> rate_{0};
  double level_ = 0;
  Clock::time_point at_ = Clock::now();
};

// One transfer on the engine's thread.
struct Job {
  explicit Job(const Transfer& of, Bucket& rate) : transfer(of), bucket(rate) {}
  ~Job() {
    if (headers) curl_slist_free_all(headers);
  }
  const Transfer& transfer;
  Bucket& bucket;
  Answer answer;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = "";
  Phase phase = Phase::kConnect;
  Clock::time_point progress = Clock::now();
  uint64_t offset = 0;
  size_t header_bytes = 0;
  bool paused = false, done = false;

  void moved(Phase now) {
    phase = now;
    progress = Clock::now();
  }
};

size_t on_read(char* data, size_t size, size_t count, void* user) {
  Job& job = *static_cast<Job*>(user);
  const uint64_t left = job.transfer.body_size - job.offset;
  size_t wanted = static_cast<size_t>(std::min<uint64_t>(size * count, left));
  job.moved(Phase::kSend);
  if (wanted > 0) {
    wanted = job.bucket.take(wanted);
    if (wanted == 0) {
      job.paused = true;
      return CURL_READFUNC_PAUSE;
    }
    const size_t got = job.transfer.body(job.offset, {data, wanted});
    if (got == SIZE_MAX || got == 0) return CURL_READFUNC_ABORT;
    job.offset += got;
    wanted = got;
  }
  if (job.offset == job.transfer.body_size) job.moved(Phase::kAnswer), job.answer.sent = true;
  return wanted;
}

int on_seek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  static_cast<Job*>(user)->offset = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  Job& job = *static_cast<Job*>(user);
  std::string_view line(data, size * count);
  job.header_bytes += line.size();
  if (job.header_bytes > kMaxHeaders) return 0;
  job.moved(Phase::kReceive);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a new head: what an interim answer said is not the answer
    job.answer.headers.clear();
  } else if (const size_t colon = line.find(':'); colon != line.npos) {
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    job.answer.headers.emplace_back(lower(line.substr(0, colon)), value);
  }
  return size * count;
}

size_t on_write(char* data, size_t size, size_t count, void* user) {
  Job& job = *static_cast<Job*>(user);
  const std::string_view bytes(data, size * count);
  job.moved(Phase::kReceive);
  long status = 0;
  curl_easy_getinfo(job.easy, CURLINFO_RESPONSE_CODE, &status);
  if (job.transfer.sink && status == job.transfer.sink_status)
    return job.transfer.sink(bytes) ? bytes.size() : 0;
  if (bytes.size() > job.transfer.max_body - job.answer.body.size()) return 0;
  job.answer.body += bytes;
  return bytes.size();
}

void add_header(curl_slist*& list, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(list, line.c_str())) list = longer;
}

void prepare(Job& job) {
  const Transfer& t = job.transfer;
  CURL* c = job.easy;
  for (const auto& [name, value] : t.headers)
    add_header(job.headers, value.empty() ? name + ";" : name + ": " + value);
  add_header(job.headers, "Expect:");
  curl_easy_setopt(c, CURLOPT_URL, t.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(c, CURLOPT_USERAGENT, "stream-tools");
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(t.limits.connect.count()));
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, job.error);
  curl_easy_setopt(c, CURLOPT_PRIVATE, &job);
  if (t.fresh_connection) {
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  }
  if (t.method == "HEAD") {
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  } else if (t.method == "PUT" || t.method == "POST") {
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(t.body_size));
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c, CURLOPT_READDATA, &job);
    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(c, CURLOPT_SEEKDATA, &job);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, t.method.c_str());
  } else {
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, t.method.c_str());
  }
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, job.headers);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &job);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &job);
}

// The phase in which nothing has moved for too long, or nothing.
const char* stuck(Job& job, Clock::time_point now) {
  const PhaseLimits& limits = job.transfer.limits;
  if (job.phase == Phase::kConnect) {
    curl_off_t connected = 0;  // libcurl itself watches over the connecting
    curl_easy_getinfo(job.easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0) return nullptr;
    job.moved(job.transfer.body_size > 0 ? Phase::kSend : Phase::kAnswer);
    if (job.transfer.body_size == 0) job.answer.sent = true;
  }
  const auto quiet = now - job.progress;
  if (job.phase == Phase::kSend && !job.paused && quiet > limits.send)
    return "the server stopped taking the request";
  if (job.phase == Phase::kAnswer && quiet > limits.answer) return "the server does not answer";
  if (job.phase == Phase::kReceive && quiet > limits.receive)
    return "the server stopped in its answer";
  return nullptr;
}

}  // namespace

const std::string* Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return &value;
  return nullptr;
}

struct Transfers::State {
  CURLM* multi = nullptr;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable finished;
  std::list<Job*> waiting;  // handed over, not yet begun
  std::list<Job*> running;  // of the engine's thread
  Bucket bucket;
  std::atomic<bool> stop{false}, cancelled{false};

  void begin_new() {
    std::list<Job*> fresh;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(waiting);
    }
    for (Job* job : fresh) {
      job->progress = Clock::now();
      prepare(*job);
      curl_multi_add_handle(multi, job->easy);
      running.push_back(job);
    }
  }

  void end(Job* job, const std::string& failure) {
    curl_multi_remove_handle(multi, job->easy);
    running.remove(job);
    long status = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    job->answer.failure = failure;
    job->answer.status = failure.empty() ? static_cast<int>(status) : 0;
    const std::lock_guard lock(mutex);
    job->done = true;
    finished.notify_all();
  }

  void collect_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Job* job = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
      std::string failure;
      if (code != CURLE_OK)
        failure = escaped(job->error[0] ? job->error : curl_easy_strerror(code));
      if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        job->answer.refused = true;
      end(job, failure);
    }
  }

  void watch() {
    const auto now = Clock::now();
    std::vector<std::pair<Job*, const char*>> bad;
    for (Job* job : running) {
      if (cancelled)
        bad.emplace_back(job, "stopped");
      else if (const char* why = stuck(*job, now))
        bad.emplace_back(job, why);
      else if (std::exchange(job->paused, false))
        curl_easy_pause(job->easy, CURLPAUSE_CONT);
    }
    for (const auto& [job, why] : bad) {
      job->answer.cancelled = cancelled;
      end(job, why);
    }
  }

  void loop() {
    while (!stop) {
      begin_new();
      int active = 0;
      curl_multi_perform(multi, &active);
      collect_ended();
      watch();
      const bool pausing = bucket.limited() && !running.empty();
      curl_multi_poll(multi, nullptr, 0, pausing ? static_cast<int>(kTick.count()) : 250, nullptr);
    }
  }
};

Transfers::Transfers() : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->multi = curl_multi_init();
  curl_multi_setopt(state_->multi, CURLMOPT_MAXCONNECTS, 32L);
  state_->thread = std::thread([this] { state_->loop(); });
}

Transfers::~Transfers() {
  state_->stop = true;
  curl_multi_wakeup(state_->multi);
  state_->thread.join();
  curl_multi_cleanup(state_->multi);
}

Answer Transfers::perform(const Transfer& transfer) {
  Job job(transfer, state_->bucket);
  const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
  job.easy = easy.get();
  {
    std::unique_lock lock(state_->mutex);
    state_->waiting.push_back(&job);
    curl_multi_wakeup(state_->multi);
    state_->finished.wait(lock, [&] { return job.done; });
  }
  return std::move(job.answer);
}

void Transfers::limit_rate(uint64_t bytes_per_second) {
  state_->bucket.set_rate(bytes_per_second);
}

void Transfers::cancel() {
  state_->cancelled = true;
  curl_multi_wakeup(state_->multi);
}

bool Transfers::cancelled() const {
  return state_->cancelled;
}

}  // namespace stream::fetch
