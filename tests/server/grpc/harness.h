// What the tests of the wire share: a directory that vanishes, a real server on a free loopback port with a
// real client, requests with good values, and a fingerprint of a collection's whole content.
#pragma once

#include <ftw.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "query/database.h"
#include "server/api/api.h"
#include "server/grpc/server.h"

namespace kith::testing {

class TempDir {
 public:
  TempDir() {
    const char* base = getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/kith-wire-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << path_;
  }
  ~TempDir() {
    nftw(
        path_.c_str(), [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); }, 16,
        FTW_DEPTH | FTW_PHYS);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string local(uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

/// A database, a server over it, and a client of that server. Its clock stands at 1970, so nothing expires.
struct ServerFixture {
  TempDir dir, backups;
  ManualClock clock;
  std::unique_ptr<Database> database;
  std::unique_ptr<Server> server;
  std::unique_ptr<Api> client;

  explicit ServerFixture(ServerOptions options = {}) {
    DatabaseOptions kept;
    kept.clock = &clock;
    auto opened = Database::open(dir.path(), kept);
    if (!opened.ok()) {
      ADD_FAILURE() << opened.error().message;
      return;
    }
    database = *std::move(opened);
    serve(*database, options);
  }

  void serve(Database& served, ServerOptions options = {}) {
    options.port = 0;
    options.backup_root = backups.path();
    auto started = Server::start(served, options);
    if (!started.ok()) {
      ADD_FAILURE() << started.error().message;
      return;
    }
    server = *std::move(started);
    auto connected = connect_remote_api(local(server->port()));
    if (!connected.ok()) {
      ADD_FAILURE() << connected.error().message;
      return;
    }
    client = *std::move(connected);
  }

  bool ok() const { return client != nullptr; }
};

inline v1::CreateCollectionRequest create_request(const std::string& name, uint32_t dim,
                                                  const std::string& index = "flat") {
  v1::CreateCollectionRequest request;
  request.set_collection(name);
  v1::VectorField* field = request.add_vectors();
  field->set_name("v");
  field->set_dim(dim);
  field->set_metric(v1::METRIC_L2);
  field->set_index(index);
  return request;
}

/// Points first..first+count-1 with vectors drawn from the id, so that any reader can check them.
inline v1::UpsertRequest upsert_request(const std::string& name, uint64_t first, size_t count, uint32_t dim) {
  v1::UpsertRequest request;
  request.set_collection(name);
  for (uint64_t id = first; id < first + count; ++id) {
    v1::Point* point = request.add_points();
    point->mutable_id()->set_number(id);
    point->set_payload("{\"n\":" + std::to_string(id) + "}");
    v1::Vector* vector = point->add_vectors();
    Random random(id);
    for (uint32_t d = 0; d < dim; ++d) vector->add_values(static_cast<float>(random.uniform()));
  }
  return request;
}

inline v1::SearchRequest search_request(const std::string& name, uint32_t dim, uint64_t seed,
                                        uint64_t k = 10) {
  v1::SearchRequest request;
  request.set_collection(name);
  Random random(seed);
  for (uint32_t d = 0; d < dim; ++d)
    request.mutable_vector()->add_values(static_cast<float>(random.uniform()));
  request.set_k(k);
  return request;
}

/// Every point with payload and vectors, in id order, and the sequence: equal strings are equal collections.
inline std::string fingerprint(Api& api, const std::string& name) {
  v1::GetCollectionRequest info;
  info.set_collection(name);
  auto about = api.get_collection(info, {});
  if (!about.ok()) return about.error().message;
  std::string all =
      "sequence " + std::to_string(about->sequence()) + " points " + std::to_string(about->points());
  v1::ScrollRequest scroll;
  scroll.set_collection(name);
  scroll.set_limit(1'000);
  scroll.mutable_fetch()->set_payload(true);
  scroll.mutable_fetch()->set_vectors(true);
  while (true) {
    auto page = api.scroll(scroll, {});
    if (!page.ok()) return page.error().message;
    for (const v1::Point& point : page->points()) all += point.SerializeAsString();
    if (!page->has_next()) return all;
    *scroll.mutable_from() = page->next();
  }
}

inline Stop within_ms(int64_t ms) {
  Stop stop;
  stop.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  return stop;
}

}  // namespace kith::testing
