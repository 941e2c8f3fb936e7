#include "observe/metrics.h"

#include <array>

#include "observe/read.h"

namespace stream::observe {
namespace {

using enum MetricType;

// A member of a status document and the family it feeds: numbers as they are, true as 1, a list by
// its length; with `is`, whether a word is one of these. What is null or absent has no sample.
struct Field {
  Family family;
  const char* member;  // JSON pointer
  double scale = 1;
  std::string_view is = {};
};

// Where the fields of a program are: in its status itself, or in each entry of a list of it, whose
// name becomes a label, and a second one where there is such a name.
struct Source {
  std::string_view tool;
  const char* list;  // JSON pointer; empty: the status
  std::string_view label, name;
  std::span<const Field> fields;
  std::string_view label2 = {}, name2 = {};
};

constexpr double kBits = 1.0 / 8;  // to bytes

constexpr Field kProgram[] = {
    {{"stream_program_running", kGauge, "Whether the program is ready and not stopping."},
     "/state",
     1,
     "running"},
    {{"stream_program_uptime_seconds", kGauge, "Time since the program was started."},
     "/uptime_seconds"},
};

constexpr Field kIngest[] = {
    {{"stream_ingest_live", kGauge, "Whether media of a publisher flows."}, "/live"},
    {{"stream_ingest_sessions_total", kCounter, "Publications that were let in."}, "/sessions"},
    {{"stream_ingest_media_seconds_total", kCounter, "Media that was put on the bus."},
     "/media_seconds"},
    {{"stream_ingest_dropped_packets_total", kCounter,
      "Packets that slow readers of the bus missed."},
     "/dropped_packets"},
    {{"stream_ingest_readers", kGauge, "Readers of the bus."}, "/readers"},
    {{"stream_ingest_failed_checks", kGauge, "Live checks that the input fails now."},
     "/failed_checks"},
};

constexpr Field kInput[] = {
    {{"stream_input_live", kGauge, "Whether media of this input comes."}, "/live"},
    {{"stream_input_on_air", kGauge, "Whether this input is the one on air."}, "/on_air"},
    {{"stream_input_silent_seconds", kGauge, "Time since this input gave media."},
     "/silent_seconds"},
    {{"stream_input_received_bytes_total", kCounter, "Bytes received of this publication."},
     "/publisher/received_bytes"},
    {{"stream_input_rtt_seconds", kGauge, "Round trip to the publisher (SRT)."},
     "/publisher/link/rtt_seconds"},
    {{"stream_input_received_packets_total", kCounter, "Packets received (SRT)."},
     "/publisher/link/received_packets"},
    {{"stream_input_lost_packets_total", kCounter, "Packets lost on the way, many are sent again."},
     "/publisher/link/lost_packets"},
    {{"stream_input_dropped_packets_total", kCounter, "Packets lost for good (SRT)."},
     "/publisher/link/dropped_packets"},
};

constexpr Field kLadder[] = {
    {{"stream_ladder_speed_ratio", kGauge, "Media time written per time passed."}, "/speed"},
    {{"stream_ladder_delay_seconds", kGauge, "Media that waits to be encoded."}, "/delay_seconds"},
    {{"stream_ladder_shed_step", kGauge, "How much was given up to keep pace; 0: nothing."},
     "/shed_step"},
    {{"stream_ladder_pictures_total", kCounter, "Pictures decoded."}, "/pictures"},
    {{"stream_ladder_damaged_pictures_total", kCounter, "Pictures that came damaged."},
     "/damaged_pictures"},
    {{"stream_ladder_left_out_pictures_total", kCounter, "Pictures left out to meet the rate."},
     "/left_out_pictures"},
    {{"stream_ladder_dropped_pictures_total", kCounter, "Pictures dropped to keep pace."},
     "/dropped_pictures"},
    {{"stream_ladder_silence_seconds_total", kCounter, "Silence put where sound was missing."},
     "/audio/silence_seconds"},
    {{"stream_ladder_dropped_sound_seconds_total", kCounter, "Sound that was left out."},
     "/audio/dropped_seconds"},
};

constexpr Field kRendition[] = {
    {{"stream_rendition_pictures_total", kCounter, "Pictures encoded or copied."}, "/pictures"},
    {{"stream_rendition_restarts_total", kCounter, "Encoders begun anew."}, "/restarts"},
    {{"stream_rendition_gaps_total", kCounter, "Segments marked as gaps."}, "/gaps"},
    {{"stream_rendition_queued_pictures", kGauge, "Pictures that wait for the encoder."},
     "/queued_pictures"},
    {{"stream_rendition_paused", kGauge, "Whether the rung was given up to keep pace."}, "/paused"},
    {{"stream_rendition_segments", kGauge, "Segments in the playlist."}, "/segments_listed"},
    {{"stream_rendition_average_bytes_per_second", kGauge, "Average rate of the segments."},
     "/average_bps",
     kBits},
    {{"stream_rendition_peak_bytes_per_second", kGauge, "Highest rate of a segment."},
     "/peak_bps",
     kBits},
    {{"stream_rendition_bus_readers", kGauge, "Readers of the rung on the bus."}, "/bus/readers"},
    {{"stream_rendition_bus_sent_bytes_total", kCounter, "Bytes that they were sent."},
     "/bus/sent_bytes"},
    {{"stream_rendition_bus_dropped_packets_total", kCounter,
      "Packets that slow ones of them missed."},
     "/bus/dropped_packets"},
    {{"stream_rendition_bus_queued_seconds", kGauge,
      "Media that waits for the one of them that is furthest behind."},
     "/bus/queued_seconds"},
};

constexpr Field kRecord[] = {
    {{"stream_record_active", kGauge, "Whether a recording is being written."}, "/recording"},
    {{"stream_record_media_seconds_total", kCounter, "Media recorded."}, "/recorded_seconds"},
    {{"stream_record_lost_seconds_total", kCounter, "Media that is missing in the recording."},
     "/lost_seconds"},
    {{"stream_record_written_bytes_total", kCounter, "Bytes written to recordings."},
     "/size_bytes"},
    {{"stream_record_files_total", kCounter, "Files begun."}, "/files"},
    {{"stream_record_dropped_packets_total", kCounter, "Packets that were not recorded."},
     "/dropped_packets"},
    {{"stream_record_queued_packets", kGauge, "Packets that wait for the disk."},
     "/queued_packets"},
    {{"stream_record_stalled", kGauge, "Whether the disk takes nothing."}, "/stalled"},
};

constexpr Field kSimulcast[] = {
    {{"stream_simulcast_input_lost", kGauge, "Whether destinations are held without input."},
     "/input_lost"},
    {{"stream_simulcast_encodings", kGauge, "Encodings that destinations share."}, "/encodings"},
};

constexpr Field kDestination[] = {
    {{"stream_destination_up", kGauge, "Whether the destination is live."},
     "/state",
     1,
     "live degraded"},
    {{"stream_destination_degraded", kGauge, "Whether it is live and can't take all of it."},
     "/state",
     1,
     "degraded"},
    {{"stream_destination_given_up", kGauge, "Whether it is refused or given up, for good."},
     "/state",
     1,
     "refused gave-up"},
    {{"stream_destination_paused", kGauge, "Whether it was paused."}, "/state", 1, "paused"},
    {{"stream_destination_sent_bytes_total", kCounter, "Bytes sent to the destination."},
     "/sent_bytes"},
    {{"stream_destination_sent_pictures_total", kCounter, "Pictures sent to the destination."},
     "/sent_pictures"},
    {{"stream_destination_dropped_pictures_total", kCounter,
      "Pictures left out because the destination was slow."},
     "/dropped_pictures"},
    {{"stream_destination_dropped_sounds_total", kCounter,
      "Sound packets left out because the destination was slow."},
     "/dropped_sounds"},
    {{"stream_destination_thinned_pictures_total", kCounter,
      "Pictures left out because the uplink was full."},
     "/thinned_pictures"},
    {{"stream_destination_reconnects_total", kCounter, "Publications after the first."},
     "/reconnects"},
    {{"stream_destination_queue_bytes", kGauge, "Bytes that wait."}, "/queue_bytes"},
    {{"stream_destination_queue_seconds", kGauge, "Media that waits."}, "/queue_seconds"},
    {{"stream_destination_rtt_seconds", kGauge, "Round trip to the destination."}, "/rtt_seconds"},
};

constexpr Field kEncoding[] = {
    {{"stream_encoding_pictures_total", kCounter, "Pictures encoded for destinations."},
     "/pictures"},
    {{"stream_encoding_dropped_pictures_total", kCounter, "Pictures dropped to keep pace."},
     "/dropped_pictures"},
    {{"stream_encoding_failures_total", kCounter, "Failures of the encoder."}, "/failures"},
    {{"stream_encoding_slow", kGauge, "Whether the encoding can't keep up."}, "/slow"},
};

constexpr Field kServe[] = {
    {{"stream_serve_connections", kGauge, "Connections of viewers."}, "/connections"},
    {{"stream_serve_requests_total", kCounter, "Requests answered."}, "/served_requests"},
    {{"stream_serve_streams", kGauge, "Streams that are offered."}, "/streams"},
    {{"stream_serve_viewers", kGauge, "Viewers that watch over WebRTC."}, "/viewers"},
};

constexpr Field kWatching[] = {
    {{"stream_serve_watching", kGauge,
      "Of them those that watch this rung, or the stream itself, now."},
     "/viewers"},
};

constexpr Field kArchive[] = {
    {{"stream_archive_stored_recordings_total", kCounter, "Recordings that are in the store."},
     "/recordings/stored"},
    {{"stream_archive_due_recordings", kGauge, "Complete recordings on their way."},
     "/recordings/due"},
    {{"stream_archive_failing_recordings", kGauge, "Recordings that wait for another try."},
     "/recordings/failing"},
    {{"stream_archive_live_behind_segments", kGauge, "Live segments that the store lacks."},
     "/live/behind"},
    {{"stream_archive_live_skipped_segments_total", kCounter,
      "Segments that left the live window unsent."},
     "/live/skipped"},
};

constexpr Field kSupervisor[] = {
    {{"stream_supervisor_live", kGauge, "Whether the stream is in its state live."},
     "/lifecycle",
     1,
     "live"},
};

constexpr Field kSupervised[] = {
    {{"stream_supervised_up", kGauge, "Whether the supervised program runs."},
     "/state",
     1,
     "running"},
    {{"stream_supervised_given_up", kGauge, "Whether it is no longer started again."},
     "/state",
     1,
     "gave_up"},
    {{"stream_supervised_failures_total", kCounter, "Times that it failed."}, "/failures"},
};

constexpr std::array kSources = {
    Source{"", "", "", "", kProgram},
    Source{"ingest", "", "", "", kIngest},
    Source{"ingest", "/inputs", "input", "input", kInput},
    Source{"ladder", "", "", "", kLadder},
    Source{"ladder", "/rungs", "rendition", "name", kRendition},
    Source{"record", "", "", "", kRecord},
    Source{"simulcast", "", "", "", kSimulcast},
    Source{"simulcast", "/destinations", "destination", "name", kDestination},
    Source{"simulcast", "/encodings", "rendition", "name", kEncoding},
    Source{"serve", "", "", "", kServe},
    Source{"serve", "/watching", "channel", "channel", kWatching, "rendition", "rung"},
    Source{"archive", "", "", "", kArchive},
    Source{"ctl", "", "", "", kSupervisor},
    Source{"ctl", "/programs", "program", "program", kSupervised},
};

constexpr Family kBuild = {"stream_build_info", kGauge, "The version of stream-tools; always 1."};
constexpr Family kUp = {"stream_program_up", kGauge, "Whether the program answers in time."};
constexpr Family kCpu = {"stream_process_cpu_seconds_total", kCounter,
                         "Processor time of the process; it may serve several streams."};
constexpr Family kMemory = {"stream_process_resident_memory_bytes", kGauge,
                            "Memory of the process."};
constexpr Family kDescriptors = {"stream_process_open_fds", kGauge,
                                 "Descriptors that the process has open."};
constexpr Family kLeftOut = {"stream_metrics_left_out_series", kGauge,
                             "Series beyond the bounds of this text."};

std::optional<double> value_of(const Json& entry, const Field& field) {
  const Json& value = at(entry, field.member);
  if (!field.is.empty()) {
    if (!value.is_string()) return std::nullopt;
    const std::string words = " " + std::string(field.is) + " ";
    return words.find(" " + value.get<std::string>() + " ") != words.npos ? 1.0 : 0.0;
  }
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_array()) return static_cast<double>(value.size());
  if (value.is_number()) return value.get<double>() * field.scale;
  return std::nullopt;
}

void add_fields(const Source& source, const Labels& labels, const Json& entry, Samples& samples) {
  for (const Field& field : source.fields)
    if (const auto value = value_of(entry, field)) samples.add(field.family, labels, *value);
}

// A stream with one input and no choice has no list of inputs.
Json with_inputs(const Json& status) {
  if (at(status, "/inputs").is_array()) return status;
  Json out = status;
  out["inputs"] = {{{"input", "main"},
                    {"live", at(status, "/live")},
                    {"on_air", at(status, "/live")},
                    {"silent_seconds", nullptr},
                    {"publisher", at(status, "/publisher")}}};
  return out;
}

void add_status(const std::string& stream, const std::string& tool, const Json& status,
                Samples& samples) {
  for (const Source& source : kSources) {
    if (!source.tool.empty() && source.tool != tool) continue;
    Labels labels{{"stream", stream}};
    if (source.tool.empty()) labels.emplace_back("program", "stream-" + tool);
    if (!*source.list) {
      add_fields(source, labels, status, samples);
      continue;
    }
    const Json& list = at(status, source.list);
    if (!list.is_array()) continue;
    size_t count = 0;
    for (const Json& entry : list) {
      const auto name = entry.is_object() ? entry.find(source.name) : entry.end();
      if (!entry.is_object() || name == entry.end() || !name->is_string()) continue;
      if (++count > kMaxEntries) {
        samples.leave_out(source.fields.size());
        continue;
      }
      Labels own = labels;
      own.emplace_back(source.label, name->get<std::string>());
      if (const auto more = source.name2.empty() ? entry.end() : entry.find(source.name2);
          more != entry.end() && more->is_string())
        own.emplace_back(source.label2, more->get<std::string>());
      add_fields(source, own, entry, samples);
    }
  }
}

}  // namespace

