// The section "hooks" of the stream file.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "base/url.h"
#include "control/event_list.h"
#include "streams/file.h"

namespace stream::streams {
namespace {

using config::Node;
using hooks::Hook;
using namespace std::chrono_literals;

constexpr size_t kMaxWords = 64;
constexpr auto kHttpLimit = 5s, kProgramLimit = 30s, kMostLimit = 60s;

std::vector<std::string> words_of(const Node& node) {
  std::vector<std::string> words;
  if (node.is_scalar()) {
    words.push_back(node.text());
  } else {
    for (const Node& item : node.items()) words.push_back(item.text());
  }
  if (words.empty() || words[0].empty()) node.fail("the list is empty");
  if (words.size() > kMaxWords) node.fail("more than 64 words");
  for (const std::string& word : words)
    if (word.find('\0') != word.npos) node.fail("a zero byte has no place here");
  return words;
}

void check_events(const Node& node, const std::vector<std::string>& events) {
  for (size_t i = 0; i < events.size(); ++i) {
    if (hooks::is_event_pattern(events[i])) continue;
    std::vector<std::string> known;
    for (const control::EventInfo& event : control::event_list()) known.emplace_back(event.name);
    const auto right = nearest(events[i], known);
    const Node& place = node.is_list() ? node.items()[i] : node;
    place.fail("'" + escaped(events[i], 60) + "' is no event that hooks are told",
               right ? "did you mean " + *right + "?"
                     : "stream-events(7) lists them; stream.* means all that begin so");
  }
}

void read_only_once(const Node& node, const std::string& text) {
  if (text.starts_with("@-") || text.starts_with("@fd:"))
    node.fail("'" + escaped(text, 60) + "' can be read only once",
              "use @vault:NAME, @file:PATH or @cred:NAME");
}

// An address that holds a token belongs where its secret is.
void read_url(const Node& node, Hook& hook, const std::string& directory) {
  const std::string& text = node.text();
  if (text.starts_with("@")) {
    read_only_once(node, text);
    hook.url = absolute_source(text, directory);
    return;
  }
  const auto url = parse_url(text);
  if (!url || (url->scheme != "https" && url->scheme != "http") || url->host.empty())
    node.fail("'" + escaped(text, 100) + "' is no URL of https", "for example https://HOST/PATH");
  if (!url->user.empty() || !url->password.empty())
    node.fail("the URL carries a password", "put it into a file and write \"@file:PATH\"");
  if (url->scheme == "http" && !hook.allow_private)
    node.fail("what is sent by http can be read on its way",
              "use https; allow_private: true allows http in your own network");
  hook.url = text;
}

void read_limit(const Node& node, Hook& hook) {
  const Duration limit = parse_duration(node.text());
  if (limit.value < 100ms || limit.value > kMostLimit)
    node.fail("'" + escaped(node.text(), 60) + "' is not from 100ms to 1m");
  hook.limit = std::chrono::duration_cast<std::chrono::milliseconds>(limit.value);
}

}  // namespace

Hook parse_hook(const std::string& name, const Node& node, const std::string& directory) {
  Hook hook;
  hook.name = name;
  if (!is_stream_name(name))
    node.fail("'" + escaped(name, 60) + "' is no name for a hook", "use 1 to 63 of a-z 0-9 . _ -");
  node.only({"url", "secret", "exec", "events", "allow_private", "timeout"});
  const Node *url = node.find("url"), *exec = node.find("exec"), *secret = node.find("secret");
  if (!url == !exec)
    node.fail(url ? "the hook has both url and exec" : "the hook has neither url nor exec",
              "say one of them");
  if (const Node* allow = node.find("allow_private")) {
    if (exec) allow->fail("a program has no address");
    hook.allow_private = allow->boolean();
  }
  hook.limit = exec ? kProgramLimit : kHttpLimit;
  if (const Node* limit = node.find("timeout")) {
    if (url) limit->fail("an endpoint has five seconds", "timeout is for exec");
    read_limit(*limit, hook);
  }
  if (url) {
    read_url(*url, hook, directory);
    if (!secret)
      node.fail("'secret' is missing: the receiver could not tell who sends",
                "stream-ctl hooks secret makes one; write its source: \"@file:PATH\"");
    if (!secret->text().starts_with("@"))
      secret->fail("a secret is not written here",
                   "write its source: \"@vault:NAME\", \"@file:PATH\"");
    read_only_once(*secret, secret->text());
    hook.secret = absolute_source(secret->text(), directory);
  } else {
    if (secret) secret->fail("a program needs no signature");
    hook.argv = words_of(*exec);
    if (hook.argv[0].find('/') == std::string::npos)
      exec->fail("'" + escaped(hook.argv[0], 60) + "' is no path of a program",
                 "write /usr/bin/PROGRAM, or ./PROGRAM beside this file");
    hook.argv[0] = absolute_path(hook.argv[0], directory);
  }
  if (const Node* events = node.find("events")) {
    hook.events = words_of(*events);
    check_events(*events, hook.events);
  }
  return hook;
}

Json to_json(const Hook& hook) {
  Json out = Json::object();
  if (!hook.argv.empty()) {
    out["exec"] = hook.argv;
    if (hook.limit != kProgramLimit) out["timeout"] = to_text(Duration{hook.limit});
  } else {
    out["url"] = hook.url;
    out["secret"] = hook.secret;
  }
  if (hook.allow_private) out["allow_private"] = true;
  if (!hook.events.empty()) out["events"] = hook.events;
  return out;
}

}  // namespace stream::streams
