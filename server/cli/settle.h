// Waiting for the index to catch up, with progress on stderr.
#pragma once

#include <string>

#include "base/result.h"
#include "server/cli/console.h"
#include "server/cli/session.h"

namespace kith {

/// Rows of all fields not yet part of their index.
Result<uint64_t> pending_rows(Session& session, const std::string& collection);

/// Returns when no row is pending; Cancelled on Ctrl-C (the index goes on by itself where a server holds it).
Result<void> settle(Session& session, const std::string& collection, Console& console);

}  // namespace kith
