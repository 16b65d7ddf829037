#include "base/io/disk_model.h"

#include <algorithm>
#include <set>

#include "base/io/path.h"

namespace kith {
namespace {

constexpr size_t kSector = 512;  // the unit a disk writes whole or not at all

using Bytes = std::vector<std::byte>;

Bytes first_of(const Bytes& bytes, size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// Zeroes each sector of [from, end of bytes) for which lost() says so; what lies before `from` in its sector
/// stays.
template <typename Lost>
void lose_sectors(Bytes& bytes, size_t from, Lost lost) {
  for (size_t start = from; start < bytes.size();) {
    const size_t end = std::min(bytes.size(), (start / kSector + 1) * kSector);
    if (lost())
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
    start = end;
  }
}

Result<void> write_whole(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(bytes));
  TRY(file->sync());
  return file->close();
}

}  // namespace

Result<void> write_image(FileSystem& fs, const DiskImage& image) {
  std::map<DiskImage::FileId, std::string> placed;
  for (const auto& [path, id] : image.names) {
    if (id == DiskImage::kDirectory) {
      TRY(fs.make_directories(path));
    } else if (const auto [first, is_first] = placed.try_emplace(id, path); is_first) {
      TRY(write_whole(fs, path, image.files.at(id)));
    } else {
      TRY(fs.link(first->second, path));
    }
  }
  return {};
}

void DiskModel::restart(const DiskImage& image) {
  current_.clear();
  unsynced_.clear();
  handles_.clear();
  std::map<DiskImage::FileId, std::shared_ptr<Inode>> inodes;
  for (const auto& [path, id] : image.names) {
    std::shared_ptr<Inode>& inode = inodes[id];
    if (inode == nullptr) {
      inode = std::make_shared<Inode>();
      inode->id = id;
      if (id != DiskImage::kDirectory) inode->bytes = image.files.at(id);
      inode->synced = inode->bytes.size();
      last_id_ = std::max(last_id_, id);
    }
    current_[path] = inode;
  }
  durable_ = current_;
}

std::shared_ptr<DiskModel::Inode> DiskModel::new_inode(bool directory) {
  auto inode = std::make_shared<Inode>();
  if (!directory) inode->id = ++last_id_;
  return inode;
}

void DiskModel::adopt_directory(const std::string& path) {
  if (!knows(path)) current_[path] = durable_[path] = new_inode(true);
}

void DiskModel::adopt_file(const std::string& path, Bytes bytes) {
  if (knows(path)) return;
  auto inode = new_inode(false);
  inode->bytes = std::move(bytes);
  inode->synced = inode->bytes.size();
  current_[path] = durable_[path] = inode;
}

bool DiskModel::is_directory(const std::string& path) const {
  const auto found = current_.find(path);
  return found != current_.end() && found->second->id == DiskImage::kDirectory;
}

void DiskModel::apply(const FileOp& op) {
  switch (op.kind) {
    case FileOp::Kind::kCreate:
      return create(op);
    case FileOp::Kind::kAppend: {
      Bytes& bytes = handles_.at(op.handle)->bytes;
      bytes.insert(bytes.end(), op.bytes.begin(), op.bytes.end());
      return;
    }
    case FileOp::Kind::kSync: {
      Inode& inode = *handles_.at(op.handle);
      inode.synced = inode.bytes.size();
      inode.replaced.reset();
      return;
    }
    case FileOp::Kind::kMakeDirectory:
      if (!knows(op.path)) change_names({{{op.path, new_inode(true)}}});
      return;
    case FileOp::Kind::kRename:
      return rename(op.path, op.to);
    case FileOp::Kind::kLink:
      return change_names({{{op.to, current_.at(op.path)}}});
    case FileOp::Kind::kRemove:
      return change_names({{{op.path, nullptr}}});
    case FileOp::Kind::kSyncDirectory:
      return make_names_durable(op.path);
  }
}

void DiskModel::rename(const std::string& from, const std::string& to) {
  if (from == to) return;
  Change change{{{to, current_.at(from)}, {from, nullptr}}, 2};
  for (const auto& [path, inode] : current_) {
    if (!path.starts_with(from + '/')) continue;
    change.edits.emplace_back(to + path.substr(from.size()), inode);
    change.edits.emplace_back(path, nullptr);
  }
  change_names(std::move(change));
}

void DiskModel::create(const FileOp& op) {
  const auto found = current_.find(op.path);
  if (found == current_.end()) {
    handles_[op.handle] = new_inode(false);
    return change_names({{{op.path, handles_[op.handle]}}});
  }
  Inode& inode = *(handles_[op.handle] = found->second);
  if (!inode.replaced.has_value() && inode.synced > 0) inode.replaced = first_of(inode.bytes, inode.synced);
  inode.bytes.clear();
  inode.synced = 0;
}

void DiskModel::apply(const Change& change, Names& names) {
  for (const auto& [path, inode] : change.edits) {
    if (inode == nullptr) {
      names.erase(path);
    } else {
      names[path] = inode;
    }
  }
}

void DiskModel::change_names(Change change) {
  apply(change, current_);
  unsynced_.push_back(std::move(change));
}

/// Applies to durable_ every unsynced change in `directory`, whole, and every earlier one that touches the
/// same names (a rename out of another directory brings the file's creation there along).
void DiskModel::make_names_durable(const std::string& directory) {
  std::vector<bool> chosen(unsynced_.size(), false);
  std::set<std::string> needed;
  for (size_t i = unsynced_.size(); i-- > 0;) {
    const auto& edits = unsynced_[i].edits;
    for (size_t j = 0; j < edits.size() && !chosen[i]; ++j) {
      const std::string parent = parent_directory(edits[j].first);
      chosen[i] = (parent == directory && j < unsynced_[i].named) || needed.contains(edits[j].first) ||
                  needed.contains(parent);
    }
    if (!chosen[i]) continue;
    for (const auto& edit : edits) needed.insert(edit.first);
  }
  std::vector<Change> left;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (chosen[i])
      apply(unsynced_[i], durable_);
    else
      left.push_back(std::move(unsynced_[i]));
  }
  unsynced_ = std::move(left);
}

