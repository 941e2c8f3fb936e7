#include "ladder/plan.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace stream;
using namespace stream::media;

namespace {

av::Track picture(int width, int height, Rational rate = {30, 1}) {
  av::Track t;
  t.codec = "h264";
  t.width = width;
  t.height = height;
  t.frame_rate = rate;
  return t;
}

std::string names(const Plan& plan) {
  std::string text;
  for (const PlannedRung& r : plan.rungs)
    text += r.spec.name + ":" + std::to_string(r.width) + "x" + std::to_string(r.height) + " ";
  return text;
}

std::string refusal(std::string_view text) {
  try {
    parse_rung(text);
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kUsage);
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("parse_rung") {
  const RungSpec r = parse_rung("720p@2800k,preset=faster,encoder=libx265,tune=film");
  CHECK(r.name == "720p");
  CHECK(r.box_width == 1280);
  CHECK(r.box_height == 720);
  CHECK(r.bit_rate == 2'800'000);
  CHECK(r.preset == "faster");
  CHECK(r.encoder == "libx265");
  CHECK(r.tune == "film");
  CHECK(parse_rung("480p").bit_rate == 1'400'000);
  CHECK(parse_rung("480p").box_width == 854);
  CHECK(parse_rung("540x960@2M").box_width == 960);
  CHECK(parse_rung("720p@1M,name=720p-low").name == "720p-low");
  CHECK(parse_rung("source,preset=fast").source);
  CHECK(parse_rung("source").name == "source");
  CHECK(to_text(parse_rung("source")) == "source");
  for (const char* wrong : {"", "720", "720p@", "721p@1M", "720p@fast", "900p", "720p@1M,crf=20",
                            "720p@1M,preset=", "720p@1M,name=../x", "720p@1M,encoder=x264", "0p@1M",
                            "99999999999p@1M", "720p@1M,", "720p@999G"}) {
    CAPTURE(wrong);
    CHECK(refusal(wrong) != "accepted");
  }
}

TEST_CASE("make_plan") {
  const LadderSpec spec;
  SUBCASE("the default ladder") {
    const av::Track v = picture(1920, 1080), a;
    const Plan plan = make_plan(spec, &v, &a);
    CHECK(names(plan) == "1080p:1920x1080 720p:1280x720 480p:854x480 360p:640x360 ");
    CHECK(plan.left_out.empty());
    CHECK(plan.has_audio);
  }
  SUBCASE("never scales up, and says what is left out") {
    const av::Track v = picture(1280, 720);
    const Plan plan = make_plan(spec, &v, nullptr);
    CHECK(names(plan) == "720p:1280x720 480p:854x480 360p:640x360 ");
    REQUIRE(plan.left_out.size() == 1);
    CHECK(plan.left_out[0].name == "1080p");
    CHECK(plan.left_out[0].reason.find("1280x720") != std::string::npos);
  }
  SUBCASE("a source smaller than every rung keeps its size") {
    const av::Track v = picture(320, 180);
    const Plan plan = make_plan(spec, &v, nullptr);
    CHECK(names(plan) == "180p:320x180 ");
    CHECK(plan.rungs[0].spec.bit_rate < 800'000);
    CHECK(plan.left_out.size() == 4);
  }
  SUBCASE("other shapes keep theirs, in even sizes") {
    const av::Track portrait = picture(1080, 1920);
    CHECK(names(make_plan(spec, &portrait, nullptr)) ==
          "1080p:1080x1920 720p:720x1280 480p:480x854 360p:360x640 ");
    const av::Track wide = picture(1920, 800);
    CHECK(names(make_plan(spec, &wide, nullptr)) ==
          "1080p:1920x800 720p:1280x534 480p:854x356 360p:640x266 ");
    const av::Track old = picture(1440, 1080);
    CHECK(names(make_plan(spec, &old, nullptr)) ==
          "1080p:1440x1080 720p:960x720 480p:640x480 360p:480x360 ");
    const av::Track odd = picture(1919, 1079);
    CHECK(names(make_plan(spec, &odd, nullptr)).find("1080p:1920x1080 ") == 0);
    av::Track pal = picture(720, 576);
    pal.sample_aspect = {64, 45};
    CHECK(names(make_plan(spec, &pal, nullptr)) == "480p:854x480 360p:640x360 ");
  }
  SUBCASE("frame rates above 60 are halved") {
    const av::Track fast = picture(1280, 720, {120, 1}), ntsc = picture(1280, 720, {60000, 1001});
    CHECK(make_plan(spec, &fast, nullptr).frame_rate.value() == doctest::Approx(60));
    CHECK(make_plan(spec, &ntsc, nullptr).frame_rate.value() == doctest::Approx(59.94));
  }
  SUBCASE("the cores are shared by size") {
    const av::Track v = picture(1920, 1080);
    const Plan two = make_plan(spec, &v, nullptr, {}, 2),
               many = make_plan(spec, &v, nullptr, {}, 16);
    CHECK(two.rungs[0].threads == 2);
    CHECK(two.rungs[3].threads == 1);
    CHECK(many.rungs[0].threads > 6);
  }
  SUBCASE("sound alone, and nothing at all") {
    const av::Track a;
    CHECK(make_plan(spec, nullptr, &a).rungs.empty());
    CHECK_THROWS_AS(make_plan(spec, nullptr, nullptr), Error);
  }
}

TEST_CASE("make_plan: copy") {
  LadderSpec spec;
  spec.copy_top = true;
  const std::vector<uint8_t> avcc = {
      1,    0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40,
      0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00,
      0xf0, 0x3c, 0x60, 0xc6, 0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0};
  av::Track v = picture(1920, 1080);
  v.extradata = Buffer::copy(avcc);
  SourceFacts facts;
  facts.keyframe_distance = std::chrono::seconds(2);
  facts.bit_rate = 6'000'000;
  const auto why = [&] { return make_plan(spec, &v, nullptr, facts).copy_refused; };
  SUBCASE("allowed") {
    const Plan plan = make_plan(spec, &v, nullptr, facts);
    CHECK(plan.copy_refused == "");
    CHECK(plan.rungs[0].copied);
    CHECK_FALSE(plan.rungs[1].copied);
  }
  SUBCASE("keyframes a little too far apart make longer segments, honestly") {
    facts.keyframe_distance = std::chrono::seconds(4);
    const Plan plan = make_plan(spec, &v, nullptr, facts);
    CHECK(plan.rungs[0].copied);
    CHECK(plan.segment == std::chrono::seconds(4));
  }
  SUBCASE("keyframes each 10 s are refused") {
    facts.keyframe_distance = std::chrono::seconds(10);
    CHECK(why().find("10s apart") != std::string::npos);
    CHECK(make_plan(spec, &v, nullptr, facts).segment == spec.segment);
  }
  SUBCASE("the source as it is: no box, no rate, the first whatever else there is") {
    spec.copy_top = false;
    facts.bit_rate = 40'000'000;
    spec.rungs = {parse_rung("1080p"), parse_rung("360p"), parse_rung("source")};
    const Plan plan = make_plan(spec, &v, nullptr, facts);
    CHECK(names(plan) == "source:1920x1080 1080p:1920x1080 360p:640x360 ");
    CHECK(plan.rungs[0].copied);
    CHECK_FALSE(plan.rungs[1].copied);
    v.codec = "vp9";
    v.width = 1280;
    v.height = 720;
    const Plan encoded = make_plan(spec, &v, nullptr, facts);
    CHECK(names(encoded) == "source:1280x720 360p:640x360 ");
    CHECK_FALSE(encoded.rungs[0].copied);
    CHECK(encoded.rungs[0].spec.bit_rate > 2'000'000);
    CHECK(encoded.rungs[0].spec.bit_rate < 3'000'000);
    CHECK(encoded.copy_refused.find("vp9") != std::string::npos);
  }
  SUBCASE("other obstacles") {
    facts.bit_rate = 9'000'000;
    CHECK(why().find("9M") != std::string::npos);
    facts.bit_rate = 6'000'000;
    facts.closed_groups = false;
    CHECK(why().find("open") != std::string::npos);
    facts.closed_groups = true;
    facts.reordered = true;
    CHECK(why().empty());
    spec.low_delay = true;
    CHECK(why().find("B-frames") != std::string::npos);
    v.codec = "vp9";
    CHECK(why().find("vp9") != std::string::npos);
  }
}

TEST_CASE("cascade") {
  SUBCASE("each rung comes from the smallest picture that is large enough") {
    CHECK(cascade({1920, 1080}, {{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}}) ==
          std::vector<int>{-1, 0, 1, 2});
  }
  SUBCASE("a step below 5/4 is not worth its blur") {
    CHECK(cascade({1920, 1080}, {{1280, 720}, {1152, 648}, {640, 360}}) ==
          std::vector<int>{-1, -1, 1});
  }
  SUBCASE("rungs of one size share the picture") {
    CHECK(cascade({1920, 1080}, {{1280, 720}, {1280, 720}}) == std::vector<int>{-1, 0});
  }
}
