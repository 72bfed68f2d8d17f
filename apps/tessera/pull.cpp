#include <memory>

#include "commands.hpp"
#include "io/catalogue.hpp"
#include "output.hpp"

namespace tessera::cli {

void add_pull(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto* command = app.add_subcommand("pull", "Fetch a model of the catalogue, or a hub id");
  command->footer(
      "Examples:\n  tessera pull smollm2-135m\n  tessera pull HuggingFaceTB/SmolLM2-360M-Instruct\n"
      "Prints the path. A model that is here already is not fetched again.");
  command->add_option("NAME", *name, "A catalogue name or a hub id")->required();
  command->callback([name] { write_out(io::pull(*name).string() + "\n"); });
}

}  // namespace tessera::cli
