#include "srt_listen.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "ingest/srt_server.h"
#include "ingest/srtla_server.h"
#include "srt/address.h"

namespace stream::ingest {
namespace {

constexpr char kPassphrases[] = "for example --passphrase demo=@vault:demo-srt";

// NAME=SOURCE
std::pair<std::string, std::string> split(const std::string& text) {
  const size_t equals = std::min(text.find('='), text.size());
  const std::string name = text.substr(0, equals);
  if (!is_stream_name(name) || equals == text.size())
    throw Error(Exit::kUsage, "srt.passphrase",
                "--passphrase takes STREAM=SOURCE (not shown: it may hold a secret)", kPassphrases);
  const std::string source = text.substr(equals + 1);
  if (!cli::is_secret_source(source))
    throw Error(Exit::kUsage, "secret.source",
                "--passphrase " + name + "= wants the source of a secret, not the secret",
                kPassphrases);
  return {name, source};
}

}  // namespace

void check_srt(const Options& o, const std::string& text) {
  const srt::Address address = srt::parse_address(text);
  if (address.mode != srt::Address::Mode::kCaller || !address.stream_id.empty() ||
      !address.adapter.empty())
    throw Error(Exit::kUsage, "srt.url", "--listen takes no mode, no streamid and no adapter",
                "the publishers bring them; --pull srt://... calls or meets another side");
  if (!cli::is_secret_source(address.passphrase)) srt::check_passphrase(address.passphrase);
  for (const std::string& one : o.passphrases) split(one);
  const bool open = address.passphrase.empty() && !o.insecure && !is_loopback_host(address.host);
  if (open)
    throw Error(Exit::kUsage, "ingest.plain",
                "keys and media would travel unencrypted to " + shown_srt(text),
                "add ?passphrase=@vault:NAME or @file:PATH, listen on 127.0.0.1, or say "
                "--insecure");
}

std::unique_ptr<media::PublisherServer> listen_srt(boost::asio::io_context& io, srt::Engine& engine,
                                                   const Options& o, const std::string& text,
                                                   size_t connections,
                                                   media::PublisherHooks hooks) {
  const srt::Address address = srt::parse_address(text);
  media::SrtServer::Options options;
  options.host = address.host;
  options.port = address.port;
  options.settings = srt::settings_of(address, cli::secret_of);
  for (const std::string& one : o.passphrases) {
    const auto [name, source] = split(one);
    Secret& passphrase = options.passphrases[name] = cli::read_secret(source);
    srt::check_passphrase(passphrase.reveal());
  }
  options.idle = o.idle.value;
  options.connections = std::min<size_t>(o.max_connections, connections);
  if (parse_url(text)->scheme == "srtla")
    return std::make_unique<media::SrtlaServer>(io, engine, std::move(options), std::move(hooks));
  return std::make_unique<media::SrtServer>(io, engine, std::move(options), std::move(hooks));
}

bool needs_passphrase(const Options& o, const std::string& text, const std::string& stream) {
  return !srt::parse_address(text).passphrase.empty() ||
         std::any_of(o.passphrases.begin(), o.passphrases.end(),
                     [&](const std::string& one) { return one.starts_with(stream + "="); });
}

std::string shown_srt(const std::string& text) {
  const auto url = parse_url(text);
  return url ? url->scheme + "://" + url->authority() : "srt://";
}

}  // namespace stream::ingest
