// top: a live table on a terminal, a line of JSON per interval otherwise.
#include <future>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/run.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "control/client.h"
#include "observe.h"
#include "observe/top_view.h"
#include "os/dirs.h"

namespace stream::ctl {
namespace {

using observe::Row;
using observe::TopView;
using Json = nlohmann::json;
using Gathered = std::vector<observe::Answer>;

constexpr auto kLook = std::chrono::milliseconds(50);

struct TopOptions {
  std::string name;
  Duration interval{std::chrono::seconds(1)};
  unsigned count = 0;
};

// A stream that ends while it is watched is an empty sample.
Gathered gather(const std::string& name) {
  return observe::gather(name.empty() ? std::nullopt : std::optional<std::string>(name));
}

int print_samples(const TopOptions& options, const cli::Context& context) {
  observe::Sampler sampler;
  Nanoseconds due = monotonic_now();
  for (unsigned n = 0; options.count == 0 || n < options.count; ++n) {
    if (n > 0) std::this_thread::sleep_for(due - monotonic_now());
    due = monotonic_now() + options.interval.value;
    const Gathered answers = gather(options.name);
    Json rows = Json::array();
    for (const Row& row : sampler.rows(answers, monotonic_now())) rows.push_back(to_json(row));
    context.print_json({{"schema", "stream.ctl.top/1"},
                        {"time", rfc3339(wall_now())},
                        {"interval_seconds", options.interval.seconds()},
                        {"rows", std::move(rows)}});
  }
  return 0;
}

// What was sampled last and what the user made of it.
class Live {
 public:
  explicit Live(const TopOptions& options) : options_(options) {}

  int run() {
    cli::Screen screen;
    ask();
    for (;;) {
      const bool fresh = take_sample();
      if (fresh && options_.count > 0 && samples_ >= options_.count) return 0;
      const cli::Screen::Event event = screen.wait(kLook);
      using Kind = cli::Screen::Event::Kind;
      if (event.kind == Kind::kEnd)
        return static_cast<int>(event.signal == SIGINT ? Exit::kInterrupted : Exit::kOk);
      if (event.kind == Kind::kKey && !on_key(event.key)) return 0;
      if (fresh || event.kind != Kind::kNone) draw(screen);
    }
  }

 private:
  void ask() {
    due_ = monotonic_now() + options_.interval.value;
    pending_ = std::async(std::launch::async, [name = options_.name] { return gather(name); });
  }

  bool take_sample() {
    if (pending_.valid() &&
        pending_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      rows_ = sampler_.rows(pending_.get(), monotonic_now());
      ++samples_;
      return !view_.paused;
    }
    if (!pending_.valid() && monotonic_now() >= due_) ask();
    return false;
  }

  void draw(cli::Screen& screen) {
    // What is paused stays what it was, but can be sorted and gone through.
    if (!view_.paused) frozen_ = rows_;
    sorted_ = observe::sorted(frozen_, view_);
    std::vector<cli::ScreenLine> lines;
    for (auto& line : observe::top_lines(sorted_, view_, screen.width(), screen.height()))
      lines.push_back({std::move(line.text), line.highlighted});
    screen.draw(lines);
  }

  // False: the end.
  bool on_key(const std::string& key) {
    if (!asked_tool_.empty()) {
      if (key == "y")
        restart();
      else
        view_.message.clear();
      asked_tool_.clear();
      return true;
    }
    view_.message.clear();
    if (key == "q" || key == "escape") return false;
    if (key == "s") view_.sort = observe::next(view_.sort);
    if (key == "p" || key == " ") view_.paused = !view_.paused;
    if ((key == "up" || key == "k") && view_.selected > 0) --view_.selected;
    if (key == "down" || key == "j") ++view_.selected;
    if (key == "r") ask_restart();
    return true;
  }

  void ask_restart() {
    const Row* row = observe::selected_program(sorted_, view_);
    if (!row) return;
    asked_stream_ = row->stream;
    asked_tool_ = row->program.starts_with("stream-") ? row->program.substr(7) : row->program;
    view_.message = "restart " + row->program + " of " + row->stream + "? y: yes, else no";
  }

  void restart() {
    try {
      check_stream_name(asked_stream_);
      control::Client(os::control_socket_path(asked_stream_, "ctl"), std::chrono::seconds(2))
          .call("process.restart", {{"tool", asked_tool_}});
      view_.message = "restarting stream-" + asked_tool_ + " of " + asked_stream_;
    } catch (const Error& e) {
      view_.message = e.code() == Exit::kNotRunning && e.id() == "control.absent"
                          ? asked_stream_ + " is not run by stream-ctl up"
                          : std::string(e.what());
    }
  }

  const TopOptions& options_;
  observe::Sampler sampler_;
  TopView view_;
  std::vector<Row> rows_, frozen_, sorted_;
  std::string asked_stream_, asked_tool_;
  unsigned samples_ = 0;
  Nanoseconds due_{};
  std::future<Gathered> pending_;
};

int top(const TopOptions& options, const cli::Context& context) {
  if (!options.name.empty()) gather_named(options.name);
  const bool table = cli::is_terminal(0) && cli::is_terminal(1) && !context.json();
  return table ? Live(options).run() : print_samples(options, context);
}

}  // namespace

cli::Command top_command() {
  const auto options = std::make_shared<TopOptions>();
  cli::Command verb("top", "watch streams and their programs");
  verb.description(
      "On a terminal a table that is made anew each --interval: for each stream its programs, and "
      "of them the inputs, rungs and destinations, with the rate of media, what waits, what was "
      "dropped, and the processor time and memory of the program. Keys: s sorts by the next of "
      "name, cpu, memory, rate and drops; p holds the display; up and down (k, j) select a "
      "program; r restarts it, after y, where stream-ctl up runs it; q ends.\n\n"
      "Elsewhere, and with --json, a line of JSON per interval. A program that does not answer "
      "within a second is shown as silent.");
  verb.positional("NAME", options->name, "the stream; all of them when it is left out")
      .optional()
      .completes(cli::Completion::kStream);
  verb.option("--interval", options->interval, "TIME", "between samples");
  verb.option("--count", options->count, "N", "end after so many samples; 0: do not");
  verb.check([options] {
    if (options->interval.value < std::chrono::milliseconds(100))
      throw Error(Exit::kUsage, "usage.value", "--interval is shorter than 100ms",
                  "for example --interval 2s");
  });
  verb.run([options](cli::Context& context) { return top(*options, context); });
  return verb;
}

}  // namespace stream::ctl
