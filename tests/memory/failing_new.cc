#include "tests/memory/failing_new.h"

#include <cstdlib>
#include <new>

namespace kith::test {
namespace {

// Of each thread. Trivial: they must work before and after everything else does.
thread_local uint64_t left_until_fault = 0;  // 0: none
thread_local bool has_fired = false;
thread_local uint32_t uncounted = 0;

bool fails() {
  if (left_until_fault == 0 || uncounted > 0 || --left_until_fault > 0) return false;
  has_fired = true;
  return true;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (fails()) return nullptr;
  if (bytes == 0) bytes = 1;
  if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return std::malloc(bytes);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* const memory = allocate(bytes, alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace

AllocationFault::AllocationFault(uint64_t nth) {
  has_fired = false;
  left_until_fault = nth;
}
AllocationFault::~AllocationFault() {
  left_until_fault = 0;
}
bool AllocationFault::fired() const {
  return has_fired;
}

Uncounted::Uncounted() {
  ++uncounted;
}
Uncounted::~Uncounted() {
  --uncounted;
}

CountedAgain::CountedAgain() : before_(uncounted) {
  uncounted = 0;
}
CountedAgain::~CountedAgain() {
  uncounted = before_;
}

}  // namespace kith::test

using kith::test::allocate;
using kith::test::allocate_or_throw;

constexpr std::size_t kPlain = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* operator new(std::size_t bytes) {
  return allocate_or_throw(bytes, kPlain);
}
void* operator new[](std::size_t bytes) {
  return allocate_or_throw(bytes, kPlain);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, kPlain);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, kPlain);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
