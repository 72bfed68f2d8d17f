#include "plan/predict.hpp"

#include <algorithm>

namespace tessera::plan {
namespace {

// The first token of a prompt of `tokens`: its chunks, then the head.
StepTime first_token(const PlannedModel& model, const ChipPart& part, std::int64_t tokens, int chunk,
                     const ChipRates& rates, std::vector<OpWork>* work_of_first) {
  const auto first = static_cast<int>(std::min<std::int64_t>(tokens, chunk));
  const std::vector<OpWork> work = prefill_work(model, first, 0);
  StepTime time = prefill_time(work, rates);
  if (tokens > first) {
    std::vector<OpWork> later = prefill_work(model, first, first);
    for (std::int64_t start = first; start < tokens; start += first) {
      for (OpWork& op : later) op.start = start;
      time += prefill_time(later, rates);
    }
  }
  time += prefill_time(head_work(model, part), rates);
  time.expected_ms += kFitted.prefill_us / 1e3;
  if (work_of_first != nullptr) *work_of_first = work;
  return time;
}

}  // namespace

Speed predict_speed(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                    const SpecSheet& sheet, const SpeedRequest& r, std::vector<OpWork>* decode,
                    std::vector<OpWork>* prefill) {
  const ChipRates rates = chip_rates(sheet);
  const std::int64_t padded = padded_prompt(r.prompt), whole = padded_prompt(r.context);
  const auto device = Device::open(chip_sheet(sheet).name, Engine::Meta);
  const auto model =
      build_planned_model(*device, facts, part, precision, static_cast<int>(std::max(padded, whole)));
  const std::vector<OpWork> step = decode_work(*model, r.batch);
  Speed speed;
  speed.padded = padded;
  speed.decode = decode_time(step, r.context - 1, r.copies, rates);
  speed.decode_early = decode_time(step, std::min(r.prompt, r.context - 1), r.copies, rates);
  speed.first_token = first_token(*model, part, padded, r.chunk, rates, prefill);
  speed.first_token_long = first_token(*model, part, whole, r.chunk, rates, nullptr);
  if (decode != nullptr) *decode = step;
  return speed;
}

}  // namespace tessera::plan
