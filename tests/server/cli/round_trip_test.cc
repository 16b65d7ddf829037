// Goal: every data command does what it says, the same on a directory and through a server, and what is
// exported loads back to the same bytes. Method: the real binary as a child process, real files, both ways.
#include <set>

#include "server/api/api.h"
#include "tests/server/cli/kith_command.h"
#include "tests/support/result_matchers.h"

namespace kith::test {
namespace {

using CliRoundTrip = CliBothWays;
INSTANTIATE_TEST_SUITE_P(Cli, CliRoundTrip, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliRoundTrip, create_info_and_drop) {
  kith_ok({"create", "books", "--dim", "8", "--metric", "cosine", "--option", "degree=8"});
  kith_ok({"create", "photos", "--field", "image:16:ip:f16:flat", "--field", "hash:64:hamming"});
  EXPECT_EQ(kith({"create", "books", "--dim", "8"}).code, 7);

  const auto all = kith_ok({"info", "--json"}).json();
  ASSERT_EQ(all["collections"].size(), 2u) << all;
  EXPECT_EQ(all["collections"][0]["collection"], "books");
  const auto photos = kith_ok({"info", "photos", "--json"}).json();
  ASSERT_EQ(photos["fields"].size(), 2u) << photos;
  std::set<std::string> seen;
  for (const auto& field : photos["fields"])
    seen.insert(field["name"].get<std::string>() + " " + std::to_string(field["dim"].get<int>()) + " " +
                field["metric"].get<std::string>() + " " + field["type"].get<std::string>() + " " +
                field["index"].get<std::string>());
  for (const auto& field : photos["fields"])
    EXPECT_EQ(field["disk_bytes"], 0) << "memory=codes alone leaves any";
  EXPECT_EQ(seen, (std::set<std::string>{"image 16 ip f16 flat", "hash 64 hamming bit vamana"}));
  EXPECT_NE(kith_ok({"info"}).out.find("8 x f32"), std::string::npos);

  const KithRun refused = kith({"delete", "books", "--collection-itself"});
  EXPECT_EQ(refused.code, 2) << "without a terminal there is nobody to ask";
  EXPECT_NE(refused.err.find("--yes"), std::string::npos);
  kith_ok({"delete", "books", "--collection-itself", "--yes"});
  EXPECT_EQ(kith({"info", "books"}).code, 3);
}

TEST_P(CliRoundTrip, load_search_delete) {
  const Vectors rows = clustered_vectors(500, 12, 10, 3);
  const std::string base = file("base.fvecs", fvecs_bytes(rows));
  std::string lines;
  for (size_t i = 0; i < rows.rows; ++i) lines += "{\"n\": " + std::to_string(i) + "}\n";
  const std::string attributes = file("attributes.jsonl", lines);
  const auto loaded =
      kith_ok({"load", "set", base, "--create", "--attributes", attributes, "--id-start", "100", "--json"})
          .json();
  EXPECT_EQ(loaded["rows"], 500) << loaded;
  EXPECT_EQ(points("set"), 500u);

  const auto found = kith_ok({"search", "set", "--vector-file", base, "--row", "42", "-k", "3",
                              "--with-payload", "--with-vector", "--json"})
                         .json();
  ASSERT_EQ(found["hits"].size(), 3u) << found;
  EXPECT_EQ(found["hits"][0]["id"], 142);
  EXPECT_EQ(found["hits"][0]["payload"]["n"], 42);
  EXPECT_LT(found["hits"][0]["score"].get<float>(), 1e-5f);
  EXPECT_LE(found["hits"][1]["score"].get<float>(), found["hits"][2]["score"].get<float>());
  const auto vector = found["hits"][0]["vectors"]["vector"].get<std::vector<float>>();
  EXPECT_EQ(vector, std::vector<float>(rows.row(42), rows.row(42) + 12));

  const auto like = kith_ok({"search", "set", "--like", "142", "-k", "2", "--exact", "--json"}).json();
  ASSERT_EQ(like["hits"].size(), 2u);
  EXPECT_EQ(like["hits"][0]["id"], found["hits"][1]["id"]) << "--like leaves out the point itself";
  const auto offset = kith_ok({"search", "set", "--vector-file", base, "--row", "42", "-k", "1", "--offset",
                               "2", "--exact", "--json"})
                          .json();
  EXPECT_EQ(offset["hits"][0]["id"], like["hits"][1]["id"]);
  const float reach = like["hits"][1]["score"].get<float>() * 1.0001f;
  const auto range =
      kith_ok({"search", "set", "--like", "142", "--radius", std::to_string(reach), "--exact", "--json"});
  EXPECT_EQ(range.json()["hits"].size(), 2u) << range.out;
  const auto one = kith_ok({"search", "set", "--like", "142", "--radius", std::to_string(reach), "--limit",
                            "1", "--exact", "--json"});
  ASSERT_EQ(one.json()["hits"].size(), 1u) << "the point itself is none of the hits: " << one.out;
  EXPECT_EQ(one.json()["hits"][0]["id"], like["hits"][0]["id"]);
  EXPECT_EQ(kith_ok({"search", "set", "--like", "142", "-k", "9999", "--json"}).json()["hits"].size(), 499u);
  const auto near =
      kith_ok({"search", "set", "--like", "142", "--threshold", std::to_string(reach), "--json"});
  EXPECT_EQ(near.json()["hits"].size(), 2u) << near.out;
  EXPECT_NE(kith_ok({"search", "set", "--like", "142"}).out.find("distance"), std::string::npos);

  const auto removed = kith_ok({"delete", "set", "--id", "142", "--id", "9999999", "--json"}).json();
  EXPECT_EQ(removed["asked"], 2);
  EXPECT_EQ(removed["removed"], 1);
  const std::string ids = file("ids.txt", "100\n101\r\n\n102\n");
  EXPECT_EQ(kith_ok({"delete", "set", "--ids-file", ids, "--json"}).json()["removed"], 3);
  EXPECT_EQ(points("set"), 496u);
  EXPECT_EQ(kith({"search", "set", "--like", "142"}).code, 3);
  const auto verified = kith_ok({"verify", "set", "--graph", "--json"}).json();
  EXPECT_EQ(verified["whole"], true) << verified;
  ASSERT_EQ(verified["graphs"].size(), 1u) << verified;
  const auto& graph = verified["graphs"][0];
  const int nodes = graph["nodes"], vectors = nodes + graph["pending"].get<int>();
  EXPECT_GE(vectors, 496) << verified;  // and the four removed ones, unless the directory was opened since
  EXPECT_LE(vectors, 500) << verified;
  EXPECT_GE(graph["edges"].get<int>(), nodes - 5) << "a tree holds them together, but for the removed";
  EXPECT_EQ(verified["graphs"][0]["unreachable"], 0);
  EXPECT_EQ(verified["points"], 496);
}

TEST_P(CliRoundTrip, jsonl_export_loads_back_to_the_same_bytes) {
  const std::string source =
      file("points.jsonl",
           "{\"id\":7,\"vector\":[0.1,-0.0,3e-39],\"payload\":{\"a\": 1.0, \"b\":[1e3 ,\"ü\"]}}\n"
           "{\"id\":18446744073709551615,\"vector\":[1,2,3]}\n"
           "{\"id\":\"7\",\"vector\":[1,2,4]}\n"
           "{\"id\":\"text:text:x\",\"vector\":[1,2,5]}\n"
           "{\"id\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\",\"vector\":[1,2,6]}\n"
           "{\"id\":\"text:6ba7b810-9dad-11d1-80b4-00c04fd430c8\",\"vector\":[1,2,7]}\n");
  kith_ok({"load", "first", source, "--create"});
  kith_ok({"export", "first", home_ / "first.jsonl"});
  kith_ok({"load", "second", home_ / "first.jsonl", "--create"});
  kith_ok({"export", "second", home_ / "second.jsonl"});
  const std::string first = read_bytes(home_ / "first.jsonl");
  EXPECT_EQ(first, read_bytes(home_ / "second.jsonl"));
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 6) << first;
  EXPECT_NE(first.find("\"payload\":{\"a\":1.0,\"b\":[1000.0,\"ü\"]}"), std::string::npos) << first;
  EXPECT_NE(first.find("[0.1,-0.0,"), std::string::npos) << first;
}

// Payloads are stored as they came, and only the command line's own files are bound to one line a point.
TEST(CliExport, payloads_with_line_ends_load_back) {
  const TempDir home;
  const ServedDirectory server(home / "data");
  auto kith = [&](std::vector<std::string> arguments) {
    append_plus(arguments, {"--server", server.address()});
    const KithRun run = run_kith(home, arguments);
    EXPECT_EQ(run.code, 0) << testing::PrintToString(arguments) << "\n" << run.err;
    return run;
  };
  kith({"create", "first", "--dim", "2"});
  kith({"create", "second", "--dim", "2"});
  v1::UpsertRequest request;
  request.set_collection("first");
  v1::Point& point = *request.add_points();
  point.mutable_id()->set_number(7);
  v1::Vector& vector = *point.add_vectors();
  vector.add_values(1);
  vector.add_values(2);
  point.set_payload("{\n  \"title\": \"a\\nb\",\r\n  \"pages\": [1,\n2]\n}");
  ASSERT_VALUE(api, connect_remote_api(server.address()));
  ASSERT_OK(api->upsert(request, Stop{}));

  kith({"export", "first", home / "first.jsonl"});
  const std::string first = read_bytes(home / "first.jsonl");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1) << first;
  kith({"load", "second", home / "first.jsonl", "--points"});
  kith({"export", "second", home / "second.jsonl"});
  EXPECT_EQ(read_bytes(home / "second.jsonl"), first);
  const auto found = kith({"search", "second", "--vector", "[1,2]", "--with-payload", "--json"}).json();
  EXPECT_EQ(found["hits"][0]["payload"], nlohmann::json::parse(point.payload())) << found;
  const KithRun original = kith({"search", "first", "--vector", "[1,2]", "--with-payload", "--json"});
  EXPECT_EQ(std::count(original.out.begin(), original.out.end(), '\n'), 1) << original.out;
}

