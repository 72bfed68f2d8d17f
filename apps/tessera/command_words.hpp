#pragma once
// The program as data, read from its CLI11 description: what completion and the man page are made of.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace tessera::cli {

struct OptionWords {
  std::vector<std::string> names;  // "-n", "--tokens"; a positional: "MODEL"
  std::string description;
  bool is_positional = false;
  bool takes_value = false;
  std::string default_value;        // empty: none
  std::vector<std::string> values;  // what a value may be, as far as it is known
  bool takes_file = false;          // a path is possible, besides the values
};

struct CommandWords {
  std::string name, description, footer;
  std::vector<OptionWords> options;
};

std::vector<CommandWords> describe_commands(const CLI::App& program);

}  // namespace tessera::cli
