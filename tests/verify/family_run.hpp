#pragma once
// A tiny family checkpoint through an engine, held to its golden.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/golden.hpp"
#include "metrics/compare.hpp"
#include "models/load_model.hpp"
#include "verify/forced.hpp"

namespace tessera::verify::test {

inline std::filesystem::path families() {
  return TESSERA_TEST_DATA "/families";
}

inline std::unique_ptr<io::Checkpoint> open(const std::filesystem::path& path) {
  return models::open_checkpoint(path);
}

struct Loaded {
  std::shared_ptr<Device> device;
  std::unique_ptr<nn::CausalLm> model;
};

/// Tables as long as the golden: RoPE that depends on the length of the run is the golden's.
inline Loaded load(const std::filesystem::path& path, const io::Golden& golden, Engine engine,
                   const std::string& precision) {
  Loaded result;
  result.device = Device::open("cpu", engine);
  result.model = models::load_model(*result.device, *open(path),
                                    {.precision = models::parse_precision(precision),
                                     .max_seq = static_cast<int>(golden.forced.ids.size()),
                                     .use_weight_cache = false});
  return result;
}

/// One prefill, and one token at a time.
inline std::vector<ForcedRun> both_ways(const nn::CausalLm& model, const io::Golden& golden) {
  const auto context = static_cast<int>(golden.forced.ids.size());
  return {forced_prefill(model, golden.forced.ids, context),
          forced_decode(model, golden.forced.ids, context)};
}

/// `check` of the embedding, each layer and the final norm: the golden's rows and as many of ours.
using LayerCheck =
    std::function<void(const std::string& name, std::span<const float> theirs, std::span<const float> ours)>;
inline void each_layer(const io::GoldenHidden& golden, const ForcedRun& run, const LayerCheck& check) {
  const auto hold = [&](const std::string& name, const std::vector<float>& theirs,
                        const std::vector<float>& ours) {
    check(name, theirs, std::span(ours).first(std::min(ours.size(), theirs.size())));
  };
  hold("embedding", golden.layers.at(0), run.embedding);
  for (std::size_t i = 0; i < run.layers.size(); ++i) {
    hold("layer " + std::to_string(i), golden.layers.at(i + 1), run.layers[i]);
  }
  hold("final norm", golden.final_norm, run.final_norm);
}

/// The largest error, by the largest value.
inline double relative_error(std::span<const float> theirs, std::span<const float> ours) {
  double scale = 0;
  for (const float value : theirs) scale = std::max(scale, std::abs(static_cast<double>(value)));
  const double error = metrics::compare(theirs, ours).max_abs / scale;
  return std::isnan(error) ? HUGE_VAL : error;
}

/// The largest error of all layers and of the golden's logits; 0 for a golden that is met.
inline double worst_error(const io::Golden& golden, const ForcedRun& run) {
  double worst = 0;
  each_layer(golden.hidden, run, [&](const std::string&, auto theirs, auto ours) {
    worst = std::max(worst, relative_error(theirs, ours));
  });
  std::vector<float> ours;
  const auto& best = golden.forced.topk;
  const auto k = static_cast<std::size_t>(best.k);
  for (std::size_t i = 0; i < best.ids.size(); ++i)
    ours.push_back(run.row(i / k)[static_cast<std::size_t>(best.ids[i])]);
  return std::max(worst, relative_error(best.logits, ours));
}

}  // namespace tessera::verify::test
