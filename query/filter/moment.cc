#include "query/filter/moment.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

namespace kith {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

// Takes text from the front; whatever is missing or out of bounds makes the whole wrong.
class MomentReader {
 public:
  explicit MomentReader(std::string_view text) : left_(text) {}

  bool at_end() const { return left_.empty(); }
  bool skip(char wanted, char or_else) {
    if (left_.empty() || (left_.front() != wanted && left_.front() != or_else)) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool skip(char wanted) { return skip(wanted, wanted); }

  std::optional<int> number(size_t digits, int least, int most) {
    if (left_.size() < digits) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!is_digit(left_[i])) return std::nullopt;
      value = value * 10 + (left_[i] - '0');
    }
    left_.remove_prefix(digits);
    if (value < least || value > most) return std::nullopt;
    return value;
  }

  // What follows the point, one digit at least, in nanoseconds.
  std::optional<int64_t> fraction() {
    int64_t ns = 0;
    int64_t unit = kNsPerSecond / 10;
    size_t digits = 0;
    for (; digits < left_.size() && is_digit(left_[digits]); ++digits, unit /= 10)
      ns += unit * (left_[digits] - '0');
    if (digits == 0) return std::nullopt;
    left_.remove_prefix(digits);
    return ns;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view left_;
};

// Days since 1970-01-01.
std::optional<int64_t> read_date(MomentReader& in) {
  const auto year = in.number(4, 0, 9999);
  if (!year || !in.skip('-')) return std::nullopt;
  const auto month = in.number(2, 1, 12);
  if (!month || !in.skip('-')) return std::nullopt;
  const auto day = in.number(2, 1, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

// Seconds to subtract.
std::optional<int64_t> read_offset(MomentReader& in) {
  if (in.skip('Z', 'z')) return 0;
  const bool east = in.skip('+');
  if (!east && !in.skip('-')) return std::nullopt;
  const auto hours = in.number(2, 0, 23);
  if (!hours || !in.skip(':')) return std::nullopt;
  const auto minutes = in.number(2, 0, 59);
  if (!minutes) return std::nullopt;
  const int64_t seconds = *hours * 3600 + *minutes * 60;
  return east ? seconds : -seconds;
}

struct TimeOfDay {
  int64_t seconds = 0;  // in UTC; negative or beyond a day where the offset says so
  int64_t ns = 0;
};

std::optional<TimeOfDay> read_time(MomentReader& in) {
  const auto hour = in.number(2, 0, 23);
  if (!hour || !in.skip(':')) return std::nullopt;
  const auto minute = in.number(2, 0, 59);
  if (!minute || !in.skip(':')) return std::nullopt;
  const auto second = in.number(2, 0, 60);
  if (!second) return std::nullopt;
  TimeOfDay time;
  if (in.skip('.')) {
    const auto ns = in.fraction();
    if (!ns) return std::nullopt;
    time.ns = *ns;
  }
  const auto offset = read_offset(in);
  if (!offset) return std::nullopt;
  time.seconds = *hour * 3600 + *minute * 60 + *second - *offset;
  // A leap second ends a day of UTC.
  if (*second == 60 && (time.seconds + 2 * kSecondsPerDay) % kSecondsPerDay != 0) return std::nullopt;
  return time;
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  MomentReader in(text);
  const auto days = read_date(in);
  if (!days) return std::nullopt;
  TimeOfDay time;
  if (!in.at_end()) {
    if (!in.skip('T', 't')) return std::nullopt;
    const auto read = read_time(in);
    if (!read || !in.at_end()) return std::nullopt;
    time = *read;
  }
  const auto ns = (static_cast<__int128>(*days) * kSecondsPerDay + time.seconds) * kNsPerSecond + time.ns;
  if (ns < std::numeric_limits<int64_t>::min() || ns > std::numeric_limits<int64_t>::max())
    return std::nullopt;
  return Moment{static_cast<int64_t>(ns)};
}

std::string to_text(Moment moment) {
  const int64_t second_of_time = moment.ns / kNsPerSecond - (moment.ns % kNsPerSecond < 0 ? 1 : 0);
  const std::chrono::sys_seconds seconds{std::chrono::seconds{second_of_time}};
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{seconds - day};
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (const int64_t ns = moment.ns % kNsPerSecond; ns != 0) {
    text += fmt::format(".{:09}", ns < 0 ? ns + kNsPerSecond : ns);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

}  // namespace kith
