#include "index/graph/nested_codec.h"

#include <bit>

#include "base/crc32c.h"
#include "index/bit_stream.h"

namespace kith {
namespace {

constexpr uint32_t kGroups = section_tag("LNAV");
constexpr uint32_t kNestedSums = section_tag("NSUM");
constexpr unsigned kCountBits = static_cast<unsigned>(std::bit_width(NestedStore::kSlots));

ExtentCut nested_cut(Node nodes, const GraphStore& graph) {
  return {nodes, graph.nested()->inside.lists().bytes() + graph.nested()->above.lists().bytes()};
}

unsigned node_bits(const NodeBits& nodes) {
  return static_cast<unsigned>(std::bit_width(nodes.size() - 1));
}

/// What walks that do not look at labels rely on: an edge inside joins rows of one group, any other leads to
/// all labels of the first one's. `group_of` says which group a node is of.
template <typename GroupOf>
bool may_lead(const LabelTable& labels, GroupOf group_of, Node from, Node to, bool inside) {
  if (inside) return group_of(from) == group_of(to);
  return labels.within(group_of(from), labels.set_of(to));
}

/// `written`: the groups in the file. A reader will know of no others, and of no sets merged into them.
void encode(BitWriter& bits, const GraphStore& graph, Node node, const NodeBits& nodes,
            const NodeBits& written, bool inside) {
  const LabelTable& labels = *graph.labels();
  const auto group_of = [&](Node other) {
    const LabelSetNumber group = labels.walk_set(other);
    return written.has(group) ? group : labels.set_of(other);
  };
  const MarkedLists& lists = inside ? graph.nested()->inside : graph.nested()->above;
  std::vector<Node> ids(lists.capacity());
  std::vector<uint32_t> entries;
  if (nodes.has(node)) {
    const auto guard = graph.locks().lock(node);
    const ListMarks marks = lists.marks(node);
    const uint32_t count = lists.lists().read(node, ids.data());
    for (uint32_t i = 0; i < count; ++i)
      if (nodes.has(ids[i]) && may_lead(labels, group_of, node, ids[i], inside))
        entries.push_back(2 * ids[i] + marks.forced(i));
  }
  bits.put(static_cast<uint32_t>(entries.size()), kCountBits);
  for (const uint32_t entry : entries) bits.put(entry, node_bits(nodes) + 1);
}

Result<void> decode(BitReader& bits, const std::string& name, Node node, const NodeBits& nodes, bool inside,
                    GraphStore& graph) {
  const LabelTable& labels = *graph.labels();
  const auto group_of = [&](Node other) { return labels.walk_set(other); };
  MarkedLists& lists = inside ? graph.nested()->inside : graph.nested()->above;
  const uint32_t count = bits.get(kCountBits);
  if (count > lists.capacity() || (count > 0 && !nodes.has(node)))
    return corruption("{}: nested list of node {}: {} neighbours cannot be", name, node, count);
  ListMarks marks = lists.marks(node);
  std::vector<Node> ids;
  uint32_t forced = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t entry = bits.get(node_bits(nodes) + 1);
    const Node neighbor = entry / 2;
    if (!nodes.has(neighbor) || neighbor == node || !may_lead(labels, group_of, node, neighbor, inside))
      return corruption("{}: nested list of node {}: neighbour {} cannot be", name, node, neighbor);
    marks.set_forced(i, entry % 2 != 0);
    forced += entry % 2;
    ids.push_back(neighbor);
  }
  if (forced > NestedStore::kStay)  // pruning could not make room in such a list
    return corruption("{}: nested list of node {}: {} edges that stay cannot be", name, node, forced);
  lists.lists().assign(node, ids);
  return {};
}

Result<void> read_extent(const CheckpointInput& in, const Extent& extent, uint32_t sum, const NodeBits& nodes,
                         GraphStore& graph) {
  const SectionFile file = TRY(open_extent(in, kNestedExtents, extent, sum));
  SectionReader reader = TRY(SectionReader::open(file, kExtentData));
  std::vector<std::byte> bytes(reader.length());
  TRY(reader.read(bytes));
  TRY(reader.finish());
  BitReader bits(bytes);
  for (Node node = extent.first; node < extent.end; ++node) {
    TRY(decode(bits, file.name(), node, nodes, true, graph));
    TRY(decode(bits, file.name(), node, nodes, false, graph));
  }
  if (bits.finished()) return {};
  return corruption("{}: its lists are longer or shorter than its content", file.name());
}

/// Numbers of main, checked as they come.
class GroupReader {
 public:
  GroupReader(const SectionFile& main, SectionReader& reader, std::span<const LabelSetNumber> numbers)
      : main_(main), reader_(reader), numbers_(numbers) {}

