// Goal: kith calibrate and kith tune measure a collection, show it, draw it and set its target; searches then
// go by that and explain themselves. Method: the real binary, on a directory and through a server; curves
// made up, whose picture is read back by a small strict reader of XML.
#include <fmt/format.h>

#include <cmath>

#include "server/cli/tune_curve.h"
#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

/// What is wrong with a document, or nothing: tags are nested and closed, attributes quoted and given once,
/// and only the five entities of XML stand for characters.
std::string xml_problem(const std::string& text) {
  std::vector<std::string> open;
  size_t elements = 0;
  size_t at = 0;
  const auto entities = [](std::string_view part) {
    for (size_t i = part.find('&'); i != std::string_view::npos; i = part.find('&', i + 1)) {
      bool known = false;
      for (const char* name : {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"})
        known = known || part.substr(i).starts_with(name);
      if (!known) return false;
    }
    return true;
  };
  if (text.starts_with("<?xml ")) at = text.find("?>") + 2;
  while (at < text.size()) {
    const size_t tag = std::min(text.find('<', at), text.size());
    const std::string_view words(text.data() + at, tag - at);
    if (!entities(words) || words.find('>') != std::string_view::npos) return "text: " + std::string(words);
    if (open.empty() && words.find_first_not_of(" \n") != std::string_view::npos) return "text outside";
    if (tag == text.size()) break;
    size_t i = tag + 1;
    const bool closes = text[i] == '/';
    if (closes) ++i;
    const size_t name_end = text.find_first_of(" />", i);
    const std::string name = text.substr(i, name_end - i);
    if (name.empty()) return "a tag without name";
    i = name_end;
    std::vector<std::string> attributes;
    while (text[i] == ' ') {
      ++i;
      if (text[i] == '/' || text[i] == '>') break;
      const size_t equals = text.find('=', i);
      const std::string attribute = text.substr(i, equals - i);
      if (text[equals + 1] != '"') return "an attribute without quotes: " + attribute;
      const size_t end = text.find('"', equals + 2);
      const std::string_view value(text.data() + equals + 2, end - equals - 2);
      if (!entities(value) || value.find('<') != std::string_view::npos) return "value of " + attribute;
      for (const std::string& other : attributes)
        if (other == attribute) return attribute + " twice in " + name;
      attributes.push_back(attribute);
      i = end + 1;
    }
    const bool alone = text[i] == '/';
    if (alone) ++i;
    if (i >= text.size() || text[i] != '>') return "a tag that does not end: " + name;
    at = i + 1;
    if (closes) {
      if (open.empty() || open.back() != name) return "closes another: " + name;
      open.pop_back();
    } else {
      if (open.empty() && ++elements > 1) return "two roots";
      if (!alone) open.push_back(name);
    }
  }
  if (!open.empty()) return "not closed: " + open.back();
  return elements == 1 ? "" : "no root";
}

TuneCurves example() {
  TuneCurves curves;
  curves.collection = "books <& \"more\">";
  curves.field = "v";
  curves.rows = 20'000;
  curves.queries = 256;
  curves.bytes_per_vector = 321;
  for (const uint64_t k : {1, 10, 100})
    for (uint64_t effort = k; effort <= 16 * k; effort *= 2) {
      TunePoint point;
      point.k = k;
      point.effort = effort;
      point.queries = 256;
      point.recall = 1 - 0.3 * static_cast<double>(k) / static_cast<double>(effort);
      point.recall_low = point.recall - 0.01;
      point.latency_us = 10 + static_cast<double>(effort);
      curves.points.push_back(point);
    }
  return curves;
}

TEST(TuneCurves, TheReaderOfXmlIsStrict) {
  for (const char* sound : {"<a/>", "<?xml version=\"1.0\"?>\n<a b=\"1\" c=\"&lt;\"><d>x &amp; y</d></a>\n"})
    EXPECT_EQ(xml_problem(sound), "") << sound;
  for (const char* wrong : {"", "<a>", "<a></b>", "<a b=1/>", "<a b=\"1\" b=\"2\"/>", "<a>&</a>",
                            "<a>&nbsp;</a>", "<a/><b/>", "<a b=\"<\"/>", "x<a/>", "<a>></a>"})
    EXPECT_NE(xml_problem(wrong), "") << wrong;
}

TEST(TuneCurves, PicturesAreWellFormedAndHaveAxesAndALegend) {
  TuneCurves curves = example();
  curves.chosen = 7;
  const std::string svg = tune_svg(curves);
  EXPECT_EQ(xml_problem(svg), "") << svg;
  for (const char* part : {"recall@k", "latency", "µs", "k = 1<", "k = 10<", "k = 100<", ">0.95<", ">20<",
                           "chosen: ", "20,000 vectors", "321 bytes", "books &lt;&amp; &quot;more&quot;&gt;"})
    EXPECT_NE(svg.find(part), std::string::npos) << part << "\n" << svg;
  size_t lines = 0;
  for (size_t at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1))
    ++lines;
  EXPECT_EQ(lines, 3u);
  for (const char* wrong : {"nan", "inf"}) EXPECT_EQ(svg.find(wrong), std::string::npos) << wrong;

  TuneCurves one = example();
  one.points.resize(1);
  one.points[0].recall = 1;
  EXPECT_EQ(xml_problem(tune_svg(one)), "");
  EXPECT_EQ(tune_svg(one).find("nan"), std::string::npos);
  one.points.clear();
  EXPECT_EQ(xml_problem(tune_svg(one)), "");
}

TEST(TuneCurves, TheQuickestOrTheBestIsChosen) {
  TuneCurves curves =
      example();  // of k = 10: 10 → .7 in 20, 20 → .85 in 30, 40 → .925 in 50, 80 → .9625, 160 → .98125
  ASSERT_TRUE(choose({10, 0.9, {}}, curves).ok());
  EXPECT_EQ(curves.points[*curves.chosen].k, 10u);
  EXPECT_EQ(curves.points[*curves.chosen].effort, 40u);
  ASSERT_TRUE(choose({12, {}, 100.0}, curves).ok()) << "the k next to it";
  EXPECT_EQ(curves.points[*curves.chosen].k, 10u);
  EXPECT_EQ(curves.points[*curves.chosen].effort, 80u);
  const auto none = choose({10, 0.999, {}}, curves);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Code::kFailedPrecondition);
  EXPECT_NE(none.error().message.find("0.98"), std::string::npos) << none.error().message;
  EXPECT_FALSE(curves.chosen.has_value());
  EXPECT_FALSE(choose({10, {}, 1.0}, curves).ok());
  curves.points.clear();
  EXPECT_FALSE(choose({10, 0.5, {}}, curves).ok());
}

