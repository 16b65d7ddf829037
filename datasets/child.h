// A helper program of ours or of the system (kith-hdf5, curl), started without a shell, its output as a
// ByteSource.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "datasets/byte_source.h"

namespace kith {

/// Starts arguments[0] (a path, or a name looked up in PATH) with standard output to the source, no input,
/// and errors to /dev/null. With `bare_environment` it gets none of our variables but LD_LIBRARY_PATH and the
/// sanitizers' options. At the end of its output the source gives an error unless the program ended with 0;
/// destroying the source ends it.
Result<std::unique_ptr<ByteSource>> start_child(const std::vector<std::string>& arguments,
                                                bool bare_environment);

/// Runs a program to its end, its output dropped and its errors shown on ours. The exit code; Unavailable
/// where it cannot be started, NotFound where there is no such program.
Result<int> run_to_end(const std::vector<std::string>& arguments);

/// `name` beside the running executable or in the places of the build tree and of an installation; "" if
/// nowhere.
std::string find_helper(const std::string& name);

}  // namespace kith
