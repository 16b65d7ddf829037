// ConnectionSet: which of the sockets we handed to gRPC are still open.
//
// gRPC owns an accepted socket and says nobody when it closes it. Each connection is remembered as
// (descriptor, socket cookie); the kernel never gives a cookie twice, so a descriptor that answers with
// another cookie, or none, means that our connection is closed. That needs no second descriptor, no thread
// and no help of gRPC. The set is swept when it seems full and when somebody asks for the count: a few
// microseconds per thousand connections. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace kith {

class ConnectionSet {
 public:
  explicit ConnectionSet(size_t connections_max) : max_(connections_max) {}

  /// Remembers an open socket that we still own. False when `connections_max` others are open.
  bool add(int fd);
  /// Connections open now.
  size_t size() const;

 private:
  struct Connection {
    int fd;
    uint64_t cookie;
  };
  void sweep() const;  // mutex_ held

  const size_t max_;
  mutable std::mutex mutex_;  // guards open_
  mutable std::vector<Connection> open_;
};

}  // namespace kith