class CliTune : public CliBothWays {};
INSTANTIATE_TEST_SUITE_P(Cli, CliTune, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliTune, measures_draws_and_sets_a_target) {
  const std::string base = file("base.fvecs", fvecs_bytes(clustered_vectors(1'500, 16, 10, 3)));
  std::string lines;
  for (int i = 0; i < 1'500; ++i) lines += fmt::format("{{\"n\": {}}}\n", i % 10);
  kith_ok({"load", "books", base, "--create", "--index", "hnsw", "--attributes", file("a.jsonl", lines)});

  const auto measured = kith_ok({"calibrate", "books", "--json"}).json();
  ASSERT_EQ(measured["fields"].size(), 1u) << measured;
  EXPECT_EQ(measured["fields"][0]["rows"], 1'500);
  EXPECT_GT(measured["fields"][0]["points"], 3);
  const auto info = kith_ok({"info", "books", "--json"}).json();
  EXPECT_EQ(info["recall_target"], 0.95);
  EXPECT_EQ(info["fields"][0]["calibrated"]["rows"], 1'500) << info;

  const std::string svg = home_ / "books.svg";
  const auto tuned = kith_ok({"tune", "books", "--recall", "0.9", "--apply", "--svg", svg, "--json"}).json();
  EXPECT_GT(tuned["points"].size(), 3u) << tuned;
  EXPECT_GE(tuned["chosen"]["recall"], 0.9) << tuned;
  EXPECT_EQ(tuned["recall_target"], 0.9);
  EXPECT_EQ(xml_problem(read_bytes(svg)), "");
  EXPECT_EQ(kith_ok({"info", "books", "--json"}).json()["recall_target"], 0.9);
  const KithRun table = kith_ok({"tune", "books", "--latency-us", "1000000"});
  EXPECT_NE(table.out.find("recall"), std::string::npos);
  EXPECT_NE(table.out.find("\n*"), std::string::npos) << table.out;
  EXPECT_EQ(kith({"tune", "books", "--latency-us", "0.0001", "--json"}).code, 7);
  EXPECT_EQ(kith({"tune", "books", "--apply"}).code, 2);
  EXPECT_EQ(kith({"calibrate", "nobody"}).code, 3);
}

TEST_P(CliTune, searches_go_by_targets_and_explain_themselves) {
  const std::string base = file("base.fvecs", fvecs_bytes(clustered_vectors(1'500, 16, 10, 3)));
  std::string lines;
  for (int i = 0; i < 1'500; ++i) lines += fmt::format("{{\"n\": {}}}\n", i % 10);
  kith_ok({"load", "books", base, "--create", "--index", "hnsw", "--attributes", file("a.jsonl", lines)});
  kith_ok({"calibrate", "books"});
  const std::vector<std::string> search = {"search", "books", "--vector-file", base, "--row", "3"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = search;
    append_plus(all, more);
    return all;
  };
  const auto answer = kith_ok(with({"--recall", "0.99", "--json"})).json();
  EXPECT_EQ(answer["hits"].size(), 10u);
  EXPECT_GE(answer["plan"]["recall"], 0.95) << answer;
  EXPECT_EQ(answer["plan"]["share"], 1);
  EXPECT_FALSE(answer.contains("explain"));
  const auto planned = kith_ok(with({"--filter", "n < 5", "--json", "--explain"})).json();
  EXPECT_EQ(planned["hits"].size(), 0u);
  EXPECT_TRUE(planned.contains("explain")) << planned;
  const KithRun text = kith_ok(with({"--filter", "n < 5", "--explain", "analyze"}));
  for (const char* word : {"recall", "0.5", "scan"})
    EXPECT_NE(text.out.find(word), std::string::npos) << text.out;
  EXPECT_EQ(kith(with({"--recall", "0.9", "--effort", "20"})).code, 2);
  EXPECT_EQ(kith(with({"--recall", "1.5"})).code, 2);
  EXPECT_EQ(kith(with({"--explain", "more"})).code, 2);
  const auto bench = kith_ok({"bench", "books", "--queries", base, "--limit", "50", "--recall", "0.9,0.99",
                              "--effort", "10", "--seconds", "0.01", "--json"})
                         .json();
  ASSERT_EQ(bench["results"].size(), 3u) << bench;
  EXPECT_EQ(bench["results"][1]["recall_target"], 0.9);
  EXPECT_GE(bench["results"][2]["recall"], 0.95);
}

}  // namespace
}  // namespace kith::test
