#include "server/cli/point_json.h"

#include "server/cli/id_text.h"
#include "server/cli/wire.h"

namespace kith {

Result<std::string> point_json(const v1::Point& point, const v1::GetCollectionResponse& info) {
  JsonWriter out;
  out.begin_object().key("id").raw(id_json(point.id()));
  const bool several = info.fields_size() > 1;
  if (several) out.key("vectors").begin_object();
  for (const v1::Vector& vector : point.vectors()) {
    const v1::FieldInfo field = TRY(pick_field(info, vector.field()));
    out.key(several ? field.field().name() : "vector").floats(TRY(floats_of(vector, field.field())));
  }
  if (several) out.end_object();
  if (!point.payload().empty()) out.key("payload").raw_line(point.payload());
  if (point.expires_at_ms() != 0) out.field("expires_at_ms", point.expires_at_ms());
  out.end_object();
  return out.str();
}

}  // namespace kith
