// One file of a recording in any of our containers: packets are collected and written half a second
// or a group of pictures at a time, so that a crash costs no more. Nothing is on the disk before
// create(). One thread, but for finish(), which may be called on another when nothing else is.
#pragma once
#include <memory>
#include <string>

#include "av/packet.h"
#include "av/track.h"
#include "os/fd.h"
#include "record/recording_file.h"

namespace stream::media {

enum class Container { kMp4, kMatroska, kWebm, kMpegts };

// "mp4" as in manifests, and ".mp4" at the end of a name.
const char* container_name(Container container);
const char* container_suffix(Container container);
Container container_named(const std::string& name);  // kMp4 for one that is not known
// By the end of a path: .mp4 .m4v .m4a .mov .mkv .mka .webm .ts; nullopt for any other.
std::optional<Container> container_of(const std::string& path);
// The codec that sound of `codec` must become for this container; empty: it may stay.
std::string sound_for(Container container, const std::string& codec);

class Writer {
 public:
  // Half of what a crash may cost, so that the way through pipes and queues has the other half.
  static constexpr Nanoseconds kLongest = std::chrono::milliseconds(500);
  // Pictures that are all keyframes do not make a write each.
  static constexpr Nanoseconds kShortest = std::chrono::milliseconds(200);

  using Result = RecordingFile::Result;

  virtual ~Writer() = default;

  // New codec configuration. Only before the first packet of that track.
  virtual void reconfigure(const av::Track& track, int index) = 0;
  virtual bool has_samples(int track) const = 0;
  // False for a track that the file, once made, can't take any more.
  virtual bool takes(int track) const = 0;

  // True when what is held should be written before `packet` is added.
  virtual bool due(const av::Packet& packet) const = 0;
  // False when its time is not after the one before on its track; nothing is added then.
  virtual bool add(const av::Packet& packet) = 0;
  virtual bool empty() const = 0;   // nothing is held
  virtual size_t held() const = 0;  // packets
  virtual Nanoseconds first_held() const = 0;

  // Makes the file, for what is held and all that follows. As RecordingFile's constructor.
  virtual void create(const std::string& path, const RecordingFileOptions& options) = 0;
  virtual bool created() const = 0;
  // Writes what is held, which is gone then in any case.
  virtual Result write() = 0;
  // The index. 0 or the errno that kept it out; the file plays without, too.
  virtual int finish() = 0;

  virtual const std::string& path() const = 0;
  virtual std::shared_ptr<os::Fd> descriptor() const = 0;
  virtual uint64_t size() const = 0;
  virtual Nanoseconds duration() const = 0;
  virtual uint64_t samples(int track) const = 0;
  virtual std::string codec_string(int track) const = 0;  // RFC 6381; may be empty
};

// Throws Error kUnsupported for tracks that the container can't hold.
std::unique_ptr<Writer> make_writer(Container container, const av::Tracks& tracks);

}  // namespace stream::media
