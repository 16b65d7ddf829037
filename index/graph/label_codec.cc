#include "index/graph/label_codec.h"

#include <bit>
#include <set>

#include "index/bit_stream.h"

namespace kith {
namespace {

constexpr uint32_t kSets = section_tag("LSET");
constexpr uint32_t kNodes = section_tag("LNOD");
constexpr uint32_t kStarts = section_tag("LSTA");
static_assert(sizeof(LabelStart) == 12);
constexpr Node kBatch = 4096;  // nodes at a time: a whole number of bytes, whatever w is

/// Sets numbered in the order in which nodes come to carry them: the same for the same rows.
struct Numbering {
  std::vector<uint32_t> number;          // by the table's own number; 0: not met
  std::vector<LabelSetNumber> in_order;  // number i + 1

  Numbering(const LabelTable& labels, Node nodes) : number(labels.sets()) {
    for (Node node = 0; node < nodes; ++node) {
      const LabelSetNumber set = labels.set_of(node);
      if (set >= number.size()) number.resize(uint64_t{set} + 1);
      if (set == LabelTable::kNoLabels || number[set] != 0) continue;
      in_order.push_back(set);
      number[set] = static_cast<uint32_t>(in_order.size());
    }
  }
};

/// By which labels who opens the file walks a node: its own, and those of its chain.
class OpenedSets {
 public:
  OpenedSets(const LabelTable& labels, std::span<const std::pair<Node, Node>> equals) : labels_(labels) {
    for (const auto& [representative, member] : equals) {
      const auto [found, first] = chains_.try_emplace(representative);
      if (first) add(found->second, representative);
      add(found->second, member);
    }
  }
  bool has(Node node, Label label) const {
    const auto chain = chains_.find(node);
    if (chain == chains_.end()) return labels_.has(labels_.set_of(node), label);
    return every(chain->second) || chain->second.contains(label);
  }
  /// They are those by which it is walked now.
  bool same(Node node) const {
    const LabelSetNumber walked = labels_.walk_set(node);
    const auto chain = chains_.find(node);
    if (chain == chains_.end()) return walked == labels_.set_of(node);
    if (walked == LabelTable::kEveryLabel) return every(chain->second);
    return std::ranges::equal(labels_.labels(walked), chain->second);
  }

 private:
  void add(std::set<Label>& labels, Node node) {
    const auto own = labels_.labels(labels_.set_of(node));
    labels.insert(own.begin(), own.end());
  }
  static bool every(const std::set<Label>& labels) { return labels.size() > kRowLabelsMax; }

