#include "av/scaler.h"

#include <zimg.h>

#include <cstdlib>
#include <new>
#include <tuple>

#include "av/ffmpeg.h"

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace stream::av {
namespace {

// Everything of a frame that decides the conversion.
struct Shape {
  int width, height, format;
  int matrix, transfer, primaries, chroma;
  bool full_range;
  auto tied() const {
    return std::tie(width, height, format, matrix, transfer, primaries, chroma, full_range);
  }
  bool operator==(const Shape& other) const { return tied() == other.tied(); }
};

bool is_601(int matrix) {
  return matrix == AVCOL_SPC_SMPTE170M || matrix == AVCOL_SPC_BT470BG || matrix == AVCOL_SPC_FCC;
}
bool is_hdr(const Shape& s) {
  return s.transfer == AVCOL_TRC_SMPTE2084 || s.transfer == AVCOL_TRC_ARIB_STD_B67;
}

Shape shape_of(const AVFrame& f, const AVPixFmtDescriptor& d) {
  Shape s{f.width,     f.height,          f.format,          f.colorspace,
          f.color_trc, f.color_primaries, f.chroma_location, f.color_range == AVCOL_RANGE_JPEG};
  if (f.format == AV_PIX_FMT_YUVJ420P || f.format == AV_PIX_FMT_YUVJ422P ||
      f.format == AV_PIX_FMT_YUVJ444P)
    s.full_range = true;
  if (d.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) {
    s.matrix = AVCOL_SPC_RGB;
    s.full_range = f.color_range != AVCOL_RANGE_MPEG;
  } else if (s.matrix == AVCOL_SPC_UNSPECIFIED || s.matrix == AVCOL_SPC_RGB ||
             s.matrix == AVCOL_SPC_RESERVED) {
    s.matrix = f.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }
  return s;
}

// Formats that zimg reads in place: planar, little-endian, whole bytes, three components or more.
bool readable(const AVPixFmtDescriptor& d) {
  constexpr uint64_t refused = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                               AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BE |
                               AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
  if (d.nb_components < 3 || (d.flags & refused) || !(d.flags & AV_PIX_FMT_FLAG_PLANAR))
    return false;
  for (int i = 0; i < 3; i++) {
    const AVComponentDescriptor& c = d.comp[i];
    if (c.step != (c.depth + 7) / 8 || c.shift != 0 || c.offset != 0 || c.depth < 8) return false;
    for (int j = 0; j < i; j++)
      if (d.comp[j].plane == c.plane) return false;
  }
  return true;
}

// What swscale unpacks a format to so that zimg can read it.
AVPixelFormat planar_form(const AVPixFmtDescriptor& d) {
  if (d.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) return AV_PIX_FMT_GBRP;
  if (d.nb_components < 3) return AV_PIX_FMT_YUV444P;
  if (d.log2_chroma_h) return AV_PIX_FMT_YUV420P;
  return d.log2_chroma_w ? AV_PIX_FMT_YUV422P : AV_PIX_FMT_YUV444P;
}

[[noreturn]] void throw_format(const std::string& reason) {
  throw Error(Exit::kUnsupported, "picture.format", "cannot convert the picture: " + reason);
}

zimg_resample_filter_e to_zimg(ScaleFilter filter) {
  switch (filter) {
    case ScaleFilter::kBilinear:
      return ZIMG_RESIZE_BILINEAR;
    case ScaleFilter::kSpline36:
      return ZIMG_RESIZE_SPLINE36;
    case ScaleFilter::kLanczos:
      return ZIMG_RESIZE_LANCZOS;
    default:
      return ZIMG_RESIZE_BICUBIC;
  }
}

bool aligned(const AVFrame& f, int planes) {
  for (int i = 0; i < planes; i++)
    if ((reinterpret_cast<uintptr_t>(f.data[i]) | static_cast<uintptr_t>(f.linesize[i])) & 63)
      return false;
  return true;
}

void tag(AVFrame& f, int matrix) {
  f.color_range = AVCOL_RANGE_MPEG;
  f.colorspace = static_cast<AVColorSpace>(matrix);
  f.color_primaries = is_601(matrix) ? AVCOL_PRI_SMPTE170M : AVCOL_PRI_BT709;
  f.color_trc = is_601(matrix) ? AVCOL_TRC_SMPTE170M : AVCOL_TRC_BT709;
  f.sample_aspect_ratio = {1, 1};
}

}  // namespace

struct Scaler::State {
  State(int width, int height, ScaleFilter f) : pool(width, height), filter(f) {}
  ~State() {
    zimg_filter_graph_free(graph);
    sws_freeContext(unpacker);
    std::free(scratch);
  }
  PicturePool pool;
  ScaleFilter filter;
  Shape shape{};
  bool ready = false, pass = false, unpack = false;
  int out_matrix = AVCOL_SPC_BT709;
  SwsContext* unpacker = nullptr;
  zimg_filter_graph* graph = nullptr;
  void* scratch = nullptr;

  void configure(const Shape& s);
  void build_graph(const Shape& s, const AVPixFmtDescriptor& d);
  void run(const AVFrame& in, const AVPixFmtDescriptor& d, AVFrame& out);
  Frame unpacked(const AVFrame& in, AVPixelFormat format);
};

Scaler::Scaler(int width, int height, ScaleFilter filter)
    : state_(std::make_unique<State>(width, height, filter)) {}
Scaler::Scaler(Scaler&&) noexcept = default;
Scaler& Scaler::operator=(Scaler&&) noexcept = default;
Scaler::~Scaler() = default;

void Scaler::State::build_graph(const Shape& s, const AVPixFmtDescriptor& d) {
  zimg_image_format from, to;
  zimg_image_format_default(&from, ZIMG_API_VERSION);
  zimg_image_format_default(&to, ZIMG_API_VERSION);
  from.width = static_cast<unsigned>(s.width);
  from.height = static_cast<unsigned>(s.height);
  from.pixel_type = d.comp[0].depth > 8 ? ZIMG_PIXEL_WORD : ZIMG_PIXEL_BYTE;
  from.depth = static_cast<unsigned>(d.comp[0].depth);
  from.subsample_w = d.log2_chroma_w;
  from.subsample_h = d.log2_chroma_h;
  from.pixel_range = s.full_range ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
  const bool rgb = d.flags & AV_PIX_FMT_FLAG_RGB;
  from.color_family = rgb ? ZIMG_COLOR_RGB : ZIMG_COLOR_YUV;
  from.matrix_coefficients =
      rgb ? ZIMG_MATRIX_RGB : static_cast<zimg_matrix_coefficients_e>(s.matrix);
  if (s.chroma > AVCHROMA_LOC_UNSPECIFIED && s.chroma <= AVCHROMA_LOC_BOTTOM)
    from.chroma_location = static_cast<zimg_chroma_location_e>(s.chroma - 1);

  to.width = static_cast<unsigned>(pool.width());
  to.height = static_cast<unsigned>(pool.height());
  to.pixel_type = ZIMG_PIXEL_BYTE;
  to.subsample_w = to.subsample_h = 1;
  to.color_family = ZIMG_COLOR_YUV;
  to.matrix_coefficients = static_cast<zimg_matrix_coefficients_e>(out_matrix);
  to.pixel_range = ZIMG_RANGE_LIMITED;
  if (is_hdr(s)) {  // everything else keeps its curve: SDR curves differ less than a step
    from.transfer_characteristics = static_cast<zimg_transfer_characteristics_e>(s.transfer);
    from.color_primaries = s.primaries == AVCOL_PRI_UNSPECIFIED
                               ? ZIMG_PRIMARIES_BT2020
                               : static_cast<zimg_color_primaries_e>(s.primaries);
    to.transfer_characteristics = ZIMG_TRANSFER_BT709;
    to.color_primaries = ZIMG_PRIMARIES_BT709;
  }

  zimg_graph_builder_params params;
  zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
  params.resample_filter = to_zimg(filter);
  params.resample_filter_uv = to_zimg(filter);
  params.cpu_type = ZIMG_CPU_AUTO_64B;
  params.dither_type = d.comp[0].depth > 8 ? ZIMG_DITHER_ORDERED : ZIMG_DITHER_NONE;
  params.nominal_peak_luminance = 203;  // reference white of ITU-R BT.2408
  params.allow_approximate_gamma = 1;
  zimg_filter_graph_free(graph);
  graph = zimg_filter_graph_build(&from, &to, &params);
  if (!graph) {
    char text[256] = {};
    zimg_get_last_error(text, sizeof text);
    throw_format(std::string(d.name) + " " + std::to_string(s.width) + "x" +
                 std::to_string(s.height) + ": " + text);
  }
  size_t size = 0;
  zimg_filter_graph_get_tmp_size(graph, &size);
  std::free(scratch);
  scratch = std::aligned_alloc(64, (size + 64) & ~size_t{63});
  if (!scratch) throw std::bad_alloc();
}

void Scaler::State::configure(const Shape& s) {
  ready = false;
  const AVPixFmtDescriptor* d = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(s.format));
  const bool keeps_matrix = (s.matrix == AVCOL_SPC_BT709 || is_601(s.matrix)) && !is_hdr(s);
  out_matrix = keeps_matrix ? s.matrix : static_cast<int>(AVCOL_SPC_BT709);
  pass = s.width == pool.width() && s.height == pool.height() && keeps_matrix && !s.full_range &&
         (s.format == AV_PIX_FMT_YUV420P);
  unpack = !readable(*d);
  sws_freeContext(unpacker);
  unpacker = nullptr;
  if (unpack) {
    const AVPixelFormat planar = planar_form(*d);
    unpacker =
        sws_getContext(s.width, s.height, static_cast<AVPixelFormat>(s.format), s.width, s.height,
                       planar, SWS_POINT | SWS_ACCURATE_RND, nullptr, nullptr, nullptr);
    if (!unpacker) throw_format(std::string("swscale can't read ") + d->name);
    // Unpack only: same matrix and range on both sides.
    const int* matrix = sws_getCoefficients(is_601(s.matrix) ? SWS_CS_ITU601 : SWS_CS_ITU709);
    sws_setColorspaceDetails(unpacker, matrix, s.full_range, matrix, s.full_range, 0, 1 << 16,
                             1 << 16);
    d = av_pix_fmt_desc_get(planar);
  }
  if (!pass) build_graph(s, *d);
  shape = s;
  ready = true;
}

