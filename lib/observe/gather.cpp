#include "observe/gather.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/error.h"
#include "os/dirs.h"
#include "os/unix_socket.h"

namespace stream::observe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxAnswer = 4 << 20;
constexpr std::string_view kRequest = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";

struct Call {
  Answer& answer;
  os::Fd socket;
  std::string received;

  void fail(std::string why) {
    answer.error = std::move(why);
    socket.reset();
  }
};

void begin(Call& call) {
  call.socket = os::connect_unix(os::control_socket_path(call.answer.stream, call.answer.tool));
  if (!call.socket)
    return call.fail(errno == EAGAIN ? "it takes no connection" : errno_text(errno));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(call.socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
    call.answer.pid = peer.pid;
  // The buffer of a new socket holds a request of this size at once.
  if (::send(call.socket.get(), kRequest.data(), kRequest.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kRequest.size()))
    call.fail("it takes no request");
}

void read_answer(Call& call) {
  char chunk[16384];
  const ssize_t n = ::recv(call.socket.get(), chunk, sizeof chunk, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return call.fail("it closed the connection");
  call.received.append(chunk, static_cast<size_t>(n));
  const size_t end = call.received.find('\n');
  if (end == std::string::npos) {
    if (call.received.size() > kMaxAnswer) call.fail("its answer has no end");
    return;
  }
  const Json reply = Json::parse(call.received.substr(0, end), nullptr, false);
  const auto result = reply.is_object() ? reply.find("result") : reply.end();
  if (!reply.is_object() || result == reply.end() || !result->is_object())
    return call.fail("its answer is no status");
  call.answer.status = *result;
  call.socket.reset();
}

void wait_for_answers(std::vector<Call>& calls, Clock::time_point deadline) {
  for (;;) {
    std::vector<pollfd> fds;
    std::vector<Call*> waiting;
    for (Call& call : calls) {
      if (!call.socket) continue;
      fds.push_back({call.socket.get(), POLLIN, 0});
      waiting.push_back(&call);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (fds.empty() || left.count() <= 0) break;
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0) continue;
    for (size_t i = 0; i < fds.size(); ++i)
      if (fds[i].revents) read_answer(*waiting[i]);
  }
  for (Call& call : calls)
    if (call.socket) call.fail("no answer in time");
}

}  // namespace

std::vector<Answer> gather(const std::optional<std::string>& stream,
                           std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::vector<Answer> answers;
  for (const std::string& name : stream ? std::vector<std::string>{*stream} : os::live_streams())
    for (const std::string& tool : os::live_tools(name)) {
      answers.emplace_back();
      answers.back().stream = name;
      answers.back().tool = tool;
    }
  std::vector<Call> calls;
  calls.reserve(answers.size());
  for (Answer& answer : answers) {
    calls.push_back({answer, {}, {}});
    begin(calls.back());
  }
  wait_for_answers(calls, deadline);
  for (Answer& answer : answers)
    if (answer.pid > 0) answer.process = process_figures(answer.pid);
  return answers;
}

}  // namespace stream::observe
