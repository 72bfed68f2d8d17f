#include "plan/planned_model.hpp"

#include <algorithm>
#include <utility>

#include "comm/meta/meta_group.hpp"
#include "models/load_model.hpp"
#include "models/weight_sources.hpp"
#include "plan/sketch.hpp"
#include "util/error.hpp"

namespace tessera::plan {
namespace {

class RunnableModel final : public PlannedModel {
 public:
  explicit RunnableModel(std::unique_ptr<nn::CausalLm> model) : model_(std::move(model)) {}
  Tensor decode(const Tensor& ids, const Tensor& positions, nn::KvCache& cache) const override {
    return model_->decode(ids, positions, cache);
  }
  Tensor prefill(std::span<const std::int32_t> ids, nn::KvCache& cache, int user,
                 std::int64_t start) const override {
    return model_->prefill(ids, cache, user, start);
  }
  Tensor prefill(const Tensor& ids, const Tensor& pages, nn::KvCache& cache) const override {
    return model_->prefill(ids, pages, cache);
  }
  Tensor logits(const Tensor& hidden) const override { return model_->logits(hidden); }
  nn::KvCacheConfig cache_config(int users, int positions) const override {
    return model_->cache_config(users, positions);
  }
  Device& device() const override { return model_->device(); }

 private:
  std::unique_ptr<nn::CausalLm> model_;
};

}  // namespace

std::unique_ptr<PlannedModel> build_planned_model(Device& device, const ModelFacts& facts,
                                                  const ChipPart& part, const models::Precision& precision,
                                                  int positions) {
  check(device.engine() == Engine::Meta, "plan: the {} engine wants weights: use meta",
        to_string(device.engine()));
  const auto group = part.chips > 1 ? comm::meta_group(part.chips) : nullptr;
  if (facts.runs()) {
    // A prompt may be padded beyond the model's own limit.
    io::ModelConfig config = facts.config;
    config.max_position_embeddings = std::max(config.max_position_embeddings, positions);
    return std::make_unique<RunnableModel>(models::load_meta_model(
        device, config, {.precision = precision, .max_seq = positions, .group = group, .tensor = part.plan}));
  }
  const MemoryScope scope(MemoryKind::Weights);
  models::MetaSource weights(device);
  return build_sketch(facts, part, precision, positions, weights, {group, part.plan});
}

const SpecSheet& chip_sheet(const SpecSheet& sheet) {
  for (const SpecSheet& chip : spec_sheets()) {
    if (chip.chips == 1 && chip.dram_bytes == sheet.dram_bytes && chip.dram_banks == sheet.dram_banks &&
        chip.worker_cores == sheet.worker_cores)
      return chip;
  }
  fail_user("device {}: no sheet describes one of its {} chips: add one to spec_sheet.cpp", sheet.name,
            sheet.chips);
}

}  // namespace tessera::plan
