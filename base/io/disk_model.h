// DiskModel: what a disk may hold when the power goes, told by the file operations before. The rules:
//
//   bytes   those of the last successful sync of the file; a torn part of the rest may survive too. A file
//   that
//           was truncated in place has its old bytes until the next sync.
//   names   creations, renames, links and removals since the last sync of the directory may be lost, as a
//   suffix
//           (metadata journals keep order); a file below a lost directory is lost with it.
//
// FaultFileSystem keeps one beside a live file system; RecordingFileSystem replays its operations into one,
// to get the disk after each of them. Not synchronised.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "base/random.h"

namespace kith {

struct PowerLoss {
  /// Changes of names since the directory's sync.
  enum class Names : uint8_t {
    kSyncedOnly,    // all are lost
    kAll,           // none is
    kRandomPrefix,  // some first ones survive
  };
  /// Bytes since the file's sync.
  enum class Bytes : uint8_t {
    kSyncedOnly,  // all are lost
    kAll,         // none is; with all names: the process died, the machine lived
    kTorn,        // of each file a random prefix survives, in which random sectors of 512 bytes read as zeros
    kReordered,   // of each file any sectors may have arrived: those before the last that did read as zeros
  };
  Names names = Names::kSyncedOnly;
  Bytes bytes = Bytes::kSyncedOnly;
};

/// One change of a file system. Paths are normal (base/io/path.h).
struct FileOp {
  enum class Kind : uint8_t {
    kCreate,
    kAppend,
    kSync,
    kMakeDirectory,
    kRename,
    kLink,
    kRemove,
    kSyncDirectory
  };
  Kind kind;
  uint64_t handle = 0;  // kCreate, kAppend, kSync: which opened file; each kCreate has a new one
  std::string path = {};
  std::string to = {};  // kRename, kLink
  std::vector<std::byte> bytes = {};
};

/// A whole file system at one moment. Parents sort before what is in them.
struct DiskImage {
  using FileId = uint64_t;
  static constexpr FileId kDirectory = 0;
  std::map<std::string, FileId> names;  // several names of one file are links
  std::map<FileId, std::vector<std::byte>> files;
};

/// Makes `fs`, where none of the image's files exists yet, hold what the image holds.
Result<void> write_image(FileSystem& fs, const DiskImage& image);

class DiskModel {
 public:
  /// All of `image` is durable. Handles of before are dead.
  void restart(const DiskImage& image);

  /// A name that was there before and is durable; nothing when it is known already.
  void adopt_directory(const std::string& path);
  void adopt_file(const std::string& path, std::vector<std::byte> bytes);
  bool knows(const std::string& path) const { return current_.contains(path); }
  bool is_directory(const std::string& path) const;

  /// In the order in which they took effect; the operation succeeded.
  void apply(const FileOp& op);

  /// As the living machine sees it.
  DiskImage now() const;
  DiskImage after(const PowerLoss& how, Random& random) const;

 private:
  struct Inode {
    DiskImage::FileId id = DiskImage::kDirectory;
    std::vector<std::byte> bytes;
    size_t synced = 0;                               // so many of `bytes` are durable
    std::optional<std::vector<std::byte>> replaced;  // durable until the next sync, instead of `bytes`
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  /// One change of names: all its edits survive, or none. A null inode takes the name away.
  struct Change {
    std::vector<std::pair<std::string, std::shared_ptr<Inode>>> edits;
    size_t named = SIZE_MAX;  // so many of them change a directory; the others only go along with a moved one
  };

  std::shared_ptr<Inode> new_inode(bool directory);
  static void apply(const Change& change, Names& names);
  void change_names(Change change);
  void create(const FileOp& op);
  void rename(const std::string& from, const std::string& to);
  void make_names_durable(const std::string& directory);
  Names surviving_names(PowerLoss::Names how, Random& random) const;
  static std::vector<std::byte> surviving_bytes(const Inode& inode, PowerLoss::Bytes how, Random& random);

  Names current_;                 // as the living machine has them
  Names durable_;                 // after a power loss that keeps synced names only
  std::vector<Change> unsynced_;  // leads from durable_ to current_, in order
  std::map<uint64_t, std::shared_ptr<Inode>> handles_;
  DiskImage::FileId last_id_ = DiskImage::kDirectory;
};

}  // namespace kith