  Result<uint32_t> number() {
    uint32_t value = 0;
    TRY(reader_.read(std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  Result<uint32_t> number_below(uint64_t end, const char* what) {
    const uint32_t value = TRY(number());
    if (value < end) return value;
    return corruption("{}: section LNAV: {} {} of {}", main_.name(), what, value, end);
  }
  /// The next set of an ascending list.
  Result<LabelSetNumber> set(int64_t& last) {
    const uint32_t value = TRY(number_below(numbers_.size(), "set"));
    if (static_cast<int64_t>(value) <= last)
      return corruption("{}: section LNAV: set {} comes after set {}", main_.name(), value, last);
    last = value;
    return numbers_[value];
  }
  Error wrong(const char* what, LabelSetNumber set) const {
    return corruption("{}: section LNAV: {} {}", main_.name(), what, set);
  }

 private:
  const SectionFile& main_;
  SectionReader& reader_;
  std::span<const LabelSetNumber> numbers_;
};

/// Their ways are numbers of groups still. That of no labels comes on top of `groups_max`.
Result<std::vector<LabelGroups::Group>> read_group_list(GroupReader& reader, const NodeBits& nodes,
                                                        size_t sets, uint32_t groups_max) {
  std::vector<LabelGroups::Group> groups;
  const uint32_t count =
      TRY(reader.number_below(std::min<uint64_t>(sets, uint64_t{groups_max} + 1) + 1, "groups"));
  int64_t last = -1;
  for (uint32_t i = 0; i < count; ++i) {
    LabelGroups::Group group;
    group.set = TRY(reader.set(last));
    group.entries.push_back(TRY(reader.number()));
    if (!nodes.has(group.entries.front())) return reader.wrong("no node is the start of group", i);
    group.loose = TRY(reader.number());
    const uint32_t ways = TRY(reader.number_below(count, "ways of group"));
    for (uint32_t way = 0; way < ways; ++way) {
      const uint32_t from = TRY(reader.number_below(count, "a way from group"));
      if (way > 0 && from <= group.led_from.back()) return reader.wrong("ways do not ascend to group", i);
      group.led_from.push_back(from);
    }
    groups.push_back(std::move(group));
  }
  if (groups.size() > groups_max && groups.front().set != LabelTable::kNoLabels)
    return reader.wrong("more groups than may be, up to that of set", groups.back().set);
  return groups;
}

}  // namespace

NodeBits nested_nodes(NodeBits linked, EqualPairs equals, const LabelTable& labels) {
  std::unordered_set<uint64_t> seen;
  for (const auto& [representative, member] : equals) {
    if (!linked.has(member)) continue;
    const LabelSetNumber set = labels.set_of(member);
    const bool first =
        set != labels.set_of(representative) && seen.insert(uint64_t{representative} << 32 | set).second;
    if (!first) linked.set(member, false);
  }
  return linked;
}

Result<NodeBits> write_groups(SectionFileWriter& main, const LabelGroups& groups, const NodeBits& nodes,
                              std::span<const uint32_t> number) {
  const auto known = [&](LabelSetNumber set) {
    return set == LabelTable::kNoLabels || (set < number.size() && number[set] != 0);
  };
  std::vector<LabelGroups::Group> all = groups.all();
  std::erase_if(all,
                [&](const auto& group) { return !known(group.set) || !nodes.has(group.entries.front()); });
  std::ranges::sort(all, {}, [&](const auto& group) { return number[group.set]; });
  std::unordered_map<LabelSetNumber, uint32_t> place;
  NodeBits written(static_cast<uint32_t>(number.size()));
  for (const auto& group : all) {
    place.emplace(group.set, static_cast<uint32_t>(place.size()));
    written.set(group.set);
  }
  std::vector<uint32_t> out{static_cast<uint32_t>(all.size())};
  for (const auto& group : all) {
    std::vector<uint32_t> ways;
    for (const LabelSetNumber from : group.led_from)
      if (const auto found = place.find(from); found != place.end()) ways.push_back(found->second);
    std::ranges::sort(ways);
    out.insert(out.end(),
               {number[group.set], group.entries.front(), group.loose, static_cast<uint32_t>(ways.size())});
    out.insert(out.end(), ways.begin(), ways.end());
  }
  std::vector<std::pair<uint32_t, uint32_t>> merged;
  for (const auto& [set, into] : groups.merged())
    if (const auto found = place.find(into); known(set) && found != place.end())
      merged.emplace_back(number[set], found->second);
  std::ranges::sort(merged);
  out.push_back(static_cast<uint32_t>(merged.size()));
  for (const auto& [set, group] : merged) out.insert(out.end(), {set, group});
  main.begin(kGroups);
  TRY(main.append_numbers(std::span<const uint32_t>(out)));
  return written;
}

Result<std::vector<LabelGroups::Group>> read_groups(const SectionFile& main, const NodeBits& nodes,
                                                    std::span<const LabelSetNumber> numbers,
                                                    GraphStore& graph) {
  LabelTable& labels = *graph.labels();
  SectionReader section = TRY(SectionReader::open(main, kGroups));
  GroupReader reader(main, section, numbers);
  std::vector<LabelGroups::Group> groups =
      TRY(read_group_list(reader, nodes, numbers.size(), graph.nested()->groups.groups_max()));
  std::unordered_map<LabelSetNumber, LabelSetNumber> group_of;
  for (const auto& group : groups) group_of.emplace(group.set, group.set);
  const uint32_t merged = TRY(reader.number_below(numbers.size(), "merged sets"));
  int64_t last = -1;
  for (uint32_t i = 0; i < merged; ++i) {
    const LabelSetNumber set = TRY(reader.set(last));
    const uint32_t group = TRY(reader.number_below(groups.size(), "the group of a merged set"));
    const LabelSetNumber into = groups[group].set;
    if (!labels.within(into, set) || !group_of.emplace(set, into).second)
      return reader.wrong("no group has rows of set", set);
    graph.nested()->groups.merge(set, into);
  }
  TRY(section.finish());
  for (Node node = 0; node < nodes.size(); ++node)
    if (const auto found = group_of.find(labels.set_of(node)); nodes.has(node) && found != group_of.end())
      labels.walk_as(node, found->second);
  for (auto& group : groups) {
    if (labels.walk_set(group.entries.front()) != group.set)
      return reader.wrong("another group's node is the start of set", group.set);
    for (LabelSetNumber& from : group.led_from) {
      from = groups[from].set;
      if (from == group.set || !labels.within(from, group.set))
        return reader.wrong("no edges can lead into set", group.set);
    }
  }
  return groups;
}

Result<void> write_nested_lists(CheckpointOutput& out, SectionFileWriter& main, const GraphStore& graph,
                                const NodeBits& nodes, const NodeBits& written) {
  const ExtentCut cut = nested_cut(nodes.size(), graph);
  std::vector<uint32_t> sums;
  for (uint32_t i = 0; i < cut.size(); ++i) {
    BitWriter bits;
    for (Node node = cut[i].first; node < cut[i].end; ++node) {
      encode(bits, graph, node, nodes, written, true);
      encode(bits, graph, node, nodes, written, false);
    }
    const std::vector<std::byte> bytes = bits.take();
    sums.push_back(crc32c(bytes));
    const auto source = [&](const ByteSink& sink) { return sink(bytes); };
    TRY(write_extent(out, kNestedExtents, cut[i], sums.back(), bytes.size(), source));
  }
  return write_sums(main, kNestedSums, sums);
}

Result<void> read_nested_lists(const CheckpointInput& in, const SectionFile& main, const NodeBits& nodes,
                               GraphStore& graph, std::vector<OpenJob>& jobs) {
  const ExtentCut cut = nested_cut(nodes.size(), graph);
  const std::vector<uint32_t> sums = TRY(read_sums(main, kNestedSums, cut));
  for (uint32_t i = 0; i < cut.size(); ++i)
    jobs.push_back([&in, &nodes, &graph, extent = cut[i], sum = sums[i]] {
      return read_extent(in, extent, sum, nodes, graph);
    });
  return {};
}

}  // namespace kith
