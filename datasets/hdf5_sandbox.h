// What kith-hdf5 gives up before it looks at a file: descriptors, memory, new privileges, the network and
// nearly all system calls (seccomp: Linux Documentation/userspace-api/seccomp_filter.rst). Each step is tried
// and may be refused by an old kernel or a container; the rest still holds.
#pragma once

namespace kith {

/// Before the file is opened. Afterwards files can be opened for reading only.
void enter_sandbox();
/// After the dataset is open: nothing else can be opened, so a file cannot name another one as its storage.
void forbid_opening();

}  // namespace kith
