#include "server/cli/line_points.h"

#include "base/io/file_system.h"
#include "server/cli/id_text.h"
#include "server/cli/json_members.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

constexpr size_t kBatchBytes = 1u << 20;
constexpr size_t kBatchPoints = 4096;

Result<v1::Id> parse_json_id(std::string_view json) {
  if (json.starts_with('"')) return id_of_file(FileId(TRY(json_string(json))));
  auto id = parse_id(json);
  if (!id.ok() || id->kind_case() != v1::Id::kNumber)
    return invalid_argument("\"id\" is neither a string nor an integer in 0..2^64-1");
  return id;
}

}  // namespace

Result<std::unique_ptr<LinePoints>> LinePoints::open(const std::vector<std::string>& files,
                                                     const v1::GetCollectionResponse& info, uint64_t limit) {
  std::unique_ptr<LinePoints> points(new LinePoints(files, info, limit));
  for (const std::string& file : files) points->file_bytes_ += TRY(posix_file_system().open(file))->size();
  return points;
}

Result<void> LinePoints::start_at(uint64_t row) {
  for (uint64_t i = 0; i < row; ++i) {
    if (!TRY(next_point())) return {};
  }
  return {};
}

Result<std::vector<v1::Point>> LinePoints::next() {
  std::vector<v1::Point> points;
  places_.clear();
  for (size_t bytes = 0; bytes < kBatchBytes && points.size() < kBatchPoints;) {
    std::optional<v1::Point> point = TRY(next_point());
    if (!point) break;
    bytes += point->ByteSizeLong();
    points.push_back(*std::move(point));
    places_.push_back(fmt::format("'{}' line {}", files_[file_], lines_->line_number()));
  }
  return points;
}

Result<std::optional<v1::Point>> LinePoints::next_point() {
  while (left_ > 0 && file_ < files_.size()) {
    if (!lines_) lines_ = TRY(open_lines(files_[file_]));
    const std::optional<std::string_view> line = TRY(lines_->next());
    if (line) {
      --left_;
      auto point = parse(*line);
      if (point.ok()) return std::optional(*std::move(point));
      return make_error(point.error().code, "file '{}': line {} at byte {}: {}", files_[file_],
                        lines_->line_number(), lines_->line_offset(), point.error().message);
    }
    if (file_ + 1 == files_.size()) break;  // stays open: places are still asked for
    ++file_;
    bytes_before_ += lines_->bytes_read();
    lines_.reset();
  }
  return std::optional<v1::Point>();
}

Result<v1::Point> LinePoints::parse(std::string_view line) {
  v1::Point point;
  for (const JsonMember& member : TRY(json_members(line))) {
    if (member.key == "id") {
      *point.mutable_id() = TRY(parse_json_id(member.value));
    } else if (member.key == "payload") {
      point.set_payload(std::string(member.value));
    } else if (member.key == "expires_at_ms") {
      point.set_expires_at_ms(TRY(json_whole_number(member.value)));
    } else if (member.key == "vector") {
      TRY(add_vector("", member.value, point));
    } else if (member.key == "vectors") {
      for (const JsonMember& vector : TRY(json_members(member.value)))
        TRY(add_vector(vector.key, vector.value, point));
    } else {
      return invalid_argument("key \"{}\" is none of id, vector, vectors, payload, expires_at_ms",
                              member.key);
    }
  }
  if (!point.has_id()) return invalid_argument("has no \"id\"");
  return point;
}

Result<void> LinePoints::add_vector(const std::string& name, std::string_view json, v1::Point& point) {
  const v1::VectorField field = TRY(pick_field(info_, name)).field();
  const std::vector<float> values = TRY(parser_.parse_vector(json));
  if (values.size() != field.dim())
    return invalid_argument("vector of {} dimensions, but field '{}' has {}", values.size(), field.name(),
                            field.dim());
  const ScalarType type = TRY(type_of(field));
  v1::Vector& vector = *point.add_vectors();
  vector.set_field(field.name());
  std::string& data = *vector.mutable_data();
  data.resize(vector_bytes(type, field.dim()));
  return from_f32(values.data(), values.size(), type, reinterpret_cast<std::byte*>(data.data()));
}

}  // namespace kith
