// Goal: drawings are well-formed XML, inside their frame, and keep the order of the data. Method: a small
// strict reader of tags checks nesting and attributes; coordinates are parsed back.
#include "bench/harness/curve.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/io/file_system.h"
#include "base/io/memory_file_system.h"
#include "tests/support/temp_dir.h"

namespace kith::bench {
namespace {

/// "" when every tag is closed in order, attributes are quoted and text holds no bare & or <; else what is
/// wrong.
std::string xml_fault(const std::string& xml) {
  static const std::regex kTag("</?[A-Za-z]+( [A-Za-z0-9:-]+=\"[^\"<]*\")*/?>");
  std::vector<std::string> open;
  for (size_t at = 0; at < xml.size();) {
    if (xml[at] != '<') {
      if (xml[at] == '&' && !std::regex_search(xml.substr(at, 8), std::regex("^&(amp|lt|gt|quot);")))
        return "bare & at " + std::to_string(at);
      if (open.empty() && !std::isspace(static_cast<unsigned char>(xml[at]))) return "text outside the root";
      ++at;
      continue;
    }
    size_t end = xml.find('>', at);
    if (end == std::string::npos) return "open tag at the end";
    std::string tag = xml.substr(at, end + 1 - at);
    std::string squeezed = std::regex_replace(tag, std::regex(" +(?=/?>)"), "");
    if (!std::regex_match(squeezed, kTag)) return "odd tag " + tag;
    std::string name = tag.substr(tag[1] == '/' ? 2 : 1);
    name = name.substr(0, name.find_first_of(" />"));
    if (tag[1] == '/') {
      if (open.empty() || open.back() != name) return "closes what is not open: " + tag;
      open.pop_back();
    } else if (tag[tag.size() - 2] != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

std::vector<std::pair<double, double>> polyline(const std::string& svg) {
  std::vector<std::pair<double, double>> points;
  std::smatch list;
  if (!std::regex_search(svg, list, std::regex("<polyline points=\"([^\"]*)\""))) return points;
  std::string text = list[1];
  std::regex pair("([0-9.-]+),([0-9.-]+)");
  for (std::sregex_iterator it(text.begin(), text.end(), pair), end; it != end; ++it)
    points.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
  return points;
}

const std::vector<DrawnCurve> kCurves{
    {{"kith hnsw", {{10, 0.85, 20'000}, {40, 0.97, 6'000}, {400, 0.9995, 400}, {800, 1.0, 200}}}, true},
    {{"hnswlib M16", {{10, 0.80, 15'000}, {40, 0.95, 5'000}}}, false},
};

TEST(XmlFault, FindsFaults) {
  EXPECT_EQ(xml_fault("<a><b x=\"1\"/></a>"), "");
  EXPECT_NE(xml_fault("<a><b></a></b>"), "");
  EXPECT_NE(xml_fault("<a>&</a>"), "");
  EXPECT_NE(xml_fault("<a x=1/>"), "");
}

TEST(DrawCurves, IsWellFormedAndNamesEverything) {
  std::string svg = draw_curves("fashion-mnist", "60,000 × 784", kCurves);
  EXPECT_EQ(xml_fault(svg), "");
  for (const char* text :
       {"fashion-mnist", "60,000 × 784", "kith hnsw", "hnswlib M16", "recall@10", "queries per second"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
}

TEST(DrawCurves, EscapesNames) {
  std::vector<DrawnCurve> curves = kCurves;
  curves[0].curve.name = "<script> & \"more\"";
  std::string svg = draw_curves("a<b", "c&d", curves);
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
}

TEST(DrawCurves, StaysInsideTheFrameAndInOrder) {
  std::vector<std::pair<double, double>> points = polyline(draw_curves("t", "s", kCurves));
  ASSERT_EQ(points.size(), 4u);
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_GE(points[i].first, 0);
    EXPECT_LE(points[i].first, 860);
    EXPECT_GE(points[i].second, 0);
    EXPECT_LE(points[i].second, 520);
    if (i == 0) continue;
    EXPECT_GT(points[i].first, points[i - 1].first);    // more recall is further right
    EXPECT_GT(points[i].second, points[i - 1].second);  // fewer queries are further down
  }
}

TEST(DrawCurves, DrawsNothingAndSinglePointsToo) {
  EXPECT_EQ(xml_fault(draw_curves("nothing", "", {})), "");
  std::vector<DrawnCurve> one{{{"point", {{10, 1.0, 50}}}, true}, {{"none", {}}, false}};
  std::string svg = draw_curves("one", "", one);
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(WriteCurves, WritesTheFileAndRefusesOddNames) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.make_directories("/r").ok());
  for (const char* name : {"", "a/b", "..", "a b", "a.b"})
    EXPECT_FALSE(write_curves(fs, "/r", name, "x").ok()) << name;
  test::TempDir directory;
  std::string svg = draw_curves("t", "s", kCurves);
  Result<void> written = write_curves(posix_file_system(), directory.path() + "/report", "recall-set", svg);
  ASSERT_TRUE(written.ok()) << written.error().message;
  auto file = posix_file_system().open(directory.path() + "/report/recall-set.svg");
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ((*file)->size(), svg.size());
}

}  // namespace
}  // namespace kith::bench
