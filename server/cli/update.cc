// kith update: one patch for points by id, in batches, or by filter.
#include <algorithm>

#include "base/clock.h"
#include "server/cli/asked_ids.h"
#include "server/cli/commands.h"
#include "server/cli/durability.h"
#include "server/cli/json_writer.h"
#include "server/cli/query_vector.h"

namespace kith {
namespace {

constexpr size_t kBatchIds = 1'000;
constexpr size_t kBatchBytes = 2u << 20;  // of their patches

Result<v1::Patch> patch_of(const UpdateOptions& options) {
  v1::Patch patch;
  if (options.set) patch.set_payload(*options.set);
  if (options.replace) {
    patch.set_payload(*options.replace);
    patch.set_replace_payload(true);
  }
  if (!options.vector.empty()) {
    const std::vector<float> values = TRY(parse_vector(options.vector));
    v1::Vector* vector = patch.add_vectors();
    vector->set_field(options.field);
    vector->mutable_values()->Add(values.begin(), values.end());
  }
  if (options.ttl_s)
    patch.set_expires_at_ms(
        *options.ttl_s == 0 ? 0 : static_cast<uint64_t>(Clock::system().wall_ms()) + *options.ttl_s * 1000);
  return patch;
}

/// In batches; the sum of what they did.
Result<v1::WriteResponse> update_ids(const std::vector<v1::Id>& ids, const v1::Patch& patch,
                                     v1::UpdateRequest request, Session& session) {
  const size_t step = std::clamp<size_t>(kBatchBytes / (patch.ByteSizeLong() + 1), 1, kBatchIds);
  v1::WriteResponse sum;
  for (size_t begin = 0; begin < ids.size(); begin += step) {
    const size_t end = std::min(ids.size(), begin + step);
    request.clear_updates();
    for (size_t i = begin; i < end; ++i) {
      v1::PointUpdate* update = request.add_updates();
      *update->mutable_id() = ids[i];
      *update->mutable_patch() = patch;
    }
    const auto receipt = session.api().update(request, session.stop());
    if (!receipt.ok())
      return make_error(receipt.error().code, "ids {}..{} of {} (those before are updated): {}", begin + 1,
                        end, ids.size(), receipt.error().message);
    sum.set_updated(sum.updated() + receipt->updated());
    sum.set_missing(sum.missing() + receipt->missing());
    sum.set_sequence(receipt->sequence());
  }
  return sum;
}

}  // namespace

Result<ExitCode> run_update(const UpdateOptions& options, Console& console) {
  const std::vector<v1::Id> ids = TRY(read_ids(options.ids, options.ids_file));
  if (!options.filter && ids.empty())
    return invalid_argument("nothing to update: give --id, a --ids-file with ids in it, or --filter");
  if (!options.set && !options.replace && options.vector.empty() && !options.ttl_s)
    return invalid_argument("nothing to change: give --set, --replace, --vector or --ttl");
  const v1::Patch patch = TRY(patch_of(options));
  v1::UpdateRequest request;
  request.set_collection(options.collection);
  request.set_durability(TRY(parse_durability(options.durability)));
  Session session = TRY(Session::open(options.target, false));
  v1::WriteResponse receipt;
  if (options.filter) {
    request.mutable_filter()->set_text(*options.filter);
    *request.mutable_patch() = patch;
    receipt = TRY(session.api().update(request, session.stop()));
  } else {
    receipt = TRY(update_ids(ids, patch, std::move(request), session));
  }
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("updated", receipt.updated()).field("missing", receipt.missing());
    out.field("sequence", receipt.sequence()).end_object();
    console.print_line(out.str());
  } else {
    const std::string missing =
        receipt.missing() == 0 ? "" : fmt::format("; {} are not there", receipt.missing());
    console.note(fmt::format("updated {} points{}", receipt.updated(), missing));
  }
  return ExitCode::kOk;
}

}  // namespace kith
