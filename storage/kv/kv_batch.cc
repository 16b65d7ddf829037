#include "storage/kv/kv_batch.h"

#include "base/check.h"

namespace kith {

void KvBatch::put(KvTable table, std::string_view key, std::string_view value) {
  append(Kind::kPut, table, key, value, {});
}

void KvBatch::put_borrowed(KvTable table, std::string_view key, std::string_view head,
                           std::string_view body) {
  append(Kind::kPut, table, key, head, body);
}

void KvBatch::erase(KvTable table, std::string_view key) {
  append(Kind::kErase, table, key, {}, {});
}

void KvBatch::erase_range(KvTable table, std::string_view begin, std::string_view end) {
  append(Kind::kEraseRange, table, begin, end, {});
}

void KvBatch::clear() {
  arena_.clear();
  ops_.clear();
  borrowed_bytes_ = 0;
}

void KvBatch::append(Kind kind, KvTable table, std::string_view key, std::string_view head,
                     std::string_view body) {
  CHECK(key.size() <= UINT32_MAX);
  ops_.push_back(
      {kind, table, static_cast<uint32_t>(key.size()), arena_.size(), head.size(), body.data(), body.size()});
  arena_.append(key).append(head);
  borrowed_bytes_ += body.size();
}

KvBatch::Change KvBatch::change_of(const Op& op) const {
  const char* key = arena_.data() + op.key_at;
  return {
      op.kind, op.table, {key, op.key_bytes}, {key + op.key_bytes, op.head_bytes}, {op.body, op.body_bytes}};
}

}  // namespace kith
