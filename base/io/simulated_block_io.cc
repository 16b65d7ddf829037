#include "base/io/simulated_block_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "base/io/posix_block_file.h"

namespace kith {
namespace {

constexpr uint64_t kSector = 512;

using SteadyTime = std::chrono::steady_clock::time_point;

}  // namespace

/// A file's bytes as the drive would return them now, as they are on its platters, and the sectors that
/// differ.
struct SimulatedBlockIo::Content {
  std::vector<std::byte> current;
  std::vector<std::byte> durable;
  std::set<uint64_t> dirty;  // sector numbers
  bool ever_synced = false;

  void put(uint64_t offset, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (current.size() < offset + bytes.size()) current.resize(offset + bytes.size());
    std::memcpy(current.data() + offset, bytes.data(), bytes.size());
    for (uint64_t s = offset / kSector; s <= (offset + bytes.size() - 1) / kSector; ++s) dirty.insert(s);
  }
};

class SimulatedBlockIo::File final : public BlockFile {
 public:
  File(SimulatedBlockIo& io, std::shared_ptr<Content> content, std::string path, const BlockOpen& how)
      : io_(io), content_(std::move(content)), path_(std::move(path)), how_(how), boot_(io.boot_) {}

  const std::string& path() const override { return path_; }
  const BlockOpen& how() const { return how_; }

  Result<uint64_t> size() const override {
    std::lock_guard guard(io_.mutex_);
    TRY(check_boot());
    return static_cast<uint64_t>(content_->current.size());
  }

  Result<void> sync() override {
    std::lock_guard guard(io_.mutex_);
    TRY(check_boot());
    return io_.sync(*content_);
  }

  Content& content() { return *content_; }
  Result<void> check_boot() const {
    if (boot_ == io_.boot_) return {};
    return unavailable("'{}' was opened before the power was lost; open it again", path_);
  }

 private:
  SimulatedBlockIo& io_;
  std::shared_ptr<Content> content_;
  std::string path_;
  BlockOpen how_;
  uint64_t boot_;
};

/// A request on its way; it takes effect when its time has come.
struct SimulatedBlockIo::Waiting {
  BlockRequest request;
  SteadyTime ready;
  uint64_t tie;  // random, so that equal times complete in any order

  bool operator<(const Waiting& other) const {
    return ready < other.ready || (ready == other.ready && tie < other.tie);
  }
};

class SimulatedBlockIo::Queue final : public BlockQueue {
 public:
  Queue(SimulatedBlockIo& io, uint32_t depth) : io_(io), depth_(depth) {}
  ~Queue() override { cancel_all(make_error(Code::kCancelled, "the queue is going away")); }

