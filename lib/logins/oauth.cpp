#include "logins/oauth.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/strict_json.h"

namespace stream::logins {
namespace {

using nlohmann::json;

constexpr int64_t kLongest = int64_t{10} * 366 * 24 * 3600;  // seconds that a token may live

// "error" of RFC 6749, Twitch's "message", Facebook's error object.
std::string reason_of(const json& answer) {
  if (const auto error = crypto::text_member(answer, "error")) {
    // Twitch: {"status":400,"error":"Bad Request","message":"authorization_pending"}.
    const auto message = crypto::text_member(answer, "message");
    return message && error->find(' ') != std::string::npos ? *message : *error;
  }
  if (answer.is_object() && answer.contains("error")) {
    const json& error = answer["error"];
    switch (crypto::number_member(error, "error_subcode").value_or(0)) {
      case 1349174:
        return "authorization_pending";
      case 1349172:
        return "slow_down";
      case 1349152:
        return "expired_token";
      default:
        break;
    }
    if (crypto::number_member(error, "code") == 190) return "invalid_grant";
    return crypto::text_member(error, "message").value_or("");
  }
  return crypto::text_member(answer, "message").value_or("");
}

Outcome outcome_of(int status, const std::string& reason) {
  static constexpr std::pair<std::string_view, Outcome> kWords[] = {
      {"authorization_pending", Outcome::kPending},
      {"slow_down", Outcome::kSlowDown},
      {"access_denied", Outcome::kDenied},
      {"expired_token", Outcome::kExpired},
      {"invalid device code", Outcome::kExpired},  // Twitch, once it is used or over
      {"invalid_grant", Outcome::kInvalid},
      {"Invalid refresh token", Outcome::kInvalid},  // Twitch
      {"temporarily_unavailable", Outcome::kTemporary},
      {"server_error", Outcome::kTemporary},
  };
  for (const auto& [word, outcome] : kWords)
    if (reason == word) return outcome;
  const bool final_word = status >= 400 && status < 500 && status != 429 && status != 408;
  return final_word ? Outcome::kDenied : Outcome::kTemporary;
}

int from_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() && text[i] == '%' ? from_hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? from_hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

TokenAnswer read_token_answer(int status, std::string_view body) {
  TokenAnswer answer;
  const auto document = crypto::strict_json(body);
  if (status == 0 || !document || !document->is_object()) {
    answer.reason = status == 0 ? "no answer" : "an answer that is no JSON object";
    return answer;
  }
  const auto access = crypto::text_member(*document, "access_token");
  if (status == 200 && access && !access->empty()) {
    answer.outcome = Outcome::kOk;
    answer.access = Secret(*access);
    answer.refresh = Secret(crypto::text_member(*document, "refresh_token").value_or(""));
    answer.expires_in = std::clamp<int64_t>(
        crypto::number_member(*document, "expires_in").value_or(0), 0, kLongest);
    return answer;
  }
  const std::string reason = reason_of(*document);
  answer.outcome = outcome_of(status, reason);
  answer.reason = escaped(reason.empty() ? "status " + std::to_string(status) : reason);
  return answer;
}

DeviceAnswer read_device_answer(int status, std::string_view body) {
  DeviceAnswer answer;
  const auto document = crypto::strict_json(body);
  if (status != 200 || !document) {
    answer.reason = escaped(document ? reason_of(*document) : "status " + std::to_string(status));
    return answer;
  }
  const auto text = [&](const char* name) {
    return crypto::text_member(*document, name).value_or("");
  };
  // Facebook says "code" (RFC 8628: device_code), Google "verification_url" (verification_uri).
  answer.device_code = Secret(text("device_code").empty() ? text("code") : text("device_code"));
  answer.user_code = escaped(text("user_code"));
  answer.verification_uri = escaped(
      text("verification_uri").empty() ? text("verification_url") : text("verification_uri"), 500);
  answer.interval =
      std::clamp<int64_t>(crypto::number_member(*document, "interval").value_or(5), 0, 60);
  answer.expires_in =
      std::clamp<int64_t>(crypto::number_member(*document, "expires_in").value_or(1800), 1, 3600);
  answer.ok =
      !answer.device_code.empty() && !answer.user_code.empty() && !answer.verification_uri.empty();
  if (!answer.ok) answer.reason = "the answer lacks a code or an address";
  return answer;
}

std::string pkce_challenge(std::string_view verifier) {
  return crypto::base64url(crypto::sha256(crypto::bytes_of(verifier)));
}

Pkce make_pkce() {
  Pkce pkce;
  pkce.verifier = Secret(crypto::base64url(crypto::random_bytes(32)));
  pkce.challenge = pkce_challenge(pkce.verifier.reveal());
  return pkce;
}

Redirect read_redirect(std::string_view text, std::string_view state) {
  Redirect redirect;
  const size_t question = text.find('?');
  if (question == std::string_view::npos) return redirect;
  std::string_view query = text.substr(question + 1);
  query = query.substr(0, query.find_first_of(" #\r\n"));
  std::string code, given_state, error;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string value = unescape(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "code") code = value;
    if (name == "state") given_state = value;
    if (name == "error") error = value;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  // RFC 6749 10.12: without our state it is somebody else's redirect.
  if (state.empty() || !equal_constant_time(given_state, state)) return redirect;
  redirect.error = escaped(error);
  if (error.empty()) redirect.code = Secret(code);
  return redirect;
}

}  // namespace stream::logins