TEST_P(CliRoundTrip, points_of_several_fields_and_without_vectors) {
  const std::vector<std::string> fields = {"--field", "image:3:l2",      "--field", "small:2:ip:f16",
                                           "--field", "hash:16:hamming", "--field", "bytes:2:l2:i8:flat"};
  const std::string source = file(
      "points.jsonl",
      R"({"id":1,"vectors":{"bytes":[-128,127],"hash":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1],"image":[0.1,0.2,0.3],"small":[0.5,1]},"payload":{"a": 1.0,  "b":[1e3 ,"ü"]}})"
      "\n"
      R"({"id":2,"vectors":{"small":[2,3]},"payload":{}})"
      "\n"
      R"({"id":3,"vectors":{}})"
      "\n");
  for (const char* name : {"first", "second"}) {
    std::vector<std::string> create = {"create", name};
    append_plus(create, fields);
    kith_ok(create);
  }
  kith_ok({"load", "first", source});
  kith_ok({"export", "first", home_ / "first.jsonl"});
  kith_ok({"load", "second", home_ / "first.jsonl"});
  kith_ok({"export", "second", home_ / "second.jsonl"});
  EXPECT_EQ(read_bytes(home_ / "first.jsonl"), read_bytes(home_ / "second.jsonl"));
  const std::string first = read_bytes(home_ / "first.jsonl");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 3) << first;
  EXPECT_NE(first.find(R"("payload":{"a": 1.0,  "b":[1e3 ,"ü"]})"), std::string::npos)
      << "a payload keeps its bytes: " << first;
  EXPECT_NE(first.find(R"("bytes":[-128,127])"), std::string::npos) << first;
  EXPECT_EQ(kith_ok({"search", "first", "--field", "small", "--vector", "[1,1]", "-k", "9", "--json"})
                .json()["hits"]
                .size(),
            2u);

  kith_ok({"create", "one", "--dim", "2"});
  kith_ok(
      {"load", "one", file("one.jsonl", "{\"id\":\"x\"}\n{\"id\":\"y\",\"vector\":[1,2]}\n"), "--points"});
  EXPECT_EQ(points("one"), 2u);
  const KithRun bad = kith(
      {"load", "one", file("bad.jsonl", "{\"id\":1}\n{\"id\":2,\"vector\":[1]}\n"), "--points", "--quiet"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("bad.jsonl': line 2"), std::string::npos) << bad.err;
}

