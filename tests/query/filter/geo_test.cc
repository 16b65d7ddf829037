// Goal: distances, boxes and polygons on the sphere. Method: known distances, the chord in 3-d space as a
// second formula for random pairs, boxes and polygons by hand, tilings whose tiles must share no point and
// leave none out.
#include "query/filter/geo.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

constexpr double kRadius = 6'371'008.8;

GeoPoint random_place(Random& random) {
  return {random.uniform() * 180 - 90, random.uniform() * 360 - 180};
}

double by_chord(const GeoPoint& a, const GeoPoint& b) {
  const auto unit = [](const GeoPoint& p) {
    const double lat = p.lat * std::numbers::pi / 180;
    const double lon = p.lon * std::numbers::pi / 180;
    return std::array{std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)};
  };
  const auto x = unit(a);
  const auto y = unit(b);
  return 2 * kRadius * std::asin(std::min(1.0, std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]) / 2));
}

TEST(Geo, DistanceIsTheGreatCircle) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  Random random(seed);
  const double quarter = kRadius * std::numbers::pi / 2;
  EXPECT_EQ(distance_metres({47.1, 8.5}, {47.1, 8.5}), 0);
  EXPECT_NEAR(distance_metres({0, 0}, {90, 77}), quarter, 1e-6);
  EXPECT_NEAR(distance_metres({0, -180}, {0, 180}), 0, 1e-6);
  EXPECT_NEAR(distance_metres({0, 0}, {0, 180}), 2 * quarter, 1e-6);
  EXPECT_NEAR(distance_metres({52.52, 13.405}, {48.8566, 2.3522}), 877'464, 100);  // Berlin to Paris
  for (int i = 0; i < 2'000; ++i) {
    const GeoPoint a = random_place(random);
    const GeoPoint b = random_place(random);
    EXPECT_NEAR(distance_metres(a, b), by_chord(a, b), 1)
        << a.lat << ' ' << a.lon << ' ' << b.lat << ' ' << b.lon;
    EXPECT_EQ(distance_metres(a, b), distance_metres(b, a));
  }
}

TEST(Geo, BoxesAreInclusiveAndSpanTheAntimeridian) {
  const GeoBox plain{{}, {-10, -20}, {30, 40}};
  for (const GeoPoint& in : {GeoPoint{-10, -20}, {30, 40}, {0, 0}, {-10, 40}}) EXPECT_TRUE(in_box(in, plain));
  for (const GeoPoint& out : {GeoPoint{-10.001, 0}, {30.001, 0}, {0, -20.001}, {0, 40.001}, {0, 180}})
    EXPECT_FALSE(in_box(out, plain)) << out.lat << ' ' << out.lon;
  const GeoBox across{{}, {-10, 170}, {10, -170}};
  for (const GeoPoint& in : {GeoPoint{0, 180}, {0, -180}, {0, 170}, {0, -170}})
    EXPECT_TRUE(in_box(in, across));
  for (const GeoPoint& out : {GeoPoint{0, 0}, {0, 169.999}, {0, -169.999}, {11, 180}})
    EXPECT_FALSE(in_box(out, across)) << out.lat << ' ' << out.lon;
  EXPECT_FALSE(in_box({0, 0}, GeoBox{{}, {1, -1}, {-1, 1}})) << "south of its south";
}

TEST(Geo, PolygonsAreEvenOdd) {
  const std::vector<GeoPoint> notched = {{0, 0}, {0, 10}, {10, 10}, {5, 5}, {10, 0}};
  EXPECT_TRUE(in_polygon({1, 1}, notched));
  EXPECT_TRUE(in_polygon({6, 1}, notched));
  EXPECT_FALSE(in_polygon({9, 5}, notched)) << "the notch";
  EXPECT_FALSE(in_polygon({1, 11}, notched));
  EXPECT_FALSE(in_polygon({-1, 5}, notched));
  const std::vector<GeoPoint> star = {{0, 0}, {10, 5}, {0, 10}, {7, 0}, {7, 10}};
  EXPECT_FALSE(in_polygon({5, 5}, star)) << "its middle is within twice";
  EXPECT_TRUE(in_polygon({1.2, 1}, star));
  EXPECT_FALSE(in_polygon({0, 0}, std::vector<GeoPoint>{{1, 1}, {1, 1}, {1, 1}})) << "no area";
}

TEST(Geo, TrianglesThatTileASquareShareNoPointAndLeaveNoneOut) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const GeoPoint middle{random.uniform() * 8 + 1, random.uniform() * 8 + 1};
    const GeoPoint corners[] = {{0, 0}, {0, 10}, {10, 10}, {10, 0}};
    for (int i = 0; i < 100; ++i) {
      // Half of them on the edges that two triangles share.
      GeoPoint point{random.uniform() * 9.9 + .05, random.uniform() * 9.9 + .05};
      const double part = random.uniform() * .9;
      if (i % 2 == 0)
        point = {middle.lat + part * (corners[i / 2 % 4].lat - middle.lat),
                 middle.lon + part * (corners[i / 2 % 4].lon - middle.lon)};
      int inside = 0;
      for (size_t c = 0; c < 4; ++c)
        inside += in_polygon(point, std::vector<GeoPoint>{corners[c], middle, corners[(c + 1) % 4]});
      ASSERT_EQ(inside, 1) << point.lat << ' ' << point.lon;
    }
  }
}

TEST(Geo, PlacesHaveBothMembersWithinBounds) {
  const auto is = [](const char* json) {
    const auto tree = JsonTree::parse(json);
    return place_of(tree.value().root()).has_value();
  };
  EXPECT_TRUE(is(R"({"lat": 90, "lon": -180})"));
  EXPECT_TRUE(is(R"({"name": "x", "lon": 1e0, "lat": 18446744073709551615, "lat": 2})"));
  for (const char* json : {R"({"lat": 1})", R"({"lat": 90.001, "lon": 0})", R"({"lat": 0, "lon": 181})",
                           R"({"lat": "1", "lon": 2})", R"({"lat": [1], "lon": 2})",
                           R"({"Lat": 1, "lon": 2})", "[1, 2]", "null", R"("1,2")"})
    EXPECT_FALSE(is(json)) << json;
}

}  // namespace
}  // namespace kith
