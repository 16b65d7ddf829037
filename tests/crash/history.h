// What was asked of a database and when it was answered, and from that what it must hold after a crash.
//
// Time is the number of file operations recorded so far (base/io/recording_file_system.h): a write that was
// answered when n had been recorded must be in the disk after the first n. A collection counts its batches
// itself (its sequence), so its whole content after a crash is that of one sequence: the check is equality,
// which leaves no room for a lost, a resurrected, a doubled or a half batch.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/query/test_database.h"

namespace kith::crash {

using testing_support::Content;

inline constexpr size_t kNever = SIZE_MAX;

/// What a batch asks for: follows from its seed and the collection's schema.
struct BatchContent {
  Durability durability = Durability::kSync;
  std::vector<Point> upserts;
  std::vector<Id> removes;           // when there are no upserts
  std::vector<PointUpdate> updates;  // when there are neither
};
BatchContent make_batch(uint64_t seed, const Schema& schema);

struct Batch {
  uint64_t seed = 0;
  Durability durability = Durability::kSync;
  size_t begun = 0;              // recorded when it was handed over
  size_t acknowledged = kNever;  // when it was answered OK
  /// The seed of another batch, or 0: instead of what its own says it removes, by filter, the points whose
  /// payload is of that one. No other batch makes such points.
  uint64_t where = 0;
};
/// Whether a payload is of the batch of that seed.
bool is_of_batch(const std::string& payload, uint64_t seed);

/// One collection from its creation to its drop; another of the same name is another life.
struct Life {
  using State = std::map<Id, std::shared_ptr<const Content>>;

  uint64_t seed = 0;  // of its schema
  std::string name;
  size_t create_begun = 0;
  size_t created = kNever;
  size_t drop_begun = kNever;
  size_t dropped = kNever;
  std::map<uint64_t, Batch> batches;                    // by sequence, from 1 on
  std::vector<std::shared_ptr<const State>> states{1};  // after each sequence, from 0 on; see finish()

  /// Works out the states; to be called when all batches are in.
  void finish();
};
Schema make_schema(uint64_t seed);

/// A moment at which a machine stopped.
struct Moment {
  size_t position = 0;     // file operations that were done
  bool power_lost = true;  // false: the process was killed, the machine lived: what was answered is there
};

/// What a database holds: the sequence of each life that is there, by index in History::lives.
using Survivors = std::map<size_t, uint64_t>;

struct Verdict {
  std::string problem;  // empty: all is as it must be
  Survivors survivors;
};

class History {
 public:
  std::vector<Life> lives;

  void finish();
  /// As `verdict` found it, all of it durable: what a run that goes on from there begins with.
  History after(const Survivors& survivors) const;
  /// Different histories of demand: equal when exactly the same is allowed at both moments.
  uint64_t demands(const Moment& moment) const;
  /// Compares everything that `db` holds with what it must and may hold.
  Verdict check(const Database& db, const Moment& moment) const;

  /// For another process, see replay in power_loss_test.cc.
  std::string print() const;
  static History parse(const std::string& text);

 private:
  uint64_t required(const Life& life, const Moment& moment) const;
  static uint64_t allowed(const Life& life, const Moment& moment);
  std::string check_name(const Database& db, const std::string& name, bool there, const Moment& moment,
                         Survivors& survivors) const;
  std::string check_life(const Collection& collection, const Life& life, const Moment& moment,
                         uint64_t sequence) const;
  std::string check_order(const Survivors& survivors) const;
};

/// Searches for a tenth of the stored vectors, or for `one`: the index must answer what a scan answers. Empty
/// when it does.
std::string check_answers(const Collection& collection, const Life::State& state, uint64_t seed, bool one);

}  // namespace kith::crash
