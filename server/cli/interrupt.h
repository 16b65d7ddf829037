// Interrupt: Ctrl-C as a flag that long commands poll. The first one asks them to stop cleanly; the second
// one ends the process at once.
#pragma once

#include "base/stop.h"

namespace kith {

/// From here on SIGINT and SIGTERM set the flag. Not for `kith serve`, which has its own shutdown.
void catch_interrupts();
bool interrupted();

/// A Stop that is cancelled by an interrupt and ends after `timeout_s` (0 = never).
Stop interruptible(double timeout_s);

}  // namespace kith
