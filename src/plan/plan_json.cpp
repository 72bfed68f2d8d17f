#include <nlohmann/json.hpp>

#include "plan/plan_output.hpp"
#include "plan/presets.hpp"

namespace tessera::plan {
namespace {

using Json = nlohmann::ordered_json;

double tokens_a_second(double ms) {
  return ms > 0 ? 1e3 / ms : 0;
}

Json memory_json(const Layout& l) {
  const MemoryUse& m = l.memory;
  return {
      {"fits", l.fits()},       {"weights_bytes", m.weights}, {"tables_bytes", m.tables},
      {"kv_bytes", m.kv_cache}, {"trace_bytes", m.trace},     {"activation_bytes", m.activations},
      {"peak_bytes", m.peak},   {"needed_bytes", m.needed},   {"capacity_bytes", l.capacity},
      {"free_bytes", l.free()}, {"banks", m.banks},           {"needed_bytes_per_bank", m.needed / m.banks}};
}

// What the fit of the constants is made from.
Json work_json(const StepTime& t) {
  return {{"ops", t.ops},
          {"hops", t.hops},
          {"weight_bytes", t.weight_bytes},
          {"kv_bytes", t.kv_bytes},
          {"link_bytes", t.link_bytes},
          {"transfer_ms", t.transfer_ms},
          {"other_ms", t.other_ms},
          {"matmul_ms", t.matmul_ms}};
}

Json speed_json(const Plan& plan, const Layout& l) {
  const Speed& s = l.speed;
  const double step = s.decode.expected_ms;
  return {{"decode_tok_s_user", tokens_a_second(step)},
          {"decode_tok_s_user_at_prompt", tokens_a_second(s.decode_early.expected_ms)},
          {"decode_tok_s", tokens_a_second(step) * plan.request.batch * l.copies},
          {"ttft_ms", s.first_token.expected_ms},
          {"ttft_full_context_ms", s.first_token_long.expected_ms}};
}

Json efficiency_json() {
  const Efficiency& e = kFitted;
  return {{"weights_share", e.weights},
          {"interleaved_share", e.interleaved},
          {"kv_cache_share", e.kv_cache},
          {"step_us", e.step_us},
          {"op_us", e.op_us},
          {"hop_us", e.hop_us},
          {"copy_us", e.copy_us},
          {"prefill_us", e.prefill_us},
          {"prefill_op_us", e.prefill_op_us},
          {"prefill_hop_us", e.prefill_hop_us},
          {"matmul_share", e.matmul}};
}

std::string kind_of(const Layout& l) {
  if (l.tensor_parallel == 1) return l.copies == 1 ? "none" : "data";
  return l.copies == 1 ? "tensor" : "tensor and data";
}

Json layout_json(const Plan& plan, const Layout& l) {
  Json json{{"kind", kind_of(l)}, {"tensor_parallel", l.tensor_parallel}, {"copies", l.copies}};
  json.update(memory_json(l));
  if (plan.has_speed()) json["expected"] = speed_json(plan, l);
  return json;
}

}  // namespace

Json plan_json(const Plan& plan) {
  const PlanRequest& r = plan.request;
  const Layout& l = plan.chosen;
  Json json{
      {"model", r.model},
      {"architecture", plan.facts.config.architecture},
      {"runs", plan.facts.runs()},
      {"parameters", plan.parameters},
      {"device", plan.sheet->name},
      {"devices", plan.sheet->chips},
      {"precision", r.precision},
      {"precision_dtypes", describe(plan.precision)},
      {"batch", r.batch},
      {"context", r.context},
      {"prompt", r.prompt},
      {"prefill_chunk", r.chunk},
      {"parallelism", {{"kind", kind_of(l)}, {"tensor_parallel", l.tensor_parallel}, {"copies", l.copies}}},
      {"bytes_of", "one chip"}};
  json.update(memory_json(l));
  json["kv_bytes_per_token"] = plan.kv_bytes_per_token;
  json["max_context"] = plan.max_context();
  json["max_context_by_batch"] = Json::array();
  for (const BatchLimit& limit : plan.limits)
    json["max_context_by_batch"].push_back({{"batch", limit.batch}, {"context", limit.context}});
  if (plan.has_speed()) {
    const Speed& s = l.speed;
    json["roofline"] = {{"decode_tok_s_user", tokens_a_second(s.decode.ideal_ms)},
                        {"ttft_ms", s.first_token.ideal_ms},
                        {"bound", s.decode.bound()},
                        {"ttft_bound", s.first_token.bound()},
                        {"decode_work", work_json(s.decode)},
                        {"prefill_work", work_json(s.first_token)}};
    json["expected"] = speed_json(plan, l);
    json["expected"]["precision"] = plan.speed_precision.name;
    json["expected"]["precision_dtypes"] = describe(plan.speed_precision);
    json["expected"]["padded_prompt"] = s.padded;
    json["expected"]["efficiency"] = efficiency_json();
  }
  json["layouts"] = Json::array();
  for (const Layout& layout : plan.layouts) json["layouts"].push_back(layout_json(plan, layout));
  json["advice"] = plan.advice;
  return json;
}

}  // namespace tessera::plan
