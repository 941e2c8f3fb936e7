// Offers of anybody: read, answered both ways; an answer is a description that we can read
// ourselves, with as many sections. Fragments of trickle ICE from the same bytes.
#include <cstdlib>
#include <string_view>

#include "webrtc/answer.h"
#include "webrtc/fragment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  using namespace stream::webrtc;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto fragment = parse_fragment(text)) {
    if (!parse_fragment(write_fragment(*fragment.value))) abort();
  }
  const auto offer = parse_description(text);
  if (!offer) return offer.error.empty() ? abort(), 0 : 0;
  const Local local{{"ours", "0123456789012345678901"},
                    {"sha-256", std::vector<uint8_t>(32, 1)},
                    {host_candidate(boost::asio::ip::make_address("192.0.2.1"), 8189, 0)}};
  ViewerPolicy viewer;
  viewer.tracks = {{"video", "h264", "42e01f", 1, 2}, {"audio", "opus", {}, 3, 0}};
  viewer.cname = viewer.stream_id = "s";
  for (const auto& answer :
       {answer_publisher(*offer.value, local, {}), answer_viewer(*offer.value, local, viewer)}) {
    if (!answer) continue;
    const auto read = parse_description(answer->sdp);
    if (!read || read->media.size() != offer->media.size() || answer->tracks.empty()) abort();
  }
  return 0;
}
