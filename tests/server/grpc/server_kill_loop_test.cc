// Goal: whatever moment a whole server is killed at, starting, serving or closing, what four clients saw of
// it stays true: histories of points they share are linearizable over all its lives, batches are whole or
// absent, and it always starts. Method: the real binary, killed (SIGKILL) at random moments and started again
// on the same directory; operations that nobody answered may have happened before the kill, or never.
// KITH_SERVER_KILLS: how many; KITH_SEED repeats operations and delays.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <thread>

#include "tests/server/grpc/harness.h"
#include "tests/server/grpc/server_process.h"
#include "tests/support/child_process.h"
#include "tests/support/linearizability.h"
#include "tests/support/seed.h"

namespace kith::testing {
namespace {

using test::KeyOperation;
using Kind = KeyOperation::Kind;
using std::chrono::microseconds;

constexpr uint64_t kKills = 110;
constexpr size_t kClients = 4;
constexpr uint32_t kDim = 8;
constexpr uint64_t kShared = 4;  // points that all clients change: ids 0..
constexpr uint64_t kOwn = 10;    // points of one client, changed as one batch
constexpr uint64_t kFiller =
    4'200;  // never changed: with them the collection is large enough for checkpoints
constexpr uint64_t kFirstFiller = 10'000;

uint64_t first_own(size_t client) {
  return 100 + client * kOwn;
}

/// Points first..first+count-1 with {"v":value} as payload.
v1::UpsertRequest valued(uint64_t first, uint64_t count, uint64_t value) {
  v1::UpsertRequest request = upsert_request("rows", first, count, kDim);
  for (v1::Point& point : *request.mutable_points()) point.set_payload(fmt::format("{{\"v\":{}}}", value));
  return request;
}

uint64_t value_of(const v1::Point& point) {
  uint64_t value = 0;
  const std::string& payload = point.payload();
  (void)std::from_chars(payload.data() + 5, payload.data() + payload.size(), value);
  return value;
}

using Histories = std::array<std::vector<KeyOperation>, kShared>;

/// What one client did. Lives longer than servers.
struct Client {
  Random random{0};
  Histories histories;
  uint64_t batch = 0;    // value of its own points, as acknowledged
  uint64_t unheard = 0;  // value of a batch that nobody answered
  uint64_t acknowledged = 0;
};

class ServerKillLoop : public ::testing::Test {
 protected:
  static std::unique_ptr<Api> connect(uint16_t port) {
    auto api = connect_remote_api(local(port));
    EXPECT_TRUE(api.ok()) << api.error().message;
    return api.ok() ? *std::move(api) : nullptr;
  }

  void fill(Api& api) {
    ASSERT_TRUE(api.create_collection(create_request("rows", kDim, "vamana"), {}).ok());
    for (uint64_t first = 0; first < kFiller; first += 600)
      ASSERT_TRUE(api.upsert(upsert_request("rows", kFirstFiller + first, 600, kDim), {}).ok());
  }

  /// The value of a point, 0 without one; by get or by an exact search for where it lies.
  static Result<uint64_t> read(Api& api, uint64_t id, Random& random) {
    if (random.below(2) == 0) {
      v1::GetRequest get;
      get.set_collection("rows");
      get.add_ids()->set_number(id);
      get.mutable_fetch()->set_payload(true);
      const v1::GetResponse found = TRY(api.get(get, {}));
      return found.entries(0).has_point() ? value_of(found.entries(0).point()) : 0;
    }
    v1::SearchRequest search;
    search.set_collection("rows");
    *search.mutable_vector() = upsert_request("rows", id, 1, kDim).points(0).vectors(0);
    search.set_k(1);
    search.set_exact(true);
    search.mutable_fetch()->set_payload(true);
    const v1::SearchResponse found = TRY(api.search(search, {}));
    if (found.hits_size() == 0 || found.hits(0).id().number() != id) return 0;
    v1::Point point;
    point.set_payload(found.hits(0).payload());
    return value_of(point);
  }

  /// False once the server is gone.
  bool work_on_shared(Api& api, Client& client) {
    const uint64_t id = client.random.below(kShared);
    KeyOperation done;
    done.kind = static_cast<Kind>(std::min<uint64_t>(client.random.below(5), 2));
    done.begin = ++moment_;
    Result<void> outcome;
    if (done.kind == Kind::kRead) {
      const auto found = read(api, id, client.random);
      outcome = found.ok() ? Result<void>() : found.error();
      if (found.ok()) done.value = *found;
    } else if (done.kind == Kind::kErase) {
      v1::DeleteRequest erase;
      erase.set_collection("rows");
      erase.add_ids()->set_number(id);
      const auto answer = api.remove(erase, {});
      outcome = answer.ok() ? Result<void>() : answer.error();
      if (answer.ok()) done.existed = answer->removed() == 1;
    } else {
      done.value = done.begin;
      v1::UpsertRequest upsert = valued(id, 1, done.value);
      if (client.random.below(2) == 0) upsert.set_durability(v1::DURABILITY_ASYNC);
      const auto answer = api.upsert(upsert, {});
      outcome = answer.ok() ? Result<void>() : answer.error();
      if (answer.ok()) done.existed = answer->replaced() == 1;
    }
    done.end = ++moment_;
    done.answered = outcome.ok();
    client.acknowledged += done.answered;
    if (done.answered || done.kind != Kind::kRead) client.histories[id].push_back(done);
    return expect_only_death(outcome);
  }

