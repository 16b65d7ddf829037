// Goal: no value in any field of any RPC crashes, hangs or half-applies; refusals are INVALID_ARGUMENT (or
// another typed refusal) that names the field, and leave count, sequence and content as they were. Method:
// walk every request of the service by its descriptor, so new fields are covered the day they appear; put
// each bad value of the field's type into an otherwise good request, send it to a real server, compare the
// collection.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "kith.grpc.pb.h"
#include "query/schema/limits.h"
#include "server/grpc/codec.h"
#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

constexpr uint32_t kDim = 4;

void fill_search(Message& request) {
  if (auto* search = dynamic_cast<v1::SearchRequest*>(&request)) {
    *search = search_request("books", kDim, 1, 3);
    search->mutable_vector()->set_field("v");
    search->set_score_threshold(100);
    search->mutable_fetch()->set_payload(true);
  } else if (auto* range = dynamic_cast<v1::RangeSearchRequest*>(&request)) {
    *range->mutable_vector() = search_request("books", kDim, 1).vector();
    range->set_radius(2);
    range->mutable_fetch()->set_payload(true);
  } else if (auto* batch = dynamic_cast<v1::SearchBatchRequest*>(&request)) {
    *batch->add_queries() = search_request("books", kDim, 1, 3);
    batch->mutable_queries(0)->mutable_vector()->set_field("v");
    batch->mutable_queries(0)->mutable_fetch()->set_payload(true);
  } else if (auto* recommend = dynamic_cast<v1::RecommendRequest*>(&request)) {
    recommend->add_positive()->mutable_id()->set_number(1);
    recommend->set_k(3);
    recommend->mutable_fetch()->set_payload(true);
  } else if (auto* facet = dynamic_cast<v1::FacetRequest*>(&request)) {
    facet->mutable_path()->add_names("n");
  }
}

/// A request that succeeds and has something in every field, so that the walk reaches all of them.
std::unique_ptr<Message> good_request(const MethodDescriptor& method) {
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
  std::unique_ptr<Message> request(prototype->New());
  const Reflection& reflection = *request->GetReflection();
  if (const auto* collection = request->GetDescriptor()->FindFieldByName("collection")) {
    const bool own = method.name() == "CreateCollection" || method.name() == "DropCollection";
    reflection.SetString(request.get(), collection, own ? "scratch" : "books");
  }
  if (auto* create = dynamic_cast<v1::CreateCollectionRequest*>(request.get())) {
    *create = create_request("scratch", kDim, "hnsw");
    create->mutable_vectors(0)->set_type(v1::SCALAR_TYPE_F32);
    (*create->mutable_vectors(0)->mutable_options())["m"] = "8";
  } else if (auto* upsert = dynamic_cast<v1::UpsertRequest*>(request.get())) {
    *upsert = upsert_request("books", 500, 2, kDim);
    upsert->mutable_points(0)->set_expires_at_ms(1);
    upsert->mutable_points(0)->mutable_vectors(0)->set_field("v");
    upsert->set_durability(v1::DURABILITY_ASYNC);
  } else if (auto* remove = dynamic_cast<v1::DeleteRequest*>(request.get())) {
    remove->add_ids()->set_number(12'345);
    remove->set_durability(v1::DURABILITY_ASYNC);
  } else if (auto* update = dynamic_cast<v1::UpdateRequest*>(request.get())) {
    v1::PointUpdate* one = update->add_updates();
    one->mutable_id()->set_number(1);
    one->mutable_patch()->set_payload("{}");
    *one->mutable_patch()->add_vectors() = upsert_request("books", 1, 1, kDim).points(0).vectors(0);
    update->set_durability(v1::DURABILITY_ASYNC);
  } else if (auto* get = dynamic_cast<v1::GetRequest*>(request.get())) {
    get->add_ids()->set_number(1);
    get->mutable_fetch()->set_payload(true);
  } else if (auto* scroll = dynamic_cast<v1::ScrollRequest*>(request.get())) {
    scroll->mutable_from()->set_number(3);
    scroll->set_limit(2);
    scroll->mutable_fetch()->set_vectors(true);
  } else {
    fill_search(*request);
  }
  return request;
}

struct BadValue {
  std::string text;  // for failure messages
  bool must_refuse;  // with INVALID_ARGUMENT naming the field
  std::function<void(Message&, const FieldDescriptor&)> apply;
};

template <typename Value, typename Setter, typename Adder>
std::function<void(Message&, const FieldDescriptor&)> put(Value value, Setter set, Adder add) {
  return [=](Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) {
      (reflection.*set)(&message, &field, value);
      return;
    }
    reflection.ClearField(&message, &field);
    for (uint32_t i = 0; i < kDim; ++i) (reflection.*add)(&message, &field, value);
  };
}

