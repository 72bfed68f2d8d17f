#include <fmt/format.h>

#include <algorithm>

#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"
#include "verify/capture.hpp"
#include "verify/phases.hpp"
#include "verify/rows.hpp"
#include "verify/scene.hpp"

namespace tessera::verify {

void run_layers(Session& s, report::BringupReport& report) {
  const DecodeScene& scene = scene_of(s);
  const RowTags tags{"layers", "decode", "captured"};
  const std::int64_t hidden = s.config().hidden_size;

  // One layer at a time, on the reference's input.
  nn::KvCache cache = scene.make_cache(*s.model);
  const nn::Step step = s.model->decode_step(scene.at(s.model->device()), cache);
  for (int i = 0; i < s.config().num_hidden_layers; ++i) {
    check_interrupt();
    const std::string path = fmt::format("layers.{}", i);
    // What the layer's first op reads, a norm or a projection.
    const auto first = std::ranges::find_if(
        scene.recording, [&](const OpRecord& record) { return record.path.starts_with(path + "."); });
    check(first != scene.recording.end(), "bring-up: the reference ran nothing in {}", path);
    const auto& input = first->inputs[0].values;
    const auto& output = find_record(scene.recording, path, "add", true).outputs[0].values;
    const Tensor x = activation_rows(*s.model, input, hidden);
    const Stopwatch clock;
    const std::vector<float> own = s.model->forward_layer(i, x, step).to_vector();
    report.ops.push_back(hidden_row(tags, path, "decoder_layer", s.thresholds.layer, output, own, hidden,
                                    clock.milliseconds()));
  }

  // The whole stack on its own hidden states.
  nn::KvCache own_cache = scene.make_cache(*s.model);
  LayerCapture capture;
  std::vector<float> logits;
  double ms = 0;
  {
    const ObserverScope scope(capture);
    const Stopwatch clock;
    logits =
        s.model->decode(scene.ids(s.model->device()), scene.at(s.model->device()), own_cache).to_vector();
    ms = clock.milliseconds();
  }
  for (int i = 0; i < s.config().num_hidden_layers; ++i) {
    const std::string path = fmt::format("layers.{}", i);
    const auto& output = find_record(scene.recording, path, "add", true).outputs[0].values;
    report.ops.push_back(
        hidden_row(tags, path, "stack", s.thresholds.layer, output, capture.layer(i), hidden, capture.ms(i)));
  }
  report.ops.push_back(module_row(tags, "lm_head", "model", s.thresholds.model, scene.logits, logits, ms));

  const Verdict verdict = judge(report.ops, "layers");
  const double stack_pcc = report.ops.back().pcc;
  conclude(
      report, 3, verdict.pass(),
      fmt::format(
          "{} decoder layers alone and in the stack at batch {}, {} failed; worst PCC {:.6f} ({}); logits "
          "PCC {:.6f}",
          s.config().num_hidden_layers, scene.tokens.size(), verdict.failed, verdict.worst_pcc, verdict.worst,
          stack_pcc),
      verdict.first_failed == nullptr ? "" : describe(*verdict.first_failed));
}

}  // namespace tessera::verify
