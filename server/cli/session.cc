#include "server/cli/session.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "server/cli/interrupt.h"

namespace kith {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::vector<std::string> near_names(const std::string& name, const std::vector<std::string>& names) {
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : names) {
    const bool prefix = !name.empty() && candidate.starts_with(name);
    const size_t distance = prefix ? 1 : edit_distance(name, candidate);
    if (distance <= std::max<size_t>(2, name.size() / 3) && distance < candidate.size())
      near.emplace_back(distance, candidate);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > 3) near.resize(3);
  std::vector<std::string> out;
  for (auto& [distance, candidate] : near) out.push_back(std::move(candidate));
  return out;
}

Result<Session> Session::open(const Target& target, bool create_directory) {
  Session session;
  session.stop_ = interruptible(target.timeout_s);
  if (!target.directory.empty()) {
    DatabaseOptions options;
    options.create_if_missing = create_directory;
    options.recall.background = false;  // one command is too short for it, and is not to be slowed down
    session.database_ = TRY(Database::open(target.directory, options));
    session.api_ = make_local_api(*session.database_, {.directory = "", .anywhere = true});
    return session;
  }
  session.server_ = target.server.empty() ? kDefaultServer : target.server;
  auto api = connect_remote_api(session.server_);
  if (!api.ok()) {
    if (!target.server.empty()) return std::move(api).error();
    return make_error(api.error().code,
                      "{}; start one with `kith serve --dir DIRECTORY`, name one with --server, or "
                      "open a directory with --dir",
                      api.error().message);
  }
  session.api_ = *std::move(api);
  return session;
}

Result<std::unique_ptr<Api>> Session::another_api() {
  if (database_ != nullptr) return make_local_api(*database_, {.directory = "", .anywhere = true});
  return connect_remote_api(server_);
}

Result<v1::GetCollectionResponse> Session::collection(const std::string& name) {
  v1::GetCollectionRequest request;
  request.set_collection(name);
  auto info = api_->get_collection(request, stop_);
  if (info.ok() || info.error().code != Code::kNotFound) return info;
  auto listed = api_->list_collections({}, stop_);
  if (!listed.ok()) return info;
  const std::vector<std::string> names(listed->collections().begin(), listed->collections().end());
  const std::vector<std::string> near = near_names(name, names);
  if (!near.empty()) return not_found("no collection '{}'; did you mean {}?", name, fmt::join(near, " or "));
  if (names.empty())
    return not_found("no collection '{}': there are none yet; make one with `kith create`", name);
  return not_found("no collection '{}'; `kith info` lists the {} there are", name, names.size());
}

}  // namespace kith
