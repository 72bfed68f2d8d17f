#pragma once
// The guide's table of devices, with what really fits.
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tessera::plan {

struct DeviceRow {
  std::string device, description;
  int chips = 1;
  std::int64_t bytes = 0;              // DRAM of all chips
  std::string guide;                   // what the guide's table says; empty: nothing
  double weights_only = 0;             // parameters whose bfloat8_b weights alone fill it
  double one_user = 0;                 // parameters that fit with a KV cache for 1 user x 8192 positions
  double full_batch = 0;               // the same for 32 users x 2048
  std::vector<std::string> published;  // models that fit with the KV cache of one user x 8192, largest first
};

/// Weights and KV cache in bfloat8_b, every chip in one tensor-parallel group. The two figures with a KV
/// cache are runs of a Llama with as many layers as fit: those of Llama-3.1-8B on one and two chips, those of
/// Llama-3.1-70B on more.
std::vector<DeviceRow> device_table();

nlohmann::ordered_json device_table_json(const std::vector<DeviceRow>& rows);
std::string device_table_text(const std::vector<DeviceRow>& rows);

}  // namespace tessera::plan
