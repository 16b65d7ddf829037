// What tests of codes that are trained anew share: rows that drift, and codes looked at one by one.
#pragma once

#include <cstring>

#include "tests/index/graph/delete_support.h"
#include "tests/index/graph/graph_disk_support.h"

namespace kith::test {

/// Each `stage` rows are normal, about a middle that moves by `pace` times their own length.
inline Vectors drifting_vectors(size_t rows, uint32_t dim, size_t stage, double pace, uint64_t seed) {
  Vectors out{{}, dim, rows};
  const Vectors direction = normal_vectors(1, dim, seed);
  for (size_t begin = 0; begin < rows; begin += stage) {
    const Vectors some = normal_vectors(std::min(stage, rows - begin), dim, seed + begin + 1);
    const double moved = pace * static_cast<double>(begin / stage);
    for (size_t i = 0; i < some.data.size(); ++i)
      out.data.push_back(some.data[i] + static_cast<float>(moved * direction.data[i % dim]));
  }
  return out;
}

/// The codes in use are those of the vectors, of f32, and there are no others.
inline void expect_codes_of_vectors(const Index& index) {
  const GraphStore& graph = graph_of(index);
  ASSERT_NE(graph.codes(), nullptr);
  EXPECT_EQ(graph.all_codes().stores(), 1u);
  const VectorCode& code = graph.codes()->code();
  std::vector<std::byte> expected(code.bytes());
  FetchedRows room;
  SearchStats stats;
  size_t wrong = 0;
  for (Node node = 0; node < dynamic_cast<const GraphIndex&>(index).rows().size(); ++node) {
    if (!graph.linked(node) || graph.left(node)) continue;
    ASSERT_VALUE(vectors, graph.vectors().fetch({&node, 1}, room, stats));
    code.encode(static_cast<const float*>(vectors[0]), expected.data());
    wrong += std::memcmp(expected.data(), graph.codes()->extents().at(node), code.bytes()) != 0;
  }
  EXPECT_EQ(wrong, 0u);
}

}  // namespace kith::test
