#include <doctest/doctest.h>

#include "codec/audio.h"
#include "codec/av1.h"
#include "codec/description.h"
#include "records.h"

using namespace stream;
using codec::describe;
using records::hex;

TEST_CASE("describe: H.264") {
  SUBCASE("what the SPS says") {
    const auto d = describe("h264", hex(records::kAvcc));
    REQUIRE(d);
    CHECK(d->rfc6381 == "avc1.64001e");
    CHECK(d->width == 642);
    CHECK(d->height == 358);
    CHECK(d->sar == Rational{4, 3});
    CHECK(d->frame_rate == Rational{30000, 1001});
    CHECK(d->reorder_frames == 2);
    CHECK(d->colour == codec::Colour{1, 1, 1, false});
    CHECK_FALSE(d->interlaced);
    CHECK(d->config == hex(records::kAvcc));
  }
  SUBCASE("fields and cropping in units of two lines") {
    const auto d = describe("h264", hex(records::kAvccInterlaced));
    REQUIRE(d);
    CHECK(d->rfc6381 == "avc1.4d4028");
    CHECK(d->width == 1920);
    CHECK(d->height == 1080);
    CHECK(d->interlaced);
    CHECK(d->frame_rate == Rational{25, 1});
  }
  SUBCASE("a scaling list whose delta is outside -128..127 is refused") {
    CHECK_FALSE(
        describe("h264", hex("0164001effe10026"
                             "676400dafffffffffffffe0026969bff2500000000fffffe00007d61a8b9b9"
                             "b9b9b9b9b92d96"
                             "01000468f8f800")));
  }
  SUBCASE("Annex B gives the same record") {
    const auto avcc = hex(records::kAvcc);
    std::vector<uint8_t> annexb = {0, 0, 0, 1};
    annexb.insert(annexb.end(), avcc.begin() + 8, avcc.begin() + 8 + 0x26);
    annexb.insert(annexb.end(), {0, 0, 1});
    annexb.insert(annexb.end(), avcc.begin() + 8 + 0x26 + 3, avcc.begin() + 8 + 0x26 + 3 + 4);
    const auto d = describe("h264", annexb);
    REQUIRE(d);
    CHECK(d->config == avcc);
  }
}

TEST_CASE("describe: HEVC") {
  const auto d = describe("hevc", hex(records::kHvcc));
  REQUIRE(d);
  CHECK(d->rfc6381 == "hvc1.2.4.L63.90");
  CHECK(d->width == 642);
  CHECK(d->height == 358);
  CHECK(d->bit_depth == 10);
  CHECK(d->frame_rate == Rational{30000, 1001});
  CHECK(d->reorder_frames == 2);
  CHECK(d->colour == codec::Colour{9, 16, 9, false});
  SUBCASE("Annex B gives the same but for what only an encoder knows") {
    const auto built = describe("hevc", hex(records::kHevcAnnexb));
    REQUIRE(built);
    CHECK(built->rfc6381 == d->rfc6381);
    CHECK(built->config == d->config);
  }
}

TEST_CASE("describe: AV1 and VP9") {
  const auto av1 = describe("av1", hex(records::kAv1c));
  REQUIRE(av1);
  CHECK(av1->rfc6381 == "av01.0.01M.08");
  CHECK(av1->width == 642);
  CHECK(av1->height == 358);
  const auto bare = describe("av1", hex(records::kAv1Obu));
  REQUIRE(bare);
  CHECK(bare->config == hex("81010c00" + std::string(records::kAv1Obu)));
  const auto vp9 = describe("vp9", hex(records::kVpcc));
  REQUIRE(vp9);
  CHECK(vp9->rfc6381 == "vp09.00.21.08");
  CHECK(describe("vp9", hex("01000000" + std::string(records::kVpcc)))->config == vp9->config);
  const auto frame = codec::describe_frame("vp9", hex(records::kVp9Frame));
  REQUIRE(frame);
  CHECK(frame->width == 642);
  CHECK(frame->height == 358);
  CHECK(describe("vp9", {}));
}