Frame Scaler::State::unpacked(const AVFrame& in, AVPixelFormat format) {
  Frame out(av_frame_alloc());
  if (!out) throw std::bad_alloc();
  out.get()->width = in.width;
  out.get()->height = in.height;
  out.get()->format = format;
  check(av_frame_get_buffer(out.get(), 64), "av_frame_get_buffer");
  if (unpacker)
    sws_scale(unpacker, in.data, in.linesize, 0, in.height, out.get()->data, out.get()->linesize);
  else
    check(av_frame_copy(out.get(), &in), "av_frame_copy");
  return out;
}

void Scaler::State::run(const AVFrame& in, const AVPixFmtDescriptor& d, AVFrame& out) {
  zimg_image_buffer_const source{};
  zimg_image_buffer target{};
  source.version = target.version = ZIMG_API_VERSION;
  for (int i = 0; i < 3; i++) {
    const int plane = d.comp[i].plane;  // FFmpeg stores G, B, R; zimg wants R, G, B
    source.plane[i] = {in.data[plane], in.linesize[plane], ZIMG_BUFFER_MAX};
    target.plane[i] = {out.data[i], out.linesize[i], ZIMG_BUFFER_MAX};
  }
  if (zimg_filter_graph_process(graph, &source, &target, scratch, nullptr, nullptr, nullptr,
                                nullptr) != ZIMG_ERROR_SUCCESS) {
    char text[256] = {};
    zimg_get_last_error(text, sizeof text);
    throw_format(text);
  }
}

Frame Scaler::scale(const Frame& in) {
  State& s = *state_;
  const AVFrame& f = *in.get();
  const AVPixFmtDescriptor* d = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(f.format));
  if (!d || (d->flags & AV_PIX_FMT_FLAG_HWACCEL)) throw_format("unknown pixel format");
  const Shape shape = shape_of(f, *d);
  if (!s.ready || !(shape == s.shape)) s.configure(shape);
  if (s.pass) {
    Frame shared(in);
    tag(*shared.get(), s.out_matrix);
    return shared;
  }
  Frame out = s.pool.get();
  check(av_frame_copy_props(out.get(), &f), "av_frame_copy_props");
  tag(*out.get(), s.out_matrix);
  out.get()->chroma_location = AVCHROMA_LOC_LEFT;
  if (!s.unpack && aligned(f, 3)) {
    s.run(f, *d, *out.get());
  } else {
    const AVPixelFormat planar = s.unpack ? planar_form(*d) : static_cast<AVPixelFormat>(f.format);
    const Frame copy = s.unpacked(f, planar);
    s.run(*copy.get(), *av_pix_fmt_desc_get(planar), *out.get());
  }
  return out;
}

}  // namespace stream::av
