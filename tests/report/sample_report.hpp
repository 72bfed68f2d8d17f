#pragma once
// A report with every field set to something of its own, so that a mix-up or a loss shows.
#include <cmath>
#include <string>

#include "report/bringup_report.hpp"

namespace tessera::report::test {

inline OpResult sample_op(const std::string& phase, int layer, double pcc) {
  OpResult op;
  op.phase = phase;
  op.mode = phase == "prefill" ? "prefill" : "decode";
  op.layer = layer;
  op.path = "layers." + std::to_string(layer) + ".mlp";
  op.op = "linear";
  op.input = "captured";
  op.pcc = pcc;
  op.max_abs = 0.25;
  op.rel_l2 = 0.0125;
  op.scale = 1.5;
  op.threshold = 0.999;
  op.pass = pcc >= op.threshold;
  op.ms = 0.75;
  op.own_pcc = 0.9975;
  op.input_pcc = 0.9985;
  op.note = "scale 1.50";
  return op;
}

inline BringupReport sample_report() {
  BringupReport r;
  r.model = "small-model";
  r.architecture = "LlamaForCausalLM";
  r.device = "n150";
  r.engine = "fast";
  r.precision = "accuracy";
  r.isa = "avx2";
  r.date = "2026-11-25 06:38";
  r.version = "0.1.0";
  r.threads = 2;
  r.baseline = "transformers 5.24.0";
  r.seconds = 61.4;
  for (int item = 1; item <= 10; ++item)
    r.checklist.push_back({item, "Title of item " + std::to_string(item), Status::Pass, "", "evidence"});
  r.checklist[1].status = Status::Fail;
  r.checklist[1].reason = "layers.4.self_attn: PCC 0.998685, needs 0.999";
  r.checklist[9] = {10, "Title of item 10", Status::Skipped, "not built yet", ""};
  r.ops = {sample_op("modules", 2, 0.9995), sample_op("prefill", 10, 0.9)};
  for (const char* mode : {"decode", "prefill"}) {
    r.layers.push_back({mode, 0, 0.99995, 0.125, 0.0625, 0.998, true, 0.99996, 3, 0.09375, 1.25, ""});
    r.layers.push_back({mode, 1, 0.95, 0.5, 0.3125, 0.998, false, 0.9999, 5, 0.875, 1.5, "row 5 is off"});
  }
  Accuracy a{"generated", 3,       66.5, 100,   0.0075, 0.015,      0.9985,
             0.375,       0.03125, true, false, 77.5,   "a remark", {}};
  a.positions = {{11, 11, true, true, 0.001, 0, " yes", " yes"},
                 {12, 13, false, true, 0.015, 0.125, " tea", " \n"},
                 {14, 15, false, false, 0.002, 4.5, " far", " off"}};
  r.accuracy.push_back(a);
  r.generations.push_back({"Hello?",
                           "I am fine, and you?",
                           "I am fine. You?",
                           {1, 2},
                           {1, 3},
                           4,
                           0.75,
                           "repeats",
                           true,
                           "decode"});
  r.equivalences.push_back({"prefill, pages shuffled", "logits", 0.99999, 0.001, 0.0025, false, true, 12.5});
  r.memory = {std::int64_t{190} << 20, std::int64_t{17} << 20, std::int64_t{753} << 20,
              std::int64_t{801} << 20, std::int64_t{2} << 30,  std::int64_t{12} << 30};
  r.performance = {696.4, 39.9, 89.2};
  r.ways = {
      {"eager", 25.5, 3.75, true}, {"eager, asynchronous", 26.5, 1.25, true}, {"traced", 22.5, 0.03, false}};
  r.trace = {512, std::int64_t{9} << 20, std::int64_t{3} << 20};
  r.timeline = {{0, "linear", "layers.0.mlp", 0.5, 1.75}, {1, "copy_to_host", "", 1.25, 1.5}};
  r.mesh = {"1x2",
            "threads",
            {{"one device", 1, 1, 2, 2, 1, 0, 0, 140.5, 42.25, 199000000, 5000000, true, true},
             {"tensor parallel 2", 1, 2, 2, 1, 0.99975, 0.0625, 0.03125, 155.5, 61.5, 132000000, 2500000,
              true, true}},
            {{"tensor parallel 2, fractured", "the sample family has no such form"}}};
  r.config = {{"hidden_size", "576"}, {"rope_theta", "10000"}};
  r.thresholds = {{"layer", 0.998}, {"top1", 92.5}};
  return r;
}

/// What a run of phase 0 alone leaves: a checklist, nothing else.
inline BringupReport sparse_report() {
  BringupReport r;
  r.model = "small-model";
  for (int item = 1; item <= 10; ++item)
    r.checklist.push_back(
        {item, "Title of item " + std::to_string(item), Status::Skipped, "its phase was not run", ""});
  return r;
}

}  // namespace tessera::report::test
