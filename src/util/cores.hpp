#pragma once
// How many threads of arithmetic this machine has room for.
#include <filesystem>
#include <span>

namespace tessera {

/// Physical cores among the processors that this process may run on, and no more than its control group
/// grants it time for; at least 1. The hardware threads of a core share its vector units and caches: a second
/// thread of arithmetic on a core gains nothing, and both wait for each other at the end of every loop.
int usable_cores();

/// Distinct cores of these processors, by `cpuN/topology/thread_siblings_list` under `sysfs`
/// (/sys/devices/system/cpu). A processor without that file counts as a core.
int physical_cores(std::span<const int> processors, const std::filesystem::path& sysfs);

/// Processors' worth of time, rounded up, that the control groups from `group` up to `root` grant by their
/// cpu.max; 0: no limit.
int granted_cores(const std::filesystem::path& root, const std::filesystem::path& group);

}  // namespace tessera
