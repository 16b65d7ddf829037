#include "query/schema/labels.h"

#include <algorithm>

#include "index/registry.h"
#include "query/columns/dictionary.h"
#include "query/columns/number_key.h"
#include "query/columns/payload_values.h"
#include "query/filter/canonical.h"
#include "query/filter/filter_text.h"
#include "query/filter/path_values.h"
#include "query/filter/scalar_values.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"

namespace kith {
namespace {

static_assert(limits::kLabels.max == kRowLabelsMax, "what is taken an index can hold");

constexpr size_t kTermsMax = 8;  // each costs a look at a column
constexpr std::string_view kOption = "labels";

/// The hash is part of the formats: docs/formats.md.
Label label_of(std::string& path, const ScalarView& value) {
  const size_t bytes = path.size();
  path.push_back(static_cast<char>(value.index()));
  if (const auto* flag = std::get_if<bool>(&value)) {
    path.push_back(static_cast<char>(*flag));
  } else if (const auto* number = std::get_if<FilterNumber>(&value)) {
    const uint64_t key = NumberKey::of(*number).key;
    for (int shift = 0; shift < 64; shift += 8) path.push_back(static_cast<char>(key >> shift));
  } else {
    path.append(std::get<std::string_view>(value));
  }
  const auto label = static_cast<Label>(Dictionary::hashed(path));
  path.resize(bytes);
  return label == kNoLabel ? 0 : label;
}

void sort_once(LabelSet& labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
}

bool is_label(const Schema& schema, const FilterPath& path) {
  return std::ranges::any_of(schema.payload,
                             [&](const PayloadField& field) { return field.label && field.path == path; });
}

/// Collects the terms of a canonical filter.
class TermSearch {
 public:
  TermSearch(const Schema& schema, bool whole) : schema_(schema), whole_(whole) {}

  void look_at(const Filter& filter) {
    if (const auto* any = std::get_if<OneOf>(&filter.node)) add(*any, whole_);
    if (const auto* all = std::get_if<ContainsAll>(&filter.node))
      for (const FilterScalar& value : all->values) add({all->path, {value}}, false);
  }
  std::vector<LabelTerm> take() { return std::move(terms_); }

 private:
  void add(const OneOf& rows, bool whole) {
    if (terms_.size() == kTermsMax || rows.values.size() > kRowLabelsMax || !is_label(schema_, rows.path))
      return;
    LabelTerm term{rows, {}, whole};
    for (const FilterScalar& value : rows.values)
      term.labels.push_back(kith::label_of(rows.path, scalar_view(value)));
    sort_once(term.labels);
    terms_.push_back(std::move(term));
  }

  const Schema& schema_;
  const bool whole_;
  std::vector<LabelTerm> terms_;
};

}  // namespace

Label label_of(const FilterPath& path, const ScalarView& value) {
  std::string key = path_key(path.names);
  return label_of(key, value);
}

bool declares_labels(const Schema& schema) {
  return std::ranges::any_of(schema.payload, &PayloadField::label);
}

bool takes_labels(const Schema& schema, const VectorField& field) {
  if (!declares_labels(schema)) return false;
  const auto kind = find_index_kind(field.index);
  if (!kind.ok() || (*kind)->add_labeled == nullptr) return false;
  return std::ranges::find(field.options, std::pair<std::string, std::string>(kOption, "none")) ==
         field.options.end();
}

IndexOptions index_options(const Schema& schema, const VectorField& field) {
  IndexOptions options = field.options;
  const bool said = std::ranges::any_of(options, [](const auto& option) { return option.first == kOption; });
  if (!said && takes_labels(schema, field)) options.emplace_back(kOption, "filtered");
  return options;
}

bool joins_labels(const IndexOptions& options) {
  return std::ranges::any_of(options, [](const auto& option) {
    return option.first == kOption && (option.second == "nested" || option.second == "fused");
  });
}

Result<void> validate_labels(const Schema& schema) {
  for (size_t i = 0; i < schema.payload.size(); ++i) {
    const PayloadType type = schema.payload[i].type;
    const bool fits =
        type == PayloadType::kKeyword || type == PayloadType::kInteger || type == PayloadType::kBoolean;
    if (schema.payload[i].label && !fits)
      return invalid_argument("payload[{}].label: {} is no keyword, integer or boolean; leave label away", i,
                              excerpt(to_text(schema.payload[i].path)));
  }
  const auto takes = [&](const VectorField& field) { return takes_labels(schema, field); };
  if (!declares_labels(schema) || std::ranges::any_of(schema.vectors, takes)) return {};
  return invalid_argument(
      "payload: a label is declared, but no vector field has an index that knows labels; use {}, without "
      "labels=none",
      kDefaultKind);
}

Result<LabelSet> labels_of(const Schema& schema, const JsonValue& payload) {
  LabelSet labels;
  for (const PayloadField& field : schema.payload) {
    if (!field.label) continue;
    std::string key = path_key(field.path.names);
    visit_values(payload, field.path, [&](const JsonValue& value) {
      if (const auto scalar = scalar_of(value)) labels.push_back(label_of(key, *scalar));
      return false;
    });
  }
  sort_once(labels);
  TRY(limits::kLabels.check("payload: different values at paths declared as labels", labels.size()));
  return labels;
}

std::vector<LabelTerm> label_terms(const Schema& schema, const Filter& filter) {
  if (!declares_labels(schema)) return {};
  const Filter plain = canonical(filter);
  const auto* all = std::get_if<AllOf>(&plain.node);
  TermSearch search(schema, all == nullptr);
  if (all == nullptr)
    search.look_at(plain);
  else
    for (const Filter& part : all->of) search.look_at(part);
  return search.take();
}

}  // namespace kith
