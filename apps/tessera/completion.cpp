#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "command_words.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

using Commands = std::vector<CommandWords>;

// Inside single quotes of a shell; `escape` is how that shell writes a quote there.
std::string quoted(const std::string& text, const char* escape) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string(escape) : std::string(1, c);
  return result + "'";
}

std::string values_text(const OptionWords& option) {
  return fmt::format("{}", fmt::join(option.values, " "));
}

std::string bash(const Commands& commands) {
  std::string names, cases;
  for (const CommandWords& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::string options, words, prev;
    for (const OptionWords& option : command.options) {
      if (option.is_positional) {
        // All positionals of a command take the same kind of word.
        words = values_text(option);
        continue;
      }
      options += fmt::format("{}{}", options.empty() ? "" : " ", fmt::join(option.names, " "));
      if (!option.takes_value) continue;
      prev += fmt::format("        {}) values='{}'; option_value=1 ;;\n", fmt::join(option.names, "|"),
                          values_text(option));
    }
    cases += fmt::format("    {})\n      options='{}'\n      values='{}'\n", command.name, options, words);
    if (!prev.empty()) cases += "      case $previous in\n" + prev + "      esac\n";
    cases += "      ;;\n";
  }
  return fmt::format(
      R"(# bash completion of tessera: tessera completion bash > ~/.local/share/bash-completion/completions/tessera
_tessera() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local options='' values='' option_value=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$current"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ -z $option_value && $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$values" -- "$current") $(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _tessera tessera
)",
      names, cases);
}

// A description inside the brackets of _arguments.
std::string zsh_text(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' || text[i] == ']' || text[i] == ':' || text[i] == '\\') text.insert(i++, "\\");
  }
  return text;
}

std::string zsh_action(const OptionWords& option) {
  if (option.values.empty()) return option.takes_file ? "_files" : " ";
  const std::string values = values_text(option);
  // The space keeps _arguments from adding options of its own, which _alternative does not know.
  return option.takes_file ? fmt::format(" _alternative \"values:value:({})\" \"files:file:_files\"", values)
                           : fmt::format("({})", values);
}

std::string zsh(const Commands& commands) {
  std::string names, cases;
  for (const CommandWords& command : commands) {
    names += fmt::format("    {}\n", quoted(command.name + ":" + zsh_text(command.description), "'\\''"));
    cases += fmt::format("    {})\n      _arguments -s", command.name);
    for (const OptionWords& option : command.options) {
      const std::string what = zsh_text(option.description);
      if (option.is_positional) {
        cases += fmt::format(" \\\n        {}",
                             quoted(fmt::format(":{}:{}", option.names[0], zsh_action(option)), "'\\''"));
        continue;
      }
      for (const std::string& name : option.names) {
        const std::string value =
            option.takes_value ? fmt::format(":{}:{}", name.substr(name.rfind('-') + 1), zsh_action(option))
                               : "";
        cases += fmt::format(" \\\n        {}", quoted(fmt::format("{}[{}]{}", name, what, value), "'\\''"));
      }
    }
    cases += "\n      ;;\n";
  }
  return fmt::format(R"(#compdef tessera
# zsh completion of tessera: tessera completion zsh > a folder of $fpath, as _tessera
local -a commands
commands=(
{})
if (( CURRENT == 2 )); then
  _describe command commands
else
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
fi
)",
                     names, cases);
}

std::string fish(const Commands& commands) {
  std::string text =
      "# fish completion of tessera: tessera completion fish > ~/.config/fish/completions/tessera.fish\n"
      "complete -c tessera -f\n";
  for (const CommandWords& command : commands) {
    text += fmt::format("complete -c tessera -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        quoted(command.description, "\\'"));
  }
  for (const CommandWords& command : commands) {
    const std::string here =
        fmt::format("complete -c tessera -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionWords& option : command.options) {
      const std::string values = values_text(option);
      const std::string files = option.takes_file ? " -F" : "";
      if (option.is_positional) {
        if (!values.empty()) text += fmt::format("{} -a '{}'\n", here, values);
        if (option.takes_file) text += here + " -F\n";
        continue;
      }
      std::string line = here;
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.takes_value) line += (option.takes_file ? " -r" : " -x") + files;
      if (!values.empty()) line += fmt::format(" -a '{}'", values);
      text += line + " -d " + quoted(option.description, "\\'") + "\n";
    }
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app) {
  auto* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->footer(
      "Examples:\n  source <(tessera completion bash)\n"
      "  tessera completion fish > ~/.config/fish/completions/tessera.fish");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app] {
    const Commands commands = describe_commands(app);
    write_out(*shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
  });
}

}  // namespace tessera::cli
