#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "device/spec_sheet.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

Json devices_json() {
  Json list = Json::array();
  for (const SpecSheet& sheet : spec_sheets()) {
    list.push_back({{"name", sheet.name},
                    {"description", sheet.description},
                    {"chips", sheet.chips},
                    {"mesh", {sheet.mesh_rows, sheet.mesh_cols}},
                    {"dram_bytes_per_chip", sheet.dram_bytes},
                    {"dram_banks_per_chip", sheet.dram_banks},
                    {"worker_cores_per_chip", sheet.worker_cores},
                    {"l1_bytes_per_core", sheet.l1_bytes},
                    {"dram_bandwidth_gb_s_per_chip", sheet.dram_bandwidth_gb_s},
                    {"clock_ghz", sheet.clock_ghz}});
  }
  return {{"devices", list}};
}

std::string devices_text() {
  std::string text;
  for (const SpecSheet& sheet : spec_sheets()) {
    text += fmt::format("{:<9} {:>3} chip(s) {:>7.1f} GiB a chip {:>4} cores {:>5.0f} GB/s  {}\n", sheet.name,
                        sheet.chips, static_cast<double>(sheet.dram_bytes) / (1 << 30), sheet.worker_cores,
                        sheet.dram_bandwidth_gb_s, sheet.description);
  }
  return text;
}

}  // namespace

void add_devices(CLI::App& app) {
  auto* command = app.add_subcommand("devices", "List the devices' spec sheets");
  command->footer("Examples:\n  tessera devices\n  tessera devices --json");
  auto json = std::make_shared<bool>(false);
  add_json_flag(*command, *json);
  command->callback([json] {
    if (*json) return write_json(devices_json());
    write_out(devices_text());
  });
}

}  // namespace tessera::cli
