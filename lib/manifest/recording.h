// The manifest of one recording, stream.recording/1: what stream-record writes and prints, and what
// archiving and cutting read. schema/recording-1.json is its JSON Schema.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "manifest/store.h"

namespace stream::manifest {

using WallTime = std::chrono::system_clock::time_point;

// As documents say what is empty.
Json or_null(const std::string& text);
Json time_or_null(const std::optional<WallTime>& time);

struct RecordingTrack {
  std::string kind;          // video, audio
  std::string codec;         // FFmpeg's name
  std::string codec_string;  // RFC 6381; may be empty
  int width = 0, height = 0;
  double frame_rate = 0;
  int sample_rate = 0, channels = 0;
  uint64_t samples = 0;
};

// What was made of a file's keyframes; paths are relative to the manifest.
struct RecordingThumbnails {
  std::string poster;                // one JPEG
  std::string vtt;                   // WebVTT whose cues name parts of the sprites
  std::vector<std::string> sprites;  // JPEGs of many small pictures
  Nanoseconds interval{};
};

struct RecordingFile {
  std::string path;            // relative to the manifest
  std::string format = "mp4";  // mp4, matroska, webm, mpegts
  int session = 1;             // of Recording::sessions
  WallTime started;
  std::optional<WallTime> ended;  // not while it is open
  Nanoseconds duration{};
  uint64_t bytes = 0;
  int discontinuities = 0;
  bool complete = false;  // closed with its index
  std::string reason;     // why it was closed
  std::string sha256;     // in hex; empty: not known (yet)
  std::vector<RecordingTrack> tracks;
  std::optional<RecordingThumbnails> thumbnails;
};

// One sitting: from the first media, or a request, to a gap that is too long, or a request.
struct RecordingSession {
  int number = 1;  // from 1
  WallTime started;
  std::optional<WallTime> ended;
  std::string reason;  // why it ended
};

// Where the publisher was away and the recording went on.
struct RecordingGap {
  int session = 1;
  std::string path;  // the file that goes on after it
  Nanoseconds at{};  // where in that file
  WallTime started, ended;
};

struct Recording {
  std::string id;                   // its key in the store
  std::string stream;               // may be empty
  std::string input;                // without secrets
  std::string state = "recording";  // recording, waiting, stalled, finished
  std::string reason;               // why it ended
  WallTime started;
  std::optional<WallTime> ended;
  Nanoseconds lost{};  // media that could not be written
  uint64_t dropped_packets = 0;
  std::vector<RecordingSession> sessions;
  std::vector<RecordingGap> gaps;
  std::vector<RecordingFile> files;

  // No file is open: all that is listed may be taken away.
  bool ready() const;
  // Why it is not: ended, with nothing lost, every file complete. Empty: it is.
  std::string incomplete() const;
  bool complete() const { return incomplete().empty(); }
};

Json to_json(const Recording& recording);
// Throws Error kConfig "manifest.invalid" naming what is wrong. Unknown fields are left alone.
Recording recording_from_json(const Json& document);

}  // namespace stream::manifest
