#include "device/spec_sheet.hpp"

#include <unistd.h>

#include <thread>
#include <vector>

#include "util/error.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kL1 = 1499136;  // of 1.5 MB, what a program may use

SpecSheet this_machine() {
  const std::int64_t memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return {"cpu", "this machine's memory and cores", 1, 1, 1, memory, 1, cores, 0, 0};
}

}  // namespace

std::span<const SpecSheet> spec_sheets() {
  static const std::vector<SpecSheet> sheets{
      this_machine(),
      {"n150", "Wormhole, one chip", 1, 1, 1, 12 * kGiB, 12, 64, kL1, 288},
      {"n300", "Wormhole, two chips", 2, 1, 2, 12 * kGiB, 12, 64, kL1, 288},
      {"loudbox", "Wormhole, four n300", 8, 1, 8, 12 * kGiB, 12, 64, kL1, 288},
      {"p150", "Blackhole, one chip", 1, 1, 1, 32 * kGiB, 8, 130, kL1, 512, 1.35},
      {"galaxy", "Wormhole, 32 chips", 32, 8, 4, 12 * kGiB, 12, 64, kL1, 288},
  };
  return sheets;
}

const SpecSheet& find_sheet(std::string_view name) {
  std::string known;
  for (const auto& sheet : spec_sheets()) {
    if (sheet.name == name) return sheet;
    known += (known.empty() ? "" : ", ") + sheet.name;
  }
  fail_user("unknown device: \"{}\": use one of {}", name, known);
}

}  // namespace tessera
