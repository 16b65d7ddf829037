// Goal: bytes become a message only when they are one, are small enough, and stay small in memory; refusals
// name the field. Method: good messages round-trip through split buffers; bombs, cuts, bad UTF-8 and random
// bytes are refused.
#include "server/grpc/codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "kith.pb.h"
#include "server/api/wire_limits.h"

namespace kith {
namespace {

/// In pieces of `piece` bytes, as the network delivers them.
grpc::ByteBuffer buffer_of(const std::string& bytes, size_t piece) {
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += piece) {
    slices.emplace_back(bytes.data() + i, std::min(piece, bytes.size() - i));
  }
  if (slices.empty()) slices.emplace_back("", 0);
  return grpc::ByteBuffer(slices.data(), slices.size());
}

template <typename Message>
Result<void> parse(const std::string& bytes, Message& out, size_t piece = 1'000'000) {
  grpc::ByteBuffer wire = buffer_of(bytes, piece);
  return parse_message(wire, limits::kMessageBytes.max, out);
}

std::string nested_empties(int points) {
  std::string bytes;
  for (int i = 0; i < points; ++i) bytes += std::string("\x12\x00", 2);  // field 2, length 0
  return bytes;
}

v1::UpsertRequest good_request() {
  v1::UpsertRequest request;
  request.set_collection("books");
  for (int i = 0; i < 50; ++i) {
    v1::Point* point = request.add_points();
    point->mutable_id()->set_text("id-" + std::to_string(i));
    point->set_payload("{\"title\":\"caf\xc3\xa9\"}");
    for (int d = 0; d < 40; ++d) point->add_vectors()->add_values(static_cast<float>(d));
  }
  return request;
}

TEST(Codec, RoundTripsThroughAnySplit) {
  const v1::UpsertRequest request = good_request();
  for (const size_t piece : {1ul, 7ul, 1'000ul, 1'000'000ul}) {
    v1::UpsertRequest parsed;
    auto result = parse(request.SerializeAsString(), parsed, piece);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString()) << "piece " << piece;
  }
  grpc::ByteBuffer wire;
  serialize_message(request, wire);
  v1::UpsertRequest parsed;
  ASSERT_TRUE(parse_message(wire, limits::kMessageBytes.max, parsed).ok());
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
}

TEST(Codec, EmptyMessageIsAMessage) {
  v1::ListCollectionsRequest request;
  EXPECT_TRUE(parse("", request).ok());
}

TEST(Codec, NestedEmptiesAreRefusedBeforeTheyGrow) {
  v1::UpsertRequest parsed;
  auto result = parse(nested_empties(1'900'000), parsed);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_NE(result.error().message.find("sub_messages"), std::string::npos) << result.error().message;
  EXPECT_EQ(parsed.points_size(), 0) << "protobuf parsed it all the same";
  EXPECT_TRUE(parse(nested_empties(static_cast<int>(limits::kSubMessages.max)), parsed).ok());
  EXPECT_FALSE(parse(nested_empties(static_cast<int>(limits::kSubMessages.max) + 1), parsed).ok());
}

TEST(Codec, EmptiesTwoLevelsDownAreCountedToo) {
  const std::string vectors = nested_empties(300'000);  // Point.vectors has number 2 as well
  v1::UpsertRequest outer;
  std::string bytes("\x12", 1);
  for (size_t n = vectors.size();; n >>= 7) {
    bytes += static_cast<char>(n >= 0x80 ? (n & 0x7f) | 0x80 : n);
    if (n < 0x80) break;
  }
  auto result = parse(bytes + vectors, outer);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("sub_messages"), std::string::npos);
}

TEST(Codec, UnknownFieldsAreToleratedInSmallNumbers) {
  std::string unknown;
  for (int i = 0; i < 1'000; ++i) unknown += std::string("\x98\x06\x01", 3);  // field 99, varint 1
  v1::CountRequest parsed;
  EXPECT_TRUE(parse(unknown, parsed).ok());
  auto result = parse(unknown + unknown, parsed);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("unknown_fields"), std::string::npos);
}

std::string times(int count, std::string_view piece) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += piece;
  return bytes;
}

