// The sample description of one track (stsd) and the boxes that the two kinds of moov have in
// common. Internal to lib/mp4.
#pragma once
#include "mp4/box.h"
#include "mp4/track_config.h"

namespace stream::mp4 {

struct Edit {
  uint64_t duration = 0;    // in movie ticks
  int64_t media_time = -1;  // in track ticks; -1: nothing shown
};

// Ticks per second of the movie header: a millisecond would bend edit lists.
inline constexpr uint32_t kMovieTimescale = 90000;

void write_movie_header(BoxWriter& out, uint64_t duration, uint32_t next_track_id);
void write_track_header(BoxWriter& out, const TrackConfig& track, uint64_t duration);
void write_edit_list(BoxWriter& out, const std::vector<Edit>& edits);
void write_media_header(BoxWriter& out, const TrackConfig& track, uint64_t duration);
void write_handler(BoxWriter& out, const TrackConfig& track);
// vmhd or smhd, and dinf.
void write_media_information(BoxWriter& out, const TrackConfig& track);
void write_sample_description(BoxWriter& out, const TrackConfig& track);

}  // namespace stream::mp4
