#include "report/bringup_json.hpp"

#include <cmath>

#include "util/error.hpp"

namespace tessera::report {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity: a comparison with NaN in it says null and reads back as infinity.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
double number(const Json& json) {
  return json.is_null() ? HUGE_VAL : json.get<double>();
}

// Zero is what a phase leaves that was not run: null, and back.
Json measured(double value) {
  return value > 0 ? number(value) : Json(nullptr);
}
Json measured(std::int64_t value) {
  return value > 0 ? Json(value) : Json(nullptr);
}
template <class T>
void read_measured(T& value, const Json& json) {
  if (!json.is_null()) value = json.get<T>();
}

// The keys of an object that has nothing to say yet.
Json without_values(Json object) {
  for (auto& value : object) value = nullptr;
  return object;
}

Status parse_status(const std::string& text) {
  if (text == "pass") return Status::Pass;
  if (text == "fail") return Status::Fail;
  return Status::Skipped;
}

Json op_json(const OpResult& r) {
  return {{"phase", r.phase},
          {"mode", r.mode},
          {"layer", r.layer},
          {"path", r.path},
          {"op", r.op},
          {"input", r.input},
          {"pcc", number(r.pcc)},
          {"max_abs", number(r.max_abs)},
          {"rel_l2", number(r.rel_l2)},
          {"scale", number(r.scale)},
          {"threshold", r.threshold},
          {"pass", r.pass},
          {"ms", r.ms},
          {"own_pcc", number(r.own_pcc)},
          {"input_pcc", number(r.input_pcc)},
          {"note", r.note}};
}

OpResult parse_op(const Json& j) {
  OpResult r;
  r.phase = j.at("phase");
  r.mode = j.at("mode");
  r.layer = j.at("layer");
  r.path = j.at("path");
  r.op = j.at("op");
  r.input = j.at("input");
  r.pcc = number(j.at("pcc"));
  r.max_abs = number(j.at("max_abs"));
  r.rel_l2 = number(j.at("rel_l2"));
  r.scale = number(j.at("scale"));
  r.threshold = j.at("threshold");
  r.pass = j.at("pass");
  r.ms = j.at("ms");
  r.own_pcc = number(j.at("own_pcc"));
  r.input_pcc = number(j.at("input_pcc"));
  r.note = j.at("note");
  return r;
}

Json layer_json(const LayerResult& l) {
  return {{"mode", l.mode},
          {"layer", l.layer},
          {"pcc", number(l.pcc)},
          {"max_abs", number(l.max_abs)},
          {"rel_l2", number(l.rel_l2)},
          {"threshold", l.threshold},
          {"pass", l.pass},
          {"plain_pcc", number(l.plain_pcc)},
          {"worst_token", l.worst_token},
          {"worst_token_rel_l2", number(l.worst_token_rel_l2)},
          {"ms", l.ms},
          {"note", l.note}};
}

LayerResult parse_layer(const Json& j) {
  LayerResult l;
  l.mode = j.at("mode");
  l.layer = j.at("layer");
  l.pcc = number(j.at("pcc"));
  l.max_abs = number(j.at("max_abs"));
  l.rel_l2 = number(j.at("rel_l2"));
  l.threshold = j.at("threshold");
  l.pass = j.at("pass");
  l.plain_pcc = number(j.at("plain_pcc"));
  l.worst_token = j.at("worst_token");
  l.worst_token_rel_l2 = number(j.at("worst_token_rel_l2"));
  l.ms = j.at("ms");
  l.note = j.at("note");
  return l;
}

Json accuracy_json(const Accuracy& a, bool positions) {
  Json j{{"text", a.text},
         {"tokens", a.tokens},
         {"top1", a.top1},
         {"top5", a.top5},
         {"kl_mean", number(a.kl_mean)},
         {"kl_max", number(a.kl_max)},
         {"final_pcc", number(a.final_pcc)},
         {"max_abs", number(a.max_abs)},
         {"rel_l2", number(a.rel_l2)},
         {"logits_pass", a.logits_pass},
         {"pass", a.pass},
         {"ms", a.ms},
         {"note", a.note}};
  if (!positions) return j;
  j["positions"] = Json::array();
  for (const TokenResult& t : a.positions) {
    j["positions"].push_back({{"reference", t.reference},
                              {"device", t.device},
                              {"top1", t.top1},
                              {"top5", t.top5},
                              {"kl", number(t.kl)},
                              {"margin", number(t.margin)},
                              {"text", t.text},
                              {"device_text", t.device_text}});
  }
  return j;
}

Accuracy parse_accuracy(const Json& j) {
  Accuracy a;
  a.text = j.at("text");
  a.tokens = j.at("tokens");
  a.top1 = j.at("top1");
  a.top5 = j.at("top5");
  a.kl_mean = number(j.at("kl_mean"));
  a.kl_max = number(j.at("kl_max"));
  a.final_pcc = number(j.at("final_pcc"));
  a.max_abs = number(j.at("max_abs"));
  a.rel_l2 = number(j.at("rel_l2"));
  a.logits_pass = j.at("logits_pass");
  a.pass = j.at("pass");
  a.ms = j.at("ms");
  a.note = j.at("note");
  for (const Json& t : j.at("positions")) {
    a.positions.push_back({t.at("reference"), t.at("device"), t.at("top1"), t.at("top5"), number(t.at("kl")),
                           number(t.at("margin")), t.at("text"), t.at("device_text")});
  }
  return a;
}

Json generation_json(const Generation& g) {
  return {{"prompt", g.prompt},
          {"text", g.text},
          {"tokens", g.tokens},
          {"chat", g.chat},
          {"mode", g.mode},
          {"reference_text", g.reference_text},
          {"reference_tokens", g.reference_tokens},
          {"first_divergence", g.first_divergence},
          {"similarity", g.similarity},
          {"garbage", g.garbage}};
}

Generation parse_generation(const Json& j) {
  Generation g;
  g.prompt = j.at("prompt");
  g.text = j.at("text");
  g.tokens = j.at("tokens").get<std::vector<int>>();
  g.chat = j.at("chat");
  g.mode = j.at("mode");
  g.reference_text = j.at("reference_text");
  g.reference_tokens = j.at("reference_tokens").get<std::vector<int>>();
  g.first_divergence = j.at("first_divergence");
  g.similarity = j.at("similarity");
  g.garbage = j.at("garbage");
  return g;
}

// A way of decoding on asynchronous queues, where issuing and running are apart.
Json way_json(const BringupReport& r, const std::string& name) {
  Json j = Json::object();
  for (const StepWay& w : r.ways) {
    if (w.name == name) {
      j["step_ms"] = w.step_ms;
      j["decode_tok_s"] = w.step_ms > 0 ? 1e3 / w.step_ms : 0;
    } else if (w.name == name + ", asynchronous") {
      j["host_ms"] = w.host_ms;
    }
  }
  return j;
}

Json mesh_way_json(const MeshWay& w) {
  return {{"name", w.name},
          {"data_parallel", w.data_parallel},
          {"tensor_parallel", w.tensor_parallel},
          {"users", w.users},
          {"equal_users", w.equal_users},
          {"pcc", number(w.pcc)},
          {"max_abs", number(w.max_abs)},
          {"margin", number(w.margin)},
          {"prefill_tok_s", w.prefill_tok_s},
          {"decode_tok_s", w.decode_tok_s},
          {"weights_bytes", w.weights_bytes},
          {"kv_bytes", w.kv_bytes},
          {"as_planned", w.as_planned},
          {"pass", w.pass}};
}

MeshWay parse_mesh_way(const Json& j) {
  MeshWay w;
  w.name = j.at("name");
  w.data_parallel = j.at("data_parallel");
  w.tensor_parallel = j.at("tensor_parallel");
  w.users = j.at("users");
  w.equal_users = j.at("equal_users");
  w.pcc = number(j.at("pcc"));
  w.max_abs = number(j.at("max_abs"));
  w.margin = number(j.at("margin"));
  w.prefill_tok_s = j.at("prefill_tok_s");
  w.decode_tok_s = j.at("decode_tok_s");
  w.weights_bytes = j.at("weights_bytes");
  w.kv_bytes = j.at("kv_bytes");
  w.as_planned = j.at("as_planned");
  w.pass = j.at("pass");
  return w;
}

template <class T, class F>
Json list(const std::vector<T>& values, F convert) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(convert(value));
  return array;
}

