#include "verify/forced.hpp"

#include <utility>

#include "generate/generator.hpp"
#include "util/clock.hpp"
#include "verify/capture.hpp"

namespace tessera::verify {
namespace {

ForcedRun begin(const nn::CausalLm& model, std::vector<std::int32_t> ids) {
  ForcedRun run;
  run.ids = std::move(ids);
  run.vocab = static_cast<std::size_t>(model.config.vocab_size);
  run.logits.reserve(run.ids.size() * run.vocab);
  return run;
}

void end(ForcedRun& run, LayerCapture& capture, const nn::CausalLm& model) {
  for (int i = 0; i < model.config.num_hidden_layers; ++i) {
    run.layers.push_back(capture.layer(i));
    run.layer_ms.push_back(capture.ms(i));
  }
  run.embedding = capture.layer(LayerCapture::kEmbedding);
  run.final_norm = capture.layer(LayerCapture::kFinalNorm);
}

}  // namespace

ForcedRun forced_prefill(const nn::CausalLm& model, std::vector<std::int32_t> ids, int context) {
  ForcedRun run = begin(model, std::move(ids));
  generate::Generator generator(model, {.users = 1, .context = context});
  LayerCapture capture;
  const ObserverScope scope(capture);
  const Stopwatch clock;
  run.logits = model.logits(generator.prefill_hidden(run.ids)).to_vector();
  run.ms = clock.milliseconds();
  end(run, capture, model);
  return run;
}

ForcedRun forced_decode(const nn::CausalLm& model, std::vector<std::int32_t> ids, int context) {
  ForcedRun run = begin(model, std::move(ids));
  generate::Generator generator(model, {.users = 1, .context = context});
  LayerCapture capture;
  const ObserverScope scope(capture);
  const Stopwatch clock;
  for (std::size_t i = 0; i < run.ids.size(); ++i) {
    const auto position = static_cast<std::int32_t>(i);
    const auto row = generator.decode(std::span(run.ids).subspan(i, 1), std::span(&position, 1)).to_vector();
    run.logits.insert(run.logits.end(), row.begin(), row.end());
  }
  run.ms = clock.milliseconds();
  end(run, capture, model);
  return run;
}

}  // namespace tessera::verify