TEST_P(CliRoundTrip, hdf5_files_by_dataset) {
  const std::string maker = find_executable("kith-hdf5-fixture");
  ASSERT_FALSE(maker.empty());
  ASSERT_EQ(run_child({maker, home_.path()}).exit.code, 0);
  kith_ok({"load", "ann", home_ / "good.hdf5", "--create"});
  EXPECT_EQ(points("ann"), 5000u) << "the dataset `train` is the default";
  const auto found = kith_ok({"search", "ann", "--vector-file", home_ / "good.hdf5", "--hdf5-dataset",
                              "packed", "--row", "4999", "-k", "1", "--json"})
                         .json();
  EXPECT_EQ(found["hits"][0]["id"], 4999) << found;
  const KithRun lies =
      kith({"load", "ann", home_ / "lies.h5", "--hdf5-dataset", "late", "--id-start", "9000", "--quiet"});
  EXPECT_TRUE(lies.code == 2 || lies.code == 4) << lies.code << lies.err;
  EXPECT_NE(lies.err.find("lies.h5"), std::string::npos) << lies.err;
  EXPECT_EQ(points("ann"), 5000u);
}

TEST_P(CliRoundTrip, packed_files_load_like_plain_ones) {
  const std::string bytes = fvecs_bytes(normal_vectors(3000, 5, 8));
  file("a.fvecs", bytes);
  ASSERT_EQ(run_child({"gzip", "-k", home_ / "a.fvecs"}).exit.code, 0);
  kith_ok({"load", "set", home_ / "a.fvecs.gz", "--create", "--limit", "1000"});
  kith_ok({"load", "set", home_ / "a.fvecs.gz", "--resume"});
  kith_ok({"export", "set", home_ / "out.fvecs"});
  EXPECT_EQ(read_bytes(home_ / "out.fvecs"), bytes);
}

