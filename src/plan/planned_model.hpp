#pragma once
// A model on the meta engine: it runs, and nothing is computed.
#include <cstdint>
#include <memory>
#include <span>

#include "models/precision.hpp"
#include "nn/kv_cache.hpp"
#include "plan/chip_part.hpp"

namespace tessera::plan {

class PlannedModel {
 public:
  virtual ~PlannedModel() = default;
  /// As nn::CausalLm's.
  virtual Tensor decode(const Tensor& ids, const Tensor& positions, nn::KvCache& cache) const = 0;
  virtual Tensor prefill(std::span<const std::int32_t> ids, nn::KvCache& cache, int user,
                         std::int64_t start) const = 0;
  virtual Tensor prefill(const Tensor& ids, const Tensor& pages, nn::KvCache& cache) const = 0;
  virtual Tensor logits(const Tensor& hidden) const = 0;
  virtual nn::KvCacheConfig cache_config(int users, int positions) const = 0;
  virtual Device& device() const = 0;
};

/// One chip's part of the model, with rotary tables for `positions`. The architectures of the registry are
/// built by it; the others are sketched. The device's engine must be meta.
std::unique_ptr<PlannedModel> build_planned_model(Device& device, const ModelFacts& facts,
                                                  const ChipPart& part, const models::Precision& precision,
                                                  int positions);

/// The chip of a sheet, as a sheet of its own: n150 for the Wormhole cards. Throws UserError for a sheet
/// whose chip stands nowhere alone.
const SpecSheet& chip_sheet(const SpecSheet& sheet);

}  // namespace tessera::plan
