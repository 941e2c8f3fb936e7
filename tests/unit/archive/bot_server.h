// A Bot API server in memory behind a World whose clock moves only by waiting.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "archive/bot_api.h"

namespace stream::archive {

inline constexpr char kTestToken[] = "123456:secret-0123456789";

struct BotServer {
  struct Message {
    std::string method, name, data, head;  // head: all before the file's bytes
    Nanoseconds at{};
  };
  std::mutex mutex;
  std::map<int64_t, Message> messages;
  int64_t next = 1, sent = 0;
  Nanoseconds now{};
  std::vector<Trouble> troubles;
  std::vector<fetch::PhaseLimits> limits;
  size_t most_held = 0;  // bytes asked for at once
  // Asked first with the method; an answer that it gives is the answer.
  std::function<std::optional<fetch::Answer>(const std::string& method)> fault;

  static fetch::Answer reply(int status, const std::string& body) {
    fetch::Answer answer;
    answer.status = status;
    answer.body = body;
    answer.sent = true;
    return answer;
  }
  static fetch::Answer refusal(int code, const std::string& text,
                               nlohmann::json parameters = nlohmann::json::object()) {
    return reply(code, nlohmann::json{{"ok", false},
                                      {"error_code", code},
                                      {"description", text},
                                      {"parameters", std::move(parameters)}}
                           .dump());
  }

  BotOptions options() {
    BotOptions out;
    out.token = [] { return Secret(kTestToken); };
    out.trouble = [this](const Trouble& trouble) {
      const std::lock_guard lock(mutex);
      troubles.push_back(trouble);
    };
    return out;
  }

  World world() {
    World out;
    out.send = [this](const fetch::Transfer& transfer) {
      std::string body;
      std::vector<char> buffer(4096);
      while (body.size() < transfer.body_size) {
        const size_t n = transfer.body(body.size(), buffer);
        if (n == SIZE_MAX) return fetch::Answer{};
        body.append(buffer.data(), n);
      }
      const std::lock_guard lock(mutex);
      now += std::chrono::milliseconds(10);
      limits.push_back(transfer.limits);
      return serve(transfer, body);
    };
    out.wall = [] { return WallTime{}; };
    out.monotonic = [this] {
      const std::lock_guard lock(mutex);
      return now;
    };
    out.wait = [this](Nanoseconds time) {
      const std::lock_guard lock(mutex);
      now += time;
      return true;
    };
    out.random = [] { return 0.5; };
    return out;
  }

 private:
  fetch::Answer serve(const fetch::Transfer& transfer, const std::string& body) {
    const std::string file = std::string(kBotHost) + "/file/bot" + kTestToken + "/f/";
    if (transfer.url.starts_with(file)) {
      if (auto answer = fault ? fault("file") : std::nullopt) return *answer;
      const std::string& data = messages.at(std::stoll(transfer.url.substr(file.size()))).data;
      for (size_t at = 0; at < data.size(); at += 100)
        if (!transfer.sink(std::string_view(data).substr(at, 100))) return fetch::Answer{};
      return reply(200, "");
    }
    const std::string base = std::string(kBotHost) + "/bot" + kTestToken + "/";
    if (!transfer.url.starts_with(base)) return refusal(401, "Unauthorized");
    const std::string method = transfer.url.substr(base.size());
    if (auto answer = fault ? fault(method) : std::nullopt) return *answer;
    if (method.starts_with("send")) return take(method, transfer, body);
    const auto json = nlohmann::json::parse(body);
    if (method == "deleteMessage") {
      return messages.erase(json["message_id"].get<int64_t>()) > 0
                 ? reply(200, R"({"ok":true,"result":true})")
                 : refusal(400, "Bad Request: message to delete not found");
    }
    const std::string id = json["file_id"].get<std::string>().substr(1);
    if (messages.count(std::stoll(id)) == 0) return refusal(400, "Bad Request: wrong file_id");
    return reply(
        200, R"({"ok":true,"result":{"file_id":"F)" + id + R"(","file_path":"f/)" + id + R"("}})");
  }

  fetch::Answer take(const std::string& method, const fetch::Transfer& transfer,
                     const std::string& body) {
    const std::string type = transfer.headers.at(0).second;
    const std::string boundary = "--" + type.substr(type.find("boundary=") + 9);
    const size_t name = body.find("filename=\"") + 10, begin = body.find("\r\n\r\n", name) + 4;
    const size_t end = body.rfind("\r\n" + boundary + "--\r\n");
    ++sent;
    messages[next] = {method, body.substr(name, body.find('"', name) - name),
                      body.substr(begin, end - begin), body.substr(0, begin), now};
    const std::string number = std::to_string(next++);
    const std::string size = std::to_string(end - begin);
    return reply(200, R"({"ok":true,"result":{"message_id":)" + number +
                          R"(,"document":{"file_id":"F)" + number + R"(","file_size":)" + size +
                          "}}}");
  }
};

// What a store holds.
inline std::string text_of(Store& store, const std::string& key, uint64_t offset = 0,
                           uint64_t size = UINT64_MAX) {
  std::string out;
  store.get(key, offset, size, [&](std::string_view bytes) {
    out += bytes;
    return true;
  });
  return out;
}

}  // namespace stream::archive
