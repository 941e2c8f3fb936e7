#include "base/time_zone.h"

#include <algorithm>

#include "base/bytes.h"

namespace stream {
namespace {

using namespace std::chrono;

constexpr int kFirstYear = 1970, kLastYear = 2200;
constexpr seconds kMostOffset = 26h;  // RFC 8536, 3.2: utoff is within -25h and 26h
constexpr size_t kHeader = 44;

// --- the footer: POSIX.1-2017, 8.3, with the hours of RFC 8536, 3.3.1 ------------------------

// A day of a year and a time of that day.
struct Rule {
  enum class Kind { kMonth, kJulian, kDay } kind = Kind::kDay;
  int month = 0, week = 0, day = 0;
  seconds time = 2h;

  sys_seconds at(int y, seconds offset) const {
    const sys_days first = sys_days(year(y) / January / 1);
    sys_days date = first + days(day);
    if (kind == Kind::kJulian) {  // 1 to 365, without the 29th of February
      date = first + days(day - 1);
      if (year(y).is_leap() && day >= 60) date += days(1);
    } else if (kind == Kind::kMonth) {
      const auto place = year(y) / std::chrono::month(static_cast<unsigned>(month));
      const weekday wanted(static_cast<unsigned>(day));
      date = week == 5 ? sys_days(place / wanted[last])
                       : sys_days(place / wanted[static_cast<unsigned>(week)]);
    }
    return sys_seconds(date) + time - offset;
  }
};

class Footer {
 public:
  bool parse(std::string_view text) {
    rest_ = text;
    seconds west{};
    if (!name() || !time(west, 24)) return false;
    standard = -west;
    if (rest_.empty()) return true;
    if (!name()) return false;
    has_summer = true;
    summer = standard + 1h;
    if (!rest_.empty() && rest_[0] != ',') {
      if (!time(west, 24)) return false;
      summer = -west;
    }
    return take(',') && rule(begin) && take(',') && rule(end) && rest_.empty();
  }

  seconds standard{}, summer{};
  bool has_summer = false;
  Rule begin, end;

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool name() {
    const bool quoted = take('<');
    size_t n = 0;
    const auto is_part = [&](char c) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
    };
    while (n < rest_.size() && is_part(rest_[n])) ++n;
    rest_.remove_prefix(n);
    return n >= 3 && n <= 16 && (!quoted || take('>'));
  }
  bool number(int& value, int least, int most) {
    size_t n = 0;
    value = 0;
    for (; n < rest_.size() && n < 4 && rest_[n] >= '0' && rest_[n] <= '9'; ++n)
      value = value * 10 + (rest_[n] - '0');
    rest_.remove_prefix(n);
    return n > 0 && value >= least && value <= most;
  }
  bool time(seconds& value, int most_hours) {
    const bool negative = take('-');
    if (!negative) take('+');
    int h = 0, m = 0, s = 0;
    if (!number(h, 0, most_hours)) return false;
    if (take(':') && (!number(m, 0, 59) || (take(':') && !number(s, 0, 59)))) return false;
    value = hours(h) + minutes(m) + seconds(s);
    if (negative) value = -value;
    return true;
  }
  bool rule(Rule& r) {
    if (take('M')) {
      r.kind = Rule::Kind::kMonth;
      if (!number(r.month, 1, 12) || !take('.') || !number(r.week, 1, 5) || !take('.') ||
          !number(r.day, 0, 6))
        return false;
    } else if (take('J')) {
      r.kind = Rule::Kind::kJulian;
      if (!number(r.day, 1, 365)) return false;
    } else if (!number(r.day, 0, 365)) {
      return false;
    }
    return !take('/') || time(r.time, 167);
  }

  std::string_view rest_;
};

// --- the file: RFC 8536, 3.1 and 3.2 ---------------------------------------------------------

struct Counts {
  uint8_t version = 0;
  uint32_t is_ut = 0, is_standard = 0, leaps = 0, times = 0, types = 0, letters = 0;

  bool read(ByteReader& in) {
    if (in.text(4) != "TZif") return false;
    version = in.u8();
    in.skip(15);
    for (uint32_t* count : {&is_ut, &is_standard, &leaps, &times, &types, &letters})
      *count = in.u32();
    const auto none_or_all = [&](uint32_t n) { return n == 0 || n == types; };
    return in.ok() && types >= 1 && types <= 256 && none_or_all(is_ut) && none_or_all(is_standard);
  }
  uint64_t body(uint64_t time_size) const {
    return times * (time_size + 1) + uint64_t{types} * 6 + letters + leaps * (time_size + 4) +
           is_standard + is_ut;
  }
};

}  // namespace

