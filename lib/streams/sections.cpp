// The keys of stream.yaml: one table for parsing, for argument vectors and for stream.yaml(5).
#include <algorithm>
#include <array>
#include <cassert>

#include "streams/file.h"

namespace stream::streams {
namespace {

using enum Kind;

constexpr Key kInputKeys[] = {
    {"listen", "--listen", kUrl, true, "",
     "publishers come here: rtmp://ADDRESS:PORT/APP, rtmps://ADDRESS:PORT/APP, "
     "srt://ADDRESS:PORT, srtla://ADDRESS:PORT, whip://ADDRESS:PORT, whips://ADDRESS:PORT"},
    {"inputs", "--input", kInput, true, "",
     "several for the one stream, the preferred first: NAME=rtmp, NAME=srt or NAME=whip for "
     "publishers, NAME=rtmp:KEYNAME, NAME=URL, NAME=FILE"},
    {"rtc_port", "--rtc-port", kCount, false, "", "port, UDP and TCP, for the media of whip"},
    {"rtc_address", "--rtc-address", kText, true, "", "where browsers reach it, behind NAT"},
    {"ice_server", "--ice-server", kText, true, "", "STUN and TURN servers for browsers"},
    {"turn_login", "--turn-login", kSource, false, "", "NAME:PASSWORD of the TURN servers"},
    {"turn_secret", "--turn-secret", kSource, false, "", "what TURN servers know too"},
    {"pull", "--pull", kPlace, false, "", "a file or a URL that is read instead"},
    {"pull_allow", "--pull-allow", kText, true, "",
     "inner addresses and protocols that a pulled playlist may lead to"},
    {"playlist", "--playlist", kPath, false, "", "files that are played one after the other"},
    {"loop", "--loop", kFlag, false, "", "over and over: the playlist, or a file that is pulled"},
    {"test_pattern", "--test-pattern", kFlag, false, "", "a moving picture with a beep instead"},
    {"external", "", kFlag, false, "",
     "another stream-ingest publishes the stream on the bus; none is started"},
    {"key_file", "--key-file", kPath, false, "", "who may publish, see stream-key-file(5)"},
    {"token_key", "--token-key", kPath, false, "", "public key of tokens that may publish"},
    {"auth_url", "--auth-url", kPlace, false, "", "who is asked about other keys"},
    {"cert", "--cert", kPath, false, "", "of rtmps and whips, in PEM"},
    {"key", "--key", kPlace, false, "", "its private key: a file or a source"},
    {"passphrase", "--passphrase", kStreamSource, false, "", "SRT publishers encrypt with it"},
    {"open", "--open", kStream, false, "", "anybody on this machine may publish, without a key"},
    {"insecure", "--insecure", kFlag, false, "", "open for other machines as well"},
    {"on_conflict", "--on-conflict", kText, false, "replace refuse",
     "what a second publisher does: replace or refuse"},
    {"codecs", "--codecs", kText, true, "", "accept these codecs only"},
    {"hold", "--hold", kDuration, false, "", "keep readers for so long without any input"},
    {"slate", "--slate", kSlate, false, "", "a text or a picture while no input delivers"},
    {"fallback", "--fallback", kPath, false, "", "a film in a loop instead"},
    {"stall", "--stall", kDuration, false, "", "an input that is silent for so long is left"},
    {"checks", "--checks", kText, false, "all packets none", "what is measured of the input"},
    {"admission_timeout", "--admission-timeout", kDuration, false, "", "for a publisher's start"},
    {"idle_timeout", "--idle-timeout", kDuration, false, "", "drop a publisher without media"},
    {"max_connections", "--max-connections", kCount, false, "", "connections at once"},
    {"max_waiting", "--max-waiting", kCount, false, "", "of them without a stream yet"},
    {"max_waiting_per_address", "--max-waiting-per-address", kCount, false, "", "likewise"},
    {"waiting_memory", "--waiting-memory", kSize, false, "", "what they may have sent before"},
    {"duration", "--duration", kDuration, false, "", "end after this much media (not listen)"},
    {"size", "--size", kFrameSize, false, "",
     "of the picture: of the pattern, else what plan expects"},
    {"rate", "--rate", kNumber, false, "", "frames per second, likewise"},
    {"bit_rate", "--bit-rate", kBitRate, false, "", "of the input, likewise"},
};

constexpr Key kLadderKeys[] = {
    {"output", "--output", kPath, false, "", "directory of the playlists; needed without bus"},
    {"rungs", "--rung", kRung, true, "", "SIZE@RATE[,KEY=VALUE...], see stream-ladder(1)"},
    {"encoder", "--encoder", kText, false, "", "of the rungs that name none"},
    {"preset", "--preset", kText, false, "", "of the rungs that name none"},
    {"audio_rate", "--audio-rate", kBitRate, false, "", "bit rate of the sound"},
    {"copy_top", "--copy-top", kFlag, false, "", "the source is the top rung where it can be"},
    {"low_delay", "--low-delay", kFlag, false, "", "no B-frames and no looking ahead"},
    {"bus", "--bus", kFlag, false, "",
     "each rung is bus:NAME/RUNG as well, or without output only"},
    {"segment", "--segment", kDuration, false, "", "length of a segment"},
    {"dvr", "--dvr", kWindow, false, "", "what stays in the playlists: a time, or all"},
    {"format", "--format", kText, false, "fmp4 ts", "packaging: fmp4 or ts"},
    {"on_slow", "--on-slow", kText, false, "auto shed wait", "when encoding falls behind"},
};

constexpr Key kRecordKeys[] = {
    {"output", "--output", kPath, false, "", "directory of the recordings (required)"},
    {"format", "--format", kText, false, "auto mp4 matroska webm mpegts", "of the files"},
    {"tracks", "--tracks", kText, false, "all video audio video,audio",
     "all in one file, one kind only, or each in files of its own"},
    {"split", "--split", kTimeOrSize, false, "", "a new file after so much: 1h, 2GiB"},
    {"duration", "--duration", kDuration, false, "", "stop after this much media"},
    {"gap", "--gap", kDuration, false, "", "media that is away for longer begins a new session"},
    {"standby", "--standby", kFlag, false, "", "record nothing until it is told to"},
    {"pre_roll", "--pre-roll", kDuration, false, "", "what it then begins with, from memory"},
    {"thumbnail", "--thumbnail", kDuration, false, "", "a poster, and a picture each so often"},
    {"min_free", "--min-free", kSize, false, "", "stop while less of the disk is free"},
};

constexpr Key kSimulcastKeys[] = {
    {"ca_file", "--ca-file", kPath, false, "", "authorities for rtmps (PEM)"},
    {"hold", "--hold", kDuration, false, "", "keep destinations for so long without input"},
    {"slate", "--slate", kFlag, false, "", "repeat the last keyframe while the input is gone"},
    {"uplink", "--uplink", kBitRate, false, "", "what all destinations together may need"},
    {"retry_max", "--retry-max", kCount, false, "", "failures in a row; 0: no bound"},
    {"retry_for", "--retry-for", kDuration, false, "", "give up what was not live for so long"},
    {"connections_per_hour", "--connections-per-hour", kCount, false, "", "0: no bound"},
};

constexpr Key kServeKeys[] = {
    {"listen", "--listen", kUrl, false, "",
     "http://ADDRESS:PORT or https://ADDRESS:PORT (required)"},
    {"cert", "--cert", kPath, false, "", "of https, in PEM"},
    {"key", "--key", kPlace, false, "", "its private key: a file or a source"},
    {"hls", "--hls", kPath, false, "",
     "directory of streams; else the ladder's output, or with whep none"},
    {"player", "--player", kPath, false, "", "hls.js for the page"},
    {"group", "--group", kName, false, "", "the page lists this group, with what is to come"},
    {"token_key", "--token-key", kPath, false, "",
     "public key of the tokens by which viewers see what is not for everybody"},
    {"whep", "--whep", kFlag, false, "", "play it over WebRTC as well, at NAME/live"},
    {"whip", "--whip", kUrl, false, "", "where browsers publish to, for the page NAME/publish"},
    {"rtc_port", "--rtc-port", kCount, false, "", "port, UDP and TCP, for the media of whep"},
    {"rtc_address", "--rtc-address", kText, true, "", "where viewers reach it, behind NAT"},
    {"ice_server", "--ice-server", kText, true, "", "STUN and TURN servers for viewers"},
    {"turn_login", "--turn-login", kSource, false, "", "NAME:PASSWORD of the TURN servers"},
    {"turn_secret", "--turn-secret", kSource, false, "", "what TURN servers know too"},
    {"max_viewers", "--max-viewers", kCount, false, "", "over WebRTC, at one time"},
    {"max_connections", "--max-connections", kCount, false, "", "at one time"},
    {"max_per_address", "--max-per-address", kCount, false, "", "of them from one address"},
    {"idle_timeout", "--idle-timeout", kDuration, false, "", "how long a silent one is kept"},
};

constexpr Key kArchiveKeys[] = {
    {"to", "--to", kStore, false, "",
     "the store: s3://BUCKET/PREFIX, dir:PATH, telegram://CHAT (required)"},
    {"what", "", kText, false, "recordings live all",
     "what goes there: the recordings (as it is), the ladder's output while it grows, or both"},
    {"endpoint", "--endpoint", kUrl, false, "", "where an S3 store is that is not AWS"},
    {"region", "--region", kText, false, "", "the bucket's region"},
    {"addressing", "--addressing", kText, false, "auto path virtual",
     "whether the bucket stands in the path or in the host's name"},
    {"credentials", "--credentials", kSource, false, "", "who writes there"},
    {"delete_after", "--delete-after", kText, false, "never verified",
     "verified: recordings go from here once they were read back from there"},
    {"keep", "--keep", kFlag, false, "", "leave segments there that left the live window"},
    {"limit", "--limit", kBitRate, false, "", "bandwidth for recordings"},
    {"parallel", "--parallel", kCount, false, "", "parts of recordings under way at a time"},
    {"part_size", "--part-size", kSize, false, "", "of them"},
    {"retry_for", "--retry-for", kDuration, false, "", "how long a failing store is tried"},
    {"stall_timeout", "--stall-timeout", kDuration, false, "",
     "a connection on which nothing moves for so long is made anew"},
};

// Of stream-simulcast's --to, behind the address.
constexpr Key kDestinationKeys[] = {
    {"profile", ",profile=", kText, false, "", "the platform, when the name does not say it"},
    {"encode", ",encode=", kText, false, "auto never always",
     "auto: what does not fit the platform is encoded for it; always; never"},
    {"video", ",video=", kRung, false, "", "how to encode: 720p@4000k"},
    {"enhanced", ",enhanced=", kText, false, "auto always",
     "always: it takes the codecs of Enhanced RTMP though it does not announce them"},
    {"priority", ",priority=", kText, false, "1 2 3 4 5 6 7 8 9",
     "from 1 to 9, the most important, when the uplink is full; else 5"},
};

constexpr std::array kSections = {
    Section{"input", "ingest", kInputKeys},   Section{"ladder", "ladder", kLadderKeys},
    Section{"record", "record", kRecordKeys}, Section{"simulcast", "simulcast", kSimulcastKeys},
    Section{"serve", "serve", kServeKeys},    Section{"archive", "archive", kArchiveKeys, "follow"},
};

}  // namespace

std::span<const Key> destination_keys() {
  return kDestinationKeys;
}

std::span<const Section> sections() {
  return kSections;
}

const Section& section(std::string_view name) {
  const auto it = std::find_if(kSections.begin(), kSections.end(),
                               [&](const Section& s) { return s.name == name; });
  assert(it != kSections.end());
  return *it;
}

}  // namespace stream::streams
