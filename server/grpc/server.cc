#include "server/grpc/server.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "server/api/wire_limits.h"
#include "server/grpc/acceptor.h"
#include "server/grpc/reflection.h"
#include "server/grpc/service.h"

namespace kith {
namespace {

using ConnectionAcceptor = grpc::experimental::ExternalConnectionAcceptor;

/// Memory that gRPC may hold for buffers of all connections before it sheds streams.
constexpr size_t kBufferBytes = 512 * limits::kMiB;
/// Threads waiting for requests. At least one must always wait, so a request that leaves none behind pays for
/// starting a thread; with more than a few, threads wake each other for nothing.
constexpr int kPollersMin = 1;
constexpr int kPollersMax = 4;

constexpr int kHandshakeMs = 10'000;  // to say hello
constexpr int kIdleMs = 600'000;      // without a call; clients connect again by themselves
constexpr int kKeepaliveMs = 60'000;  // ask a silent peer whether it still lives
constexpr int kKeepaliveWaitMs = 20'000;
constexpr int kPingEveryMs = 10'000;  // peers that ping more often are sent away
constexpr auto kLastAnswers = std::chrono::milliseconds(100);
constexpr int kFrameBytes = 1 << 20;  // bulk loads in few frames

void set_up_grpc_once() {
  static std::once_flag once;
  std::call_once(once, [] { grpc::EnableDefaultHealthCheckService(true); });
}

uint32_t thread_count(uint32_t asked) {
  return asked != 0 ? asked : std::max(16u, 4 * std::thread::hardware_concurrency());
}

/// At most half of the descriptors this process may have: the rest is for the files of the database.
size_t connection_cap(uint32_t asked) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return asked;
  return std::min<size_t>(asked, std::max<size_t>(1, files.rlim_cur / 2));
}

void configure(grpc::ServerBuilder& builder, uint32_t threads) {
  grpc::ResourceQuota quota("kith");
  quota.Resize(kBufferBytes).SetMaxThreads(static_cast<int>(threads) + kPollersMax);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, kPollersMin);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, kPollersMax);
  // A compressed message would be inflated in full before any size is checked.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes.max));
  builder.SetMaxSendMessageSize(static_cast<int>(limits::kAnswerBytes.max + limits::kMiB));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(limits::kStreams.max));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits::kMetadataBytes.max));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveWaitMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingEveryMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrameBytes);
}

Result<void> validate_options(const ServerOptions& options) {
  TRY(limits::kConnections.check("connections_max", options.connections_max));
  if (options.threads > 4'096)
    return invalid_argument("threads: {} is over 4096; ask for fewer", options.threads);
  return {};
}

}  // namespace

struct Server::State {
  std::unique_ptr<Api> api;
  std::unique_ptr<Service> service;
  ReflectionService reflection;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<ConnectionAcceptor> door;
  std::unique_ptr<grpc::Server> server;
  std::chrono::milliseconds drain{0};
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(Database& database, const ServerOptions& options) {
  set_up_grpc_once();
  TRY(validate_options(options));
  auto state = std::make_unique<State>();
  state->drain = options.drain;
  state->acceptor =
      TRY(Acceptor::listen(options.host, options.port, connection_cap(options.connections_max)));
  state->api = make_local_api(database, {.directory = options.backup_root});
  const uint32_t threads = thread_count(options.threads);
  state->service = std::make_unique<Service>(*state->api, std::max(1u, threads / 2));

  grpc::ServerBuilder builder;
  configure(builder, threads);
  builder.RegisterService(state->service.get());
  builder.RegisterService(&state->reflection);
  state->door = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  state->server = builder.BuildAndStart();
  if (!state->server)
    return unavailable("gRPC could not start a server; its own log says why (GRPC_VERBOSITY=info)");
  state->server->GetHealthCheckService()->SetServingStatus("kith.v1.Kith", true);

  state->acceptor->start([door = state->door.get(), listener = state->acceptor->listener_fd()](int fd) {
    ConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener;
    connection.fd = fd;
    door->HandleNewConnection(&connection);
  });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  state_->acceptor->stop();
  state_->server->GetHealthCheckService()->Shutdown();
  state_->service->drain(state_->drain);
  // Answers just given may still be on their way out; whatever else there is, is cancelled.
  state_->server->Shutdown(std::chrono::system_clock::now() + kLastAnswers);
  state_->server->Wait();
  log_info("server stopped", {{"port", port()}, {"connections_refused", state_->acceptor->refused()}});
}

uint16_t Server::port() const {
  return state_->acceptor->port();
}
uint32_t Server::connections() const {
  return static_cast<uint32_t>(state_->acceptor->connections());
}

}  // namespace kith
