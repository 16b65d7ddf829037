// Catalog record: what a directory knows of a collection besides its data. docs/formats.md draws it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/types.h"

namespace kith {

/// kDropping: the drop was asked for and is durable; what is left of the data is erased when the directory
/// opens.
enum class CollectionState : uint8_t { kLive = 0, kDropping = 1 };

struct CatalogRecord {
  CollectionState state = CollectionState::kLive;
  std::string name;
  Schema schema;
  uint64_t memory_bytes_max = 0;  // 0: no limit
  double recall_target = 0;       // of searches that say none; 0: kRecallTarget
};

std::string encode_catalog_record(const CatalogRecord& record);
/// Corruption when the bytes are no catalog record of a version known here, or break a limit.
Result<CatalogRecord> parse_catalog_record(std::string_view value);

}  // namespace kith
