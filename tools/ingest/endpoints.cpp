#include "endpoints.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "control/client.h"
#include "fetch/client.h"
#include "listen_port.h"
#include "os/dirs.h"
#include "srt/address.h"
#include "srt_listen.h"

namespace stream::ingest {
namespace {

using control::Json;

constexpr char kSchema[] = "stream.ingest.endpoints/1";
constexpr char kKey[] = "<key>", kPassphrase[] = "<passphrase>";

bool is_srt(const std::string& scheme) {
  return scheme == "srt" || scheme == "srtla";
}

bool is_whip(const std::string& scheme) {
  return scheme == "whip" || scheme == "whips";
}

// `text` as it stands in --listen, `shown` where it is.
Json endpoint_json(const std::string& text, const std::string& shown, bool open, bool passphrase) {
  const Url url = *parse_url(shown);
  const bool srt = is_srt(url.scheme);
  const std::string path = srt || url.path.size() < 2 ? "" : url.path;
  Json json{{"url", url.scheme + "://" + url.authority(usual_port(url.scheme)) + path},
            {"open", open},
            {"passphrase", passphrase},
            {"latency_seconds", nullptr}};
  if (srt)
    json["latency_seconds"] =
        std::chrono::duration<double>(srt::parse_address(text).latency).count();
  return json;
}

// Where nothing but "any address" is known, the machine's own name has to do.
std::string host_for(const Url& url, const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  if (!url.host.empty() && url.host != "0.0.0.0" && url.host != "::") return url.host;
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name[0] ? name : "localhost";
}

// As encoders take it: the secrets as they are, or their places.
struct Shown {
  std::string key, passphrase;
};

Json rtmp_sheet(const Url& at, const Shown& shown) {
  std::string path = at.path.size() > 1 ? at.path : "/live";
  while (path.ends_with('/')) path.pop_back();
  const std::string server = at.scheme + "://" + at.authority() + path;
  const std::string url = server + "/" + shown.key;
  return {{"protocol", at.scheme},
          {"encrypted", at.scheme == "rtmps"},
          {"server", server},
          {"key", shown.key},
          {"url", url},
          {"ffmpeg", "ffmpeg -re -i FILE -c copy -f flv '" + url + "'"}};
}

// libavformat, and OBS by it, counts latency in microseconds; all others in milliseconds.
Json srt_sheet(const Url& at, const Json& endpoint, const Shown& shown) {
  const double latency = endpoint.value("latency_seconds", 0.12);
  const bool encrypted = endpoint.value("passphrase", false);
  const auto micros = static_cast<int64_t>(latency * 1e6 + 0.5);
  // Places are for people, who put in what may need escapes.
  const auto field = [](const std::string& name, const std::string& value) {
    return value.starts_with('<') ? name + "=" + value : fetch::form({{name, value}});
  };
  const bool bonded = at.scheme == "srtla";
  // Of several links: an encoder calls the sender on its own machine.
  std::string url = "srt://" + (bonded ? "127.0.0.1:" + std::to_string(at.port) : at.authority()) +
                    "?mode=caller&" + field("streamid", shown.key) +
                    "&latency=" + std::to_string(micros);
  if (encrypted) url += "&" + field("passphrase", shown.passphrase);
  return {{"protocol", at.scheme},
          {"encrypted", encrypted},
          {"server", at.scheme + "://" + at.authority()},
          {"host", at.host},
          {"port", at.port},
          {"stream_id", shown.key},
          {"passphrase", encrypted ? Json(shown.passphrase) : Json(nullptr)},
          {"latency_ms", micros / 1000},
          {"url", url},
          {"ffmpeg", "ffmpeg -re -i FILE -c copy -f mpegts '" + url + "'"}};
}

// Media is encrypted always; the key is in HTTPS only, ours or a proxy's.
Json whip_sheet(const Url& at, const std::string& stream, const Json& endpoint,
                const Shown& shown) {
  const std::string url = whip_url(at, stream).value();
  const bool open = endpoint.value("open", false);
  return {{"protocol", at.scheme},
          {"encrypted", at.scheme == "whips"},
          {"server", url},
          {"key", open ? Json(nullptr) : Json(shown.key)},
          {"url", url},
          {"ffmpeg", "ffmpeg -re -i FILE -c:v libx264 -bf 0 -c:a libopus -f whip " +
                         (open ? std::string() : "-authorization '" + shown.key + "' ") + "'" +
                         url + "'"}};
}

Json from_instance(const std::string& stream) {
  control::Client client(os::control_socket_path(stream, "ingest"));
  Json status = client.call("status");
  return status.value("endpoints", Json::array());
}

Json known_endpoints(const EndpointsOptions& o) {
  Json all = Json::array();
  if (o.listen.empty()) {
    try {
      all = from_instance(o.stream);
    } catch (const Error& error) {
      if (error.code() != Exit::kNotRunning) throw;
      throw Error(Exit::kNotRunning, "ingest.endpoints",
                  "no stream-ingest serves '" + o.stream + "' at the moment",
                  "say where it listens: --listen rtmp://0.0.0.0:1935/live");
    }
    if (all.empty())
      throw Error(Exit::kNotRunning, "ingest.endpoints",
                  "the stream-ingest of '" + o.stream + "' takes no publishers: it has no --listen",
                  "say where one would: --listen rtmp://0.0.0.0:1935/live");
  }
  for (const std::string& text : o.listen) {
    const auto url = parse_url(text);
    if (!url || (url->scheme != "rtmp" && url->scheme != "rtmps" && !is_srt(url->scheme) &&
                 !is_whip(url->scheme)))
      throw Error(Exit::kUsage, "ingest.listen", "cannot listen on '" + escaped(text) + "'",
                  "write rtmp://ADDRESS:PORT/APP, rtmps://ADDRESS:PORT/APP, srt://ADDRESS:PORT, "
                  "srtla://ADDRESS:PORT, whip://ADDRESS:PORT or whips://ADDRESS:PORT");
    if (!is_srt(url->scheme) && listen_port(text) == 0)
      throw Error(Exit::kUsage, "ingest.listen",
                  "port 0 of '" + escaped(text) +
                      "' says that any will do, which is no place to "
                      "publish to",
                  "leave --listen out: the running instance is asked which it took");
    const bool encrypted = is_srt(url->scheme) &&
                           (!o.passphrase.empty() || !srt::parse_address(text).passphrase.empty());
    all.push_back(endpoint_json(text, text, false, encrypted));
  }
  return all;
}

Json make_sheet(const EndpointsOptions& o) {
  const auto secret = [&](const std::string& source, const char* place) {
    return source.empty() || !o.reveal ? std::string(place)
                                       : std::string(cli::read_secret(source).reveal());
  };
  const Shown hidden{secret(o.key, kKey), secret(o.passphrase, kPassphrase)};
  Json rows = Json::array();
  for (const Json& endpoint : known_endpoints(o)) {
    auto at = parse_url(endpoint.value("url", ""));
    if (!at) continue;
    at->host = host_for(*at, o.host);
    Shown shown = hidden;
    if (endpoint.value("open", false)) shown.key = o.stream;  // no secret
    rows.push_back(is_srt(at->scheme)    ? srt_sheet(*at, endpoint, shown)
                   : is_whip(at->scheme) ? whip_sheet(*at, o.stream, endpoint, shown)
                                         : rtmp_sheet(*at, shown));
  }
  return {{"schema", kSchema}, {"stream", o.stream}, {"revealed", o.reveal}, {"endpoints", rows}};
}

void line(std::string& text, const char* who, const char* what, const std::string& value) {
  std::string row = "  " + std::string(who);
  row.resize(std::max<size_t>(row.size() + 1, 22), ' ');
  row += what;
  row.resize(std::max<size_t>(row.size() + 1, 34), ' ');
  text += row + value + "\n";
}

std::string sheet_text(const Json& sheet) {
  std::string text;
  for (const Json& row : sheet["endpoints"]) {
    const auto get = [&](const char* name) { return row[name].get<std::string>(); };
    const std::string protocol = get("protocol");
    if (!text.empty()) text += "\n";
    for (const char c : protocol) text += static_cast<char>(c - 'a' + 'A');
    if (protocol == "whip")
      text += ", media encrypted, the key not without HTTPS\n";
    else
      text += row["encrypted"].get<bool>() ? "\n" : ", not encrypted\n";
    if (protocol == "srtla") {
      line(text, "BELABOX, Moblin", "receiver", get("host"));
      line(text, "", "port", row["port"].dump());
      line(text, "", "streamid", get("stream_id"));
      line(text, "", "latency", row["latency_ms"].dump() + " ms");
      if (row["encrypted"].get<bool>()) line(text, "", "passphrase", get("passphrase"));
    } else if (protocol == "srt") {
      line(text, "OBS", "server", get("url"));
      line(text, "Larix", "URL", get("server"));
      line(text, "", "streamid", get("stream_id"));
      line(text, "hardware", "address", get("host") + " port " + row["port"].dump());
      line(text, "", "mode", "caller");
      line(text, "", "stream id", get("stream_id"));
      line(text, "Larix, hardware", "latency", row["latency_ms"].dump() + " ms");
      if (row["encrypted"].get<bool>()) line(text, "", "passphrase", get("passphrase"));
    } else if (is_whip(protocol)) {
      line(text, "OBS, browsers", "server", get("server"));
      if (!row["key"].is_null()) line(text, "", "bearer token", get("key"));
    } else {
      line(text, "OBS, hardware", "server", get("server"));
      line(text, "", "stream key", get("key"));
      line(text, "Larix", "URL", get("url"));
    }
    line(text, "ffmpeg", "", get("ffmpeg"));
  }
  return text;
}

int endpoints(const EndpointsOptions& options, cli::Context& context) {
  check_stream_name(options.stream);
  for (const std::string& source : {options.key, options.passphrase})
    if (!source.empty() && !cli::is_secret_source(source))
      throw Error(Exit::kUsage, "secret.source",
                  "--key and --passphrase want the source of a secret, not the secret",
                  "for example --key @vault:NAME or @file:PATH");
  const Json sheet = make_sheet(options);
  if (context.json())
    context.print_json(sheet);
  else
    context.print(sheet_text(sheet));
  return 0;
}

}  // namespace

Json endpoints_json(const Options& options, const std::vector<std::string>& urls,
                    const std::string& stream) {
  const bool open =
      std::find(options.open.begin(), options.open.end(), stream) != options.open.end() ||
      (options.open.empty() && !options.asks_for_keys());
  Json all = Json::array();
  for (size_t i = 0; i < urls.size(); ++i) {
    const std::string& text = options.listen[i];
    all.push_back(endpoint_json(
        text, urls[i], open, text.starts_with("srt") && needs_passphrase(options, text, stream)));
  }
  return all;
}

void declare_endpoints(cli::Command& root, EndpointsOptions& options) {
  cli::Command verb("endpoints", "print what to type into encoders to publish a stream");
  verb.description(
      "The server, the key and the URL for OBS, ffmpeg, Larix and hardware encoders, for each "
      "address that the running instance of the stream listens on, or that --listen names. The "
      "store of keys holds no keys, so places are shown for them; --reveal puts in what --key and "
      "--passphrase read.");
  verb.positional("STREAM", options.stream, "the stream").completes(cli::Completion::kStream);
  verb.option("--listen", options.listen, "URL",
              "an address as stream-ingest has it, instead of asking the running one; repeat")
      .url();
  verb.option("--host", options.host, "NAME",
              "by which encoders reach this machine; else the address listened on, or its name");
  verb.option("--key", options.key, "SOURCE", "where the stream's key is: @file:PATH, @vault:NAME");
  verb.option("--passphrase", options.passphrase, "SOURCE", "where SRT's passphrase is");
  verb.flag("--reveal", options.reveal, "show the key and the passphrase");
  verb.example("stream-ingest endpoints demo --host live.example.org",
               "for an encoder somewhere else");
  verb.run([&options](cli::Context& context) { return endpoints(options, context); });
  root.subcommand(std::move(verb));
}

}  // namespace stream::ingest
