// The half of FaultFileSystem that remembers what is durable and, when the power goes, leaves only that.
#include <algorithm>

#include "base/io/fault_file_system.h"
#include "base/io/path.h"

namespace kith {
namespace {

constexpr size_t kSector = 512;  // the unit a disk writes whole or not at all

Result<std::vector<std::byte>> read_whole(FileSystem& fs, const std::string& path) {
  const auto file = TRY(fs.open(path));
  std::vector<std::byte> bytes(file->size());
  TRY(file->read(0, bytes));
  return bytes;
}

Result<void> write_whole(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(bytes));
  TRY(file->sync());
  return file->close();
}

}  // namespace

/// Starts to track a file or directory that was in `base_` before us: it is durable as it is.
Result<void> FaultFileSystem::adopt(const std::string& path) {
  if (current_.contains(path) || !TRY(base_.exists(path))) return {};
  auto inode = std::make_shared<Inode>();
  inode->directory = base_.list(path).ok();
  if (!inode->directory) inode->current = inode->durable = TRY(read_whole(base_, path));
  current_[path] = durable_[path] = inode;
  return {};
}

Result<void> FaultFileSystem::adopt_directories(const std::string& directory) {
  for (size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    TRY(adopt(directory.substr(0, slash)));
    if (slash == std::string::npos) return {};
  }
}

void FaultFileSystem::change_names(Change change) {
  for (const auto& [path, inode] : change.edits) {
    if (inode == nullptr) {
      current_.erase(path);
    } else {
      current_[path] = inode;
    }
  }
  unsynced_.push_back(std::move(change));
}

/// Applies to durable_ every unsynced change in `directory`, whole, and every earlier one that touches the
/// same names (a rename out of another directory brings the file's creation there along).
void FaultFileSystem::make_names_durable(const std::string& directory) {
  std::vector<bool> chosen(unsynced_.size(), false);
  std::set<std::string> needed;
  for (size_t i = unsynced_.size(); i-- > 0;) {
    const auto& edits = unsynced_[i].edits;
    chosen[i] = std::any_of(edits.begin(), edits.end(), [&](const auto& edit) {
      const std::string parent = parent_directory(edit.first);
      return parent == directory || needed.contains(edit.first) || needed.contains(parent);
    });
    if (!chosen[i]) continue;
    for (const auto& edit : edits) needed.insert(edit.first);
  }
  std::vector<Change> left;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (!chosen[i]) {
      left.push_back(std::move(unsynced_[i]));
      continue;
    }
    for (const auto& [path, inode] : unsynced_[i].edits) {
      if (inode == nullptr) {
        durable_.erase(path);
      } else {
        durable_[path] = inode;
      }
    }
  }
  unsynced_ = std::move(left);
}

FaultFileSystem::Names FaultFileSystem::surviving_names(PowerLoss::Names how) {
  Names names = durable_;
  size_t kept = 0;
  if (how == PowerLoss::Names::kAll) kept = unsynced_.size();
  if (how == PowerLoss::Names::kRandomPrefix) kept = random_.below(unsynced_.size() + 1);
  for (size_t i = 0; i < kept; ++i) {
    for (const auto& [path, inode] : unsynced_[i].edits) {
      if (inode == nullptr) {
        names.erase(path);
      } else {
        names[path] = inode;
      }
    }
  }
  // Parents sort before their children, so a lost directory takes everything below it along.
  for (auto entry = names.begin(); entry != names.end();) {
    const std::string parent = parent_directory(entry->first);
    const bool tracked = current_.contains(parent) || durable_.contains(parent);
    entry = tracked && !names.contains(parent) ? names.erase(entry) : std::next(entry);
  }
  return names;
}

std::vector<std::byte> FaultFileSystem::surviving_bytes(const Inode& inode, bool torn) {
  if (!torn || inode.directory || inode.current == inode.durable) return inode.durable;
  // A file truncated and rewritten without a sync: whether the truncation itself arrived is chance too.
  if (!inode.appended_only && random_.below(2) == 0) return inode.durable;
  const size_t synced = inode.appended_only ? inode.durable.size() : 0;
  const size_t length = synced + random_.below(inode.current.size() - synced + 1);
  std::vector<std::byte> bytes(inode.current.begin(),
                               inode.current.begin() + static_cast<std::ptrdiff_t>(length));
  const uint64_t lost_in_8 = random_.below(4);  // of eight sectors; 0: a clean prefix
  for (size_t start = synced; start < length;) {
    const size_t end = std::min(length, (start / kSector + 1) * kSector);
    if (random_.below(8) < lost_in_8)
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    start = end;
  }
  return bytes;
}

Result<void> FaultFileSystem::restore(const Names& survivors,
                                      const std::map<const Inode*, std::vector<std::byte>>& contents) {
  for (auto entry = current_.rbegin(); entry != current_.rend(); ++entry)  // children before their parents
    if (!survivors.contains(entry->first)) TRY(base_.remove(entry->first));
  for (const auto& [path, inode] : survivors) {
    const auto now = current_.find(path);
    const bool same = now != current_.end() && now->second == inode;
    if (inode->directory) {
      if (!same) TRY(base_.make_directories(path));
    } else if (const auto& bytes = contents.at(inode.get()); !same || inode->current != bytes) {
      TRY(write_whole(base_, path, bytes));
    }
  }
  return {};
}

Result<void> FaultFileSystem::power_loss(const PowerLoss& how) {
  std::lock_guard guard(mutex_);
  ++boot_;
  armed_.reset();
  for (std::unique_ptr<FileLock>* held : held_locks_) held->reset();
  held_locks_.clear();

  Names survivors = surviving_names(how.names);
  std::map<const Inode*, std::vector<std::byte>> contents;
  for (const auto& [path, inode] : survivors) contents[inode.get()] = surviving_bytes(*inode, how.torn_tails);
  TRY(restore(survivors, contents));
  for (const auto& [path, inode] : survivors) {
    inode->current = inode->durable = contents.at(inode.get());
    inode->appended_only = true;
  }
  current_ = durable_ = std::move(survivors);
  unsynced_.clear();
  return {};
}

}  // namespace kith
