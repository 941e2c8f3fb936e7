#include "av/text.h"

#include <algorithm>
#include <memory>
#include <new>

extern "C" {
#include <ass/ass.h>
}

#include "base/error.h"
#include "base/text.h"

namespace stream::av {
namespace {

struct Deleter {
  void operator()(ASS_Library* p) const { ass_library_done(p); }
  void operator()(ASS_Renderer* p) const { ass_renderer_done(p); }
  void operator()(ASS_Track* p) const { ass_free_track(p); }
};

void quiet(int, const char*, va_list, void*) {}

// Braces and backslashes are commands to libass: a word joiner keeps them letters.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n')
      out += "\\N";
    else if (c == '{')
      out += "\\{";
    else if (c == '\\')
      out += "\\\xe2\x81\xa0";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

size_t longest_line(const std::string& text) {
  size_t most = 1, here = 0;
  for (const char c : text) {
    here = c == '\n' ? 0 : here + ((static_cast<unsigned char>(c) & 0xc0) != 0x80);
    most = std::max(most, here);
  }
  return most;
}

std::string script(int width, int height, const std::string& text) {
  const auto lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  const int by_width = static_cast<int>(1.5 * width / static_cast<double>(longest_line(text)));
  const int size = std::clamp(by_width, height / 24, height / (6 + lines));
  return "[Script Info]\nScriptType: v4.00+\nWrapStyle: 0\nPlayResX: " + std::to_string(width) +
         "\nPlayResY: " + std::to_string(height) +
         "\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, "
         "BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
         "Style: D,Sans," +
         std::to_string(std::max(size, 8)) +
         ",&H00FFFFFF,&H00101010,-1,1,2,0,5,16,16,16,1\n\n[Events]\nFormat: Start, End, Style, "
         "Text\nDialogue: 0:00:00.00,1:00:00.00,D," +
         plain(text) + "\n";
}

uint8_t mixed(uint8_t below, int above, int alpha) {
  return static_cast<uint8_t>((below * (255 - alpha) + above * alpha + 127) / 255);
}

// White and near-black have no colour: only luma differs, chroma is pulled to grey.
void blend(Frame& picture, const ASS_Image& image) {
  const int luma = 16 + static_cast<int>((image.color >> 24) * 219 / 255);
  const int opacity = 255 - static_cast<int>(image.color & 0xff);
  for (int y = 0; y < image.h; ++y) {
    const int row = image.dst_y + y;
    if (row < 0 || row >= picture.height()) continue;
    for (int x = 0; x < image.w; ++x) {
      const int column = image.dst_x + x;
      if (column < 0 || column >= picture.width()) continue;
      const int alpha = image.bitmap[y * image.stride + x] * opacity / 255;
      if (alpha == 0) continue;
      uint8_t& dot = picture.plane(0)[row * picture.stride(0) + column];
      dot = mixed(dot, luma, alpha);
      if (row % 2 || column % 2) continue;
      for (const int plane : {1, 2}) {
        uint8_t& colour = picture.plane(plane)[row / 2 * picture.stride(plane) + column / 2];
        colour = mixed(colour, 128, alpha);
      }
    }
  }
}

}  // namespace

void draw_text(Frame& picture, const std::string& text) {
  std::unique_ptr<ASS_Library, Deleter> library(ass_library_init());
  if (!library) throw std::bad_alloc();
  ass_set_message_cb(library.get(), quiet, nullptr);
  std::unique_ptr<ASS_Renderer, Deleter> renderer(ass_renderer_init(library.get()));
  if (!renderer) throw std::bad_alloc();
  ass_set_frame_size(renderer.get(), picture.width(), picture.height());
  ass_set_fonts(renderer.get(), nullptr, "Sans", ASS_FONTPROVIDER_AUTODETECT, nullptr, 1);
  std::string source = script(picture.width(), picture.height(), text);
  std::unique_ptr<ASS_Track, Deleter> track(
      ass_read_memory(library.get(), source.data(), source.size(), nullptr));
  const ASS_Image* image =
      track ? ass_render_frame(renderer.get(), track.get(), 1000, nullptr) : nullptr;
  const bool visible = text.find_first_not_of(" \t\n") != std::string::npos;
  if (!image && visible)
    throw Error(Exit::kUnsupported, "text.font",
                "no font on this machine can write '" + escaped(text) + "'",
                "install one, for example: apt install fonts-dejavu-core");
  for (; image; image = image->next) blend(picture, *image);
}

}  // namespace stream::av
