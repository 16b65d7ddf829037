// Matcher: does a point satisfy a filter, asked of its whole payload. The plain evaluator: it says what
// filter.h means, and all that is faster is tested against it.
//
// Prepared once a filter: values sorted, words split. Const and without locks, so one Matcher serves many
// threads. The filter must be valid (check_filter.h).
#pragma once

#include <string>
#include <vector>

#include "query/filter/filter.h"
#include "query/schema/json_tree.h"

namespace kith {

class Matcher {
 public:
  explicit Matcher(const Filter& filter) : root_(filter) {}

  /// `payload` is the root of JsonTree::parse_payload, which takes an empty payload for {}.
  bool matches(const Id& id, const JsonValue& payload) const { return root_.matches(id, payload); }

  /// A node of the filter and what was made ready for it.
  class Step {
   public:
    explicit Step(const Filter& filter);
    bool matches(const Id& id, const JsonValue& object) const;

   private:
    struct Question;

    Filter::Node node_;               // values and ids sorted, each once; without the filters below it
    std::vector<Step> of_;            // these
    std::vector<std::string> words_;  // of MatchWords; sorted, each once
  };

 private:
  Step root_;
};

}  // namespace kith