  const LabelTable& labels_;
  std::unordered_map<Node, std::set<Label>> chains_;
};

template <typename T>
Result<T> read_number(SectionReader& reader) {
  T value{};
  TRY(reader.read(std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

/// Their numbers in the table, that of no labels first.
Result<std::vector<LabelSetNumber>> read_sets(const SectionFile& main, LabelTable& labels) {
  SectionReader reader = TRY(SectionReader::open(main, kSets));
  const auto count = TRY(read_number<uint32_t>(reader));
  if ((reader.length() - sizeof count) / sizeof(uint32_t) < count)
    return corruption("{}: section LSET has {} bytes for {} sets", main.name(), reader.length(), count);
  std::vector<LabelSetNumber> numbers{LabelTable::kNoLabels};
  LabelSet set;
  for (uint32_t i = 0; i < count; ++i) {
    const auto size = TRY(read_number<uint32_t>(reader));
    if (size > kRowLabelsMax)
      return corruption("{}: section LSET: set {} has {} labels", main.name(), i, size);
    set.resize(size);
    TRY(reader.read(std::as_writable_bytes(std::span(set))));
    if (const Result<void> good = check_labels(set); !good)
      return corruption("{}: section LSET: set {}: {}", main.name(), i, good.error().message);
    const LabelSetNumber known = labels.sets();
    const LabelSetNumber number = TRY(labels.intern(set));
    if (number < known) return corruption("{}: section LSET: set {} is there already", main.name(), i);
    numbers.push_back(number);
  }
  TRY(reader.finish());
  return numbers;
}

Result<void> read_nodes(const SectionFile& main, Node nodes, std::span<const LabelSetNumber> numbers,
                        LabelTable& labels) {
  SectionReader reader = TRY(SectionReader::open(main, kNodes));
  const auto width = TRY(read_number<uint32_t>(reader));
  if (width > 32) return corruption("{}: section LNOD: numbers of {} bits", main.name(), width);
  TRY(reader.expect_length(sizeof width + (uint64_t{nodes} * width + 7) / 8));
  std::vector<std::byte> bytes;
  for (Node begin = 0; begin < nodes; begin += kBatch) {
    const Node end = std::min<Node>(nodes, begin + kBatch);
    bytes.resize((uint64_t{end - begin} * width + 7) / 8);
    TRY(reader.read(bytes));
    BitReader bits(bytes);
    for (Node node = begin; node < end; ++node) {
      const uint32_t number = bits.get(width);
      if (number >= numbers.size())
        return corruption("{}: section LNOD: vector {} has set {} of {}", main.name(), node, number,
                          numbers.size() - 1);
      labels.set(node, numbers[number]);
    }
  }
  return reader.finish();
}

}  // namespace

Result<NodeBits> write_labels(SectionFileWriter& main, const GraphStore& graph, const NodeBits& members,
                              std::span<const std::pair<Node, Node>> equals, bool at_rest) {
  const LabelTable& labels = *graph.labels();
  const Node nodes = members.size();
  const Numbering numbering(labels, nodes);
  const auto count = static_cast<uint32_t>(numbering.in_order.size());
  main.begin(kSets);
  TRY(main.append_numbers(std::span(&count, 1)));
  for (const LabelSetNumber set : numbering.in_order) {
    const auto size = static_cast<uint32_t>(labels.labels(set).size());
    TRY(main.append_numbers(std::span(&size, 1)));
    TRY(main.append_numbers(labels.labels(set)));
  }
  main.begin(kNodes);
  const auto width = static_cast<uint32_t>(std::bit_width(count));
  TRY(main.append_numbers(std::span(&width, 1)));
  BitWriter bits;
  for (Node node = 0; node < nodes; ++node) {
    bits.put(numbering.number[labels.set_of(node)], width);
    if ((node + 1) % kBatch == 0) TRY(main.append(bits.take()));
  }
  TRY(main.append(bits.take()));
  main.begin(kStarts);
  const OpenedSets opened(labels, equals);
  bool whole = at_rest;
  for (Node node = 0; whole && graph.has_label_trees() && node < nodes; ++node)
    whole = !members.has(node) || opened.same(node);
  const uint32_t rest = whole ? 1 : 0;
  TRY(main.append_numbers(std::span(&rest, 1)));
  for (const LabelStart& start : labels.starts())
    if (members.has(start.start) && opened.has(start.start, start.label))
      TRY(main.append_numbers(std::span(&start, 1)));
  if (graph.nested() == nullptr) return NodeBits();
  return write_groups(main, graph.nested()->groups, members, numbering.number);
}

Result<std::vector<LabelSetNumber>> read_label_sets(const SectionFile& main, Node nodes, LabelTable& labels) {
  std::vector<LabelSetNumber> numbers = TRY(read_sets(main, labels));
  TRY(read_nodes(main, nodes, numbers, labels));
  return numbers;
}

Result<LabelStarts> read_label_starts(const SectionFile& main, const NodeBits& members,
                                      std::span<const LabelSetNumber> numbers, GraphStore& graph) {
  const LabelTable& labels = *graph.labels();
  SectionReader reader = TRY(SectionReader::open(main, kStarts));
  const auto rest = TRY(read_number<uint32_t>(reader));
  if (rest > 1 || (reader.length() - sizeof rest) % sizeof(LabelStart) != 0)
    return corruption("{}: section LSTA: {} and {} bytes", main.name(), rest, reader.length());
  LabelStarts out{rest == 1, {}, {}};
  std::vector<LabelStart>& starts = out.starts;
  for (uint64_t read = sizeof rest; read < reader.length(); read += sizeof(LabelStart)) {
    const auto entry = TRY(read_number<LabelStart>(reader));
    const bool ascends = starts.empty() || starts.back().label < entry.label;
    if (!ascends || labels.rows(entry.label) == 0 || !members.has(entry.start))
      return corruption("{}: section LSTA: label {} cannot begin at vector {}", main.name(), entry.label,
                        entry.start);
    starts.push_back(entry);
  }
  TRY(reader.finish());
  if (graph.nested() != nullptr) out.groups = TRY(read_groups(main, members, numbers, graph));
  return out;
}

}  // namespace kith
