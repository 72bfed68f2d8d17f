#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command_words.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

// Text as roff wants it: dashes that can be copied, no line that reads as a request.
std::string roff(const std::string& text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_start = c == '\n';
  }
  return result;
}

std::string option_text(const OptionWords& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  if (!option.is_positional && option.takes_value) names += " \\fIVALUE\\fR";
  std::string text = fmt::format(".TP\n{}\n{}", names, roff(option.description));
  if (!option.default_value.empty()) text += fmt::format(" (default: {})", roff(option.default_value));
  return text + ".\n";
}

// "Examples:", indented command lines, then remarks.
std::string footer_text(const std::string& footer) {
  std::string examples, remarks;
  std::size_t begin = 0;
  while (begin < footer.size()) {
    const std::size_t end = std::min(footer.find('\n', begin), footer.size());
    const std::string line = footer.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("  ")) {
      examples += roff(line.substr(2)) + "\n";
    } else if (line != "Examples:") {
      remarks += roff(line) + "\n";
    }
  }
  std::string text;
  if (!remarks.empty()) text += ".PP\n" + remarks;
  if (!examples.empty()) text += ".PP\nExamples:\n.PP\n.RS 4\n.nf\n" + examples + ".fi\n.RE\n";
  return text;
}

std::string command_text(const CommandWords& command) {
  std::string usage = "\\fBtessera " + roff(command.name) + "\\fR [\\fIoptions\\fR]";
  std::string options;
  for (const OptionWords& option : command.options) {
    if (option.is_positional) usage += " \\fI" + option.names[0] + "\\fR";
    options += option_text(option);
  }
  return fmt::format(".SS tessera {}\n{}\n.PP\n{}.\n{}{}", roff(command.name), usage,
                     roff(command.description), options, footer_text(command.footer));
}

std::string page(const CLI::App& app) {
  std::string text = fmt::format(
      ".TH TESSERA 1 \"\" \"tessera {}\" \"User Commands\"\n.SH NAME\ntessera \\- bring large language "
      "models up "
      "on tile machines and run them\n.SH SYNOPSIS\n.B tessera\n\\fICOMMAND\\fR [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\n{}\n.PP\n\\fIMODEL\\fR is a catalogue name (smollm2\\-135m), a Hugging Face folder, "
      "a hub id "
      "or a .gguf file.\n.SH COMMANDS\n",
      TESSERA_VERSION, roff(app.get_description()));
  for (const CommandWords& command : describe_commands(app)) text += command_text(command);
  return text +
         ".SH EXIT STATUS\n0 on success, 1 when a required item of \\fBbringup\\fR or a \\fBcompare\\fR "
         "fails, 2 when "
         "the\ncommand could not run; the reason is one line on standard error.\n"
         ".SH ENVIRONMENT\n.TP\n\\fBTESSERA_MODELS\\fR\nFolders with models, separated by colons.\n"
         ".TP\n\\fBTESSERA_GOLDENS\\fR\nFolders with golden files, separated by colons.\n"
         ".TP\n\\fBTESSERA_WEIGHT_CACHE\\fR\nFolder of the packed weights (default: tessera/weights in the "
         "XDG "
         "cache).\n"
         ".TP\n\\fBTESSERA_THREADS\\fR\nNumber of threads (default: the cores of the machine).\n"
         ".TP\n\\fBTESSERA_ISA\\fR\nForces an instruction set: scalar, avx2, avx512 or avx512vnni.\n";
}

}  // namespace

void add_man(CLI::App& app) {
  auto* command = app.add_subcommand("man", "Print the manual page");
  command->footer("Examples:\n  tessera man | man -l -\n  tessera man > ~/.local/share/man/man1/tessera.1");
  command->callback([&app] { write_out(page(app)); });
}

}  // namespace tessera::cli
