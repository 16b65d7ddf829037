#include "storage/checkpoint/checkpoint_directory.h"

#include <algorithm>
#include <charconv>
#include <new>

#include "base/io/path.h"
#include "base/log.h"
#include "base/planted.h"
#include "storage/checkpoint/checkpoint_file.h"

namespace kith {
namespace {

constexpr const char* kManifest = "MANIFEST";
constexpr uint64_t kManifestBytesMax = 64u << 20;

/// Of "<generation>-<name>"; none for other names.
std::optional<uint64_t> generation_of(std::string_view file_name) {
  uint64_t generation = 0;
  const auto [end, error] =
      std::from_chars(file_name.data(), file_name.data() + file_name.size(), generation);
  if (error != std::errc{} || end == file_name.data() + file_name.size() || *end != '-') return std::nullopt;
  return generation;
}

/// For destructors. Files too many are no harm: the next checkpoint or open removes them.
template <typename Sweep>
void sweep_or_say(const std::string& directory, Sweep sweep) {
  try {
    // A dropped collection has no directory any more.
    if (Result<void> swept = sweep(); !swept.ok() && swept.error().code != Code::kNotFound)
      log_warn("files that no checkpoint names stay until the next one",
               {{"directory", directory}, {"error", swept.error().message}});
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace

Result<void> CheckpointDirectory::open() {
  std::lock_guard lock(mutex_);
  if (!TRY(fs_.exists(directory_))) return {};
  for (const std::string& name : TRY(fs_.list(directory_)))
    generation_ = std::max(generation_, generation_of(name).value_or(0));
  const std::string path = directory_ + '/' + kManifest;
  if (!TRY(fs_.exists(path))) return swept_or_said();
  const std::unique_ptr<ReadableFile> file = TRY(fs_.open(path));
  if (file->size() > kManifestBytesMax)
    return corruption("{}: has {} bytes, a manifest at most {}", path, file->size(), kManifestBytesMax);
  std::vector<std::byte> bytes(file->size());
  TRY(file->read(0, bytes));
  manifest_ = TRY(parse_manifest(bytes, collection_, path));
  generation_ = std::max(generation_, manifest_->generation);
  return swept_or_said();
}

/// Files too many are no harm.
Result<void> CheckpointDirectory::swept_or_said() {
  if (auto swept = sweep_locked(); !swept.ok())
    log_warn("files that no checkpoint names stay until the next one",
             {{"directory", directory_}, {"error", swept.error().message}});
  return {};
}

Result<void> CheckpointDirectory::sweep() {
  std::lock_guard lock(mutex_);
  if (!TRY(fs_.exists(directory_))) return {};
  TRY(sweep_locked(manifest_.has_value() ? manifest_->generation : 0));
  return fs_.sync_directory(directory_);
}

std::optional<Manifest> CheckpointDirectory::manifest() const {
  std::lock_guard lock(mutex_);
  return manifest_;
}

Result<std::unique_ptr<ReadableFile>> CheckpointDirectory::read(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const ManifestFile* file = manifest_.has_value() ? manifest_->find(name) : nullptr;
  if (file == nullptr) return corruption("{}: the checkpoint has no file '{}'", directory_, name);
  return open_checkpoint_file(fs_, directory_, collection_, *file);
}

Result<uint64_t> CheckpointDirectory::verify() {
  const std::shared_ptr<const Manifest> manifest = pin();
  if (manifest == nullptr) return uint64_t{0};
  uint64_t bytes = 0;
  for (const ManifestFile& file : manifest->files) {
    TRY(verify_checkpoint_file(fs_, directory_, collection_, file));
    bytes += file.bytes;
  }
  return bytes;
}

std::shared_ptr<const Manifest> CheckpointDirectory::pin() {
  std::unique_lock lock(mutex_);
  if (!manifest_.has_value()) return nullptr;
  auto copy = std::make_unique<const Manifest>(*manifest_);
  pinned_.push_back(copy.get());
  lock.unlock();  // which unpin takes
  return {copy.release(), [this](const Manifest* manifest) { unpin(manifest); }};
}

void CheckpointDirectory::unpin(const Manifest* manifest) {
  std::lock_guard lock(mutex_);
  std::erase(pinned_, manifest);
  delete manifest;
  // Not those of a writer that has not come to its manifest.
  sweep_or_say(directory_,
               [this] { return sweep_locked(manifest_.has_value() ? manifest_->generation : 0); });
}

size_t CheckpointDirectory::pins() const {
  std::lock_guard lock(mutex_);
  return pinned_.size();
}

Result<void> CheckpointDirectory::remove() {
  std::lock_guard lock(mutex_);
  manifest_.reset();
  if (TRY(fs_.exists(directory_))) {
    for (const std::string& name : TRY(fs_.list(directory_))) TRY(fs_.remove(directory_ + '/' + name));
    TRY(fs_.remove(directory_));
  }
  const std::string parent = parent_directory(directory_);
  return TRY(fs_.exists(parent)) ? fs_.sync_directory(parent) : Result<void>{};
}

bool CheckpointDirectory::named_locked(const std::string& file_name) const {
  const auto names = [&](const Manifest& manifest) {
    return std::ranges::find(manifest.files, file_name, &ManifestFile::file_name) != manifest.files.end();
  };
  return (manifest_.has_value() && names(*manifest_)) ||
         std::ranges::any_of(pinned_, [&](const Manifest* pinned) { return names(*pinned); });
}

/// Files up to a generation that a crash or a swap left behind. Names that are none of ours stay.
Result<void> CheckpointDirectory::sweep_locked(uint64_t generation_max) {
  for (const std::string& name : TRY(fs_.list(directory_))) {
    const bool temporary = name.starts_with(std::string(kManifest) + '.');
    const std::optional<uint64_t> generation = generation_of(name);
    const bool ours = temporary || (generation.has_value() && *generation <= generation_max);
    if (planted("sweep-nothing")) continue;
    if (ours && !named_locked(name)) TRY(fs_.remove(directory_ + '/' + name));
  }
  return {};
}

Result<void> CheckpointDirectory::remove_generation(uint64_t generation) {
  for (const std::string& name : TRY(fs_.list(directory_)))
    if (generation_of(name) == generation) TRY(fs_.remove(directory_ + '/' + name));
  return {};
}

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::begin(CheckpointDirectory& directory) {
  TRY(make_durable_directories(directory.fs_, directory.directory_));
  std::lock_guard lock(directory.mutex_);
  std::unique_ptr<CheckpointWriter> writer(new CheckpointWriter(directory, directory.manifest_));
  writer->next_.generation = ++directory.generation_;
  return {std::move(writer)};
}

CheckpointWriter::~CheckpointWriter() {
  if (swapped_) return;
  std::lock_guard lock(directory_.mutex_);
  // Its own files alone: whether an earlier commit that failed counts is for the next open to see.
  sweep_or_say(directory_.directory_, [this] { return directory_.remove_generation(next_.generation); });
}

Result<std::unique_ptr<WritableFile>> CheckpointWriter::create(const std::string& name) {
  CHECK(is_checkpoint_name(name) && next_.find(name) == nullptr);
  ++created_;
  return create_checkpoint_file(directory_.fs_, directory_.directory_, directory_.collection_,
                                {name, next_.generation, 0, 0},
                                [this](ManifestFile file) { next_.files.push_back(std::move(file)); });
}

bool CheckpointWriter::keep(const std::string& name, uint64_t bytes) {
  const ManifestFile* file = before_.has_value() ? before_->find(name) : nullptr;
  if (file == nullptr) return false;
  if (file->bytes != bytes + kCheckpointFileHead && !planted("keep-any-length")) return false;
  next_.files.push_back(*file);
  return true;
}

Result<void> CheckpointWriter::commit(CheckpointMark mark) {
  const auto written = std::ranges::count(next_.files, next_.generation, &ManifestFile::generation);
  CHECK(static_cast<size_t>(written) == created_);  // all are closed
  next_.mark = mark;
  FileSystem& fs = directory_.fs_;
  TRY(fs.sync_directory(directory_.directory_));
  std::lock_guard lock(directory_.mutex_);
  if (planted("sweep-before-swap")) {
    directory_.manifest_ = next_;
    TRY(directory_.sweep_locked());
  }
  swapped_ = true;  // or perhaps, when it fails: then the files of both stay until the next one
  TRY(write_file_atomically(fs, directory_.directory_ + '/' + kManifest,
                            encode_manifest(next_, directory_.collection_)));
  directory_.manifest_ = std::move(next_);
  if (auto swept = directory_.sweep_locked(); !swept.ok())
    log_warn("files of the checkpoint before stay until the next one",
             {{"directory", directory_.directory_}, {"error", swept.error().message}});
  return {};
}

}  // namespace kith