BringupReport parse(const Json& j) {
  BringupReport r;
  r.model = j.at("model");
  r.device = j.at("device");
  r.engine = j.at("engine");
  r.precision = j.at("precision");
  r.architecture = j.at("architecture");
  r.isa = j.at("isa");
  r.date = j.at("date");
  r.version = j.at("version");
  r.threads = j.at("threads");
  r.baseline = j.at("baseline");
  r.seconds = j.at("seconds");
  for (const auto& [name, value] : j.at("thresholds").items()) r.thresholds.emplace_back(name, value);
  for (const Json& c : j.at("checklist")) {
    r.checklist.push_back(
        {c.at("item"), c.at("title"), parse_status(c.at("status")), c.at("reason"), c.at("evidence")});
  }
  for (const Json& op : j.at("ops")) r.ops.push_back(parse_op(op));
  for (const Json& l : j.at("layers")) r.layers.push_back(parse_layer(l));
  for (const Json& a : j.at("accuracies")) r.accuracy.push_back(parse_accuracy(a));
  for (const Json& g : j.at("generations")) r.generations.push_back(parse_generation(g));
  for (const Json& e : j.at("equivalences")) {
    r.equivalences.push_back({e.at("name"), e.at("what"), number(e.at("pcc")), number(e.at("max_abs")),
                              number(e.at("rel_l2")), e.at("equal"), e.at("pass"), e.at("ms")});
  }
  const Json& m = j.at("memory");
  read_measured(r.memory.weights_bytes, m.at("weights_bytes"));
  read_measured(r.memory.kv_bytes, m.at("kv_bytes"));
  read_measured(r.memory.peak_bytes, m.at("peak_bytes"));
  read_measured(r.memory.ladder_peak_bytes, m.at("ladder_peak_bytes"));
  read_measured(r.memory.host_peak_bytes, m.at("host_peak_bytes"));
  read_measured(r.memory.device_capacity_bytes, m.at("device_capacity_bytes"));
  const Json& p = j.at("performance");
  read_measured(r.performance.prefill_tok_s, p.at("prefill_tok_s"));
  read_measured(r.performance.decode_tok_s, p.at("decode_tok_s"));
  read_measured(r.performance.ttft_ms, p.at("ttft_ms"));
  for (const Json& w : j.at("ways"))
    r.ways.push_back({w.at("name"), w.at("step_ms"), w.at("host_ms"), w.at("equal")});
  const Json& t = j.at("trace");
  r.trace = {t.at("commands"), t.at("region_bytes"), t.at("arena_bytes")};
  for (const Json& e : j.at("timeline"))
    r.timeline.push_back({e.at("queue"), e.at("name"), e.at("path"), e.at("begin_ms"), e.at("end_ms")});
  r.mesh.shape = j.at("mesh").at("shape");
  r.mesh.transport = j.at("mesh").at("transport");
  for (const Json& w : j.at("mesh").at("ways")) r.mesh.ways.push_back(parse_mesh_way(w));
  for (const Json& w : j.at("mesh").at("left_out")) r.mesh.left_out.push_back({w.at("name"), w.at("reason")});
  for (const auto& [key, value] : j.at("config").items())
    r.config.emplace_back(key, value.get<std::string>());
  return r;
}

}  // namespace

