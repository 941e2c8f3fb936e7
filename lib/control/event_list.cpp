// Long because it is one table.
#include "control/event_list.h"

#include <algorithm>
#include <array>

namespace stream::control {
namespace {

// Every program.
constexpr EventField kReady[] = {{"detail", "what it does now, for people"}};
constexpr EventField kStopping[] = {{"detail", "by whom or by what"}};
constexpr EventField kExit[] = {
    {"code", "exit code of the process, see stream(7)"},
    {"reason", "why, for people"},
    {"error", "stable error id, or null"},
    {"uptime_seconds", "how long it ran"},
};
constexpr EventField kReload[] = {{"ok", "whether the new settings are in force"},
                                  {"error", "why not, or null"}};
constexpr EventField kDropped[] = {{"count", "lines that a slow --events target lost"}};

// Publishers and media.
constexpr EventField kListening[] = {{"url", "address publishers connect to, without keys"}};
constexpr EventField kPublisher[] = {
    {"session", "number of this publication within the process"},
    {"address", "peer, ip:port"},
    {"protocol", "rtmp, rtmps, srt, whip, pull, test"},
    {"encoder", "what the publisher calls itself, or null"},
    {"replaces", "session that this one takes over, or null"},
};
constexpr EventField kPublisherEnd[] = {
    {"session", "number of the publication"}, {"address", "peer, ip:port"},
    {"reason", "why it ended, for people"},   {"seconds", "how long it lasted"},
    {"received_bytes", "bytes received"},
};
constexpr EventField kPublisherNotice[] = {
    {"session", "number of the publication, or null"},
    {"detail", "what it is, for people"},
};
constexpr EventField kPublisherHealth[] = {
    {"session", "number of the publication"},
    {"rtt_seconds", "round trip; null when not known, as over WHIP"},
    {"latency_seconds", "agreed on or waited at most, for retransmission"},
    {"buffer_seconds", "received and not delivered yet"},
    {"receive_bps", "what comes now"},
    {"bandwidth_bps",
     "the way's, as the transport guesses; over WHIP what is asked for at most, 0: no bound"},
    {"received_packets", "so far"},
    {"lost_packets", "that were missing at first, so far"},
    {"retransmitted_packets", "that came again, so far"},
    {"dropped_packets", "that came too late or not at all, so far"},
    {"undecrypted_packets", "under another passphrase, or forged, so far"},
};
constexpr EventField kPublisherRefused[] = {
    {"address", "peer, ip:port"},
    {"reason", "why, for people"},
    {"error", "stable error id"},
};
constexpr EventField kTrack[] = {
    {"track", "number of the track"},
    {"kind", "video, audio or other"},
    {"codec", "codec's name"},
    {"width", "of the picture, or null"},
    {"height", "of the picture, or null"},
    {"frame_rate", "frames per second, or null"},
    {"sample_rate", "of the sound, or null"},
    {"channels", "of the sound, or null"},
    {"session", "number of the publication"},
};
constexpr EventField kDiscontinuity[] = {
    {"track", "number of the track, or null for all"},
    {"reason", "jump (also over what was lost on its way), outlier, session, parameters, overflow"},
    {"gap_seconds", "size of the jump, may be negative, or null"},
};
constexpr EventField kSwitched[] = {
    {"input", "what is on air now: a name, or slate"},
    {"before", "what was, or null"},
    {"reason", "why, for people"},
    {"gap_seconds", "in which nothing was sent"},
};
constexpr EventField kCheck[] = {
    {"check",
     "keyframe_interval, reordered_pictures, bit_rate, frame_rate, av_offset, gap, "
     "clock_drift, silent, black, frozen"},
    {"value", "as measured"},
    {"limit", "that the value may not be beyond"},
    {"unit", "of both"},
    {"knob", "what to turn, for people"},
};
constexpr EventField kInputUp[] = {{"input", "its name"}};
constexpr EventField kInputDown[] = {
    {"input", "its name"},
    {"reason", "why, for people"},
    {"retry_seconds", "until it is tried again, or null"},
};
constexpr EventField kPlaylistItem[] = {{"file", "its path"}};
constexpr EventField kPlaylistLeftOut[] = {
    {"file", "its path"},
    {"reason", "why, for people"},
};
constexpr EventField kReader[] = {
    {"rung", "of the ladder that it reads; null: the stream itself"},
    {"reader", "number of the reader, of this rung or of the stream"},
    {"reason", "why it left, or null"},
    {"dropped_packets", "packets it lost by being slow"},
    {"sent_bytes", "bytes sent"},
};

// Ladder.
constexpr EventField kRung[] = {
    {"rung", "name of the rendition"},      {"width", "of the picture"},
    {"height", "of the picture"},           {"bitrate_bps", "target"},
    {"reason", "why, for people, or null"},
};
constexpr EventField kSlow[] = {
    {"rung", "name of the rendition, or null for the whole ladder"},
    {"speed", "media seconds per second"},
    {"delay_seconds", "how far behind the input"},
    {"action", "what is shed: none, frames, rung"},
};
constexpr EventField kRungFailed[] = {{"rung", "name of the rendition"},
                                      {"reason", "why, for people"}};
constexpr EventField kPictureDropped[] = {{"count", "pictures of the input that were dropped"},
                                          {"delay_seconds", "how far behind the input"}};
constexpr EventField kSegment[] = {
    {"rung", "name of the rendition"},
    {"sequence", "media sequence number"},
    {"path", "file"},
    {"duration_seconds", "media in it"},
    {"bytes", "its size"},
};

// Files.
constexpr EventField kFile[] = {
    {"path", "file"},
    {"bytes", "its size"},
    {"duration_seconds", "media in it"},
    {"reason", "why it was closed, or null"},
};
constexpr EventField kFileFailed[] = {
    {"path", "file"}, {"reason", "why, for people"}, {"error", "stable error id"}};
constexpr EventField kFileRecovered[] = {{"path", "file or directory"}};
constexpr EventField kStalled[] = {
    {"path", "file that could not go on"},
    {"reason", "why, for people"},
    {"lost_seconds", "media lost meanwhile, or null"},
};
constexpr EventField kSplitLate[] = {
    {"path", "the file that goes on"},
    {"asked", "the split that waits for a keyframe, for people"},
    {"keyframe_seconds", "media since the last keyframe"},
    {"knob", "what to turn, for people"},
};
constexpr EventField kSplit[] = {
    {"path", "the file that is split"},
    {"width", "of its pictures, or null"},
    {"height", "of its pictures, or null"},
    {"parts", "in order: path, from_seconds, to_seconds; file.closed tells each that is whole"},
};
constexpr EventField kSession[] = {{"session", "number of the session in the recording"},
                                   {"started_at", "wall clock of its first packet"}};
constexpr EventField kGap[] = {
    {"session", "number of the session in the recording"},
    {"path", "file that goes on"},
    {"at_seconds", "where in the file"},
    {"gap_seconds", "how long the publisher was away"},
};
constexpr EventField kReadyRecording[] = {
    {"manifest", "path of the recording's manifest"},
    {"session", "number of the session that ended"},
    {"bytes", "of its files"},
    {"duration_seconds", "media in its files"},
    {"reason", "why it ended"},
};
constexpr EventField kProgress[] = {
    {"media_seconds", "media time reached"},
    {"speed", "media seconds per second"},
    {"delay_seconds", "how far behind the input, or null"},
    {"dropped_frames", "frames shed so far"},
};

// Archive.
constexpr EventField kObject[] = {
    {"path", "file here"},
    {"key", "object's key in the store"},
    {"bytes", "its size"},
    {"sha256", "of its content"},
    {"sent_bytes", "what this run had to send of it"},
};
constexpr EventField kArchived[] = {
    {"recording", "its name"},
    {"bytes", "of all its files"},
    {"sent_bytes", "what this run had to send"},
    {"verified", "whether size and checksum were read back"},
};
constexpr EventField kVod[] = {
    {"recording", "its name"},
    {"path", "directory of the output"},
    {"renditions", "how many, without those of sound"},
    {"bytes", "of all its files"},
};
constexpr EventField kDamaged[] = {{"key", "object's key in the store"},
                                   {"reason", "why, for people"}};
constexpr EventField kStoreRetry[] = {
    {"url", "what was asked for"},
    {"reason", "why, for people"},
    {"tries", "so far"},
    {"wait_seconds", "until the next"},
};
constexpr EventField kTransfer[] = {
    {"what", "uploading, restoring, verifying"},
    {"done_bytes", "so far"},
    {"total_bytes", "of all, as far as known"},
    {"elapsed_seconds", "since it began"},
};
constexpr EventField kMirror[] = {{"url", "where the output is"}};
constexpr EventField kMirrorFailing[] = {{"reason", "why, for people"}};
constexpr EventField kMirrorRecovered[] = {{"outage_seconds", "since the first failure"}};
constexpr EventField kMirrorLag[] = {
    {"segment_p50_seconds", "from a segment's file closed to its object visible, median"},
    {"segment_p95_seconds", "the same, 95th percentile of the last 1,024"},
    {"playlist_p50_seconds", "of playlists"},
    {"playlist_p95_seconds", "of playlists"},
    {"behind", "listed on the disk, not in the store yet"},
    {"skipped", "segments that left the window before they were in the store"},
    {"objects", "put so far"},
    {"bytes", "put so far"},
};
constexpr EventField kRecordingDeleted[] = {
    {"recording", "its name"}, {"reason", "age, size or free space"}, {"bytes", "what it frees"}};
constexpr EventField kFileDeleted[] = {{"path", "file"}};
constexpr EventField kFileRestored[] = {{"path", "file"}, {"bytes", "its size"}};

// Destinations.
constexpr EventField kDestinationAdded[] = {
    {"destination", "its name"},
    {"target", "address without keys, or the source of it"},
    {"profile", "the platform's"},
};
constexpr EventField kDestinationName[] = {{"destination", "its name"}};
constexpr EventField kDestination[] = {
    {"destination", "its name"},
    {"before", "the state it leaves"},
    {"reason", "why, for people, or null"},
    {"retry_seconds", "until it is tried again, or null"},
};
constexpr EventField kUplink[] = {
    {"full", "whether somebody has to make room, or the most important one alone is too much"},
    {"uplink_bps", "what there is, as --uplink says, or null"},
    {"wanted_bps", "what all destinations together would need"},
    {"thinned", "destinations that get keyframes and sound only"},
    {"held", "destinations that get nothing"},
};
constexpr EventField kUnfit[] = {
    {"destination", "its name"},
    {"refused", "whether the platform would not take the stream"},
    {"reason", "what does not fit"},
    {"remedy", "what helps"},
};
constexpr EventField kEncode[] = {
    {"encode", "the setting, as video= takes it"},
    {"reason", "why, for people, or null"},
};
constexpr EventField kHealth[] = {
    {"destination", "its name"},
    {"state", "as in the events of its state"},
    {"health", "healthy, degraded, failing, off"},
    {"in_bps", "media that comes"},
    {"out_bps", "media that goes"},
    {"frame_rate", "pictures sent per second"},
    {"queue_bytes", "what waits"},
    {"queue_seconds", "media that waits"},
    {"dropped_pictures", "left out so far"},
    {"dropped_sounds", "left out so far"},
    {"rtt_seconds", "round trip, or null"},
    {"reconnects", "publications after the first"},
    {"last_error", "for people, or null"},
};

// Whole streams.
constexpr EventField kProcess[] = {
    {"program", "stream-ingest and so on"},
    {"pid", "of the process"},
    {"adopted", "whether it ran already and was taken over"},
};
constexpr EventField kProcessReady[] = {{"program", "stream-ingest and so on"}};
constexpr EventField kProcessExit[] = {
    {"program", "stream-ingest and so on"},
    {"code", "exit code, 128 and the signal, or null: another started it"},
    {"reason", "why, for people"},
};
constexpr EventField kProcessFailed[] = {
    {"program", "stream-ingest and so on"},
    {"reason", "why, for people"},
    {"failures", "in a row"},
    {"retry_seconds", "until it is started again, or null"},
};
constexpr EventField kProcessGaveUp[] = {
    {"program", "stream-ingest and so on"},
    {"reason", "why, for people"},
    {"failures", "in a row"},
};
constexpr EventField kHookFailed[] = {
    {"hook", "name of the hook"},
    {"about", "the event that it was to get"},
    {"id", "of the message, the header webhook-id"},
    {"reason", "what failed"},
    {"failures", "in a row"},
    {"retry_seconds", "until the next try"},
};
constexpr EventField kHookDropped[] = {
    {"hook", "name of the hook"},
    {"about", "the event that it never got, or null"},
    {"id", "of the message"},
    {"reason", "why it is not tried any more"},
};
constexpr EventField kHookRecovered[] = {{"hook", "name of the hook"},
                                         {"failures", "how many came before"}};
constexpr EventField kLife[] = {{"before", "the state it leaves"}, {"reason", "why, for people"}};
constexpr EventField kScheduled[] = {
    {"start_at", "when it starts by the schedule, RFC 3339"},
    {"end_at", "when it ends by the schedule, RFC 3339"},
    {"title", "its title, or null"},
    {"reason", "why, for people"},
};
constexpr EventField kSessionOpened[] = {
    {"start_at", "when it starts by the schedule, RFC 3339"},
    {"end_at", "when it ends by the schedule, RFC 3339"},
    {"title", "its title, or null"},
    {"late_seconds", "how long after its start, or 0"},
    {"resumed", "whether it was open already"},
};
constexpr EventField kApplied[] = {
    {"started", "programs that are new"},
    {"ended", "programs that are not wanted any more"},
    {"restarted", "programs whose options changed"},
    {"destinations_set", "destinations that are new or changed"},
    {"destinations_removed", "destinations that are gone"},
};

// HTTP.
constexpr EventField kViewer[] = {
    {"viewer", "id of its session, as at the end of its URL"},
    {"address", "of its request, ip:port"},
    {"channel", "the stream that it watches"},
    {"rung", "of the stream's ladder; null: the stream itself"},
};
constexpr EventField kViewerMoved[] = {
    {"viewer", "id of its session"},
    {"address", "of its request, ip:port"},
    {"channel", "the stream that it watches"},
    {"rung", "of the stream's ladder, that it watches now"},
    {"before", "the one that it watched"},
    {"reason", "why, for people"},
};
constexpr EventField kViewerEnd[] = {
    {"viewer", "id of its session"},
    {"address", "of its request, ip:port"},
    {"channel", "the stream that it watched"},
    {"rung", "that it watched last, or null"},
    {"reason", "why, for people"},
    {"seconds", "how long it was there"},
    {"sent_bytes", "of media"},
    {"resent_packets", "that it asked for again"},
    {"lost_packets", "that it missed, as it says itself"},
};
constexpr EventField kRequest[] = {
    {"address", "client's address"},         {"method", "GET, HEAD, OPTIONS"},
    {"path", "as asked for, without query"}, {"status", "HTTP status"},
    {"sent_bytes", "of the body"},           {"seconds", "until the last byte was handed over"},
};

constexpr std::array kEvents = {
    EventInfo{"service.ready", "all", "The program does its work from now on.", kReady},
    EventInfo{"service.reloaded", "all", "SIGHUP was handled, or a file in use was read anew.",
              kReload},
    EventInfo{"service.stopping", "all", "A stop was asked for.", kStopping},
    EventInfo{"events.dropped", "all", "The reader of --events was too slow.", kDropped},
    EventInfo{"exit", "all", "Always the last line.", kExit},
    EventInfo{"listener.started", "ingest serve", "The port accepts connections.", kListening},
    EventInfo{"publisher.connected", "ingest", "A publisher was let in.", kPublisher},
    EventInfo{"publisher.disconnected", "ingest", "A publication ended.", kPublisherEnd},
    EventInfo{"publisher.refused", "ingest", "A publisher was turned away.", kPublisherRefused},
    EventInfo{"publisher.notice", "ingest", "Something about what a publisher sends.",
              kPublisherNotice},
    EventInfo{"publisher.health", "ingest", "Every second, for publishers over SRT and WHIP.",
              kPublisherHealth},
    EventInfo{"track.added", "ingest ladder record", "A track is known with all its parameters.",
              kTrack},
    EventInfo{"track.changed", "ingest", "A track has new parameters from here on.", kTrack},
    EventInfo{"check.failed", "ingest", "What comes in is beyond a limit.", kCheck},
    EventInfo{"check.passed", "ingest", "It is within the limit again.", kCheck},
    EventInfo{"playlist.item", "ingest", "A file of the playlist begins.", kPlaylistItem},
    EventInfo{"playlist.left_out", "ingest", "A file of the playlist can't be played.",
              kPlaylistLeftOut},
    EventInfo{"input.up", "ingest", "A source of one of several inputs is there.", kInputUp},
    EventInfo{"input.down", "ingest", "An input that is pulled broke off or is not to be reached.",
              kInputDown},
    EventInfo{"input.switched", "ingest", "Another input, or the slate, is on air.", kSwitched},
    EventInfo{"media.discontinuity", "ingest ladder record",
              "The timeline does not continue smoothly here.", kDiscontinuity},
    EventInfo{"media.ended", "ingest ladder record simulcast", "The input ended.", kReady},
    EventInfo{"reader.connected", "ingest ladder", "Somebody reads the bus.", kReader},
    EventInfo{"reader.slow", "ingest ladder", "A reader's queue overflowed to the next keyframe.",
              kReader},
    EventInfo{"reader.disconnected", "ingest ladder", "A reader left.", kReader},
    EventInfo{"rung.started", "ladder", "A rendition is encoded or copied.", kRung},
    EventInfo{"rung.left_out", "ladder", "A rendition was not made.", kRung},
    EventInfo{"rung.slow", "ladder", "Encoding falls behind real time.", kSlow},
    EventInfo{"rung.recovered", "ladder", "Encoding keeps up again.", kSlow},
    EventInfo{"rung.failed", "ladder", "An encoder broke; it is started again.", kRungFailed},
    EventInfo{"picture.dropped", "ladder",
              "So much live media waited that it was dropped up to the newest keyframe.",
              kPictureDropped},
    EventInfo{"segment.written", "ladder", "A segment stands in its playlist.", kSegment},
    EventInfo{"file.opened", "record", "A recording file was begun.", kFile},
    EventInfo{"file.closed", "record", "A recording file is complete.", kFile},
    EventInfo{"split.planned", "record", "Into what parts a file is split.", kSplit},
    EventInfo{"file.failed", "ladder record", "A file could not be written.", kFileFailed},
    EventInfo{"file.recovered", "ladder record", "Writing works again.", kFileRecovered},
    EventInfo{"recording.stalled", "record", "The disk refuses: media is being lost.", kStalled},
    EventInfo{"recording.split_late", "record",
              "A split waits for a keyframe that does not come; told once.", kSplitLate},
    EventInfo{"recording.resumed", "record", "A new file takes what comes again.", kStalled},
    EventInfo{"recording.started", "record", "A session of the recording began.", kSession},
    EventInfo{"recording.gap", "record", "The publisher was away; the recording goes on.", kGap},
    EventInfo{"recording.ready", "record",
              "A session ended, and its files are closed and listed with checksums.",
              kReadyRecording},
    EventInfo{"progress", "archive ladder record", "How the work goes, once in a while.",
              kProgress},
    EventInfo{"object.stored", "archive", "A file is in the store.", kObject},
    EventInfo{"object.verified", "archive", "Its size and checksum were read back.", kObject},
    EventInfo{"object.damaged", "archive", "The store has it not, or not as it was put.", kDamaged},
    EventInfo{"recording.archived", "archive", "A recording and its entry are in the store.",
              kArchived},
    EventInfo{"recording.deleted", "archive", "A recording went as the policy says.",
              kRecordingDeleted},
    EventInfo{"vod.ready", "archive", "A recording is there as HLS.", kVod},
    EventInfo{"store.retrying", "archive", "The store failed and is tried again.", kStoreRetry},
    EventInfo{"transfer.progress", "archive", "How far it has come, every 5 s.", kTransfer},
    EventInfo{"mirror.live", "archive", "All playlists of a live output are in the store.",
              kMirror},
    EventInfo{"mirror.lag", "archive", "How far the store is behind the output, every 10 s.",
              kMirrorLag},
    EventInfo{"mirror.failing", "archive", "The store takes nothing; what comes is skipped.",
              kMirrorFailing},
    EventInfo{"mirror.recovered", "archive", "The store takes what comes again.", kMirrorRecovered},
    EventInfo{"mirror.ended", "archive", "The output ended, and all of it is in the store.",
              kMirrorLag},
    EventInfo{"file.deleted", "archive", "A local copy went, after it was read back.",
              kFileDeleted},
    EventInfo{"file.restored", "archive", "A file came back from the store.", kFileRestored},
    EventInfo{"input.lost", "simulcast", "The input is gone and is waited for.", kReady},
    EventInfo{"input.returned", "simulcast", "The input is there again.", kReady},
    EventInfo{"destination.added", "simulcast", "A destination is served from now on.",
              kDestinationAdded},
    EventInfo{"destination.removed", "simulcast", "A destination was forgotten.", kDestinationName},
    EventInfo{"destination.unfit", "simulcast", "The stream does not fit the platform.", kUnfit},
    EventInfo{"uplink.full", "simulcast", "Destinations make room for more important ones.",
              kUplink},
    EventInfo{"uplink.free", "simulcast", "All destinations get everything again.", kUplink},
    EventInfo{"encode.started", "simulcast", "Pictures are encoded anew for a destination.",
              kEncode},
    EventInfo{"encode.slow", "simulcast", "An encoder can't keep up: pictures are left out.",
              kEncode},
    EventInfo{"encode.recovered", "simulcast", "It encodes all pictures again.", kEncode},
    EventInfo{"encode.ended", "simulcast", "No destination needs that encoding any more.", kEncode},
    EventInfo{"destination.resolving", "simulcast", "Its address is looked for.", kDestination},
    EventInfo{"destination.connecting", "simulcast", "A connection is made.", kDestination},
    EventInfo{"destination.handshaking", "simulcast", "Connected; TLS and RTMP handshakes.",
              kDestination},
    EventInfo{"destination.publishing", "simulcast",
              "Publishing is asked for, or began and is not proven yet.", kDestination},
    EventInfo{"destination.live", "simulcast", "Media arrives there.", kDestination},
    EventInfo{"destination.degraded", "simulcast", "Media is dropped or late.", kDestination},
    EventInfo{"destination.stalled", "simulcast", "Connected, and nothing moves.", kDestination},
    EventInfo{"destination.backoff", "simulcast", "It waits to try again.", kDestination},
    EventInfo{"destination.paused", "simulcast", "It was paused.", kDestination},
    EventInfo{"destination.held", "simulcast", "It was ended, for the uplink is full.",
              kDestination},
    EventInfo{"destination.refused", "simulcast", "Refused for good.", kDestination},
    EventInfo{"destination.gave_up", "simulcast", "Not tried again, as the options say.",
              kDestination},
    EventInfo{"destination.stopped", "simulcast", "It was ended.", kDestination},
    EventInfo{"destination.health", "simulcast", "Every second, for each destination.", kHealth},
    EventInfo{"process.started", "ctl", "A program of the stream runs.", kProcess},
    EventInfo{"process.ready", "ctl", "It does its work from now on.", kProcessReady},
    EventInfo{"process.exited", "ctl", "It has ended.", kProcessExit},
    EventInfo{"process.failed", "ctl", "It ended unasked, with an error.", kProcessFailed},
    EventInfo{"process.gave_up", "ctl", "It failed so often that it is not started again.",
              kProcessGaveUp},
    EventInfo{"stream.ready", "ctl", "Publisher and viewers may come.", kLife},
    EventInfo{"stream.live", "ctl", "Media flows.", kLife},
    EventInfo{"stream.ending", "ctl", "Its programs are being ended.", kLife},
    EventInfo{"stream.ended", "ctl", "It is completed: all have ended.", kLife},
    EventInfo{"stream.failed", "ctl", "It ended by a failure.", kLife},
    EventInfo{"stream.scheduled", "ctl", "It is to come.", kLife},
    EventInfo{"session.opened", "ctl", "A session of the schedule has begun.", kSessionOpened},
    EventInfo{"session.closed", "ctl", "It has ended.", kScheduled},
    EventInfo{"session.missed", "ctl", "Nothing ran in its time.", kScheduled},
    EventInfo{"stream.applied", "ctl", "A changed stream file is in force.", kApplied},
    EventInfo{"hook.failed", "ctl", "A hook did not take an event; it is tried again.",
              kHookFailed},
    EventInfo{"hook.recovered", "ctl", "It takes events again.", kHookRecovered},
    EventInfo{"hook.dropped", "ctl", "An event is lost to a hook.", kHookDropped},
    EventInfo{"hook.test", "ctl", "Sent by stream-ctl hooks test, and nothing else.", {}},
    EventInfo{"viewer.connected", "serve", "A player gets a live stream over WebRTC.", kViewer},
    EventInfo{"viewer.slow", "serve",
              "So much does not arrive that it waits for the next key frame.", kViewer},
    EventInfo{"viewer.moved", "serve", "It watches another rung of the ladder.", kViewerMoved},
    EventInfo{"viewer.ended", "serve", "It is gone.", kViewerEnd},
    EventInfo{"request.served", "serve", "An HTTP request was answered (with -v).", kRequest},
};

}  // namespace

std::span<const EventInfo> event_list() {
  return kEvents;
}

const EventInfo* find_event(std::string_view name) {
  const auto it = std::find_if(kEvents.begin(), kEvents.end(),
                               [&](const EventInfo& event) { return event.name == name; });
  return it == kEvents.end() ? nullptr : &*it;
}

}  // namespace stream::control