std::span<const Family* const> families() {
  static const std::vector<const Family*> kAll = [] {
    std::vector<const Family*> all{&kBuild, &kUp, &kCpu, &kMemory, &kDescriptors};
    for (const Source& source : kSources)
      for (const Field& field : source.fields) all.push_back(&field.family);
    all.push_back(&kLeftOut);
    return all;
  }();
  return kAll;
}

Samples samples_of(const std::string& stream, const std::string& tool, const Json& status) {
  Samples samples(kMaxSamples);
  add_status(stream, tool, tool == "ingest" ? with_inputs(status) : status, samples);
  return samples;
}

Samples samples_of(const std::vector<Answer>& answers, const std::string& version) {
  Samples samples(kMaxSamples);
  samples.add(kBuild, {{"version", version}}, 1);
  for (const Answer& answer : answers) {
    const Labels labels{{"stream", answer.stream}, {"program", "stream-" + answer.tool}};
    samples.add(kUp, labels, answer.up());
    if (answer.process) {
      samples.add(kCpu, labels, answer.process->cpu_seconds);
      samples.add(kMemory, labels, static_cast<double>(answer.process->resident_bytes));
      samples.add(kDescriptors, labels, static_cast<double>(answer.process->open_descriptors));
    }
    if (answer.up())
      add_status(answer.stream, answer.tool,
                 answer.tool == "ingest" ? with_inputs(answer.status) : answer.status, samples);
  }
  return samples;
}

std::string metrics_text(const Samples& samples) {
  Samples last(1);
  last.add(kLeftOut, {}, static_cast<double>(samples.left_out()));
  const Family* const own[] = {&kLeftOut};
  const auto others = families().first(families().size() - 1);
  return samples.text(others) + last.text(own);
}

}  // namespace stream::observe
