// What the destinations are like: as JSON, as a table.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "forward/forwarder.h"

namespace stream::simulcast {

nlohmann::json to_json(const media::ForwardStatus& status, const std::string& shown,
                       const std::string& profile);
nlohmann::json to_json(const media::Forwarder::Encoding& encoding);
nlohmann::json to_json(const media::Forwarder::UplinkStatus& status);
// For people; empty: there is room for all.
std::string uplink_line(const nlohmann::json& status);
// One line per encoding of the list that status answers; empty: nothing is encoded.
std::string encoding_table(const nlohmann::json& encodings);
// One line per destination of the list that status answers; `header` first.
std::string table(const nlohmann::json& destinations, bool header = true);

}  // namespace stream::simulcast
