#include <fmt/format.h>

#include "plan/layouts.hpp"
#include "plan/plan_output.hpp"
#include "plan/presets.hpp"
#include "report/figures.hpp"

namespace tessera::plan {
namespace {

using report::bytes_text;

std::string line(std::string_view name, const std::string& value) {
  return fmt::format("  {:<22}{}\n", name, value);
}

std::string memory_text(const Plan& plan) {
  const Layout& l = plan.chosen;
  const MemoryUse& m = l.memory;
  std::string text = plan.sheet->chips == 1 ? "Memory\n" : "Memory of each chip\n";
  const auto part = [&](std::string_view name, std::int64_t bytes) {
    text += fmt::format("  {:<22}{:>10}  {:>5.1f} %\n", name, bytes_text(bytes),
                        100.0 * static_cast<double>(bytes) / static_cast<double>(l.capacity));
  };
  part("weights", m.weights);
  part("KV cache", m.kv_cache);
  part("rotary tables", m.tables);
  part("trace", m.trace);
  part("activations", m.activations);
  if (m.needed > m.peak) part("gaps", m.needed - m.peak);
  part("needed", m.needed);
  text += line("a bank", fmt::format("{:>10} of {} ({} banks)", bytes_text(m.needed / m.banks),
                                     bytes_text(l.capacity / m.banks), m.banks));
  text += line("KV of one position", fmt::format("{:>10}", bytes_text(plan.kv_bytes_per_token)));
  return text;
}

std::string limits_text(const Plan& plan) {
  std::string text = "Longest context that fits\n";
  for (const BatchLimit& limit : plan.limits) {
    text += line(fmt::format("batch {}", limit.batch),
                 limit.context == 0 ? "none"
                                    : fmt::format("{:>10}{}", limit.context,
                                                  limit.context == plan.facts.config.max_position_embeddings
                                                      ? "  (the model's own limit)"
                                                      : ""));
  }
  return text;
}

std::string speed_text(const Plan& plan) {
  if (!plan.has_speed()) return {};
  const Speed& s = plan.chosen.speed;
  const PlanRequest& r = plan.request;
  std::string text = fmt::format("Speed on the card, as TT-Transformers runs {} ({})\n",
                                 plan.speed_precision.name, describe(plan.speed_precision));
  const auto rate = [](double ms) { return 1e3 / ms; };
  text +=
      line("decode", fmt::format("{:.1f} t/s/user at position {}, {:.1f} at {}; roofline {:.1f} ({} bound)",
                                 rate(s.decode.expected_ms), r.context, rate(s.decode_early.expected_ms),
                                 r.prompt, rate(s.decode.ideal_ms), s.decode.bound()));
  text +=
      line("all users", fmt::format("{:.0f} t/s", rate(s.decode.expected_ms) * r.batch * plan.chosen.copies));
  text += line(
      "time to first token",
      fmt::format(
          "{:.0f} ms for a prompt of {} (padded to {}), {:.0f} ms for the whole context; roofline {:.0f} ms",
          s.first_token.expected_ms, r.prompt, s.padded, s.first_token_long.expected_ms,
          s.first_token.ideal_ms));
  const Efficiency& e = kFitted;
  text += fmt::format(
      "  Model: weights at {:.0f} % and KV at {:.0f} % of {:.0f} GB/s; {:.1f} us an op, {:.1f} us a hop "
      "between chips, "
      "{:.1f} ms a step;\n  prefill matmuls at {:.0f} % of the peak of the cores that have rows. Fitted on "
      "TT-Transformers' batch-1 figures.\n",
      100 * e.weights, 100 * e.kv_cache, plan.sheet->dram_bandwidth_gb_s, e.op_us, e.hop_us, e.step_us / 1e3,
      100 * e.matmul);
  return text;
}

std::string layouts_text(const Plan& plan) {
  if (plan.layouts.size() < 2) return {};
  std::string text = fmt::format("Ways to use the {} chips\n", plan.sheet->chips);
  for (const Layout& l : plan.layouts) {
    text += fmt::format("  {} TP {:<3} x {:<3} {:<14}",
                        l.tensor_parallel == plan.chosen.tensor_parallel ? '*' : ' ', l.tensor_parallel,
                        l.copies, l.copies == 1 ? "one copy" : "copies (DP)");
    if (!l.fits()) {
      text += fmt::format("does not fit: {} too much a chip\n", bytes_text(-l.free()));
      continue;
    }
    text += fmt::format("{:>10} free a chip", bytes_text(l.free()));
    if (plan.has_speed())
      text += fmt::format(
          ", {:>6.1f} t/s/user, {:>6.0f} t/s, TTFT {:.0f} ms", 1e3 / l.speed.decode.expected_ms,
          1e3 / l.speed.decode.expected_ms * plan.request.batch * l.copies, l.speed.first_token.expected_ms);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string plan_text(const Plan& plan) {
  const Layout& l = plan.chosen;
  const PlanRequest& r = plan.request;
  std::string text = fmt::format("{}: {:.2f} B parameters ({})\n", r.model, plan.parameters / 1e9,
                                 plan.facts.config.architecture);
  text += fmt::format("{} ({}), batch {}, context {}, {}: {}\n", plan.sheet->name, describe(l), r.batch,
                      r.context, r.precision, describe(plan.precision));
  text += l.fits() ? fmt::format("FITS: {} free on each chip\n\n", bytes_text(l.free()))
                   : fmt::format("DOES NOT FIT: {} too much on each chip\n\n", bytes_text(-l.free()));
  text += memory_text(plan) + "\n" + limits_text(plan) + "\n";
  if (const std::string speed = speed_text(plan); !speed.empty()) text += speed + "\n";
  if (const std::string ways = layouts_text(plan); !ways.empty()) text += ways + "\n";
  text += "Advice\n";
  for (const std::string& advice : plan.advice) text += fmt::format("  - {}\n", advice);
  return text;
}

}  // namespace tessera::plan