  Result<void> submit(std::span<const BlockRequest> requests) override {
    TRY(check_block_depth(in_flight(), requests.size(), depth_));
    for (const BlockRequest& request : requests) {
      if (request.file == nullptr) return invalid_argument("block request {} names no file", request.tag);
      TRY(check_block_request(request, static_cast<File*>(request.file)->how()));
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    std::lock_guard guard(io_.mutex_);
    for (const BlockRequest& request : requests)
      waiting_.insert({request, now + io_.draw_latency(), io_.random_.next()});
    return {};
  }

  std::span<const BlockCompletion> wait(size_t at_least, const Stop& stop) override {
    at_least = std::min(at_least, in_flight());
    run_ready();
    while (completed_.size() < at_least) {
      Result<void> wanted = stop.check();
      if (!wanted.ok()) {
        cancel_all(std::move(wanted).error());
        break;
      }
      std::this_thread::sleep_until(std::min(waiting_.begin()->ready, next_look(stop)));
      run_ready();
    }
    handed_out_.clear();
    handed_out_.swap(completed_);
    return handed_out_;
  }

  size_t in_flight() const override { return waiting_.size() + completed_.size(); }

 private:
  void run_ready() {
    const SteadyTime now = std::chrono::steady_clock::now();
    std::lock_guard guard(io_.mutex_);
    while (!waiting_.empty() && waiting_.begin()->ready <= now) {
      const BlockRequest request = waiting_.begin()->request;
      waiting_.erase(waiting_.begin());
      completed_.push_back({request.tag, io_.execute(request)});
    }
  }

  /// A cancelled write may have reached the disk in part, as with a real one.
  void cancel_all(const Error& why) {
    std::lock_guard guard(io_.mutex_);
    for (const Waiting& waiting : waiting_) {
      auto& file = static_cast<File&>(*waiting.request.file);
      if (waiting.request.op == BlockOp::kWrite && file.check_boot().ok())
        io_.write_sectors(waiting.request, file.content(), false);
      completed_.push_back({waiting.request.tag, why});
    }
    waiting_.clear();
  }

  SimulatedBlockIo& io_;
  const uint32_t depth_;
  std::multiset<Waiting> waiting_;
  std::vector<BlockCompletion> completed_;
  std::vector<BlockCompletion> handed_out_;
};

SimulatedBlockIo::SimulatedBlockIo(uint64_t seed, BlockLatency latency) : random_(seed), latency_(latency) {}
SimulatedBlockIo::~SimulatedBlockIo() = default;

Result<std::unique_ptr<BlockFile>> SimulatedBlockIo::open(const std::string& path, const BlockOpen& how) {
  std::lock_guard guard(mutex_);
  auto found = files_.find(path);
  if (found == files_.end()) {
    if (!how.write || !how.create) return posix_error(ENOENT, "open", path);
    found = files_.emplace(path, std::make_shared<Content>()).first;
  }
  return std::unique_ptr<BlockFile>(std::make_unique<File>(*this, found->second, path, how));
}

Result<std::unique_ptr<BlockQueue>> SimulatedBlockIo::queue(const BlockQueueOptions& options) {
  TRY(check_block_queue(options));
  return std::unique_ptr<BlockQueue>(std::make_unique<Queue>(*this, options.depth));
}

void SimulatedBlockIo::arm(BlockFault fault) {
  std::lock_guard guard(mutex_);
  armed_ = fault;
  counted_ = 0;
}

void SimulatedBlockIo::disarm() {
  std::lock_guard guard(mutex_);
  armed_.reset();
}

uint64_t SimulatedBlockIo::fired() const {
  std::lock_guard guard(mutex_);
  return fired_;
}

void SimulatedBlockIo::set_latency(BlockLatency latency) {
  std::lock_guard guard(mutex_);
  latency_ = latency;
}

void SimulatedBlockIo::set_syncs_lie(bool lie) {
  std::lock_guard guard(mutex_);
  syncs_lie_ = lie;
}

std::chrono::nanoseconds SimulatedBlockIo::draw_latency() {
  const auto span = static_cast<uint64_t>((latency_.most - latency_.least).count());
  return latency_.least + std::chrono::nanoseconds(random_.below(span + 1));
}

std::optional<BlockFaultKind> SimulatedBlockIo::fault_for(BlockOp op) {
  if (!armed_ || (armed_->op && *armed_->op != op)) return {};
  const bool write_only =
      armed_->kind == BlockFaultKind::kLost || armed_->kind == BlockFaultKind::kMisdirected;
  const bool read_only = armed_->kind == BlockFaultKind::kBitFlip;
  if ((write_only && op == BlockOp::kRead) || (read_only && op == BlockOp::kWrite)) return {};
  ++counted_;
  if (counted_ < armed_->nth || (counted_ > armed_->nth && !armed_->forever)) return {};
  ++fired_;
  return armed_->kind;
}

Result<void> SimulatedBlockIo::execute(const BlockRequest& request) {
  auto& file = static_cast<File&>(*request.file);
  TRY(file.check_boot());
  const std::optional<BlockFaultKind> fault = fault_for(request.op);
  const char* action = request.op == BlockOp::kRead ? "read" : "write to";
  if (fault == BlockFaultKind::kIoError) return posix_error(EIO, action, file.path());
  if (fault == BlockFaultKind::kDiskFull) return posix_error(ENOSPC, action, file.path());
  return request.op == BlockOp::kRead ? read(request, file.content(), fault)
                                      : write(request, file.content(), fault);
}

Result<void> SimulatedBlockIo::read(const BlockRequest& request, const Content& content,
                                    std::optional<BlockFaultKind> fault) {
  const uint64_t size = content.current.size();
  std::span<std::byte> out = request.buffer;
  if (request.offset > size || out.size() > size - request.offset)
    return corruption("'{}': {} bytes wanted at offset {}, the file ends at {}", request.file->path(),
                      out.size(), request.offset, size);
  if (fault == BlockFaultKind::kTorn) out = out.first(random_.below(out.size()));
  if (!out.empty()) std::memcpy(out.data(), content.current.data() + request.offset, out.size());
  if (fault == BlockFaultKind::kTorn) return posix_error(EIO, "read", request.file->path());
  if (fault == BlockFaultKind::kBitFlip)
    out[random_.below(out.size())] ^= static_cast<std::byte>(1u << random_.below(8));
  return {};
}

Result<void> SimulatedBlockIo::write(const BlockRequest& request, Content& content,
                                     std::optional<BlockFaultKind> fault) {
  if (fault == BlockFaultKind::kLost) return {};
  if (fault == BlockFaultKind::kTorn) {
    write_sectors(request, content, false);
    return posix_error(EIO, "write to", request.file->path());
  }
  if (fault == BlockFaultKind::kMisdirected) {
    const uint64_t blocks = std::max<uint64_t>(content.current.size() / kBlockAlignment, 2);
    BlockRequest elsewhere = request;
    do {
      elsewhere.offset = kBlockAlignment * random_.below(blocks);
    } while (elsewhere.offset == request.offset);
    write_sectors(elsewhere, content, true);
    return {};
  }
  write_sectors(request, content, true);
  return {};
}

/// All the request's sectors, or each by chance.
void SimulatedBlockIo::write_sectors(const BlockRequest& request, Content& content, bool all) {
  const std::span<const std::byte> bytes = request.buffer;
  if (all) return content.put(request.offset, bytes);
  for (uint64_t at = 0; at < bytes.size();) {
    const uint64_t end = std::min<uint64_t>(bytes.size(), at + kSector - (request.offset + at) % kSector);
    if (random_.below(2) == 0) content.put(request.offset + at, bytes.subspan(at, end - at));
    at = end;
  }
}

Result<void> SimulatedBlockIo::sync(Content& content) {
  if (syncs_lie_) return {};
  content.durable.resize(content.current.size());
  for (const uint64_t sector : content.dirty) {
    const uint64_t start = sector * kSector,
                   end = std::min<uint64_t>(start + kSector, content.current.size());
    std::memcpy(content.durable.data() + start, content.current.data() + start, end - start);
  }
  content.dirty.clear();
  content.ever_synced = true;
  return {};
}

void SimulatedBlockIo::power_loss(bool torn_sectors) {
  std::lock_guard guard(mutex_);
  ++boot_;
  armed_.reset();
  std::erase_if(files_, [](const auto& entry) { return !entry.second->ever_synced; });
  for (auto& [path, content] : files_) {
    auto survivor = std::make_shared<Content>();
    survivor->durable = content->durable;
    for (const uint64_t sector : content->dirty) {
      if (!torn_sectors || random_.below(2) == 0) continue;
      const uint64_t start = sector * kSector,
                     end = std::min<uint64_t>(start + kSector, content->current.size());
      if (survivor->durable.size() < end) survivor->durable.resize(end);
      std::memcpy(survivor->durable.data() + start, content->current.data() + start, end - start);
    }
    survivor->current = survivor->durable;
    survivor->ever_synced = true;
    content = std::move(survivor);  // requests still in flight hold the old one
  }
}

}  // namespace kith
