#include "base/io/damage.h"

#include <algorithm>
#include <array>

namespace kith {
namespace {

constexpr size_t kSector = 512;
constexpr size_t kBlock = 4096;

using Bytes = std::vector<std::byte>;

/// A random multiple of `unit` inside `bytes`, which is not empty.
size_t pick(const Bytes& bytes, size_t unit, Random& random) {
  return unit * random.below((bytes.size() + unit - 1) / unit);
}

std::span<std::byte> part(Bytes& bytes, size_t offset, size_t unit) {
  return std::span(bytes).subspan(offset, std::min(unit, bytes.size() - offset));
}

std::string flip_bit(Bytes& bytes, Random& random) {
  const size_t offset = random.below(bytes.size());
  const uint64_t bit = random.below(8);
  bytes[offset] ^= static_cast<std::byte>(1u << bit);
  return fmt::format("bit {} of byte {} flipped", bit, offset);
}

std::string zero_sector(Bytes& bytes, Random& random) {
  const size_t offset = pick(bytes, kSector, random);
  std::ranges::fill(part(bytes, offset, kSector), std::byte{0});
  return fmt::format("sector at byte {} zeroed", offset);
}

std::string truncate(Bytes& bytes, Random& random) {
  const size_t length = random.below(bytes.size());
  bytes.resize(length);
  return fmt::format("cut to {} bytes", length);
}

std::string swap_sectors(Bytes& bytes, Random& random) {
  const size_t first = pick(bytes, kSector, random), second = pick(bytes, kSector, random);
  const size_t length = std::min(part(bytes, first, kSector).size(), part(bytes, second, kSector).size());
  std::ranges::swap_ranges(part(bytes, first, length), part(bytes, second, length));
  return fmt::format("sectors at bytes {} and {} swapped", first, second);
}

std::string misdirect(Bytes& bytes, Random& random) {
  const size_t from = pick(bytes, kBlock, random), to = pick(bytes, kBlock, random);
  const auto source = part(bytes, from, kBlock), target = part(bytes, to, kBlock);
  std::copy_n(Bytes(source.begin(), source.end()).begin(), std::min(source.size(), target.size()),
              target.begin());
  return fmt::format("block at byte {} written over that at byte {}", from, to);
}

std::string make_stale(Bytes& bytes, Random& random, std::span<const std::byte> older) {
  const size_t offset = pick(bytes, kBlock, random);
  const auto target = part(bytes, offset, kBlock);
  for (size_t i = 0; i < target.size(); ++i)
    target[i] = offset + i < older.size() ? older[offset + i] : std::byte{0};
  return fmt::format("block at byte {} is an older version", offset);
}

std::string apply(Damage damage, Bytes& bytes, Random& random, std::span<const std::byte> older) {
  switch (damage) {
    case Damage::kBitFlip:
      return flip_bit(bytes, random);
    case Damage::kZeroedSector:
      return zero_sector(bytes, random);
    case Damage::kTruncated:
      return truncate(bytes, random);
    case Damage::kSwappedSectors:
      return swap_sectors(bytes, random);
    case Damage::kMisdirected:
      return misdirect(bytes, random);
    case Damage::kStale:
      return make_stale(bytes, random, older);
  }
  return {};
}

}  // namespace

std::string_view damage_name(Damage damage) {
  constexpr std::array<std::string_view, kDamages> kNames = {"bit_flip",        "zeroed_sector", "truncated",
                                                             "swapped_sectors", "misdirected",   "stale"};
  return kNames[static_cast<size_t>(damage)];
}

Result<std::string> damage_file(FileSystem& fs, const std::string& path, Damage damage, Random& random,
                                std::span<const std::byte> older) {
  const auto reader = TRY(fs.open(path));
  const uint64_t size = reader->size();
  if (size == 0) return invalid_argument("'{}' is empty: there is nothing to damage", path);
  Bytes original(size);
  TRY(reader->read(0, original));

  constexpr int kTriesMax = 1000;
  for (int i = 0; i < kTriesMax; ++i) {
    Bytes damaged = original;
    const std::string what = apply(damage, damaged, random, older);
    if (damaged == original) continue;
    const auto writer = TRY(fs.create(path));
    TRY(writer->append(damaged));
    TRY(writer->sync());
    TRY(writer->close());
    return fmt::format("'{}': {}", path, what);
  }
  return invalid_argument("'{}' of {} bytes: {} changes nothing in it", path, size, damage_name(damage));
}

}  // namespace kith
