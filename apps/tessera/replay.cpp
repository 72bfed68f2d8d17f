#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "op_report.hpp"
#include "options.hpp"
#include "output.hpp"
#include "verify/replay_file.hpp"

namespace tessera::cli {
namespace {

struct Options {
  std::string file, engine = "exact";
  double threshold = 0.999;
  bool json = false;
};

}  // namespace

void add_replay(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("replay", "Run one op that `bringup --bisect` wrote, in other settings too");
  command->footer(
      "Examples:\n  tessera replay tessera-report/bisect.safetensors\n"
      "  tessera replay tessera-report/bisect.safetensors --engine fast --json\n"
      "Exit status: 0 the op is close to the reference, 1 it is not, 2 it could not run.");
  auto o = std::make_shared<Options>();
  command->add_option("FILE", o->file, "The file")->required();
  command->add_option("--engine", o->engine, "The arithmetic: exact or fast")->capture_default_str();
  command->add_option("--threshold", o->threshold, "The PCC that passes")
      ->check(CLI::Range(-1.0, 1.0))
      ->capture_default_str();
  add_json_flag(*command, o->json);
  command->callback([o, &exit_code] {
    exit_code = 2;
    const verify::OpCase op_case = verify::read_replay(o->file);
    const auto device = Device::open("cpu", parse_engine(o->engine));
    const verify::Finding finding = verify::examine(op_case, *device, o->threshold);
    exit_code = finding.reason.empty() ? 0 : 1;
    if (o->json) {
      write_json(finding_json(finding));
    } else {
      write_out(finding_text(finding) + (finding.reason.empty() ? "" : finding.reason + "\n"));
    }
  });
}

}  // namespace tessera::cli
