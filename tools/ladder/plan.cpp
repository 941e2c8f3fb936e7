#include <thread>

#include "ladder/commands.h"
#include "os/writable.h"

namespace stream::ladder {

int plan(const Options& options, const std::string& name, cli::Context& context) {
  const media::LadderSpec spec = make_spec(options);
  media::MediaInput input(name);
  media::SourceFacts facts;
  std::deque<media::MediaInput::Item> read;
  if (spec.copy_top) facts = media::examine(input, spec.segment, read);
  const av::Tracks& tracks = input.tracks();
  const int video = media::first_track(tracks, av::MediaType::kVideo);
  const int audio = media::first_track(tracks, av::MediaType::kAudio);
  const media::Plan plan =
      media::make_plan(spec, video < 0 ? nullptr : &tracks[static_cast<size_t>(video)],
                       audio < 0 ? nullptr : &tracks[static_cast<size_t>(audio)], facts,
                       static_cast<int>(std::thread::hardware_concurrency()));
  if (options.dry_run && !options.output.empty())
    os::check_writable(options.output, "give -o a directory that can be written");
  control::Json document = plan_json(plan);
  if (options.dry_run) document["dry_run"] = true;
  if (context.json())
    context.print_json(document);
  else
    context.print(media::to_text(plan));
  return 0;
}

}  // namespace stream::ladder
