// The manifest of one stream, stream.stream/1, and its life: who may move it where. STATE/NAME/
// stream.json in the file store; schema/stream-1.json is its JSON Schema. The table stands in
// stream(7) as well.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "manifest/recording.h"
#include "manifest/store.h"

namespace stream::manifest {

enum class Life { kScheduled, kReady, kLive, kEnding, kCompleted, kError };
inline constexpr Life kLives[] = {Life::kScheduled, Life::kReady,     Life::kLive,
                                  Life::kEnding,    Life::kCompleted, Life::kError};

enum class Cause {
  kOpened,      // what takes the publisher and the viewers runs and is ready
  kMediaBegan,  // the stream is on the bus
  kMediaEnded,  // it is not there any more
  kEndAsked,    // by a person, a signal, the end of the source
  kAllEnded,    // no program of it runs any more
  kFailed,      // what it can't do without was given up
  kReset,       // it was applied anew
};
inline constexpr Cause kCauses[] = {Cause::kOpened,   Cause::kMediaBegan, Cause::kMediaEnded,
                                    Cause::kEndAsked, Cause::kAllEnded,   Cause::kFailed,
                                    Cause::kReset};

// Where `cause` leads to; nullopt: it changes nothing there.
std::optional<Life> next(Life life, Cause cause);
std::string_view to_text(Life life);
std::optional<Life> life_from(std::string_view text);

struct StreamMove {
  WallTime at;
  Life from = Life::kScheduled, to = Life::kScheduled;
  std::string reason;
  bool untold = false;  // its event is not yet on the disk for the hooks
};

struct StreamRecording {
  std::string id;         // of the recording's own manifest
  std::string directory;  // where that lies
  WallTime started;
  std::optional<WallTime> ended;
  Nanoseconds duration{};
  uint64_t bytes = 0;
  bool ready = false;  // its files may be taken away
};

// What became of one session of the schedule; its start says which.
struct StreamSession {
  WallTime start, end;
  std::string title;
  bool missed = false;                     // nothing ran in its time
  std::optional<WallTime> opened, closed;  // opened and not closed: it runs, or was interrupted
  std::string reason;                      // of its end, for people
  bool open() const { return opened && !closed; }
};

struct Stream {
  std::string name, title, group;
  std::string path;            // of the stream file; may be empty
  Json file = Json::object();  // in its normal form
  Life life = Life::kScheduled;
  std::string reason;  // of the last move
  WallTime created;
  std::optional<WallTime> opened, live, ended;  // the last time it was
  std::vector<StreamMove> moves;                // the newest hundred
  std::vector<StreamRecording> recordings;      // likewise
  std::vector<StreamSession> sessions;          // likewise, by start

  // Follows the table; true when it moved. The move is untold until mark_told().
  bool move(Cause cause, const std::string& reason, WallTime now);
  void mark_told();
  // Adds or replaces by id; true when it has become ready by this.
  bool note(StreamRecording recording);
  void note(StreamSession session);  // by start
  StreamSession* open_session();     // nullptr: none is
};

Json to_json(const Stream& stream);
// Throws Error kConfig "manifest.invalid". Unknown fields are left alone.
Stream stream_from_json(const Json& document);

// "NAME/stream".
std::string stream_key(const std::string& name);
std::optional<Stream> load_stream(Store& store, const std::string& name);
// Durable: old or new, never half.
void save_stream(Store& store, const Stream& stream);

}  // namespace stream::manifest
