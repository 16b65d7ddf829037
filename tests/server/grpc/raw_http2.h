// A socket that speaks just enough HTTP/2 to say what no gRPC client says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>

namespace kith::testing {

class RawHttp2 {
 public:
  explicit RawHttp2(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawHttp2() { close(fd_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& bytes) { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  static std::string frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
    std::string out;
    for (int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    for (int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
    return out + payload;
  }
  static std::string literal(const std::string& name, const std::string& value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) +
           value;
  }
  /// Preface, SETTINGS and the HEADERS of one POST on stream 1.
  void open_call(const std::string& path, const std::string& more_headers = "") {
    const std::string headers = literal(":method", "POST") + literal(":scheme", "http") +
                                literal(":path", path) + literal(":authority", "kith") +
                                literal("content-type", "application/grpc") + literal("te", "trailers") +
                                more_headers;
    send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "") + frame(1, 4, 1, headers));
  }
  /// A gRPC message, or what claims to be one.
  void send_message(uint8_t compressed, uint32_t claimed_length, const std::string& bytes) {
    std::string message(1, static_cast<char>(compressed));
    for (int shift : {24, 16, 8, 0}) message += static_cast<char>(claimed_length >> shift);
    send(frame(0, 1, 1, message + bytes));
  }
  /// All that comes until `needle` is seen, the peer closes, or the time is over.
  std::string read_until(const std::string& needle, std::chrono::milliseconds patience) {
    std::string all;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (all.find(needle) == std::string::npos || needle.empty()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd event{fd_, POLLIN, 0};
      if (left.count() <= 0 || poll(&event, 1, static_cast<int>(left.count())) <= 0) break;
      char buffer[4'096];
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) {
        closed_ = true;
        break;
      }
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }
  bool closed() const { return closed_; }

 private:
  int fd_;
  bool connected_ = false;
  bool closed_ = false;
};

/// As gRPC's trailers carry it: a literal header without Huffman coding.
inline std::string status_header(int code) {
  const std::string text = std::to_string(code);
  return std::string("grpc-status") + static_cast<char>(text.size()) + text;
}

}  // namespace kith::testing
