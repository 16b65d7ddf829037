// LinePoints: JSONL files of whole points, as `kith export` writes them: any number of vectors each, payloads
// byte for byte.
//   {"id":7,"vector":[…],"payload":{…}}                  of the only field
//   {"id":7,"vectors":{"image":[…]},"payload":{…}}       by field; one that is absent stays absent
#pragma once

#include "datasets/json_text.h"
#include "datasets/lines.h"
#include "server/cli/point_source.h"

namespace kith {

class LinePoints final : public PointSource {
 public:
  /// Opens all files, so that a missing one is found before anything is written.
  static Result<std::unique_ptr<LinePoints>> open(const std::vector<std::string>& files,
                                                  const v1::GetCollectionResponse& info, uint64_t limit);

  std::optional<uint64_t> rows() const override { return std::nullopt; }
  Result<void> start_at(uint64_t row) override;
  Result<std::vector<v1::Point>> next() override;
  std::string place(size_t i) const override { return places_[i]; }
  uint64_t bytes_read() const override { return bytes_before_ + (lines_ ? lines_->bytes_read() : 0); }
  uint64_t file_bytes() const override { return file_bytes_; }
  bool numbered() const override { return false; }

 private:
  LinePoints(std::vector<std::string> files, v1::GetCollectionResponse info, uint64_t limit)
      : files_(std::move(files)), info_(std::move(info)), left_(limit), parser_("id", "vector") {}
  Result<std::optional<v1::Point>> next_point();
  Result<v1::Point> parse(std::string_view line);
  Result<void> add_vector(const std::string& field, std::string_view json, v1::Point& point);

  const std::vector<std::string> files_;
  const v1::GetCollectionResponse info_;
  uint64_t left_;
  JsonRowParser parser_;
  size_t file_ = 0;
  std::optional<LineReader> lines_;
  std::vector<std::string> places_;
  uint64_t bytes_before_ = 0;  // of files done with
  uint64_t file_bytes_ = 0;
};

}  // namespace kith
