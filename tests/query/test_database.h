// What tests of databases share: a directory that goes away, points made of numbers, and the whole content as
// a map.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/io/memory_file_system.h"
#include "base/log.h"
#include "query/database.h"
#include "query/schema/merge_patch.h"
#include "tests/support/temp_dir.h"

namespace kith::testing_support {

/// A directory that goes away; also keeps the log quiet.
class TempDirectory : public test::TempDir {
 public:
  TempDirectory() { set_log_options({LogLevel::kOff, false}); }
};

/// The value, or a test failure with the error's message and a default value.
template <typename T>
T must(Result<T> result, const char* what = "") {
  if (result.ok()) return std::move(*result);
  ADD_FAILURE() << what << ": " << result.error().message;
  if constexpr (std::is_default_constructible_v<T>) return T{};
  std::abort();
}
inline void must(const Result<void>& result, const char* what = "") {
  EXPECT_TRUE(result.ok()) << what << ": " << (result.ok() ? "" : result.error().message);
}

/// Files of a database over a store in memory: each new, with the directory "test" alone, and there until the
/// process ends.
inline FileSystem& new_memory_files() {
  static std::deque<MemoryFileSystem> all;
  FileSystem& files = all.emplace_back();
  must(files.make_directories("test"));
  return files;
}

/// OK → no code.
template <typename T>
std::optional<Code> code_of(const Result<T>& result) {
  return result.ok() ? std::optional<Code>{} : result.error().code;
}

inline std::vector<std::byte> f32(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

inline VectorField field(std::string name, uint32_t dim, Metric metric = Metric::kL2,
                         std::string index = "flat", ScalarType type = ScalarType::kF32) {
  VectorField out;
  out.name = std::move(name);
  out.dim = dim;
  out.metric = metric;
  out.type = type;
  out.index = std::move(index);
  return out;
}
inline Schema schema_of(std::vector<VectorField> fields) {
  return Schema{std::move(fields)};
}

inline Point point(Id id, const std::vector<float>& vector, std::string payload = "") {
  Point out;
  out.id = std::move(id);
  out.vectors.push_back({"", f32(vector)});
  out.payload = std::move(payload);
  return out;
}

inline Query query(const std::vector<float>& vector, uint32_t k = 10) {
  Query out;
  out.vector = f32(vector);
  out.k = k;
  return out;
}

inline std::vector<std::string> ids_of(const Answer& answer) {
  std::vector<std::string> ids;
  for (const Hit& hit : answer.hits) ids.push_back(to_string(hit.id));
  return ids;
}

/// Whether `answer` has the k nearest of `all`, an exact scan's answer with every point in it. Two rows whose
/// distances differ by rounding alone may stand in either order: kernels sum the rows of a group in another
/// order than a row alone.
inline bool same_nearest(const Answer& answer, const Answer& all, size_t k) {
  const auto near = [](float a, float b) {
    return std::abs(a - b) <= 1e-5f * std::max(std::abs(a), std::abs(b));
  };
  std::map<Id, float> scores;
  for (const Hit& hit : all.hits) scores.emplace(hit.id, hit.score);
  if (answer.hits.size() != std::min(k, all.hits.size())) return false;
  for (size_t i = 0; i < answer.hits.size(); ++i) {
    const auto found = scores.find(answer.hits[i].id);
    if (found == scores.end() || !near(found->second, all.hits[i].score) ||
        !near(found->second, answer.hits[i].score))
      return false;
    scores.erase(found);  // each once
  }
  return true;
}

inline std::unique_ptr<Database> open_at(const std::string& directory, DatabaseOptions options = {}) {
  if (options.index_threads == 0) options.index_threads = 2;
  auto opened = Database::open(directory, options);
  if (opened.ok()) return std::move(*opened);
  ADD_FAILURE() << opened.error().message;
  std::abort();
}

/// One open database in a directory of its own.
class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override { db_ = open_at(directory_.path()); }
  std::shared_ptr<Collection> create(std::vector<VectorField> fields, const std::string& name = "books") {
    return must(db_->create_collection(name, schema_of(std::move(fields))));
  }
  TempDirectory directory_;
  std::unique_ptr<Database> db_;
};

struct Content {
  std::string payload;
  std::map<std::string, std::vector<std::byte>> vectors;
  friend bool operator==(const Content&, const Content&) = default;
};

/// What an update leaves. The patch names its fields.
inline void apply_patch(const Patch& patch, Content& content) {
  if (patch.replace_payload)
    content.payload = patch.payload;
  else if (!patch.payload.empty())
    content.payload = merge_patch(content.payload, patch.payload);
  for (const FieldVector& vector : patch.vectors) content.vectors[vector.field] = vector.data;
}

/// Everything a collection holds, read page by page in id order.
inline std::map<Id, Content> content_of(const Collection& collection, uint32_t page_limit = 100) {
  std::map<Id, Content> out;
  std::optional<Id> from;
  do {
    auto page = collection.scroll(from, page_limit, {.payload = true, .vectors = true});
    if (!page.ok()) {
      ADD_FAILURE() << page.error().message;
      break;
    }
    for (Point& each : page->points) {
      Content content{std::move(each.payload), {}};
      for (FieldVector& vector : each.vectors) content.vectors[vector.field] = std::move(vector.data);
      EXPECT_TRUE(out.emplace(each.id, std::move(content)).second) << "id twice: " << to_string(each.id);
    }
    from = page->next;
  } while (from.has_value());
  return out;
}

}  // namespace kith::testing_support
