#include "av/deinterlacer.h"

#include <new>

#include "av/ffmpeg.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

namespace stream::av {
namespace {

AVFilterContext* add(AVFilterGraph* graph, const char* filter, const std::string& arguments) {
  AVFilterContext* made = nullptr;
  check(avfilter_graph_create_filter(&made, avfilter_get_by_name(filter), filter, arguments.c_str(),
                                     nullptr, graph),
        "avfilter_graph_create_filter");
  return made;
}

std::string ratio(Rational r) {
  return std::to_string(r.num) + "/" + std::to_string(r.den);
}

}  // namespace

Deinterlacer::Deinterlacer(const Frame& first, Rational time_base)
    : time_base_(time_base),
      width_(first.width()),
      height_(first.height()),
      format_(first.get()->format) {
  std::unique_ptr<AVFilterGraph, void (*)(AVFilterGraph*)> graph(
      avfilter_graph_alloc(), [](AVFilterGraph* g) { avfilter_graph_free(&g); });
  if (!graph) throw std::bad_alloc();
  graph->nb_threads = 1;
  source_ = add(graph.get(), "buffer",
                "video_size=" + std::to_string(width_) + "x" + std::to_string(height_) +
                    ":pix_fmt=" + std::to_string(format_) + ":time_base=" + ratio(time_base) +
                    ":pixel_aspect=" + ratio(first.sample_aspect()));
  AVFilterContext* filter = add(graph.get(), "bwdif", "mode=send_frame:deint=interlaced");
  sink_ = add(graph.get(), "buffersink", "");
  check(avfilter_link(source_, 0, filter, 0), "avfilter_link");
  check(avfilter_link(filter, 0, sink_, 0), "avfilter_link");
  check(avfilter_graph_config(graph.get(), nullptr), "avfilter_graph_config");
  graph_ = graph.release();
}

Deinterlacer::~Deinterlacer() {
  avfilter_graph_free(&graph_);
}

bool Deinterlacer::fits(const Frame& frame) const {
  return frame.width() == width_ && frame.height() == height_ && frame.get()->format == format_;
}

void Deinterlacer::push(const Frame& frame) {
  check(av_buffersrc_write_frame(source_, frame.get()), "av_buffersrc_write_frame");
}

void Deinterlacer::finish() {
  check(av_buffersrc_add_frame(source_, nullptr), "av_buffersrc_add_frame");
}

std::optional<Frame> Deinterlacer::pull() {
  Frame frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  const int code = av_buffersink_get_frame(sink_, frame.get());
  if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return std::nullopt;
  check(code, "av_buffersink_get_frame");
  if (frame.pts() != kNoTime)
    frame.set_pts(rescale(frame.pts(), from_av(av_buffersink_get_time_base(sink_)), time_base_));
  return frame;
}

}  // namespace stream::av
