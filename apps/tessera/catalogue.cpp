#include "io/catalogue.hpp"

#include <fmt/format.h>

#include <memory>

#include "commands.hpp"
#include "device/spec_sheet.hpp"

namespace tessera::cli {

void add_catalogue(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto* pull = app.add_subcommand("pull", "Fetch a model of the catalogue, or a hub id");
  pull->footer("Examples:\n  tessera pull smollm2-135m");
  pull->add_option("NAME", *name, "A catalogue name or a hub id")->required();
  pull->callback([name] { fmt::print("{}\n", io::pull(*name).string()); });

  auto* models = app.add_subcommand("models", "List the catalogue");
  models->footer("Examples:\n  tessera models");
  models->callback([] {
    for (const auto& entry : io::catalogue()) {
      fmt::print("{:<22} {:<20} {:<14} {}\n", entry.name, entry.architecture, entry.licence,
                 io::find_fetched(entry) ? "here" : "not fetched");
    }
  });

  auto* devices = app.add_subcommand("devices", "List the devices' spec sheets");
  devices->footer("Examples:\n  tessera devices");
  devices->callback([] {
    for (const SpecSheet& sheet : spec_sheets()) {
      fmt::print("{:<9} {:>3} chip(s) {:>7.1f} GiB a chip {:>4} cores {:>5.0f} GB/s  {}\n", sheet.name,
                 sheet.chips, static_cast<double>(sheet.dram_bytes) / (1 << 30), sheet.worker_cores,
                 sheet.dram_bandwidth_gb_s, sheet.description);
    }
  });
}

}  // namespace tessera::cli
