// Goal: the nine codes survive the way over gRPC, and codes we never send still become one of the nine.
// Method: every code both ways; every gRPC code inwards; long messages stay valid UTF-8.
#include "server/grpc/status.h"

#include <gtest/gtest.h>

#include <set>

#include "query/schema/text.h"

namespace kith {
namespace {

TEST(Status, NineCodesRoundTripOneToOne) {
  std::set<grpc::StatusCode> seen;
  for (int c = 1; c <= 9; ++c) {
    const Code code = static_cast<Code>(c);
    EXPECT_TRUE(seen.insert(grpc_code(code)).second) << code_name(code) << " shares its gRPC code";
    const Error back = from_grpc_status(grpc_status({code, "why"}));
    EXPECT_EQ(back.code, code) << code_name(code);
    EXPECT_EQ(back.message, "why");
  }
  EXPECT_EQ(grpc_code(Code::kCorruption), grpc::StatusCode::DATA_LOSS);
}

TEST(Status, ForeignCodesKeepTheirName) {
  for (int c = 1; c <= 16; ++c) {
    const grpc::Status status(static_cast<grpc::StatusCode>(c), "why");
    const Error error = from_grpc_status(status);
    EXPECT_NE(error.message.find("why"), std::string::npos) << c;
    if (grpc_code(error.code) != status.error_code()) {
      EXPECT_EQ(error.message.rfind("gRPC ", 0), 0u) << c << ": " << error.message;
    }
  }
}

TEST(Status, LongMessagesAreCutAtACharacter) {
  for (size_t shift = 0; shift < 4; ++shift) {
    std::string message(shift, 'a');
    while (message.size() < 10'000) message += "\xf0\x9f\x8c\x8d";
    const grpc::Status status = grpc_status({Code::kInvalidArgument, message});
    EXPECT_LT(status.error_message().size(), 2'100u);
    EXPECT_TRUE(is_utf8(status.error_message())) << "shift " << shift;
  }
}

}  // namespace
}  // namespace kith
