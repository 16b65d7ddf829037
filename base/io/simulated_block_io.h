// SimulatedBlockIo: the in-memory twin of a disk behind BlockIo, with its bad habits: latency, any order of
// completion, failing, torn, lost and misdirected writes, flipped bits, lying syncs, power loss. Every choice
// comes from the seed.
//
// What survives a power loss: the bytes of a file's last sync. With torn sectors each 512-byte sector written
// since is, by chance, old or new, whatever the order of the writes: disks reorder. A file that was never
// synced is gone.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include "base/io/block_io.h"
#include "base/random.h"

namespace kith {

enum class BlockFaultKind : uint8_t {
  kIoError,      // Unavailable, nothing done
  kDiskFull,     // ResourceExhausted, nothing done
  kTorn,         // Unavailable; of a write, random sectors arrived; of a read, a random prefix was filled
  kLost,         // a write that reports success and does nothing
  kMisdirected,  // a write that reports success and lands on another block of the file
  kBitFlip,      // a read that reports success with one bit wrong
};

/// The nth request (from the moment of arming) of kind `op` goes wrong. kLost and kMisdirected concern writes
/// and kBitFlip reads only, whatever `op` says.
struct BlockFault {
  BlockFaultKind kind = BlockFaultKind::kIoError;
  std::optional<BlockOp> op = {};
  uint64_t nth = 1;
  bool forever = false;  // and all after it
};

struct BlockLatency {
  std::chrono::nanoseconds least{0};
  std::chrono::nanoseconds most{0};
};

class SimulatedBlockIo final : public BlockIo {
 public:
  explicit SimulatedBlockIo(uint64_t seed, BlockLatency latency = {});
  ~SimulatedBlockIo() override;

  const char* name() const override { return "simulated"; }
  Result<std::unique_ptr<BlockFile>> open(const std::string& path, const BlockOpen& how) override;
  Result<std::unique_ptr<BlockQueue>> queue(const BlockQueueOptions& options) override;

  void arm(BlockFault fault);
  void disarm();
  uint64_t fired() const;
  void set_latency(BlockLatency latency);
  /// While true, sync reports success and makes nothing durable.
  void set_syncs_lie(bool lie);
  /// Files opened before answer Unavailable, also to what is in flight.
  void power_loss(bool torn_sectors);

 private:
  class File;
  class Queue;
  struct Content;
  struct Waiting;

  // With mutex_ held.
  Result<void> execute(const BlockRequest& request);
  Result<void> read(const BlockRequest& request, const Content& content, std::optional<BlockFaultKind> fault);
  Result<void> write(const BlockRequest& request, Content& content, std::optional<BlockFaultKind> fault);
  Result<void> sync(Content& content);
  void write_sectors(const BlockRequest& request, Content& content, bool all);
  std::optional<BlockFaultKind> fault_for(BlockOp op);
  std::chrono::nanoseconds draw_latency();

  mutable std::mutex mutex_;  // guards all below
  Random random_;
  BlockLatency latency_;
  std::optional<BlockFault> armed_;
  uint64_t counted_ = 0;
  uint64_t fired_ = 0;
  bool syncs_lie_ = false;
  uint64_t boot_ = 0;
  std::map<std::string, std::shared_ptr<Content>> files_;
};

}  // namespace kith