void add_strings(const FieldDescriptor& field, std::vector<BadValue>& out) {
  const auto text = [&](std::string name, bool refuse, std::string value) {
    out.push_back(
        {std::move(name), refuse, put(std::move(value), &Reflection::SetString, &Reflection::AddString)});
  };
  text("empty", false, "");
  text("10^6 characters", true, std::string(1'000'000, 'x'));
  text("path", false, "../../etc/passwd");
  text("NUL", false, std::string("a\0b", 3));
  text("control characters", false, "a\n\x1b[31m");
  text("json", false, "{\"a\":");
  text("format directives", false, "%s%n{}{0}");
  if (field.type() == FieldDescriptor::TYPE_STRING) {
    text("not UTF-8", true, "a\xff\xfe");
    text("overlong UTF-8", true, "\xc0\xaf");
    text("surrogate", true, "\xed\xa0\x80");
  }
}

/// So many empty messages in a repeated field; one in another.
std::function<void(Message&, const FieldDescriptor&)> empties(int count) {
  return [count](Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) {
      reflection.ClearField(&message, &field);
      reflection.MutableMessage(&message, &field);
      return;
    }
    for (int i = 0; i < count; ++i) reflection.AddMessage(&message, &field);
  };
}

std::vector<BadValue> bad_values(const FieldDescriptor& field) {
  std::vector<BadValue> out;
  out.push_back(
      {"unset", false, [](Message& m, const FieldDescriptor& f) { m.GetReflection()->ClearField(&m, &f); }});
  // Every number of kith.v1 but ids and tokens has a limit; moments are large.
  const bool limited = field.name() != "number" && field.name() != "after_sequence";
  uint64_t refused_from = uint64_t{1} << 31;
  if (field.name() == "expires_at_ms") refused_from = limits::kExpiresAt.max + 1;
  if (field.name() == "memory_bytes_max") refused_from = limits::kMemoryBytesMax.max + 1;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 31, uint64_t{1} << 32,
                                   uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
        out.push_back({std::to_string(value), limited && value >= refused_from,
                       put(value, &Reflection::SetUInt64, &Reflection::AddUInt64)});
      }
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      for (const uint32_t value : {0u, 1u << 31, std::numeric_limits<uint32_t>::max()}) {
        out.push_back(
            {std::to_string(value), value != 0, put(value, &Reflection::SetUInt32, &Reflection::AddUInt32)});
      }
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      for (const float value :
           {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY,
            std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
        const bool refuse = std::isnan(value) || (std::isinf(value) && field.name() != "score_threshold");
        out.push_back(
            {std::to_string(value), refuse, put(value, &Reflection::SetFloat, &Reflection::AddFloat)});
      }
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:  // shares, in [0, 1]
      for (const double value : {0.0, -1.0, 1.0 + 1e-9, std::numeric_limits<double>::quiet_NaN(),
                                 double{INFINITY}, -double{INFINITY}, std::numeric_limits<double>::max(),
                                 std::numeric_limits<double>::denorm_min()}) {
        out.push_back({std::to_string(value), !(value >= 0 && value <= 1),
                       put(value, &Reflection::SetDouble, &Reflection::AddDouble)});
      }
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      for (const int value : {0, -1, 99, std::numeric_limits<int>::max()}) {
        out.push_back({std::to_string(value), value != 0,
                       put(value, &Reflection::SetEnumValue, &Reflection::AddEnumValue)});
      }
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      out.push_back({"true", false, put(true, &Reflection::SetBool, &Reflection::AddBool)});
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      add_strings(field, out);
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      out.push_back({"one empty", false, empties(1)});
      out.push_back({"100,000 empties", false, empties(100'000)});
      break;
    default:
      ADD_FAILURE() << "no bad values known for the type of " << field.full_name();
  }
  return out;
}

/// Visits every field of `message` and of the first message in each message field. `visit` gets a function
/// that finds the field's holder in a copy of the whole request.
using Locate = std::function<Message&(Message&)>;
void walk(Message& message, const Locate& locate, const std::string& path,
          const std::function<void(const Locate&, const FieldDescriptor&, const std::string&)>& visit) {
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const std::string here = path.empty() ? field.name() : path + "." + field.name();
    visit(locate, field, here);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated() ? reflection.FieldSize(message, &field) == 0
                            : !reflection.HasField(message, &field))
      continue;
    const Locate inner = [&locate, &field](Message& root) -> Message& {
      Message& holder = locate(root);
      const Reflection& holders = *holder.GetReflection();
      return field.is_repeated() ? *holders.MutableRepeatedMessage(&holder, &field, 0)
                                 : *holders.MutableMessage(&holder, &field);
    };
    Message& next = field.is_repeated() ? *reflection.MutableRepeatedMessage(&message, &field, 0)
                                        : *reflection.MutableMessage(&message, &field);
    walk(next, inner, here, visit);
  }
}

