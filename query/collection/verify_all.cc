// Verification of a whole directory: each collection (verify.cc), then the store's files as files, and what
// an open would find in them.
#include "base/log.h"
#include "query/collection/local_database.h"
#include "storage/kv/rocksdb_salvage.h"

namespace kith {
namespace {

constexpr int kAttempts = 5;

}  // namespace

Result<VerifyReport> LocalDatabase::verify_all(const Stop& stop) const {
  VerifyReport all;
  for (const std::string& name : collection_names()) {
    Result<VerifyReport> one = verify(name, stop);
    if (!one.ok() && one.error().code == Code::kNotFound) continue;  // dropped meanwhile
    if (!one.ok()) return one;
    all.points += one->points;
    all.bytes += one->bytes;
    for (FieldGraph& graph : one->graphs) {
      graph.field = name + '/' + graph.field;
      all.graphs.push_back(std::move(graph));
    }
    for (const std::string& problem : one->problems)
      all.problems.push_back(fmt::format("collection '{}': {}", name, problem));
  }
  TRY(verify_store(stop, all));
  return all;
}

/// Every file that never changes has the checksum with which it was written, and all of them together are
/// what this process acknowledged.
Result<void> LocalDatabase::verify_store(const Stop& stop, VerifyReport& report) const {
  std::vector<std::pair<CollectionNumber, uint64_t>> sequences;
  for (const auto& collection : open_ones())
    sequences.emplace_back(collection->number(), collection->info().sequence);
  return engine_->store->hold_files([&](std::span<const KvFile> files) -> Result<void> {
    ByteProgress unseen;
    for (const KvFile& file : files) {
      if (!file.crc.has_value()) continue;
      const std::string path = fmt::format("{}/store/{}", engine_->directory, file.name);
      const Result<uint32_t> crc = checksum_file(engine_->fs, path, file.bytes, stop, unseen);
      TRY(stop.check());
      report.bytes += file.bytes;
      if (!crc.ok())
        report.problems.push_back(crc.error().message);
      else if (*crc != *file.crc)
        report.problems.push_back(fmt::format("{}: wrong checksum", path));
    }
    return verify_reopened(sequences, report);
  });
}

/// Of what is on disk alone, as an open would see it. Nothing goes away meanwhile, but the last record of a
/// file may just be written: then it is read again.
Result<void> LocalDatabase::verify_reopened(std::span<const std::pair<CollectionNumber, uint64_t>> sequences,
                                            VerifyReport& report) const {
  Result<std::shared_ptr<const KvSnapshot>> view = unavailable("not opened");
  for (int attempt = 0; attempt < kAttempts && !view.ok(); ++attempt)
    view = read_rocksdb_kv_store(engine_->directory + "/store", engine_->fs);
  if (!view.ok()) {
    report.problems.push_back("an open would fail: " + view.error().message);
    return {};
  }
  const Result<std::vector<BackupCollection>> read = read_collections(**view);
  if (!read.ok()) {
    report.problems.push_back("an open would meet: " + read.error().message);
    return {};
  }
  const std::vector<BackupCollection>& found = *read;
  for (const auto& [number, sequence] : sequences) {
    const auto at = std::ranges::find(found, number, &BackupCollection::number);
    if (at == found.end()) continue;  // dropped meanwhile
    if (at->quarantined || at->sequence < sequence)
      report.problems.push_back(
          fmt::format("collection '{}': an open would find sequence {}, but {} was acknowledged", at->name,
                      at->sequence, sequence));
  }
  return {};
}

}  // namespace kith
