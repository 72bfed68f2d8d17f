#include "plan/plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "plan/advice.hpp"
#include "plan/layouts.hpp"
#include "plan/presets.hpp"
#include "util/error.hpp"

namespace tessera::plan {
namespace {

constexpr int kUsualContext = 4096;

// What is put into the request where it leaves something open.
void complete(PlanRequest& r, const ModelFacts& facts, const SpecSheet& sheet) {
  const int limit = facts.config.max_position_embeddings;
  if (r.context == 0) r.context = std::min(kUsualContext, limit);
  check(r.context >= 1 && r.context <= limit, "plan: a context of {}: {} has {} positions: ask for 1 to {}",
        r.context, facts.name, limit, limit);
  check(r.batch >= 1 && r.batch <= 32, "plan: a batch of {}: 1 to 32 users are supported", r.batch);
  check(r.prompt >= 1, "plan: a prompt of {} tokens: at least one expected", r.prompt);
  r.prompt = std::min(r.prompt, r.context);
  check(r.chunk >= 32 && r.chunk % 32 == 0, "plan: a prefill chunk of {}: a multiple of 32 expected",
        r.chunk);
  if (r.chips == 0) r.chips = sheet.chips;
  const std::vector<int> degrees = possible_degrees(sheet);
  check(std::ranges::find(degrees, r.chips) != degrees.end(),
        "plan: tensor parallel over {} chips: device {} allows {}", r.chips, sheet.name,
        fmt::join(degrees, ", "));
}

std::vector<BatchLimit> limits_of(const Plan& plan) {
  const SpecSheet& chip = chip_sheet(*plan.sheet);
  const ChipPart part = chip_part(plan.facts, plan.chosen.tensor_parallel);
  std::vector<int> batches{1, 2, 4, 8, 16, 32};
  if (std::ranges::find(batches, plan.request.batch) == batches.end()) batches.push_back(plan.request.batch);
  std::ranges::sort(batches);
  std::vector<BatchLimit> limits;
  int near = plan.request.context;
  for (const int batch : batches) {
    // Twice the users, half the context.
    if (!limits.empty()) near = limits.back().context * limits.back().batch / batch;
    limits.push_back(
        {batch, max_context(plan.facts, part, plan.precision, chip, batch, plan.request.chunk, near)});
  }
  return limits;
}

}  // namespace

int Plan::max_context() const {
  return std::ranges::find(limits, request.batch, &BatchLimit::batch)->context;
}

Plan make_plan(const PlanRequest& request) {
  return make_plan(request, read_model_facts(request.model));
}

Plan make_plan(const PlanRequest& request, const ModelFacts& facts) {
  Plan plan;
  plan.request = request;
  plan.facts = facts;
  plan.sheet = &find_sheet(request.device);
  complete(plan.request, facts, *plan.sheet);
  plan.precision = plan_precision(request.precision, facts);
  // The public speeds, and so the constants, are TT-Transformers': where it has a preset of that name, its
  // KV cache counts.
  const bool named = request.precision == "performance" || request.precision == "accuracy";
  plan.speed_precision = named ? plan_precision("tt-" + request.precision, facts) : plan.precision;
  plan.parameters = parameter_count(facts);
  for (const int degree : possible_degrees(*plan.sheet)) {
    const bool chosen = degree == plan.request.chips;
    plan.layouts.push_back(chosen ? lay_out(plan, degree, &plan.decode_work, &plan.prefill_work)
                                  : lay_out(plan, degree));
    if (chosen) plan.chosen = plan.layouts.back();
  }
  plan.kv_bytes_per_token = kv_bytes_per_token(chip_part(facts, plan.chosen.tensor_parallel), plan.precision);
  plan.limits = limits_of(plan);
  plan.advice = advise(plan);
  return plan;
}

}  // namespace tessera::plan
