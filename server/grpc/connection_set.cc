#include "server/grpc/connection_set.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace kith {
namespace {

/// 0 for anything that is not a socket; no socket has cookie 0.
uint64_t socket_cookie(int fd) {
  const int saved = errno;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) cookie = 0;
  errno = saved;
  return cookie;
}

}  // namespace

bool ConnectionSet::add(int fd) {
  std::lock_guard lock(mutex_);
  if (open_.size() >= max_) sweep();
  if (open_.size() >= max_) return false;
  open_.push_back({fd, socket_cookie(fd)});
  return true;
}

size_t ConnectionSet::size() const {
  std::lock_guard lock(mutex_);
  sweep();
  return open_.size();
}

void ConnectionSet::sweep() const {
  std::erase_if(open_, [](const Connection& c) { return socket_cookie(c.fd) != c.cookie; });
}

}  // namespace kith
