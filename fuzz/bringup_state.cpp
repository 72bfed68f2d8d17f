// Any text as the state.json of an interrupted bring-up: taken over or ignored, and what is taken over can be
// written again.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "report/bringup_json.hpp"
#include "util/file.hpp"
#include "verify/state.hpp"

namespace {

using namespace tessera;

struct Run {
  verify::BringupOptions options;
  verify::RunInputs inputs{"contents", "", {}};
  std::filesystem::path path;
  std::string fingerprint;

  Run() {
    std::string folder = (std::filesystem::temp_directory_path() / "tessera_fuzz_XXXXXX").string();
    options.out = mkdtemp(folder.data());
    path = options.out / "state.json";
    verify::RunState(options, inputs).finish(0);
    fingerprint = nlohmann::json::parse(read_text_file(path)).at("run");
  }
  ~Run() { std::filesystem::remove_all(options.out); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
};

void load(const Run& run) {
  verify::RunState state(run.options, run.inputs);
  state.load();
  report::to_json(state.report()).dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Run run;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::filesystem::remove(run.path);
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  // No fuzzer guesses the fingerprint.
  const bool object = json.is_object();
  if (object) json["run"] = run.fingerprint;
  const std::string changed =
      object ? json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
             : std::string(text);
  FILE* file = std::fopen(run.path.c_str(), "wb");
  if (file == nullptr || std::fwrite(changed.data(), 1, changed.size(), file) != changed.size()) std::abort();
  std::fclose(file);
  load(run);
  return 0;
}
