#include "plan/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "plan/layouts.hpp"
#include "plan/presets.hpp"
#include "report/figures.hpp"

namespace tessera::plan {
namespace {

using report::bytes_text;

// Smaller models with the same layers, for a first bring-up.
struct Variant {
  std::string_view architecture;
  double from, to;  // parameters of the models that it stands in for
  std::string_view name;
  std::string_view why;
};

constexpr std::array kVariants{
    Variant{"LlamaForCausalLM", 4e9, 2e10, "Llama-3.2-1B-Instruct", "the same layers and tokenizer"},
    Variant{"LlamaForCausalLM", 2e10, 1e12, "Llama-3.1-8B-Instruct", "the same layers and tokenizer"},
    Variant{"Qwen2ForCausalLM", 1.2e10, 1e12, "Qwen2.5-7B-Instruct", "the same layers"},
    Variant{"Qwen3ForCausalLM", 1.2e10, 1e12, "Qwen3-8B", "the same layers"},
    Variant{"FalconForCausalLM", 1e10, 1e12, "falcon-7b-instruct", "the same family"},
    Variant{"MixtralForCausalLM", 0, 1e12, "Mistral-7B-Instruct-v0.3", "the same attention, without experts"},
    Variant{"Phi3ForCausalLM", 8e9, 1e12, "Phi-3-mini-128k-instruct", "the same layers"},
};

// One chip of `sheet` with the plan's batch and context; nullopt when it does not fit.
std::optional<MemoryUse> fits_on(const Plan& plan, const SpecSheet& sheet, int degree,
                                 const models::Precision& precision) {
  const SpecSheet& chip = chip_sheet(sheet);
  const MemoryUse use =
      run_memory(plan.facts, chip_part(plan.facts, degree), precision, chip,
                 {.batch = plan.request.batch, .context = plan.request.context, .chunk = plan.request.chunk});
  if (use.needed > chip_capacity(chip)) return std::nullopt;
  return use;
}

std::string name_of(const Plan& plan, const SpecSheet& sheet) {
  return fmt::format("{} at batch {} and context {}", sheet.name, plan.request.batch, plan.request.context);
}

std::string start_on(const Plan& plan) {
  for (const std::string_view name : {"n150", "n300", "loudbox", "galaxy"}) {
    const SpecSheet& sheet = find_sheet(name);
    const auto use = fits_on(plan, sheet, sheet.chips, plan.precision);
    if (!use) continue;
    const std::int64_t room = chip_capacity(chip_sheet(sheet)) - use->needed;
    if (sheet.chips == 1)
      return fmt::format("start on one device: it fits {}, {} free", name_of(plan, sheet), bytes_text(room));
    return fmt::format(
        "one chip does not hold it: the smallest device that fits is {}, tensor parallel over {} chips, {} "
        "free on each",
        name_of(plan, sheet), sheet.chips, bytes_text(room));
  }
  return fmt::format("no device of this list holds it at batch {} and context {}", plan.request.batch,
                     plan.request.context);
}

std::optional<std::string> smaller_variant(const Plan& plan) {
  for (const Variant& v : kVariants) {
    if (v.architecture != plan.facts.config.architecture || plan.parameters < v.from ||
        plan.parameters >= v.to)
      continue;
    return fmt::format("take the smaller variant first: {} ({}) fits one n150", v.name, v.why);
  }
  return std::nullopt;
}

// What makes it fit, tried out.
std::vector<std::string> remedies(const Plan& plan) {
  std::vector<std::string> result;
  const Layout& chosen = plan.chosen;
  if (plan.max_context() > 0)
    result.push_back(fmt::format("a context of {} fits at batch {}", plan.max_context(), plan.request.batch));
  for (auto it = plan.limits.rbegin(); it != plan.limits.rend(); ++it) {
    if (it->batch >= plan.request.batch || it->context < plan.request.context) continue;
    result.push_back(fmt::format("a batch of {} fits at context {}", it->batch, plan.request.context));
    break;
  }
  for (const std::string name : {"tt-accuracy", "tt-performance"}) {
    const models::Precision other = plan_precision(name, plan.facts);
    if (name == plan.request.precision || !fits_on(plan, *plan.sheet, chosen.tensor_parallel, other))
      continue;
    result.push_back(fmt::format("--precision {} fits ({})", name, describe(other)));
    break;
  }
  return result;
}

// Only layouts that fit; 0: none.
const Layout* best(const Plan& plan, double (*figure)(const Layout&, int batch)) {
  const Layout* result = nullptr;
  for (const Layout& layout : plan.layouts) {
    if (!layout.fits()) continue;
    if (result == nullptr || figure(layout, plan.request.batch) > figure(*result, plan.request.batch))
      result = &layout;
  }
  return result;
}

std::vector<std::string> scaling(const Plan& plan) {
  std::vector<std::string> result;
  if (!plan.has_speed() || plan.layouts.size() < 2) return result;
  const Layout* quickest = best(plan, [](const Layout& l, int) { return 1 / l.speed.decode.expected_ms; });
  const Layout* most = best(plan, [](const Layout& l, int) { return l.copies / l.speed.decode.expected_ms; });
  if (quickest == nullptr) return result;
  const auto rate = [](const Layout& l) { return 1e3 / l.speed.decode.expected_ms; };
  result.push_back(
      fmt::format("for the shortest step: tensor parallel over {} of {}'s chips, {:.1f} t/s/user",
                  quickest->tensor_parallel, plan.sheet->name, rate(*quickest)));
  if (most != quickest)
    result.push_back(
        fmt::format("for the most text: {} copies (data parallel) of {} chip{} each, {:.0f} t/s in all at "
                    "batch {} a copy",
                    most->copies, most->tensor_parallel, most->tensor_parallel == 1 ? "" : "s",
                    rate(*most) * most->copies * plan.request.batch, plan.request.batch));
  return result;
}

}  // namespace

std::vector<std::string> advise(const Plan& plan) {
  std::vector<std::string> advice;
  if (!plan.chosen.fits()) {
    for (std::string& remedy : remedies(plan)) advice.push_back(std::move(remedy));
  }
  if (plan.sheet->name != "cpu") advice.push_back(start_on(plan));
  if (const auto variant = smaller_variant(plan)) advice.push_back(*variant);
  for (std::string& line : scaling(plan)) advice.push_back(std::move(line));
  if (!plan.facts.runs())
    advice.push_back("this program plans the model and does not run it yet: " + plan.facts.not_runnable);
  return advice;
}

}  // namespace tessera::plan
