#include "verify/state.hpp"

#include <fmt/format.h>

#include <utility>

#include "report/bringup_json.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::verify {

namespace {

std::string to_text(const Thresholds& t) {
  return fmt::format("{},{},{},{},{},{},{},{}", t.op, t.module, t.layer, t.model, t.top1, t.top5,
                     t.baseline_relative, t.baseline_margin);
}

}  // namespace

RunState::RunState(const BringupOptions& options, const std::string& content_hash)
    : path_(options.out / "state.json"),
      fingerprint_(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", TESSERA_VERSION, content_hash, options.device,
                               options.mesh, options.engine, options.precision, options.prompt,
                               options.tokens, options.golden, to_text(options.thresholds))) {}

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
