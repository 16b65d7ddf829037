#include "datasets/input_stream.h"

#include <algorithm>
#include <cstring>

namespace kith {

Result<std::span<const std::byte>> InputStream::peek(size_t wanted) {
  if (end_ - begin_ < wanted) {
    buffer_.resize(kBufferBytes);
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < wanted) {
      const size_t bytes = TRY(source_->read(std::span(buffer_).subspan(end_)));
      if (bytes == 0) break;
      end_ += bytes;
    }
  }
  return std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
}

void InputStream::consume(size_t count) {
  CHECK(count <= end_ - begin_);
  begin_ += count;
  offset_ += count;
}

Result<bool> InputStream::at_end() {
  return TRY(peek()).empty();
}

Result<void> InputStream::read(std::span<std::byte> out, std::string_view what) {
  const uint64_t start = offset_;
  size_t done = 0;
  while (done < out.size()) {
    const std::span<const std::byte> ready = TRY(peek());
    if (ready.empty())
      return corruption("file '{}' is cut short: {} of {} bytes wanted at byte {}, but it ends at byte {}",
                        path_, what, out.size(), start, offset_);
    const size_t bytes = std::min(ready.size(), out.size() - done);
    std::memcpy(out.data() + done, ready.data(), bytes);
    consume(bytes);
    done += bytes;
  }
  return {};
}

Result<uint64_t> InputStream::skip(uint64_t count) {
  const uint64_t buffered = std::min<uint64_t>(count, end_ - begin_);
  consume(buffered);
  if (buffered == count) return count;
  const uint64_t skipped = TRY(source_->skip(count - buffered));
  offset_ += skipped;
  return buffered + skipped;
}

}  // namespace kith