DiskModel::Names DiskModel::surviving_names(PowerLoss::Names how, Random& random) const {
  Names names = durable_;
  size_t kept = 0;
  if (how == PowerLoss::Names::kAll) kept = unsynced_.size();
  if (how == PowerLoss::Names::kRandomPrefix) kept = random.below(unsynced_.size() + 1);
  for (size_t i = 0; i < kept; ++i) apply(unsynced_[i], names);
  // Parents sort before their children, so a lost directory takes everything below it along.
  for (auto entry = names.begin(); entry != names.end();) {
    const std::string parent = parent_directory(entry->first);
    const bool tracked = current_.contains(parent) || durable_.contains(parent);
    entry = tracked && !names.contains(parent) ? names.erase(entry) : std::next(entry);
  }
  return names;
}

Bytes DiskModel::surviving_bytes(const Inode& inode, PowerLoss::Bytes how, Random& random) {
  if (how == PowerLoss::Bytes::kAll) return inode.bytes;
  // Whether a truncation without a sync arrived is chance too.
  const bool unmoved = how == PowerLoss::Bytes::kSyncedOnly || random.below(2) == 0;
  if (inode.replaced.has_value() && unmoved) return *inode.replaced;
  const size_t tail = inode.bytes.size() - inode.synced;
  if (how == PowerLoss::Bytes::kSyncedOnly || tail == 0) return first_of(inode.bytes, inode.synced);
  // A quarter whole, a quarter gone, the rest anything between.
  const uint64_t part = random.below(4);
  const size_t kept = part == 0 ? 0 : part == 1 ? tail : random.below(tail + 1);
  Bytes bytes = first_of(inode.bytes, inode.synced + kept);
  const uint64_t lost_in_8 = how == PowerLoss::Bytes::kTorn ? random.below(3) : 2 + random.below(5);
  lose_sectors(bytes, inode.synced, [&] { return random.below(8) < lost_in_8; });
  return bytes;
}

DiskImage DiskModel::now() const {
  Random unused(0);
  return after({PowerLoss::Names::kAll, PowerLoss::Bytes::kAll}, unused);
}

DiskImage DiskModel::after(const PowerLoss& how, Random& random) const {
  DiskImage image;
  for (const auto& [path, inode] : surviving_names(how.names, random)) {
    image.names[path] = inode->id;
    if (inode->id == DiskImage::kDirectory || image.files.contains(inode->id)) continue;
    image.files[inode->id] = surviving_bytes(*inode, how.bytes, random);
  }
  return image;
}

}  // namespace kith
