#include "tests/crash/history.h"

#include <set>
#include <sstream>

#include "base/random.h"
#include "query/filter/number.h"

namespace kith::crash {
namespace {

using testing_support::field;

constexpr uint64_t kIds = 60;

std::vector<float> random_vector(Random& random, uint32_t dim) {
  std::vector<float> vector(dim);
  for (float& value : vector) value = static_cast<float>(random.normal());
  return vector;
}

Point random_point(Random& random, const Schema& schema, uint64_t seed) {
  Point point;
  const uint64_t id = random.below(kIds);
  point.id = id % 8 == 7 ? Id(fmt::format("name-{}", id)) : Id(id);
  for (const VectorField& each : schema.vectors)
    if (random.below(10) > 0)
      point.vectors.push_back({each.name, testing_support::f32(random_vector(random, each.dim))});
  if (random.below(6) > 0)
    point.payload =
        fmt::format("{{\"batch\":{},\"text\":\"{}\"}}", seed, std::string(random.below(300), 'x'));
  return point;
}

/// Some of the point.
PointUpdate random_update(Random& random, Point point) {
  PointUpdate update{point.id, {}};
  if (random.below(2) == 0) update.patch.vectors = std::move(point.vectors);
  update.patch.payload = std::move(point.payload);
  update.patch.replace_payload =
      random.below(4) == 0 || (update.patch.payload.empty() && update.patch.vectors.empty());
  return update;
}

}  // namespace

bool is_of_batch(const std::string& payload, uint64_t seed) {
  return payload.starts_with(fmt::format("{{\"batch\":{},", seed));
}

Schema make_schema(uint64_t seed) {
  Random random(seed);
  const char* kinds[] = {"flat", "hnsw", "vamana"};
  Schema schema;
  // 40 × 4 bytes go to a blob file, 6 × 4 do not.
  schema.vectors.push_back(field("v", random.below(3) > 0 ? 40 : 6, Metric::kL2, kinds[random.below(3)]));
  if (random.below(3) == 0) schema.vectors.push_back(field("w", 8, Metric::kL2, kinds[random.below(3)]));
  return schema;
}

BatchContent make_batch(uint64_t seed, const Schema& schema) {
  Random random(seed);
  BatchContent batch;
  batch.durability = random.below(5) < 2 ? Durability::kAsync : Durability::kSync;
  std::set<Id> seen;
  const uint64_t points = random.below(20) == 0 ? 40 : 1 + random.below(6);
  const uint64_t kind = random.below(6);
  for (uint64_t i = 0; i < points; ++i) {
    Point point = random_point(random, schema, seed);
    if (!seen.insert(point.id).second) continue;
    if (kind == 0)
      batch.removes.push_back(point.id);
    else if (kind <= 2)
      batch.updates.push_back(random_update(random, std::move(point)));
    else
      batch.upserts.push_back(std::move(point));
  }
  return batch;
}

void Life::finish() {
  const Schema schema = make_schema(seed);
  for (auto next = batches.lower_bound(states.size()); next != batches.end(); ++next) {
    CHECK(next->first == states.size());
    State state = states.back() != nullptr ? *states.back() : State{};
    const uint64_t where = next->second.where;
    const BatchContent batch = where == 0 ? make_batch(next->second.seed, schema) : BatchContent{};
    std::erase_if(state,
                  [&](const auto& each) { return where != 0 && is_of_batch(each.second->payload, where); });
    for (const Id& id : batch.removes) state.erase(id);
    for (const Point& point : batch.upserts) {
      Content content{point.payload, {}};
      for (const FieldVector& vector : point.vectors) content.vectors[vector.field] = vector.data;
      state[point.id] = std::make_shared<const Content>(std::move(content));
    }
    for (const PointUpdate& update : batch.updates) {
      const auto found = state.find(update.id);
      if (found == state.end()) continue;
      Content content = *found->second;
      testing_support::apply_patch(update.patch, content);
      found->second = std::make_shared<const Content>(std::move(content));
    }
    states.push_back(std::make_shared<const State>(std::move(state)));
  }
  if (states.front() == nullptr) states.front() = std::make_shared<const State>();
}

void History::finish() {
  for (Life& life : lives) life.finish();
}

History History::after(const Survivors& survivors) const {
  History next;
  for (const auto& [index, sequence] : survivors) {
    Life life = lives[index];
    life.create_begun = life.created = 0;
    life.drop_begun = life.dropped = kNever;
    life.batches.erase(life.batches.upper_bound(sequence), life.batches.end());
    life.states.resize(sequence + 1);
    for (auto& [number, batch] : life.batches) {
      batch.begun = batch.acknowledged = 0;
      batch.durability = Durability::kSync;  // what was read after a crash stays
    }
    next.lives.push_back(std::move(life));
  }
  return next;
}

uint64_t History::required(const Life& life, const Moment& moment) const {
  uint64_t last = 0;
  for (const auto& [sequence, batch] : life.batches)
    if (batch.acknowledged <= moment.position &&
        (batch.durability == Durability::kSync || !moment.power_lost))
      last = sequence;
  return last;
}

uint64_t History::allowed(const Life& life, const Moment& moment) {
  uint64_t last = 0;
  for (const auto& [sequence, batch] : life.batches)
    if (batch.begun < moment.position || batch.acknowledged <= moment.position) last = sequence;
  return last;
}

uint64_t History::demands(const Moment& moment) const {
  uint64_t hash = 0;
  for (const Life& life : lives) {
    const bool facts[] = {life.create_begun < moment.position, life.created <= moment.position,
                          life.drop_begun < moment.position, life.dropped <= moment.position};
    for (const bool fact : facts) hash = mix64(hash + (fact ? 1 : 0));
    hash = mix64(hash ^ (required(life, moment) << 32) ^ allowed(life, moment));
  }
  return hash;
}

std::string History::check_life(const Collection& collection, const Life& life, const Moment& moment,
                                uint64_t sequence) const {
  const uint64_t least = required(life, moment), most = allowed(life, moment);
  if (sequence < least)
    return fmt::format("LOST: '{}' is at batch {}, but {} was acknowledged as durable", life.name, sequence,
                       least);
  if (sequence > most)
    return fmt::format("'{}' is at batch {}, but only {} were begun", life.name, sequence, most);
  const auto count = collection.count();
  const auto stored = testing_support::content_of(collection, 1000);
  const Life::State& state = *life.states[sequence];
  if (!count.ok() || *count != stored.size())
    return fmt::format("'{}' counts {} points and lists {}", life.name, count.ok() ? *count : 0,
                       stored.size());
  if (stored.size() != state.size())
    return fmt::format("'{}' holds {} points at batch {}, not {}", life.name, stored.size(), sequence,
                       state.size());
  for (const auto& [id, content] : stored) {
    const auto expected = state.find(id);
    if (expected == state.end())
      return fmt::format("RESURRECTED: '{}' holds point {} at batch {}", life.name, to_string(id), sequence);
    if (*expected->second != content)
      return fmt::format("'{}': point {} is not what batch {} left", life.name, to_string(id), sequence);
  }
  return {};
}

std::string History::check_name(const Database& db, const std::string& name, bool there, const Moment& moment,
                                Survivors& survivors) const {
  std::vector<size_t> possible;
  bool required_one = false;
  for (size_t i = 0; i < lives.size(); ++i) {
    const Life& life = lives[i];
    const bool begun = life.create_begun < moment.position || life.created <= moment.position;
    if (life.name != name || !begun || life.dropped <= moment.position) continue;
    possible.push_back(i);
    required_one |= life.created <= moment.position && life.drop_begun >= moment.position;
  }
  if (!there) return required_one ? fmt::format("LOST: collection '{}' is not there", name) : "";
  const auto collection = db.collection(name);
  if (!collection.ok()) return collection.error().message;
  const uint64_t sequence = (*collection)->info().sequence;
  std::string problem = fmt::format("RESURRECTED: collection '{}' is there", name);
  for (const size_t i : possible) {
    const auto& schema = (*collection)->schema();
    if (schema.vectors.size() != make_schema(lives[i].seed).vectors.size()) continue;
    problem = check_life(**collection, lives[i], moment, sequence);
    if (!problem.empty()) continue;
    survivors[i] = sequence;
    break;
  }
  return problem;
}

/// No hole: nothing that was begun after a lost write had been answered is there.
std::string History::check_order(const Survivors& survivors) const {
  size_t lost = kNever;  // when the first lost write was answered
  for (const auto& [index, sequence] : survivors)
    for (const auto& [number, batch] : lives[index].batches)
      if (number > sequence) lost = std::min(lost, batch.acknowledged);
  for (const auto& [index, sequence] : survivors) {
    const Life& life = lives[index];
    if (life.create_begun > lost) return fmt::format("HOLE: '{}' was created after a lost write", life.name);
    for (const auto& [number, batch] : life.batches)
      if (number <= sequence && batch.begun >= lost)
        return fmt::format("HOLE: batch {} of '{}' was begun at {}, after a lost write was answered at {}",
                           number, life.name, batch.begun, lost);
  }
  return {};
}

Verdict History::check(const Database& db, const Moment& moment) const {
  Verdict verdict;
  std::set<std::string> names;
  for (const Life& life : lives) names.insert(life.name);
  std::set<std::string> found;
  for (const std::string& name : db.collection_names()) found.insert(name);
  for (const std::string& name : found)
    if (!names.contains(name)) verdict.problem = fmt::format("collection '{}' was never made", name);
  for (const std::string& name : names) {
    if (!verdict.problem.empty()) return verdict;
    verdict.problem = check_name(db, name, found.contains(name), moment, verdict.survivors);
  }
  if (verdict.problem.empty()) verdict.problem = check_order(verdict.survivors);
  return verdict;
}

namespace {

/// Columns say of the payloads what the payloads say: of all points with one, and of one of their batches.
std::string check_columns(const Collection& collection, const Life::State& state, Random& random) {
  const auto batch_of = [](const std::string& payload) {
    return std::string_view(payload).substr(0, payload.find(','));
  };
  std::vector<std::string_view> batches;
  for (const auto& [id, content] : state)
    if (!content->payload.empty()) batches.push_back(batch_of(content->payload));
  const FilterPath path{{"batch"}};
  const Filter all{Exists{path}};
  const auto with = collection.count(&all, {});
  if (!with.ok()) return with.error().message;
  if (*with != batches.size())
    return fmt::format("columns know {} points with a batch, {} have one", *with, batches.size());
  if (batches.empty()) return {};
  const std::string_view chosen = batches[random.below(batches.size())];
  const uint64_t number = std::stoull(std::string(chosen.substr(std::string_view("{\"batch\":").size())));
  const Filter one{OneOf{path, {normal_number(FilterNumber(number))}}};
  const auto found = collection.count(&one, {});
  if (!found.ok()) return found.error().message;
  if (static_cast<ptrdiff_t>(*found) != std::ranges::count(batches, chosen))
    return fmt::format("columns find {} points of batch {}, there are {}", *found, number,
                       std::ranges::count(batches, chosen));
  return {};
}

}  // namespace

std::string check_answers(const Collection& collection, const Life::State& state, uint64_t seed, bool one) {
  Random random(seed);
  if (std::string wrong = check_columns(collection, state, random); !wrong.empty()) return wrong;
  const auto has_vectors = [](const auto& entry) { return !entry.second->vectors.empty(); };
  const auto points = static_cast<uint64_t>(std::ranges::count_if(state, has_vectors));
  const uint64_t chosen = points == 0 ? 0 : random.below(points);
  uint64_t point = 0;
  for (const auto& [id, content] : state) {
    if (content->vectors.empty()) continue;
    if (one ? point++ != chosen : random.below(10) != 0) continue;
    const auto& [name, vector] = *content->vectors.begin();
    Query query;
    query.field = name;
    query.vector = vector;
    query.k = 5;
    query.effort = 400;
    const auto answer = collection.search(query);
    query.exact = true;
    query.k = static_cast<uint32_t>(state.size());
    const auto exact = collection.search(query);
    if (!answer.ok()) return answer.error().message;
    if (!exact.ok()) return exact.error().message;
    if (exact->hits.empty() || exact->hits.front().id != id ||
        !testing_support::same_nearest(*answer, *exact, 5))
      return fmt::format("a search for the vector '{}' of point {} finds [{}], a scan finds [{}]", name,
                         to_string(id), fmt::join(testing_support::ids_of(*answer), " "),
                         fmt::join(testing_support::ids_of(*exact), " "));
  }
  return {};
}

std::string History::print() const {
  std::string text;
  for (const Life& life : lives) {
    text += fmt::format("life {} {} {} {} {} {}\n", life.seed, life.name, life.create_begun, life.created,
                        life.drop_begun, life.dropped);
    for (const auto& [sequence, batch] : life.batches)
      text += fmt::format("batch {} {} {} {} {} {}\n", sequence, batch.seed, batch.begun, batch.acknowledged,
                          batch.durability == Durability::kSync ? 1 : 0, batch.where);
  }
  return text;
}

History History::parse(const std::string& text) {
  History history;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word == "life") {
      Life& life = history.lives.emplace_back();
      in >> life.seed >> life.name >> life.create_begun >> life.created >> life.drop_begun >> life.dropped;
      continue;
    }
    uint64_t sequence = 0, seed = 0, synced = 0, where = 0;
    size_t begun = 0, acknowledged = 0;
    in >> sequence >> seed >> begun >> acknowledged >> synced >> where;
    Life& life = history.lives.back();
    life.batches[sequence] = {seed, synced != 0 ? Durability::kSync : Durability::kAsync, begun, acknowledged,
                              where};
  }
  history.finish();
  return history;
}

}  // namespace kith::crash