class RawClient {
 public:
  explicit RawClient(uint16_t port)
      : channel_(grpc::CreateChannel(local(port), grpc::InsecureChannelCredentials())), stub_(channel_) {}

  grpc::Status call(const MethodDescriptor& method, const Message& request) {
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    grpc::ByteBuffer out, in;
    serialize_message(request, out);
    grpc::CompletionQueue queue;
    grpc::Status status;
    auto stream = stub_.PrepareCall(&context, path, &queue);
    const auto step = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    stream->StartCall(nullptr);
    bool alive = step();
    if (alive) {
      stream->WriteLast(out, {}, nullptr);
      alive = step();
    }
    while (alive) {
      stream->Read(&in, nullptr);
      alive = step();
    }
    stream->Finish(&status, nullptr);
    step();
    return status;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

bool typed_refusal(grpc::StatusCode code) {
  static const std::set<grpc::StatusCode> kTyped = {
      grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::NOT_FOUND, grpc::StatusCode::ALREADY_EXISTS,
      grpc::StatusCode::FAILED_PRECONDITION, grpc::StatusCode::RESOURCE_EXHAUSTED};
  return kTyped.count(code) != 0;
}

class BadValuesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(fixture_.client->create_collection(create_request("books", kDim), {}).ok());
    ASSERT_TRUE(fixture_.client->upsert(upsert_request("books", 0, 20, kDim), {}).ok());
    print_ = fingerprint(*fixture_.client, "books");
  }

