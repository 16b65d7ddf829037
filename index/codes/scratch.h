// Room for one vector on its way into or out of a code: of the calling thread, kept for its next call, so
// that encoding and preparing allocate once per thread.
#pragma once

#include "base/aligned_buffer.h"

namespace kith {

/// Valid until the thread's next call.
inline float* scratch(size_t elements) {
  thread_local AlignedBuffer memory;
  const size_t bytes = elements * sizeof(float);
  if (memory.size() < bytes) memory = AlignedBuffer::allocate(bytes).value();
  return reinterpret_cast<float*>(memory.data());
}

}  // namespace kith