const char* to_string(Status status) {
  switch (status) {
    case Status::Pass:
      return "pass";
    case Status::Fail:
      return "fail";
    case Status::Skipped:
      break;
  }
  return "skipped";
}

Json to_json(const BringupReport& r) {
  Json j{{"model", r.model}, {"device", r.device}, {"engine", r.engine}, {"precision", r.precision}};
  j["architecture"] = r.architecture;
  j["isa"] = r.isa;
  j["threads"] = r.threads;
  j["date"] = r.date;
  j["version"] = r.version;
  j["baseline"] = r.baseline;
  j["seconds"] = r.seconds;
  j["thresholds"] = Json::object();
  for (const auto& [name, value] : r.thresholds) j["thresholds"][name] = value;
  j["checklist"] = list(r.checklist, [](const ChecklistItem& c) {
    return Json{{"item", c.item},
                {"title", c.title},
                {"status", to_string(c.status)},
                {"reason", c.reason},
                {"evidence", c.evidence}};
  });
  j["ops"] = list(r.ops, op_json);
  j["layers"] = list(r.layers, layer_json);
  j["accuracy"] = r.accuracy.empty() ? without_values(accuracy_json({}, false))
                                     : accuracy_json(r.accuracy.front(), false);
  j["accuracies"] = list(r.accuracy, [](const Accuracy& a) { return accuracy_json(a, true); });
  const Generation last = r.generations.empty() ? Generation{} : r.generations.back();
  const Json generation{{"prompt", last.prompt}, {"text", last.text}, {"tokens", last.tokens}};
  j["generation"] = r.generations.empty() ? without_values(generation) : generation;
  j["generations"] = list(r.generations, generation_json);
  j["equivalences"] = list(r.equivalences, [](const Equivalence& e) {
    return Json{{"name", e.name},
                {"what", e.what},
                {"pcc", number(e.pcc)},
                {"max_abs", number(e.max_abs)},
                {"rel_l2", number(e.rel_l2)},
                {"equal", e.equal},
                {"pass", e.pass},
                {"ms", e.ms}};
  });
  j["memory"] = {{"weights_bytes", measured(r.memory.weights_bytes)},
                 {"kv_bytes", measured(r.memory.kv_bytes)},
                 {"peak_bytes", measured(r.memory.peak_bytes)},
                 {"ladder_peak_bytes", measured(r.memory.ladder_peak_bytes)},
                 {"host_peak_bytes", measured(r.memory.host_peak_bytes)},
                 {"device_capacity_bytes", measured(r.memory.device_capacity_bytes)}};
  const Json speed{{"prefill_tok_s", measured(r.performance.prefill_tok_s)},
                   {"decode_tok_s", measured(r.performance.decode_tok_s)},
                   {"ttft_ms", measured(r.performance.ttft_ms)}};
  j["performance"] = speed;
  j["performance"]["eager"] = way_json(r, "eager");
  j["performance"]["traced"] = way_json(r, "traced");
  j["ways"] = list(r.ways, [](const StepWay& w) {
    return Json{{"name", w.name}, {"step_ms", w.step_ms}, {"host_ms", w.host_ms}, {"equal", w.equal}};
  });
  j["trace"] = {{"commands", r.trace.commands},
                {"region_bytes", r.trace.region_bytes},
                {"arena_bytes", r.trace.arena_bytes}};
  j["timeline"] = list(r.timeline, [](const TimelineEntry& e) {
    return Json{{"queue", e.queue},
                {"name", e.name},
                {"path", e.path},
                {"begin_ms", e.begin_ms},
                {"end_ms", e.end_ms}};
  });
  j["mesh"] = {{"shape", r.mesh.shape},
               {"transport", r.mesh.transport},
               {"ways", list(r.mesh.ways, mesh_way_json)},
               {"left_out", list(r.mesh.left_out, [](const LeftOutWay& w) {
                  return Json{{"name", w.name}, {"reason", w.reason}};
                })}};
  j["config"] = Json::object();
  for (const auto& [key, value] : r.config) j["config"][key] = value;
  return j;
}

std::string json_text(const BringupReport& report, int indent) {
  return to_json(report).dump(indent, ' ', false, Json::error_handler_t::replace);
}

BringupReport from_json(const Json& json) {
  try {
    return parse(json);
  } catch (const nlohmann::json::exception& error) {
    fail_user("bring-up report: not readable ({}): remove it and run again", error.what());
  }
}

}  // namespace tessera::report
