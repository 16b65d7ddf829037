// What a child process of the recovery suite does, and the line of numbers in which it says what it saw.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith::bench {

inline constexpr const char* kCollection = "bench";
inline constexpr uint32_t kFirstAnswerK = 10;
inline constexpr size_t kCheckedQueries = 100;

/// Handed over on the command line.
struct Role {
  std::string name;  // load, write or open; "" = this is no child
  std::string directory;
  std::string set;
  std::string progress;  // write: where it counts
  uint64_t batches = 0;  // open: what must be there at least; 0 = a pass, not looked at point by point
};

/// `name=value` with spaces between, one line.
using Numbers = std::map<std::string, double>;
std::string to_line(const Numbers& numbers);
Result<Numbers> parse_numbers(std::string_view line);

/// load:  creates the database, writes one pass durably, settles, closes. Says load_s, settle_s, close_s.
/// write: the same pass and then one after the other, as fast as it goes, until it is killed.
/// open:  opens a directory it has not seen and asks it one question. Says open_s, first_answer_s (both since
///        the beginning of the open), cpu_s (of all threads), by_index, pending, recall of kCheckedQueries
///        answers, extra (batches beyond `batches`), lost (points that are not what the acknowledged batches
///        made them).
Result<Numbers> play(const Role& role);

}  // namespace kith::bench