TEST_P(CliRoundTrip, a_deadline_ends_a_command) {
  kith_ok({"create", "set", "--dim", "2"});
  const KithRun late = kith({"search", "set", "--vector", "[1,2]", "--timeout", "0.000001", "--json"});
  EXPECT_EQ(late.code, 9) << late.err;
  EXPECT_EQ(nlohmann::json::parse(late.err, nullptr, false)["error"]["code"], "deadline_exceeded")
      << late.err;
}

TEST_P(CliRoundTrip, fvecs_export_is_the_file_that_was_loaded) {
  const std::string bytes = fvecs_bytes(normal_vectors(300, 7, 5));
  kith_ok(
      {"load", "set", file("in.fvecs", bytes), "--create", "--batch-rows", "37", "--durability", "async"});
  kith_ok({"export", "set", home_ / "out.fvecs"});
  EXPECT_EQ(read_bytes(home_ / "out.fvecs"), bytes);

  const KithRun refused = kith({"export", "set", home_ / "out.fvecs"});
  EXPECT_EQ(refused.code, 7);
  EXPECT_NE(refused.err.find("--force"), std::string::npos);
  kith_ok({"delete", "set", "--id", "0"});
  kith_ok({"export", "set", home_ / "out.fvecs", "--force"});
  EXPECT_EQ(read_bytes(home_ / "out.fvecs"), bytes.substr(4 + 7 * 4));
}

