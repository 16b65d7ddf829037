// Acceptor: our own listening socket and accept loop, in front of a gRPC server that has none.
//
// Debian's gRPC 1.51.1 stops accepting for ever once accept() has failed for want of descriptors
// (CVE-2023-4785), and knows no cap on connections. Here: a connection over the cap is closed at once; when
// accept() finds no descriptor, one held in reserve is given up to take the waiting connection and close it,
// so that the queue drains and clients learn at once that they are not served. One thread, asleep in poll().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "server/grpc/connection_set.h"

namespace kith {

/// A descriptor that closes itself.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd();
  int get() const { return fd_; }
  int release();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

class Acceptor {
 public:
  /// Called on the acceptor's thread; takes the connected, non-blocking socket over.
  using OnConnection = std::function<void(int fd)>;

  /// Listens on a loopback `host` ("127.0.0.1", "::1", "localhost", any of 127.0.0.0/8); port 0 takes any.
  /// InvalidArgument when host is no address, FailedPrecondition when it is not loopback or the port is
  /// taken.
  static Result<std::unique_ptr<Acceptor>> listen(const std::string& host, uint16_t port,
                                                  size_t connections_max);
  ~Acceptor();

  /// Once.
  void start(OnConnection on_connection);
  /// Closes the listening socket; connections live on. Idempotent.
  void stop();

  uint16_t port() const { return port_; }
  int listener_fd() const { return listener_.get(); }
  size_t connections() const { return connections_.size(); }
  /// Connections closed because of the cap or for want of descriptors.
  uint64_t refused() const { return refused_.load(); }

 private:
  Acceptor(OwnedFd listener, OwnedFd wake, uint16_t port, size_t connections_max);
  void run();
  bool accept_one();
  bool refuse_with_reserve();

  OwnedFd listener_;
  OwnedFd wake_;     // eventfd, readable when the thread shall end
  OwnedFd reserve_;  // the acceptor thread's
  const uint16_t port_;
  ConnectionSet connections_;
  std::atomic<uint64_t> refused_{0};
  OnConnection on_connection_;
  std::thread thread_;
};

}  // namespace kith
