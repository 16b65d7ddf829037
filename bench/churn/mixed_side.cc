#include "bench/churn/mixed_side.h"

#include <algorithm>
#include <variant>

#include "bench/rivals/rival.h"
#include "query/database.h"

namespace kith::bench {
namespace {

constexpr size_t kLoadRows = 1000;  // a batch of a load

class KithSide final : public MixedSide {
 public:
  static Result<std::unique_ptr<MixedSide>> open(const MixedSideSpec& spec) {
    auto side = std::unique_ptr<KithSide>(new KithSide());
    side->database_ = TRY(Database::open(spec.directory, {}));
    Schema schema;
    VectorField& field = schema.vectors.emplace_back();
    field.dim = spec.dim;
    field.metric = spec.metric;
    field.index = spec.kind;
    field.options = spec.index;
    side->collection_ = TRY(side->database_->create_collection("mixed", schema));
    return std::unique_ptr<MixedSide>(std::move(side));
  }

  Result<void> load(VectorBlock vectors) override {
    for (size_t begin = 0; begin < vectors.count; begin += kLoadRows) {
      VectorBlock part = vectors;
      part.data = vectors[begin].data;
      part.count = std::min(kLoadRows, vectors.count - begin);
      TRY(write(static_cast<uint32_t>(begin), part));
    }
    return settle();
  }

  Result<void> write(uint32_t first, VectorBlock vectors) override {
    std::vector<Point> points(vectors.count);
    for (size_t i = 0; i < points.size(); ++i) {
      const VectorView vector = vectors[i];
      points[i].id = uint64_t{first} + i;
      points[i].vectors.push_back({"", {vector.data, vector.data + vector.bytes()}});
    }
    TRY(collection_->upsert(points, Durability::kSync));
    return {};
  }

  Result<void> settle() override { return collection_->settle({}); }
  void set_effort(uint32_t effort) override { effort_ = effort; }

  Result<size_t> search(VectorView vector, std::span<uint32_t> out) const override {
    Query query;
    query.vector.assign(vector.data, vector.data + vector.bytes());
    query.k = static_cast<uint32_t>(out.size());
    query.effort = effort_;
    const Answer answer = TRY(collection_->search(query));
    for (size_t i = 0; i < answer.hits.size(); ++i)
      out[i] = static_cast<uint32_t>(std::get<uint64_t>(answer.hits[i].id));
    return answer.hits.size();
  }

 private:
  KithSide() = default;

  std::unique_ptr<Database> database_;
  std::shared_ptr<Collection> collection_;
  uint32_t effort_ = 0;
};

class HnswlibSide final : public MixedSide {
 public:
  static Result<std::unique_ptr<MixedSide>> make(const MixedSideSpec& spec) {
    if (spec.metric != Metric::kL2) return invalid_argument("the mixed load is measured under L2 only");
    RivalSpec rival;
    rival.dim = spec.dim;
    rival.rows_max = spec.rows_max;
    rival.build_threads = spec.threads;
    auto side = std::unique_ptr<HnswlibSide>(new HnswlibSide());
    std::string error;
    side->rival_ = make_hnswlib(rival, &error);
    TRY(done(error));
    return std::unique_ptr<MixedSide>(std::move(side));
  }

  Result<void> load(VectorBlock vectors) override {
    return done(rival_->build(reinterpret_cast<const float*>(vectors.data), vectors.count));
  }
  Result<void> write(uint32_t first, VectorBlock vectors) override {
    for (uint32_t i = 0; i < vectors.count; ++i)
      TRY(done(rival_->put(first + i, reinterpret_cast<const float*>(vectors[i].data))));
    return {};
  }
  Result<void> settle() override { return {}; }
  void set_effort(uint32_t effort) override { rival_->set_effort(effort); }
  Result<size_t> search(VectorView query, std::span<uint32_t> out) const override {
    return rival_->search(reinterpret_cast<const float*>(query.data), out);
  }

 private:
  HnswlibSide() = default;
  static Result<void> done(const std::string& error) {
    if (error.empty()) return {};
    return make_error(Code::kUnavailable, "{}", error);
  }

  std::unique_ptr<Rival> rival_;
};

}  // namespace

Result<std::unique_ptr<MixedSide>> make_kith_side(const MixedSideSpec& spec) {
  return KithSide::open(spec);
}

Result<std::unique_ptr<MixedSide>> make_hnswlib_side(const MixedSideSpec& spec) {
  return HnswlibSide::make(spec);
}

}  // namespace kith::bench