TEST_P(CliRoundTrip, several_files_limit_and_stored_types) {
  const Vectors rows = normal_vectors(50, 4, 6);
  const std::string a = file("a.fvecs", fvecs_bytes(rows));
  const std::string b = file("b.fvecs", fvecs_bytes(rows));
  kith_ok({"load", "two", a, b, "--create", "--type", "f16", "--limit", "70"});
  EXPECT_EQ(points("two"), 70u);
  const auto found =
      kith_ok({"search", "two", "--vector-file", b, "--row", "3", "-k", "2", "--exact", "--json"}).json();
  EXPECT_EQ(found["hits"][0]["id"], 3);
  EXPECT_EQ(found["hits"][1]["id"], 53) << found;

  std::string bytes;
  for (int i = 0; i < 20; ++i)
    bytes += std::string("\x04\0\0\0", 4) + std::string(4, static_cast<char>(i * 10));
  const std::string u8 = file("c.bvecs", bytes);
  kith_ok({"load", "bytes", u8, "--create", "--type", "u8"});
  kith_ok({"load", "floats", u8, "--create"});
  for (const char* name : {"bytes", "floats"}) {
    const auto near = kith_ok({"search", name, "--vector", "[51,50,50,49]", "-k", "1", "--json"}).json();
    EXPECT_EQ(near["hits"][0]["id"], 5) << near;
  }
}

TEST_P(CliRoundTrip, bench_reports_recall_and_speed) {
  const Vectors rows = clustered_vectors(2000, 8, 20, 9);
  const std::string base = file("base.fvecs", fvecs_bytes(rows));
  Vectors some{std::vector<float>(rows.data.begin(), rows.data.begin() + 50 * 8), 8, 50};
  const std::string queries = file("query.fvecs", fvecs_bytes(some));
  kith_ok({"load", "set", base, "--create"});
  const auto run = kith_ok({"bench", "set", "--queries", queries, "-k", "5", "--effort", "8,200", "--seconds",
                            "0.2", "--clients", "2", "--json"});
  const auto json = run.json();
  ASSERT_EQ(json["results"].size(), 2u) << run.out;
  EXPECT_EQ(json["truth"], "exact search of 50 queries");
  EXPECT_GE(json["results"][1]["recall"].get<double>(), 0.99) << json;
  EXPECT_LE(json["results"][1]["recall"].get<double>(), 1.0);
  EXPECT_GE(json["results"][1]["recall"].get<double>(), json["results"][0]["recall"].get<double>());
  EXPECT_GT(json["results"][0]["qps"].get<double>(), 0);
  EXPECT_GE(json["results"][0]["searches"].get<int>(), 50);
  EXPECT_LE(json["results"][0]["p50_us"].get<double>(), json["results"][0]["p99_us"].get<double>());

  // The nearest row to a stored row is itself.
  std::string right;
  for (int32_t i = 0; i < 50; ++i) {
    const int32_t right_row[] = {1, i};
    right.append(reinterpret_cast<const char*>(right_row), sizeof right_row);
  }
  const auto by_file =
      kith_ok({"bench", "set", "--queries", queries, "--groundtruth", file("right.ivecs", right), "-k", "1",
               "--effort", "200", "--seconds", "0", "--json"})
          .json();
  EXPECT_EQ(by_file["results"][0]["recall"], 1.0) << by_file;
  EXPECT_EQ(
      kith({"bench", "set", "--queries", queries, "--groundtruth", home_ / "right.ivecs", "-k", "2"}).code,
      2);
  EXPECT_NE(kith_ok({"bench", "set", "--queries", queries, "--seconds", "0"}).out.find("recall@10"),
            std::string::npos);
}

}  // namespace
}  // namespace kith::test
