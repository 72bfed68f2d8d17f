#pragma once
// Devices as data. Figures: Tenstorrent's published sheets; "cpu" is this machine.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

struct SpecSheet {
  std::string name;         // "n150"
  std::string description;  // one line
  int chips = 1;
  int mesh_rows = 1, mesh_cols = 1;
  std::int64_t dram_bytes = 0;     // per chip
  int dram_banks = 1;              // per chip
  int worker_cores = 1;            // per chip, those that compute
  std::int64_t l1_bytes = 0;       // per core
  double dram_bandwidth_gb_s = 0;  // per chip; 0: to be measured
  double clock_ghz = 1;            // of the worker cores
};

std::span<const SpecSheet> spec_sheets();

/// Throws UserError that lists the known names.
const SpecSheet& find_sheet(std::string_view name);

}  // namespace tessera