TEST_CASE("describe: audio") {
  SUBCASE("AAC") {
    const auto lc = describe("aac", hex(records::kAac));
    REQUIRE(lc);
    CHECK(lc->rfc6381 == "mp4a.40.2");
    CHECK(lc->sample_rate == 48000);
    CHECK(lc->channels == 2);
    CHECK(lc->frame_samples == 1024);
    CHECK(codec::build_audio_specific_config(2, 48000, 2) == hex("1190"));
    const auto odd = describe("aac", codec::build_audio_specific_config(2, 47999, 1));
    REQUIRE(odd);
    CHECK(odd->sample_rate == 47999);
    CHECK(odd->channels == 1);
  }
  SUBCASE("ADTS") {
    const auto frame = hex("fff14c80017ffc2100");  // LC, 48 kHz, stereo, no checksum
    const auto header = codec::parse_adts(frame);
    REQUIRE(header);
    CHECK(header->size == 7);
    CHECK(header->config == hex("1190"));
    for (size_t n = 0; n < 8; ++n) CHECK_FALSE(codec::parse_adts(Bytes(frame).first(n)));
  }
  SUBCASE("HE-AAC, signalled explicitly in both ways") {
    const auto hierarchical = describe("aac", hex("2b118800"));  // 5, 24 kHz, 2, 48 kHz, LC
    REQUIRE(hierarchical);
    CHECK(hierarchical->rfc6381 == "mp4a.40.5");
    CHECK(hierarchical->sample_rate == 48000);
    CHECK(hierarchical->frame_samples == 2048);
    const auto compatible =
        describe("aac", hex("131056e598"));  // LC 24 kHz, sync 0x2b7, SBR 48 kHz
    REQUIRE(compatible);
    CHECK(compatible->rfc6381 == "mp4a.40.5");
    CHECK(compatible->sample_rate == 48000);
    const auto ps = describe("aac", hex("eb098800"));  // 29, 24 kHz, mono
    REQUIRE(ps);
    CHECK(ps->rfc6381 == "mp4a.40.29");
    CHECK(ps->channels == 2);
  }
  SUBCASE("Opus and FLAC") {
    const auto opus = describe("opus", hex(records::kOpus));
    REQUIRE(opus);
    CHECK(opus->rfc6381 == "Opus");
    CHECK(opus->priming_samples == 312);
    CHECK(opus->config == hex("000201380000bb80000000"));
    const auto flac = describe("flac", hex(records::kFlac));
    REQUIRE(flac);
    CHECK(flac->rfc6381 == "fLaC");
    CHECK(flac->sample_rate == 48000);
    CHECK(flac->channels == 2);
    CHECK(flac->config == hex("80000022" + std::string(records::kFlac)));
    CHECK(describe("flac", hex("664c614380000022" + std::string(records::kFlac)))->config ==
          flac->config);
  }
  SUBCASE("from frames") {
    const auto ac3 = codec::describe_frame("ac3", hex(records::kAc3Frame));
    REQUIRE(ac3);
    CHECK(ac3->config == hex("101140"));
    CHECK(ac3->sample_rate == 48000);
    CHECK(ac3->channels == 2);
    const auto eac3 = codec::describe_frame("eac3", hex(records::kEac3Frame));
    REQUIRE(eac3);
    CHECK(eac3->config == hex("0600200400"));
    const auto mp3 = codec::describe_frame("mp3", hex(records::kMp3Frame));
    REQUIRE(mp3);
    CHECK(mp3->sample_rate == 48000);
    CHECK(mp3->frame_samples == 1152);
  }
}

TEST_CASE("describe: every cut of every record is refused or harmless") {
  const std::pair<const char*, std::string_view> all[] = {
      {"h264", records::kAvcc}, {"h264", records::kAvccInterlaced},
      {"hevc", records::kHvcc}, {"hevc", records::kHevcAnnexb},
      {"av1", records::kAv1c},  {"av1", records::kAv1Obu},
      {"vp9", records::kVpcc},  {"aac", records::kAac},
      {"opus", records::kOpus}, {"flac", records::kFlac}};
  for (const auto& [name, text] : all) {
    const auto whole = hex(text);
    for (size_t n = 0; n < whole.size(); ++n) {
      const std::vector<uint8_t> cut(
          whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));  // ASan sees the end
      const auto d = describe(name, cut);
      const bool must_fail = std::string_view(name) == "h264" || text == records::kHvcc ||
                             text == records::kOpus || text == records::kFlac;
      // The chroma fields at the end of avcC are optional in practice.
      if (must_fail && n + 4 < whole.size()) CHECK_FALSE(d);
    }
  }
  const std::pair<const char*, std::string_view> frames[] = {{"ac3", records::kAc3Frame},
                                                             {"eac3", records::kEac3Frame},
                                                             {"mp3", records::kMp3Frame},
                                                             {"vp9", records::kVp9Frame},
                                                             {"av1", records::kAv1Obu}};
  for (const auto& [name, text] : frames) {
    const auto whole = hex(text);
    for (size_t n = 0; n < whole.size(); ++n) {
      const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
      if (n < 4)
        CHECK_FALSE(codec::describe_frame(name, cut));
      else
        codec::describe_frame(name, cut);
    }
  }
}

TEST_CASE("describe: what is not ours") {
  CHECK_FALSE(describe("mpeg2video", {}));
  CHECK_FALSE(describe("h264", {}));
  CHECK_FALSE(describe("aac", {}));
}

TEST_CASE("the length of an Opus packet") {
  const auto samples = [](std::initializer_list<uint8_t> bytes) {
    return codec::opus_samples(std::vector<uint8_t>(bytes));
  };
  CHECK(samples({}) == 0);
  CHECK(samples({0x78}) == 960);  // hybrid, 20 ms
  CHECK(samples({0x70}) == 480);
  CHECK(samples({0xfc}) == 960);
  CHECK(samples({0xe1, 0x00}) == 240);  // two of 2.5 ms
  CHECK(samples({0xff, 0x03}) == 2880);
  CHECK(samples({0xff, 0x3f}) == 0);  // more than 120 ms
  CHECK(samples({0xff}) == 0);        // cut off before the number of frames
}