std::optional<TimeZone> TimeZone::parse(Bytes tzif) {
  ByteReader in(tzif);
  Counts counts;
  if (!counts.read(in)) return std::nullopt;
  uint64_t time_size = 4;
  if (counts.version >= '2') {  // all of it again, with longer times
    if (counts.body(4) > in.remaining()) return std::nullopt;
    in.skip(static_cast<size_t>(counts.body(4)));
    if (!counts.read(in)) return std::nullopt;
    time_size = 8;
  }
  if (counts.leaps || counts.body(time_size) > in.remaining()) return std::nullopt;
  std::vector<int64_t> times(counts.times);
  for (int64_t& time : times)
    time = time_size == 8 ? static_cast<int64_t>(in.u64()) : static_cast<int32_t>(in.u32());
  const Bytes indices = in.bytes(counts.times);
  std::vector<seconds> offsets;
  for (uint32_t i = 0; i < counts.types; ++i) {
    offsets.emplace_back(static_cast<int32_t>(in.u32()));
    in.skip(2);
    if (offsets.back() < -kMostOffset || offsets.back() > kMostOffset) return std::nullopt;
  }
  in.skip(counts.letters + counts.is_standard + counts.is_ut);
  TimeZone zone;
  zone.first_ = offsets[0];
  const int64_t begin =
      sys_seconds(sys_days(year(kFirstYear) / January / 1)).time_since_epoch().count();
  const int64_t end =
      sys_seconds(sys_days(year(kLastYear) / January / 1)).time_since_epoch().count();
  for (size_t i = 0; i < times.size(); ++i) {
    if (indices[i] >= offsets.size() || (i > 0 && times[i] <= times[i - 1])) return std::nullopt;
    if (times[i] <= begin)
      zone.first_ = offsets[indices[i]];
    else if (times[i] < end)
      zone.changes_.push_back({Instant(seconds(times[i])), offsets[indices[i]]});
  }
  if (!in.ok()) return std::nullopt;
  if (time_size == 4) return zone;
  const Bytes rest = in.rest();
  const std::string_view footer(reinterpret_cast<const char*>(rest.data()), rest.size());
  const size_t close = footer.find('\n', 1);
  if (footer.empty() || footer[0] != '\n' || close == footer.npos) return std::nullopt;
  if (close > 1 && !zone.extend(footer.substr(1, close - 1))) return std::nullopt;
  return zone;
}

// The rules go on from the last change of the table, for as long as anybody plans.
bool TimeZone::extend(std::string_view text) {
  Footer footer;
  if (!footer.parse(text)) return false;
  const Instant known = changes_.empty() ? Instant::min() : changes_.back().at;
  std::vector<Change> more;
  if (footer.has_summer) {
    for (int y = kFirstYear - 1; y <= kLastYear; ++y) {
      more.push_back({footer.begin.at(y, footer.standard), footer.summer});
      more.push_back({footer.end.at(y, footer.summer), footer.standard});
    }
    // Summer time all the year ends and begins at one instant: the beginning counts.
    std::stable_sort(more.begin(), more.end(), [&](const Change& a, const Change& b) {
      return a.at != b.at ? a.at < b.at
                          : a.offset == footer.standard && b.offset != footer.standard;
    });
  } else if (changes_.empty()) {
    first_ = footer.standard;
  }
  if (changes_.empty() && footer.has_summer) first_ = more[0].offset;
  for (const Change& change : more)
    if (change.at > known) changes_.push_back(change);
  return true;
}

seconds TimeZone::offset_at(Instant instant) const {
  const auto after =
      std::upper_bound(changes_.begin(), changes_.end(), instant,
                       [](Instant time, const Change& change) { return time < change.at; });
  return after == changes_.begin() ? first_ : std::prev(after)->offset;
}

// Walks the stretches of one offset from well before `time`: the first that reaches it has it.
TimeZone::Instant TimeZone::instant(Local time) const {
  const Instant as_utc(time.time_since_epoch());
  auto next = std::upper_bound(changes_.begin(), changes_.end(), as_utc - kMostOffset - 1h,
                               [](Instant at, const Change& change) { return at < change.at; });
  seconds offset = next == changes_.begin() ? first_ : std::prev(next)->offset;
  Instant begin = next == changes_.begin() ? Instant::min() : std::prev(next)->at;
  for (; next != changes_.end(); ++next) {
    const Instant found = std::max(begin, as_utc - offset);
    if (found < next->at) return found;
    offset = next->offset;
    begin = next->at;
  }
  return std::max(begin, as_utc - offset);
}

}  // namespace stream
