#include "rtmp/connect.h"

#include <algorithm>
#include <array>

namespace stream::rtmp {
namespace {

using amf0::Object;
using amf0::Value;

// Enhanced RTMP v2: capsEx bits and info masks that a server which passes media on can claim.
constexpr uint32_t kCapsMultitrack = 2, kCapsModEx = 4, kCapsTimestampNano = 8;
constexpr uint32_t kOwnCaps = kCapsMultitrack | kCapsModEx | kCapsTimestampNano;
constexpr int kCanForward = 4;
constexpr std::array kForwardedVideo = {"avc1", "hvc1", "av01", "vp09", "vp08"};
constexpr std::array kForwardedAudio = {"mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"};

std::string text_of(const Object& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr ? std::string(value->text()) : std::string();
}

uint32_t number_of(const Object& object, std::string_view name) {
  const Value* value = object.find(name);
  const double number = value != nullptr ? value->number().value_or(0) : 0;
  return number >= 0 && number <= 0xFFFFFFFF ? static_cast<uint32_t>(number) : 0;
}

template <size_t N>
Object forward_map(const std::array<const char*, N>& codes) {
  Object map;
  for (const char* code : codes) map.properties.emplace_back(code, kCanForward);
  return map;
}

}  // namespace

std::pair<std::string_view, std::string_view> split_query(std::string_view text) {
  const size_t at = text.find('?');
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

void mirror_capabilities(const Object& offer, Object& info) {
  if (offer.find("capsEx") != nullptr) {
    info.properties.emplace_back("capsEx",
                                 static_cast<double>(number_of(offer, "capsEx") & kOwnCaps));
  }
  if (offer.find("videoFourCcInfoMap") != nullptr) {
    info.properties.emplace_back("videoFourCcInfoMap", forward_map(kForwardedVideo));
  }
  if (offer.find("audioFourCcInfoMap") != nullptr) {
    info.properties.emplace_back("audioFourCcInfoMap", forward_map(kForwardedAudio));
  }
  const Value* list = offer.find("fourCcList");
  if (list == nullptr || list->array() == nullptr) return;
  const auto offered = [list](std::string_view code) {
    const std::vector<Value>& items = list->array()->items;
    return std::any_of(items.begin(), items.end(), [code](const Value& item) {
      return item.text() == code || item.text() == "*";
    });
  };
  amf0::Array both;
  for (const char* code : kForwardedVideo) {
    if (offered(code)) both.items.emplace_back(code);
  }
  for (const char* code : kForwardedAudio) {
    if (offered(code)) both.items.emplace_back(code);
  }
  info.properties.emplace_back("fourCcList", std::move(both));
}

ConnectRequested read_connect(const Object& object) {
  ConnectRequested request;
  const std::string whole_app = text_of(object, "app");
  auto [app, query] = split_query(whole_app);
  while (!app.empty() && app.back() == '/') app.remove_suffix(1);
  request.app = app;
  request.app_query = Secret(std::string(query));
  request.tc_url = Secret(text_of(object, "tcUrl"));
  request.type = text_of(object, "type");
  request.flash_version = text_of(object, "flashVer");
  request.caps_ex = number_of(object, "capsEx");
  if (const Value* list = object.find("fourCcList"); list != nullptr && list->array() != nullptr) {
    for (const Value& item : list->array()->items) request.fourccs.emplace_back(item.text());
  }
  for (const char* name : {"videoFourCcInfoMap", "audioFourCcInfoMap"}) {
    const Value* map = object.find(name);
    if (map == nullptr || map->object() == nullptr) continue;
    for (const amf0::Property& entry : map->object()->properties) {
      request.fourccs.push_back(entry.first);
    }
  }
  return request;
}

}  // namespace stream::rtmp
