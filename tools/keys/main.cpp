#include "cli/run.h"
#include "os/private_file.h"
#include "verbs.h"

int main(int argc, char** argv) {
  using namespace stream;
  os::forbid_dumps();
  cli::Command root("stream-keys", "keep ingest keys and the secrets of destinations");
  root.description(
      "Issues the keys by which publishers are let in, and keeps the secrets that the other "
      "programs use in an encrypted vault, where they name them as @vault:NAME.");
  root.example("stream-keys new demo --name studio", "issue a key for the stream demo");
  root.example("stream-keys vault init --key-file ~/.vault-key", "make a vault");
  root.example("stream-keys vault put twitch @file:key.txt", "put a secret into it");
  root.file("STATE/ingest-keys", "the keys of publishers, see stream-key-file(5)");
  root.file("STATE/vault", "the vault, see stream-vault(5)");
  root.file("RUNTIME/vault-agent.sock", "where stream-keys agent answers");
  tools::add_ingest_verbs(root);
  root.subcommand(tools::vault_command());
  root.subcommand(tools::agent_command());
  root.subcommand(tools::token_command());
  root.subcommand(tools::roles_command());
  root.subcommand(tools::invite_command());
  tools::add_platform_verbs(root);
  root.subcommand(tools::doctor_command());
  return cli::run_tool(argc, argv, std::move(root));
}
