#include "base/bytes.h"
#include "base/crc32c.h"
#include "datasets/hdf5_frames.h"

namespace kith {

std::vector<std::byte> encode_hello(const FrameHello& hello) {
  ByteWriter out;
  out.number(kFrameMagic);
  out.number(kFrameVersion);
  out.number(static_cast<uint16_t>(hello.element));
  out.number(hello.rows);
  out.number(hello.dim);
  out.number(crc32c(out.view()));
  return out.take();
}

std::vector<std::byte> encode_rows_header(uint32_t count, std::span<const std::byte> body) {
  ByteWriter out;
  out.number(count);
  out.number(crc32c(body));
  return out.take();
}

std::vector<std::byte> encode_end(uint64_t total) {
  std::byte bytes[8];
  store_le(bytes, total);
  ByteWriter out;
  out.number(uint32_t{0});
  out.number(crc32c(bytes));
  out.raw(bytes);
  return out.take();
}

std::vector<std::byte> encode_error(const Error& error) {
  ByteWriter body;
  body.number(static_cast<uint32_t>(error.code));
  body.text(std::string_view(error.message).substr(0, kFrameTextMax));
  ByteWriter out;
  out.number(kFrameError);
  out.number(crc32c(body.view()));
  out.raw(body.view());
  return out.take();
}

}  // namespace kith
