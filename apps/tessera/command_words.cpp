#include "command_words.hpp"

#include "device/spec_sheet.hpp"
#include "io/catalogue.hpp"

namespace tessera::cli {
namespace {

void add_values(OptionWords& option) {
  const std::string& name = option.names.back();
  if (name == "MODEL" || name == "NAME") {
    for (const auto& entry : io::catalogue()) option.values.emplace_back(entry.name);
    option.takes_file = name == "MODEL";
  } else if (name == "--device") {
    for (const SpecSheet& sheet : spec_sheets()) option.values.push_back(sheet.name);
  } else if (name == "--engine") {
    option.values = {"fast", "exact", "ref"};
  } else if (name == "--precision") {
    option.values = {"accuracy", "performance", "bf16", "fp32"};
    option.takes_file = true;
  } else if (name == "SHELL") {
    option.values = {"bash", "zsh", "fish"};
  } else if (name == "A" || name == "B" || name == "--golden" || name == "--out") {
    option.takes_file = true;
  }
}

OptionWords describe(const CLI::Option& option) {
  OptionWords words;
  for (const auto& name : option.get_snames()) words.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) words.names.push_back("--" + name);
  words.is_positional = words.names.empty();
  if (words.is_positional) words.names.push_back(option.get_name());
  words.description = option.get_description();
  words.takes_value = option.get_items_expected_max() > 0;
  words.default_value = option.get_default_str();
  add_values(words);
  return words;
}

}  // namespace

std::vector<CommandWords> describe_commands(const CLI::App& program) {
  std::vector<CommandWords> commands;
  for (const CLI::App* app : program.get_subcommands({})) {
    CommandWords command{app->get_name(), app->get_description(), app->get_footer(), {}};
    for (const CLI::Option* option : app->get_options({})) command.options.push_back(describe(*option));
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace tessera::cli
