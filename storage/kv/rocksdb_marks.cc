#include "storage/kv/rocksdb_marks.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "storage/kv/rocksdb_log_reader.h"

namespace kith {
namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::string_view kMagic = "KMRK";
constexpr uint32_t kVersion = 1;
constexpr size_t kMarkBytes = 56;
constexpr size_t kBatchHead = 12;  // of a WriteBatch: u64 sequence, u32 count; then its changes
static_assert(kMarkLogBytes == 7 + kBatchHead + 2 + kMarkBytes);
constexpr char kLogData = 3;  // tag of a change that stands in the log alone; then its length, its bytes
static_assert(kMarkBytes < 128, "the length is one byte of a varint");

/// "000012.log" → 12 for prefix "" and suffix ".log".
std::optional<uint64_t> number_of(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Error file_error(const std::string& path, const IOStatus& status) {
  return unavailable("'{}': {}", path, status.ToString());
}

Error damaged(const std::string& path, const LogExtent& extent, uint64_t durable) {
  return corruption(
      "'{}' is damaged at byte {} of {}, but {} bytes of it were durable: acknowledged writes are lost; "
      "restore a backup",
      path, extent.whole, extent.bytes, durable);
}

/// RocksDB replays whatever is intact: a record over again, which ends the process where the library has
/// assertions, or past one that is gone.
Error astray(const std::string& path, const LogExtent& extent) {
  return corruption(
      "'{}' is damaged at byte {} of {}: the record there belongs elsewhere; acknowledged writes may be lost; "
      "restore a backup",
      path, extent.whole, extent.bytes);
}

/// One look at a store that is not open.
class Check {
 public:
  Check(rocksdb::FileSystem& fs, const std::string& directory, TornTail torn)
      : fs_(fs), directory_(directory), torn_(torn) {}

  Result<void> run() {
    std::vector<std::string> names;
    if (IOStatus status = fs_.GetChildren(directory_, IOOptions(), &names, nullptr); !status.ok()) {
      if (status.IsNotFound() || status.IsPathNotFound()) return {};
      return file_error(directory_, status);
    }
    if (std::find(names.begin(), names.end(), "CURRENT") == names.end()) return check_new(names);
    for (const std::string& name : names)
      if (const auto number = number_of_log(name); number.has_value() && name == name_of_log(*number))
        logs_[*number];
    for (auto& [number, extent] : logs_) extent = TRY(read(path(name_of_log(number))));
    for (const auto& [number, extent] : logs_) {
      if (const auto found = durable_.find(number); found != durable_.end() && extent.whole < found->second)
        return damaged(path(name_of_log(number)), extent, found->second);
      if (extent.astray) return astray(path(name_of_log(number)), extent);
    }
    if (torn_ == TornTail::kCut) TRY(cut_logs());
    return check_manifest();
  }

 private:
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  static std::string name_of_log(uint64_t number) { return fmt::format("{:06}.log", number); }

  /// A crash while a store is made leaves none of these.
  Result<void> check_new(const std::vector<std::string>& names) const {
    for (const std::string& name : names)
      if (name.ends_with(".sst") || name.ends_with(".blob") || name.ends_with(".log"))
        return corruption("'{}' is missing, but there is data ('{}'): restore a backup", path("CURRENT"),
                          name);
    return {};
  }

  /// Of logs in ascending order. Every change has a sequence number, and those of a log are without a gap. A
  /// log that a crash or a full disk tore gives numbers back, so logs after it may begin anywhere.
  Result<LogExtent> read(const std::string& file) {
    bool begins = true;
    const LogExtent extent = TRY(read_log(fs_, file, [&](std::string_view payload) {
      if (payload.size() < kBatchHead) return false;
      if (const auto mark = mark_of_record(payload); mark.has_value()) note(*mark);
      const auto sequence = load_le<uint64_t>(payload.data());
      const bool follows = begins ? torn_before_ || sequence >= next_sequence_ : sequence == next_sequence_;
      begins = false;
      next_sequence_ = sequence + load_le<uint32_t>(payload.data() + sizeof(sequence));
      return follows;
    }));
    torn_before_ = torn_before_ || extent.whole < extent.bytes;
    return extent;
  }

  void note(const DurableMark& mark) {
    for (const DurableExtent& extent : {mark.log, mark.log_before})
      durable_[extent.number] = std::max(durable_[extent.number], extent.bytes);
    manifests_[mark.manifest.number] = std::max(manifests_[mark.manifest.number], mark.manifest.bytes);
  }

  Result<void> check_manifest() {
    std::string current;
    IOStatus status = rocksdb::ReadFileToString(&fs_, path("CURRENT"), &current);
    if (!status.ok()) return file_error(path("CURRENT"), status);
    if (current.empty() || current.back() != '\n') return {};  // RocksDB refuses it
    current.pop_back();
    const auto number = number_of_manifest(current);
    if (!number.has_value()) return {};
    status = fs_.FileExists(path(current), IOOptions(), nullptr);
    if (status.IsNotFound())
      return corruption("'{}' names '{}', which is not there: restore a backup", path("CURRENT"), current);
    if (!status.ok()) return file_error(path(current), status);
    const LogExtent extent = TRY(read_log(fs_, path(current), [](std::string_view) { return true; }));
    const auto known = manifests_.find(*number);
    if (known != manifests_.end() && extent.whole < known->second)
      return damaged(path(current), extent, known->second);
    // Without a mark about it only the very end can be taken for torn: an append is one record or few.
    if (extent.whole == extent.bytes || (known == manifests_.end() && extent.more)) return {};
    return torn_ == TornTail::kCut ? cut(path(current), extent) : Result<void>{};
  }

  /// A full disk takes the beginning of a record that it refuses; when there is space RocksDB goes on in
  /// another log. At the end of the last log it takes that for the trace of a crash by itself.
  Result<void> cut_logs() {
    for (auto log = logs_.begin(); log != logs_.end() && std::next(log) != logs_.end(); ++log)
      if (log->second.whole < log->second.bytes && !log->second.more)
        TRY(cut(path(name_of_log(log->first)), log->second));
    return {};
  }

  /// A crash leaves the old file or the new one.
  Result<void> cut(const std::string& file, const LogExtent& extent) {
    log_warn("end of a file was torn by a crash or a full disk and is cut",
             {{"file", file}, {"bytes", extent.bytes}, {"kept", extent.whole}});
    std::string text;
    IOStatus status = rocksdb::ReadFileToString(&fs_, file, &text);
    if (!status.ok()) return file_error(file, status);
    text.resize(extent.whole);
    const std::string temporary = path("000000.dbtmp");  // a name that RocksDB sweeps
    status = rocksdb::WriteStringToFile(&fs_, text, temporary, /*should_sync=*/true);
    if (status.ok()) status = fs_.RenameFile(temporary, file, IOOptions(), nullptr);
    std::unique_ptr<rocksdb::FSDirectory> directory;
    if (status.ok()) status = fs_.NewDirectory(directory_, IOOptions(), &directory, nullptr);
    if (status.ok()) status = directory->Fsync(IOOptions(), nullptr);
    if (!status.ok()) return file_error(file, status);
    return {};
  }

  rocksdb::FileSystem& fs_;
  const std::string& directory_;
  const TornTail torn_;
  uint64_t next_sequence_ = 0;  // after the records read so far
  bool torn_before_ = false;    // one of the logs read so far
  std::map<uint64_t, LogExtent> logs_;
  std::map<uint64_t, uint64_t> durable_;    // by number of log: bytes of it that marks speak of
  std::map<uint64_t, uint64_t> manifests_;  // by number: the same
};

}  // namespace

std::optional<uint64_t> number_of_log(std::string_view name) {
  return number_of(name, "", ".log");
}
std::optional<uint64_t> number_of_manifest(std::string_view name) {
  return number_of(name, "MANIFEST-", "");
}

std::string encode_mark(const DurableMark& mark) {
  ByteWriter out;
  out.raw(as_bytes(kMagic));
  out.number(kVersion);
  for (const DurableExtent& extent : {mark.log, mark.log_before, mark.manifest}) {
    out.number(extent.number);
    out.number(extent.bytes);
  }
  CHECK(out.size() == kMarkBytes);
  return std::string(as_text(out.view()));
}

std::optional<DurableMark> mark_of_record(std::string_view payload) {
  if (payload.size() < kBatchHead + 2 + kMarkBytes || payload[kBatchHead] != kLogData ||
      payload[kBatchHead + 1] != static_cast<char>(kMarkBytes))
    return std::nullopt;
  const std::string_view bytes = payload.substr(kBatchHead + 2, kMarkBytes);
  if (!bytes.starts_with(kMagic) || load_le<uint32_t>(bytes.data() + kMagic.size()) != kVersion)
    return std::nullopt;
  const auto extent = [&](size_t at) {
    return DurableExtent{load_le<uint64_t>(bytes.data() + at), load_le<uint64_t>(bytes.data() + at + 8)};
  };
  return DurableMark{extent(8), extent(24), extent(40)};
}

Result<void> check_durable(rocksdb::FileSystem& fs, const std::string& directory, TornTail torn) {
  return Check(fs, directory, torn).run();
}

}  // namespace kith
