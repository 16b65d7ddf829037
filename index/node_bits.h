// NodeBits: a bit for each of an index's nodes, in the order in which files hold them: bit i of a byte is
// node 8 × byte + i.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "index/node.h"

namespace kith {

class NodeBits {
 public:
  NodeBits() = default;
  explicit NodeBits(Node nodes) : words_((uint64_t{nodes} + 63) / 64), nodes_(nodes) {}

  Node size() const { return static_cast<Node>(nodes_); }
  /// False for numbers that are no node.
  bool has(uint64_t node) const { return node < nodes_ && (words_.data()[node / 64] >> node % 64 & 1) != 0; }
  /// `node` is below size().
  void set(Node node, bool on = true) {
    const uint64_t bit = uint64_t{1} << node % 64;
    uint64_t& word = words_.data()[node / 64];
    word = on ? word | bit : word & ~bit;
  }
  /// As they are in a file, where those that fill up the last byte are zero.
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)).first(byte_count(size())); }
  std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(words_)).first(byte_count(size()));
  }
  static uint64_t byte_count(Node nodes) { return (uint64_t{nodes} + 7) / 8; }

  bool operator==(const NodeBits&) const = default;

 private:
  std::vector<uint64_t> words_;
  uint64_t nodes_ = 0;
};

}  // namespace kith
