// What a backup's manifest says, in the words of the embedding API.
#pragma once

#include "query/types.h"
#include "storage/backup/backup_manifest.h"

namespace kith {

inline BackupInfo to_info(const BackupManifest& manifest) {
  BackupInfo info;
  info.number = manifest.number;
  info.time_ms = manifest.time_ms;
  info.files = manifest.files.size();
  info.bytes = manifest.bytes();
  for (const BackupCollection& each : manifest.collections)
    info.collections.push_back({each.name, each.sequence, each.points, each.quarantined});
  return info;
}

}  // namespace kith
