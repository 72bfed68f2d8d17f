#include "verify/state.hpp"

#include <fmt/format.h>

#include <utility>

#include "ops/isa.hpp"
#include "report/bringup_json.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::verify {
namespace {

std::string to_text(const Thresholds& t) {
  std::string text;
  for (const auto& [name, value] : list_thresholds(t)) text += fmt::format("{}={},", name, value);
  return text;
}

std::string to_text(const models::Precision& p) {
  return fmt::format("{};kv {};activation {}", p.fingerprint(), to_string(p.kv_cache),
                     to_string(p.activation));
}

// The program file: another build may compute otherwise under the same version.
std::string program_identity() {
  std::error_code error;
  const std::filesystem::path program = "/proc/self/exe";
  const auto size = std::filesystem::file_size(program, error);
  const auto written = std::filesystem::last_write_time(program, error);
  return fmt::format("{}:{}", size, written.time_since_epoch().count());
}

}  // namespace

RunState::RunState(const BringupOptions& options, const RunInputs& inputs)
    : path_(options.out / "state.json"),
      fingerprint_(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", TESSERA_VERSION, program_identity(),
                               current_isa(), inputs.checkpoint, options.device, options.mesh, options.engine,
                               to_text(inputs.precision), options.prompt, options.tokens, inputs.golden,
                               to_text(options.thresholds))) {}

void RunState::load() {
  if (!std::filesystem::exists(path_)) return;
  try {
    const auto json = nlohmann::ordered_json::parse(read_text_file(path_));
    if (json.at("run") != fingerprint_) return;
    auto done = json.at("done").get<std::set<int>>();
    report_ = report::from_json(json.at("report"));
    done_ = std::move(done);
  } catch (const nlohmann::json::exception&) {
    return;  // a damaged state is no state
  } catch (const UserError&) {
    return;
  }
}

void RunState::finish(int phase) {
  done_.insert(phase);
  const nlohmann::ordered_json json{
      {"run", fingerprint_}, {"done", done_}, {"report", report::to_json(report_)}};
  write_text_file(path_, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void RunState::discard() const {
  std::filesystem::remove(path_);
}

}  // namespace tessera::verify
