#include "observe/rows.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "observe/read.h"

namespace stream::observe {
namespace {

std::optional<double> sum(std::optional<double> a, std::optional<double> b) {
  if (!a && !b) return std::nullopt;
  return a.value_or(0) + b.value_or(0);
}

std::string size_text(const Json& entry) {
  const int width = whole(entry, "/width"), height = whole(entry, "/height");
  return width && height ? std::to_string(width) + "x" + std::to_string(height) : "";
}

void describe_ingest(const Json& status, Row& row) {
  if (row.state == "running") row.state = truth(status, "/live") ? "live" : "waiting";
  for (const Json& track : list(status, "/tracks"))
    row.rate_bps = sum(row.rate_bps, number(track, "/bit_rate_bps"));
  for (const Json& reader : list(status, "/readers"))
    row.queue_seconds =
        std::max(row.queue_seconds.value_or(0), number(reader, "/queued_seconds").value_or(0));
  row.dropped = number(status, "/dropped_packets");
  row.detail = text(status, "/publisher/protocol");
  if (const size_t failed = list(status, "/failed_checks").size(); failed > 0)
    row.detail += (row.detail.empty() ? "" : ", ") + std::to_string(failed) + " checks fail";
}

void describe_ladder(const Json& status, Row& row) {
  row.queue_seconds = number(status, "/delay_seconds");
  row.dropped = number(status, "/dropped_pictures");
  for (const Json& rung : list(status, "/rungs"))
    row.rate_bps = sum(row.rate_bps, number(rung, "/average_bps"));
  if (const auto speed = number(status, "/speed")) {
    char shown[32];
    std::snprintf(shown, sizeof shown, "speed %.2fx", *speed);
    row.detail = shown;
  }
}

void describe_simulcast(const Json& status, Row& row) {
  for (const Json& one : list(status, "/destinations")) {
    row.rate_bps = sum(row.rate_bps, number(one, "/out_bps"));
    row.dropped =
        sum(row.dropped, sum(number(one, "/dropped_pictures"), number(one, "/dropped_sounds")));
  }
  if (truth(status, "/input_lost")) row.state = "no input";
}

Row part(const Answer& answer, const char* kind, std::string name) {
  Row row;
  row.stream = answer.stream;
  row.program = "stream-" + answer.tool;
  row.kind = kind;
  row.name = std::move(name);
  return row;
}

Row rung_row(const Answer& answer, const Json& rung) {
  Row row = part(answer, "rung", text(rung, "/name"));
  row.state = truth(rung, "/paused") ? "paused" : truth(rung, "/copied") ? "copied" : "encoding";
  row.rate_bps = number(rung, "/average_bps");
  row.queue_seconds = number(rung, "/bus/queued_seconds");
  row.dropped = number(rung, "/bus/dropped_packets");
  row.detail = size_text(rung);
  if (const std::string encoder = text(rung, "/encoder"); !encoder.empty())
    row.detail += " " + encoder;
  if (const size_t readers = list(rung, "/bus/readers").size(); readers > 0)
    row.detail += ", " + std::to_string(readers) + (readers == 1 ? " reader" : " readers");
  return row;
}

Row destination_row(const Answer& answer, const Json& one) {
  Row row = part(answer, "destination", text(one, "/name"));
  row.state = text(one, "/state");
  row.rate_bps = number(one, "/out_bps");
  row.queue_seconds = number(one, "/queue_seconds");
  row.dropped = sum(number(one, "/dropped_pictures"), number(one, "/dropped_sounds"));
  row.detail = text(one, "/last_error");
  return row;
}

// What the supervisor knows of and nobody answers for.
Row absent_row(const Answer& answer, const Json& program) {
  Row row = part(answer, "program", "");
  row.program = text(program, "/program");
  row.state = text(program, "/state");
  row.detail = text(program, "/reason");
  return row;
}

}  // namespace

std::optional<double> Sampler::per_second(const std::string& what, std::optional<double> value) {
  if (!value) return std::nullopt;
  counts_[what] = {*value, now_};
  const auto it = before_.find(what);
  if (it == before_.end() || now_ <= it->second.at) return std::nullopt;
  const double rate =
      (*value - it->second.value) / std::chrono::duration<double>(now_ - it->second.at).count();
  // The count of another session or process begins anew.
  return rate < 0 ? std::nullopt : std::optional<double>(rate);
}

Row Sampler::program_row(const Answer& answer) {
  Row row = part(answer, "program", "");
  row.pid = answer.pid;
  if (answer.process) {
    row.cpu_ratio = per_second("cpu " + std::to_string(answer.pid), answer.process->cpu_seconds);
    row.memory_bytes = answer.process->resident_bytes;
  }
  if (!answer.up()) {
    row.state = "silent";
    row.detail = answer.error;
    return row;
  }
  row.state = text(answer.status, "/state");
  if (answer.tool == "ingest") describe_ingest(answer.status, row);
  if (answer.tool == "ladder") describe_ladder(answer.status, row);
  if (answer.tool == "simulcast") describe_simulcast(answer.status, row);
  if (answer.tool == "record") {
    const auto bytes = per_second("record " + answer.stream, number(answer.status, "/size_bytes"));
    if (bytes) row.rate_bps = 8 * *bytes;
    row.dropped = number(answer.status, "/dropped_packets");
    row.detail = text(answer.status, "/path");
    if (truth(answer.status, "/recording")) row.state = "recording";
    if (truth(answer.status, "/stalled")) row.state = "stalled";
  }
  if (answer.tool == "serve")
    row.detail = std::to_string(whole(answer.status, "/connections")) + " connections" +
                 (number(answer.status, "/viewers")
                      ? ", " + std::to_string(whole(answer.status, "/viewers")) + " viewers"
                      : "");
  if (answer.tool == "archive") row.detail = archive_detail(answer.status);
  if (answer.tool == "ctl") {
    row.state = text(answer.status, "/lifecycle");
    row.detail = text(answer.status, "/reason");
  }
  return row;
}

void Sampler::add_inputs(const Answer& answer, std::vector<Row>& rows) {
  for (const Json& input : list(answer.status, "/inputs")) {
    Row row = part(answer, "input", text(input, "/input"));
    row.state = truth(input, "/on_air") ? "on air" : truth(input, "/live") ? "live" : "waiting";
    const auto bytes = per_second("input " + answer.stream + " " + row.name,
                                  number(input, "/publisher/received_bytes"));
    if (bytes) row.rate_bps = 8 * *bytes;
    row.dropped = number(input, "/publisher/link/dropped_packets");
    row.detail = text(input, "/publisher/protocol");
    rows.push_back(std::move(row));
  }
}

void Sampler::add_parts(const Answer& answer, std::vector<Row>& rows) {
  if (answer.tool == "ingest") add_inputs(answer, rows);
  if (answer.tool == "ladder")
    for (const Json& rung : list(answer.status, "/rungs")) rows.push_back(rung_row(answer, rung));
  if (answer.tool == "simulcast")
    for (const Json& one : list(answer.status, "/destinations"))
      rows.push_back(destination_row(answer, one));
}

std::vector<Row> Sampler::rows(const std::vector<Answer>& answers, Nanoseconds now) {
  now_ = now;
  std::vector<Row> rows;
  for (const Answer& answer : answers) {
    rows.push_back(program_row(answer));
    if (answer.up()) add_parts(answer, rows);
    if (answer.tool != "ctl") continue;
    for (const Json& program : list(answer.status, "/programs")) {
      const std::string name = text(program, "/program");
      if (std::none_of(answers.begin(), answers.end(), [&](const Answer& a) {
            return a.stream == answer.stream && "stream-" + a.tool == name;
          }))
        rows.push_back(absent_row(answer, program));
    }
  }
  before_ = std::exchange(counts_, {});
  return rows;
}

Json to_json(const Row& row) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const auto text_or_null = [](const std::string& t) {
    return t.empty() ? Json(nullptr) : Json(t);
  };
  return {{"stream", row.stream},
          {"program", row.program},
          {"kind", row.kind},
          {"name", text_or_null(row.name)},
          {"state", row.state},
          {"detail", text_or_null(row.detail)},
          {"pid", row.pid > 0 ? Json(row.pid) : Json(nullptr)},
          {"cpu_ratio", or_null(row.cpu_ratio)},
          {"memory_bytes", or_null(row.memory_bytes)},
          {"rate_bps", or_null(row.rate_bps)},
          {"queue_seconds", or_null(row.queue_seconds)},
          {"dropped", or_null(row.dropped)}};
}

}  // namespace stream::observe
