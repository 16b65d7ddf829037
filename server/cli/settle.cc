#include "server/cli/settle.h"

#include <future>

#include "server/cli/progress.h"

namespace kith {

Result<uint64_t> pending_rows(Session& session, const std::string& collection) {
  v1::GetCollectionRequest request;
  request.set_collection(collection);
  const v1::GetCollectionResponse info = TRY(session.api().get_collection(request, session.stop()));
  uint64_t pending = 0;
  for (const v1::FieldInfo& field : info.fields()) pending += field.pending();
  return pending;
}

Result<void> settle(Session& session, const std::string& collection, Console& console) {
  const uint64_t at_start = TRY(pending_rows(session, collection));
  v1::SettleRequest request;
  request.set_collection(collection);
  auto waiting =
      std::async(std::launch::async, [&] { return session.api().settle(request, session.stop()); });
  Progress progress(console, "index");
  ProgressState state;
  state.total = at_start;
  while (waiting.wait_for(std::chrono::milliseconds(200)) != std::future_status::ready) {
    auto pending = pending_rows(session, collection);
    if (!pending.ok()) continue;  // the settle call itself will say what is wrong
    state.done = at_start - std::min(at_start, *pending);
    progress.update(state);
  }
  TRY(waiting.get());
  state.done = at_start;
  if (at_start > 0) progress.finish(state);
  return {};
}

}  // namespace kith
