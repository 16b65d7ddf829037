// Reads the tags of a message before protobuf parses it, so that a small message cannot become large in
// memory.
//
// Measured on Debian's protobuf 3.21: 1.9 million empty sub-messages in 3.8 MB of wire take 164 MB parsed.
// The scan walks the wire by the message's descriptor, skips over every string and packed array without
// looking, and refuses more nested messages or unknown fields than any honest request has (limits
// 'sub_messages', 'unknown_fields'). Unknown is what protobuf stores as such: numbers the proto lacks, known
// numbers of another wire type, groups; and a singular field that comes again counts likewise. What it lets
// through costs at most the wire bytes + 200,000 small objects. Allocates nothing.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include "base/result.h"

namespace kith {

/// InvalidArgument when over a limit. Malformed bytes pass: the parser refuses them.
Result<void> scan_wire(google::protobuf::io::ZeroCopyInputStream& wire,
                       const google::protobuf::Descriptor& type);

/// Why protobuf refused these bytes: names the first string that is not UTF-8, or says that the bytes are cut
/// or no such message.
Error explain_bad_wire(google::protobuf::io::ZeroCopyInputStream& wire,
                       const google::protobuf::Descriptor& type);

}  // namespace kith
