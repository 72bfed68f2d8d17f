#include "util/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tessera {
namespace fs = std::filesystem;
namespace {

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// This process's control group of version 2, as a path below the mount; "/" when there is none.
fs::path own_group() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return "/";
}

std::vector<int> processors() {
  std::vector<int> list;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return list;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) list.push_back(i);
  }
  return list;
}

}  // namespace

int physical_cores(std::span<const int> processors, const fs::path& sysfs) {
  std::set<std::string> cores;
  for (const int i : processors) {
    const std::string name = "cpu" + std::to_string(i);
    const std::string siblings = first_line(sysfs / name / "topology" / "thread_siblings_list");
    cores.insert(siblings.empty() ? name : siblings);
  }
  return static_cast<int>(cores.size());
}

int granted_cores(const fs::path& root, const fs::path& group) {
  int least = 0;
  fs::path at = root / group.relative_path();
  for (;;) {
    std::ifstream in(at / "cpu.max");
    double quota = 0, period = 0;
    if (in >> quota >> period && quota > 0 && period > 0) {  // "max 100000" does not read as numbers
      const int cores = static_cast<int>((quota + period - 1) / period);
      least = least == 0 ? cores : std::min(least, cores);
    }
    if (at == root || !at.has_relative_path()) return least;
    at = at.parent_path();
  }
}

int usable_cores() {
  const std::vector<int> allowed = processors();
  int cores = allowed.empty() ? static_cast<int>(std::thread::hardware_concurrency())
                              : physical_cores(allowed, "/sys/devices/system/cpu");
  const int granted = granted_cores("/sys/fs/cgroup", own_group());
  if (granted > 0) cores = std::min(cores, granted);
  return std::max(1, cores);
}

}  // namespace tessera