  void check(RawClient& client, const MethodDescriptor& method, const Message& request,
             const FieldDescriptor& field, const BadValue& bad) {
    const auto begin = std::chrono::steady_clock::now();
    const grpc::Status status = client.call(method, request);
    const auto took = std::chrono::steady_clock::now() - begin;
    ++sent_;
    EXPECT_LT(took, std::chrono::seconds(10));
    if (status.ok()) {
      EXPECT_FALSE(bad.must_refuse) << "was accepted";
      print_ = fingerprint(*fixture_.client, "books");
      return;
    }
    ++refused_;
    EXPECT_TRUE(typed_refusal(status.error_code())) << status.error_code() << ": " << status.error_message();
    if (bad.must_refuse) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    }
    if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT && bad.must_refuse) {
      const bool option = field.containing_type()->options().map_entry();
      const bool of_path = field.containing_type() == v1::Filter::Path::descriptor();
      const std::string owner = option ? "option" : of_path ? "path" : field.name();
      EXPECT_NE(status.error_message().find(owner), std::string::npos)
          << "the message does not name the field: " << status.error_message();
    }
    EXPECT_LT(status.error_message().size(), 2'100u);
    EXPECT_EQ(fingerprint(*fixture_.client, "books"), print_) << "a refused request changed the collection";
  }

  ServerFixture fixture_;
  std::string print_;
  int sent_ = 0, refused_ = 0;
};

TEST_F(BadValuesTest, EveryFieldOfEveryRpc) {
  RawClient client(fixture_.server->port());
  const auto& service = *v1::UpsertRequest::descriptor()->file()->FindServiceByName("Kith");
  for (int m = 0; m < service.method_count(); ++m) {
    const MethodDescriptor& method = *service.method(m);
    const auto good = good_request(method);
    const grpc::Status status = client.call(method, *good);
    const bool drop = method.name() == "DropCollection";  // drops what CreateCollection left, or nothing
    EXPECT_TRUE(status.ok() || drop) << method.name() << ": " << status.error_message();
    print_ = fingerprint(*fixture_.client, "books");
    const Locate root = [](Message& message) -> Message& { return message; };
    walk(*good, root, "", [&](const Locate& locate, const FieldDescriptor& field, const std::string& path) {
      for (const BadValue& bad : bad_values(field)) {
        SCOPED_TRACE(method.name() + " " + path + " = " + bad.text);
        std::unique_ptr<Message> request(good->New());
        request->CopyFrom(*good);
        bad.apply(locate(*request), field);
        check(client, method, *request, field, bad);
      }
    });
  }
  EXPECT_GT(sent_, 500) << "the walk did not reach the fields";
  EXPECT_GT(refused_, 200);
  RecordProperty("requests", sent_);
  RecordProperty("refused", refused_);
}

TEST_F(BadValuesTest, DuplicateIdsAndZeroNormsNameTheirPlace) {
  v1::UpsertRequest request = upsert_request("books", 700, 3, kDim);
  request.mutable_points(2)->mutable_id()->set_number(700);
  auto twice = fixture_.client->upsert(request, {});
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code, Code::kInvalidArgument);
  EXPECT_NE(twice.error().message.find("700"), std::string::npos) << twice.error().message;

  v1::CreateCollectionRequest create = create_request("angles", kDim);
  create.mutable_vectors(0)->set_metric(v1::METRIC_COSINE);
  ASSERT_TRUE(fixture_.client->create_collection(create, {}).ok());
  v1::UpsertRequest zero = upsert_request("angles", 1, 1, kDim);
  for (float& value : *zero.mutable_points(0)->mutable_vectors(0)->mutable_values()) value = 0;
  auto refused = fixture_.client->upsert(zero, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);

  v1::UpsertRequest raw = upsert_request("books", 701, 1, kDim);
  v1::Vector* vector = raw.mutable_points(0)->mutable_vectors(0);
  const float values[kDim] = {1, NAN, 2, 3};
  vector->clear_values();
  vector->set_data(values, sizeof values);
  auto nan = fixture_.client->upsert(raw, {});
  ASSERT_FALSE(nan.ok()) << "NaN came in through the packed bytes";
  EXPECT_EQ(nan.error().code, Code::kInvalidArgument);
  EXPECT_EQ(fingerprint(*fixture_.client, "books"), print_);
}

}  // namespace
}  // namespace kith::testing
