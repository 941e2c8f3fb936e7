#include "cli/run.h"
#include "os/private_file.h"
#include "verbs.h"

int main(int argc, char** argv) {
  using namespace stream;
  os::forbid_core_files();
  cli::Command root("stream-archive", "keep recordings in directories and object stores");
  root.description(
      "Puts recordings into a store, checks that they are there, finds them again and restores "
      "them. A store is a directory (dir:PATH) or a bucket that speaks S3 (s3://BUCKET/PREFIX): "
      "AWS, R2, Google, MinIO, Ceph. A Telegram chat (telegram://CHAT) mirrors recordings.");
  root.example("stream-archive put rec/demo-20261120T100000Z.json --to s3://bucket/archive",
               "archive a recording");
  root.example("stream-archive push hls/demo --to s3://bucket/live", "mirror a live output");
  root.example("stream-archive list --store s3://bucket/archive --stream demo",
               "what is there of a stream");
  root.example("stream-archive get demo-20261120T100000Z --store s3://bucket/a -o out",
               "get it back");
  root.file("STATE/archive/queue", "what is on its way");
  root.file("STATE/archive/followed", "what follow has brought where");
  root.file("STATE/archive/index",
            "local copies of the catalogues; made again when they are missing");
  root.file("STATE/archive/chats/CHAT", "which messages hold what, and the catalogue of a chat");
  root.file("STORE/STREAM/recording/FILE", "a recording's file");
  root.file("STORE/STREAM/master.m3u8, STORE/STREAM/RENDITION/FILE", "a live output, by push");
  root.file("STORE/_catalog/STREAM/RECORDING.json", "its entry in the catalogue, stream.catalog/1");
  root.subcommand(archive::put_command());
  root.subcommand(archive::push_command());
  root.subcommand(archive::follow_command());
  root.subcommand(archive::get_command());
  root.subcommand(archive::verify_command());
  root.subcommand(archive::presign_command());
  root.subcommand(archive::list_command());
  root.subcommand(archive::show_command());
  root.subcommand(archive::search_command());
  root.subcommand(archive::hide_command());
  root.subcommand(archive::unhide_command());
  root.subcommand(archive::set_command());
  root.subcommand(archive::delete_command());
  root.subcommand(archive::export_command());
  root.subcommand(archive::prune_command());
  root.subcommand(archive::lifecycle_command());
  root.subcommand(archive::vod_command());
  return cli::run_tool(argc, argv, std::move(root));
}