TEST(Codec, WhatProtobufWouldStoreAsUnknownCountsAsSuch) {
  using namespace std::string_view_literals;
  struct Case {
    const char* what;
    std::string_view piece;
    int few;
  };
  // UpsertRequest: 1 collection (string), 2 points (message), 3 durability (enum).
  const Case cases[] = {{"an enum as bytes", "\x1a\x00"sv, 1'000},
                        {"a string as a varint", "\x08\x01"sv, 1'000},
                        {"messages as varints", "\x10\x01"sv, 1'000},
                        {"an enum as fixed32", "\x1d\x01\x02\x03\x04"sv, 1'000},
                        {"one string again and again", "\x0a\x00"sv, 1'001},
                        {"one enum again and again", "\x18\x01"sv, 1'001}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    v1::UpsertRequest parsed;
    EXPECT_TRUE(parse(times(one.few, one.piece), parsed).ok());
    auto result = parse(times(one.few + 1, one.piece), parsed);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::kInvalidArgument);
    EXPECT_NE(result.error().message.find("unknown_fields"), std::string::npos) << result.error().message;
  }
  v1::UpsertRequest parsed;
  auto group = parse(std::string("\x9b\x06") + times(2'000, "\x08\x01"sv) + "\x9c\x06", parsed);
  ASSERT_FALSE(group.ok()) << "a group of 2,000 fields is one field to a scan that skips it";
  EXPECT_NE(group.error().message.find("unknown_fields"), std::string::npos) << group.error().message;
}

TEST(Codec, TheMembersOfAOneofTakeTurnsOnlyAFewTimes) {
  using namespace std::string_view_literals;
  v1::Id id;
  EXPECT_TRUE(parse(times(500, "\x12\x00\x1a\x00"sv), id).ok());
  auto result = parse(times(501, "\x12\x00\x1a\x00"sv), id);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("unknown_fields"), std::string::npos) << result.error().message;
}

TEST(Codec, FloatsArePackedOrNotAsTheSenderLikes) {
  using namespace std::string_view_literals;
  v1::Vector vector;
  ASSERT_TRUE(parse(times(3'000, "\x15\x00\x00\x80\x3f"sv), vector).ok());
  EXPECT_EQ(vector.values_size(), 3'000);
  ASSERT_TRUE(parse(times(3'000, "\x12\x04\x00\x00\x80\x3f"sv), vector).ok());
  EXPECT_EQ(vector.values_size(), 3'000);
}

TEST(Codec, TooManyBytesNameTheLimit) {
  v1::CountRequest request;
  request.set_collection(std::string(100, 'x'));
  grpc::ByteBuffer wire = buffer_of(request.SerializeAsString(), 64);
  auto result = parse_message(wire, 101, request);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("102 bytes"), std::string::npos) << result.error().message;
  EXPECT_TRUE(parse_message(wire, 102, request).ok());
}

TEST(Codec, BadUtf8NamesTheField) {
  v1::UpsertRequest request = good_request();
  std::string bytes = request.SerializeAsString();
  const size_t at = bytes.find("id-31");
  bytes[at] = '\xff';
  v1::UpsertRequest parsed;
  auto result = parse(bytes, parsed, 100);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("points[31].id.text"), std::string::npos) << result.error().message;
}

/// The reference parser in these tests must not print either.
void silence() {
  v1::CountRequest request;
  ASSERT_TRUE(parse("", request).ok());
}

TEST(Codec, EveryCutIsRefusedOrAMessage) {
  silence();
  const std::string bytes = good_request().SerializeAsString();
  for (size_t length = 0; length < 600; ++length) {
    v1::UpsertRequest parsed, reference;
    const bool expected = reference.ParseFromString(bytes.substr(0, length));
    EXPECT_EQ(parse(bytes.substr(0, length), parsed, 50).ok(), expected) << "length " << length;
  }
}

TEST(Codec, RandomBytesNeverCrashAndAgreeWithProtobuf) {
  silence();
  const uint64_t seed = 20'260'101;
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string good = good_request().SerializeAsString().substr(0, 2'000);
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes = good;
    for (uint64_t flips = random.below(8); flips > 0; --flips) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    v1::UpsertRequest parsed, reference;
    const bool expected = reference.ParseFromString(bytes);
    auto result = parse(bytes, parsed, 1 + random.below(300));
    if (result.ok()) {
      EXPECT_TRUE(expected) << "round " << round;
    } else if (expected) {
      EXPECT_NE(result.error().message.find("limit"), std::string::npos) << result.error().message;
    }
  }
}

}  // namespace
}  // namespace kith
