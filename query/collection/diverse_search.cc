// Searches whose hits are to differ from each other, see Diversity; and those that follow examples, as far as
// they take the nearest.
#include <algorithm>
#include <limits>

#include "query/collection/local_collection.h"
#include "query/collection/nearest_rows.h"
#include "query/collection/search_parts.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

/// Chooses among candidates, the nearest first, by maximal marginal relevance: always the same ones.
class MarginalRelevance {
 public:
  /// `vectors` are those of the candidates, packed.
  MarginalRelevance(const VectorField& field, float lambda, std::vector<Neighbor> candidates,
                    std::span<const std::byte> vectors)
      : field_(field),
        lambda_(lambda),
        width_(vector_bytes(field.type, field.dim)),
        kernel_(distance_kernel(field.metric, field.type)),
        left_(std::move(candidates)),
        nearest_chosen_(left_.size(), -std::numeric_limits<float>::infinity()) {
    for (size_t i = 0; i < left_.size(); ++i) at_.push_back(vectors.data() + i * width_);
  }

  /// The next `count`, fewer when there are no more.
  Result<std::vector<Neighbor>> choose(size_t count, const Stop& stop) {
    std::vector<Neighbor> chosen;
    for (size_t best = 0; chosen.size() < count && !left_.empty(); best = next_best()) {
      TRY(stop.check());
      chosen.push_back(left_[best]);
      const std::vector<std::byte> vector = as_query(at_[best]);
      left_.erase(left_.begin() + static_cast<ptrdiff_t>(best));
      at_.erase(at_.begin() + static_cast<ptrdiff_t>(best));
      nearest_chosen_.erase(nearest_chosen_.begin() + static_cast<ptrdiff_t>(best));
      std::vector<float> distances(left_.size());
      kernel_(vector.data(), at_.data(), at_.size(), field_.dim, distances.data());
      for (size_t i = 0; i < left_.size(); ++i)
        nearest_chosen_[i] = std::max(nearest_chosen_[i], nearness(distances[i]));
      distances_ += left_.size();
    }
    return chosen;
  }
  uint64_t distances() const { return distances_; }

 private:
  float nearness(float distance) const {
    const float score = score_of(field_.metric, distance);
    return higher_is_nearer(field_.metric) ? score : -score;
  }
  std::vector<std::byte> as_query(const void* stored) const {
    const auto* bytes = static_cast<const std::byte*>(stored);
    if (query_type(field_.type) == field_.type) return {bytes, bytes + width_};
    std::vector<std::byte> out(field_.dim * sizeof(float));
    to_f32(bytes, field_.dim, field_.type, reinterpret_cast<float*>(out.data()));
    return out;
  }
  /// Of equally good ones the nearest.
  size_t next_best() const {
    size_t best = 0;
    float best_worth = -std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < left_.size(); ++i) {
      const float worth = lambda_ * nearness(left_[i].distance) - (1 - lambda_) * nearest_chosen_[i];
      if (worth > best_worth) {
        best_worth = worth;
        best = i;
      }
    }
    return best;
  }

  const VectorField& field_;
  const float lambda_;
  const size_t width_;
  const DistanceFn kernel_;
  std::vector<Neighbor> left_;
  std::vector<const void*> at_;        // their vectors
  std::vector<float> nearest_chosen_;  // nearness to the nearest one chosen
  uint64_t distances_ = 0;
};

}  // namespace

/// The nearest `count`, in rounds where some turn out not to be in the answer.
Result<LocalCollection::Found> LocalCollection::nearest_of(NearestRows& nearest, size_t count) const {
  for (size_t asked = count;; asked *= 2) {
    Found found = TRY(nearest.next(asked));
    if (found.neighbors.size() < count && !nearest.ended()) continue;
    cut(found.neighbors, 0, count);
    return found;
  }
}

Result<Answer> LocalCollection::search_nearest(const Query& query, NearestRows& nearest) const {
  Found found = TRY(nearest_of(nearest, wanted(query)));
  cut(found.neighbors, query.offset, query.k);
  found.stats = nearest.stats();
  return answer(std::move(found), nearest.field(), query.fetch, query.score_threshold);
}

Result<Answer> LocalCollection::search_diverse(const Query& query, NearestRows& nearest) const {
  Found found = TRY(nearest_of(nearest, diversity_candidates(query)));
  const Metric metric = nearest.field().metric;
  if (query.score_threshold.has_value())
    std::erase_if(found.neighbors, [&](const Neighbor& neighbor) {
      return !near_enough(metric, score_of(metric, neighbor.distance), *query.score_threshold);
    });
  std::vector<Row> rows;
  for (const Neighbor& neighbor : found.neighbors) rows.push_back(neighbor.row);
  std::vector<std::byte> vectors;
  if (!rows.empty()) vectors = TRY(packed_vectors(*found.view, nearest.position(), rows));
  MarginalRelevance choice(nearest.field(), query.diversity->lambda, std::move(found.neighbors), vectors);
  found.neighbors = TRY(choice.choose(wanted(query), query.stop));
  cut(found.neighbors, query.offset, query.k);
  found.stats = nearest.stats();
  found.stats.full_distances += choice.distances();
  return answer(std::move(found), nearest.field(), query.fetch, std::nullopt);
}

}  // namespace kith