  bool work_on_own(Api& api, size_t number, Client& client) {
    const uint64_t value = ++moment_;
    client.unheard = value;
    const auto answer = api.upsert(valued(first_own(number), kOwn, value), {});
    if (!answer.ok()) return expect_only_death(answer.error());
    client.batch = std::exchange(client.unheard, 0);
    ++client.acknowledged;
    return true;
  }

  static bool expect_only_death(const Result<void>& outcome) {
    if (outcome.ok()) return true;
    const Error& error = outcome.error();  // a server that closes cancels what it cannot wait for
    EXPECT_TRUE(error.code == Code::kUnavailable || error.message.find("CANCELLED") != std::string::npos)
        << error.message;
    return false;
  }

  void serve_until_killed(ServerProcess& server) {
    std::vector<std::jthread> threads;
    for (size_t number = 0; number < kClients; ++number) {
      threads.emplace_back([&, number] {
        const auto api = connect_remote_api(local(server.port()));
        if (!api.ok()) return;  // killed before
        Client& client = clients_[number];
        while (client.random.below(5) == 0 ? work_on_own(**api, number, client)
                                           : work_on_shared(**api, client)) {
        }
      });
    }
    std::this_thread::sleep_for(microseconds(5'000 + random_.below(100'000)));
    if (random_.below(4) == 0) {  // while it closes
      ::kill(server.pid(), SIGTERM);
      std::this_thread::sleep_for(microseconds(random_.below(60'000)));
    }
    server.kill_now();
    threads.clear();
    const uint64_t death = ++moment_;
    for (Client& client : clients_)
      for (auto& history : client.histories)
        if (!history.empty() && !history.back().answered) history.back().end = death;
  }

  void kill_while_starting() {
    test::ChildProcess server({KITH_BINARY, "serve", "--dir", directory_.path(), "--port", "0"});
    std::this_thread::sleep_for(microseconds(random_.below(60'000)));
    server.kill_now();
    (void)server.wait(std::chrono::seconds(10));
  }

  /// What the clients wrote alone is there; index and scan agree; nothing is damaged.
  void check(Api& api) {
    for (size_t number = 0; number < kClients; ++number) {
      v1::GetRequest get;
      get.set_collection("rows");
      for (uint64_t i = 0; i < kOwn; ++i) get.add_ids()->set_number(first_own(number) + i);
      get.mutable_fetch()->set_payload(true);
      const auto found = api.get(get, {});
      ASSERT_TRUE(found.ok()) << found.error().message;
      Client& client = clients_[number];
      const auto value = [&](int i) {
        return found->entries(i).has_point() ? value_of(found->entries(i).point()) : 0;
      };
      if (client.unheard != 0 && value(0) == client.unheard) client.batch = client.unheard;
      client.unheard = 0;
      for (int i = 0; i < static_cast<int>(kOwn); ++i)
        ASSERT_EQ(value(i), client.batch) << "client " << number << ", point " << i;
    }
    v1::VerifyRequest verify;
    verify.set_collection("rows");
    const auto report = api.verify(verify, {});
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_EQ(report->problems_size(), 0) << report->problems(0);
    for (int i = 0; i < 5; ++i) {
      v1::SearchRequest search = search_request("rows", kDim, random_.next(), 10);
      search.set_effort(400);
      const auto by_index = api.search(search, {});
      search.set_exact(true);
      const auto by_scan = api.search(search, {});
      ASSERT_TRUE(by_index.ok() && by_scan.ok());
      int found = 0;
      for (const v1::Hit& hit : by_scan->hits())
        found += std::ranges::any_of(
            by_index->hits(), [&](const v1::Hit& each) { return each.id().number() == hit.id().number(); });
      ASSERT_GE(found, 9);
    }
  }

  TempDir directory_;
  Random random_{0};
  std::array<Client, kClients> clients_;
  std::atomic<uint64_t> moment_{0};
};

TEST_F(ServerKillLoop, WhatClientsSawStaysTrueAfterEachKill_slow) {
  const uint64_t seed = test::test_seed();
  const uint64_t kills = test::from_environment("KITH_SERVER_KILLS", kKills);
  SCOPED_TRACE(fmt::format("KITH_SEED={} KITH_SERVER_KILLS={}", seed, kills));
  random_ = Random(seed);
  for (size_t number = 0; number < kClients; ++number)
    clients_[number].random = Random(mix64(seed + number + 1));
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE(fmt::format("kill {}", kill));
    if (kill % 5 == 4) {
      kill_while_starting();
      continue;
    }
    ServerProcess server(directory_.path());
    ASSERT_NE(server.port(), 0);
    const auto api = connect(server.port());
    ASSERT_TRUE(api);
    if (kill == 0) fill(*api);
    check(*api);
    if (HasFailure()) return;
    serve_until_killed(server);
  }
  size_t operations = 0;
  for (size_t id = 0; id < kShared; ++id) {
    std::vector<KeyOperation> history;
    for (const Client& client : clients_)
      history.insert(history.end(), client.histories[id].begin(), client.histories[id].end());
    const auto wrong = test::find_violation(history);
    EXPECT_FALSE(wrong.has_value()) << "point " << id << ": " << *wrong;
    operations += history.size();
  }
  uint64_t acknowledged = 0;
  for (const Client& client : clients_) acknowledged += client.acknowledged;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("seed {}: {} kills in {:.1f} s, {} operations answered, {} on shared points\n", seed, kills,
             seconds.count(), acknowledged, operations);
  EXPECT_GT(acknowledged, kills * 5) << "the servers hardly worked: the test shows nothing";
}

}  // namespace
}  // namespace kith::testing
