// kith create: a new collection from flags. `make_schema` is shared with `kith load --create`.
#include "server/cli/create.h"

#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/wire.h"

namespace kith {

Result<v1::CreateCollectionRequest> make_schema(const std::string& collection, const std::string& field,
                                                uint32_t dim, const FieldWords& words) {
  v1::CreateCollectionRequest request;
  request.set_collection(collection);
  v1::VectorField& vector = *request.add_vectors();
  vector.set_name(field.empty() ? "vector" : field);
  vector.set_dim(dim);
  auto set = set_field_words(vector, words.metric, words.type, words.index);
  if (!set.ok()) return make_error(set.error().code, "--metric, --type: {}", set.error().message);
  for (const std::string& option : words.options) {
    auto [name, value] = TRY(parse_option(option));
    (*vector.mutable_options())[name] = value;
  }
  return request;
}

Result<void> add_payload_fields(const std::vector<std::string>& payload,
                                v1::CreateCollectionRequest& request) {
  for (const std::string& text : payload) *request.add_payload() = TRY(parse_payload_field(text));
  return {};
}

Result<ExitCode> run_create(const CreateOptions& options, Console& console) {
  v1::CreateCollectionRequest request;
  if (options.fields.empty()) {
    request = TRY(make_schema(options.collection, "", options.dim, options.words));
  } else {
    request.set_collection(options.collection);
    for (const std::string& text : options.fields) *request.add_vectors() = TRY(parse_field(text));
    for (const std::string& option : options.words.options) {
      const auto [name, value] = TRY(parse_option(option));
      for (v1::VectorField& field : *request.mutable_vectors()) (*field.mutable_options())[name] = value;
    }
  }
  TRY(add_payload_fields(options.payload, request));
  Session session = TRY(Session::open(options.target, true));
  TRY(session.api().create_collection(request, session.stop()));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("created", options.collection).end_object();
    console.print_line(out.str());
  } else {
    console.note(fmt::format("created collection '{}'", options.collection));
  }
  return ExitCode::kOk;
}

}  // namespace kith
