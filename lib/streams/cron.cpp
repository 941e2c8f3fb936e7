#include "streams/cron.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace stream::streams {
namespace {

using namespace std::chrono;

constexpr size_t kMaxText = 200;

constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  const char* name;
  int least, most;
  std::span<const std::string_view> words;  // of `least` and what follows
};
constexpr Field kFields[] = {{"minute", 0, 59, {}},
                             {"hour", 0, 23, {}},
                             {"day of the month", 1, 31, {}},
                             {"month", 1, 12, kMonths},
                             {"day of the week", 0, 7, kWeekdays}};

[[noreturn]] void invalid(std::string_view text, const std::string& why,
                          const std::string& hint =
                              "minute, hour, day of the month, month, day of the week: "
                              "\"0 10 * * SUN\" is Sundays at ten") {
  throw Error(Exit::kConfig, "cron.invalid", "'" + escaped(text, 60) + "' " + why, hint);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

int read_value(std::string_view text, const Field& field) {
  const std::string word = upper(text);
  for (size_t i = 0; i < field.words.size(); ++i)
    if (field.words[i] == word) return field.least + static_cast<int>(i);
  const bool digits = !word.empty() && word.size() <= 2 &&
                      word.find_first_not_of("0123456789") == std::string::npos;
  if (digits) {
    const int value = std::stoi(word);
    if (value >= field.least && value <= field.most) return value;
  }
  const std::vector<std::string> words(field.words.begin(), field.words.end());
  const auto right = digits ? std::nullopt : nearest(word, words);
  invalid(text,
          std::string("is no ") + field.name + ": it is from " + std::to_string(field.least) +
              " to " + std::to_string(field.most) +
              (words.empty() ? "" : ", or " + words.front() + " to " + words.back()),
          right ? "did you mean " + *right + "?" : "");
}

// One of a list: *, 5, 1-5, each with /STEP.
template <size_t N>
void read_item(std::string_view item, const Field& field, std::bitset<N>& set) {
  const size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  int step = 1;
  if (slash != item.npos) {
    const std::string text(item.substr(slash + 1));
    if (text.empty() || text.size() > 2 || text.find_first_not_of("0123456789") != text.npos ||
        (step = std::stoi(text)) == 0)
      invalid(item, "has no step behind its '/'", "*/15 is each fifteenth");
  }
  int from = field.least, to = field.words.size() == 7 ? 6 : field.most;
  if (range != "*") {
    const size_t dash = range.find('-');
    from = read_value(range.substr(0, dash), field);
    if (dash != range.npos)
      to = read_value(range.substr(dash + 1), field);
    else if (slash == item.npos)
      to = from;
    if (to < from) invalid(item, "ends before it begins", "write two ranges with a comma");
  }
  for (int value = from; value <= to; value += step)
    set.set(static_cast<size_t>(field.words.size() == 7 ? value % 7 : value));
}

template <size_t N>
void read_field(std::string_view text, const Field& field, std::bitset<N>& set) {
  for (;;) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma == 0) invalid(text, std::string("is no ") + field.name);
    read_item(text.substr(0, comma), field, set);
    if (comma == text.size()) return;
    text.remove_prefix(comma + 1);
  }
}

// Every date with every day of the week comes within 28 years.
bool ever(const Cron& cron) {
  const sys_days end(year(2028) / January / 1);
  for (sys_days day(year(2000) / January / 1); day < end; day += days(1))
    if (cron.has_day(day)) return true;
  return false;
}

}  // namespace

bool Cron::has_day(year_month_day date) const {
  if (!months.test(static_cast<unsigned>(date.month()))) return false;
  const bool by_day = days.test(static_cast<unsigned>(date.day()));
  const bool by_weekday = weekdays.test(weekday(sys_days(date)).c_encoding());
  return any_day || any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

Cron parse_cron(std::string_view text) {
  if (text.size() > kMaxText) invalid(text, "is longer than 200 bytes");
  std::vector<std::string_view> words;
  for (size_t at = 0; (at = text.find_first_not_of(" \t", at)) != text.npos;) {
    const size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  if (words.size() != 5)
    invalid(text, "has " + std::to_string(words.size()) + " fields in place of 5");
  Cron cron;
  for (const std::string_view word : words)
    cron.text += (cron.text.empty() ? "" : " ") + upper(word);
  read_field(words[0], kFields[0], cron.minutes);
  read_field(words[1], kFields[1], cron.hours);
  read_field(words[2], kFields[2], cron.days);
  read_field(words[3], kFields[3], cron.months);
  read_field(words[4], kFields[4], cron.weekdays);
  cron.any_day = words[2][0] == '*';
  cron.any_weekday = words[4][0] == '*';
  if (!ever(cron)) invalid(text, "names a day that never comes", "look at the day and the month");
  return cron;
}

}  // namespace stream::streams
