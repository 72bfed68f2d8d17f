#pragma once
// Which dtype and fidelity each group has: TT-Transformers' presets and its JSON.
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "models/fidelity.hpp"
#include "tensor/dtype.hpp"

namespace tessera::models {

/// The groups of one decoder layer, by TT-Transformers' names.
struct DecoderPrecision {
  DataType ff1_ff3 = DataType::BFLOAT8_B;  // gate and up
  DataType ff2 = DataType::BFLOAT8_B;      // down
  DataType wqkv = DataType::BFLOAT8_B;
  DataType wo = DataType::BFLOAT8_B;
  LayerFidelity fidelity = standard_fidelity();  // of the exact engine
};

/// Without a name: what "accuracy" is.
struct Precision {
  std::string name;  // a preset's, or the file's
  DecoderPrecision decoder;
  std::map<int, DecoderPrecision> overrides;  // by layer
  DataType kv_cache = DataType::BFLOAT16;
  DataType activation = DataType::FLOAT32;
  DataType lm_head = DataType::BFLOAT8_B;
  DataType embedding = DataType::BFLOAT16;
  DataType norm = DataType::BFLOAT16;
  nn::Fidelity lm_head_fidelity = parse_fidelity("HIFI2_FP16", "preset");
  nn::Fidelity norm_fidelity = norm_standard();

  const DecoderPrecision& layer(int i) const;
  /// Throws UserError when an override is of a layer that a model of `layers` layers does not have.
  void check_layers(int layers) const;
  /// A short text that differs wherever two precisions would pack a weight differently.
  std::string fingerprint() const;
};

/// "accuracy" (bfloat8_b weights), "performance" (bfloat4_b gate and up), "bfp4" (bfloat4_b weights), "bf16",
/// "fp32", or the path of a JSON file:
/// {"decoders": {"31": {"precision_cfg": {"FF1_FF3": "BFP8", ...}}}} over the accuracy preset, or that which
/// "base" names; KV_CACHE and ACTIVATION must be the same wherever they are given; fidelity_cfg
/// ({"LI_FF1_FF3": "HIFI2_FP16"}) has an effect on the exact engine only. Throws UserError that lists the
/// presets or names the bad key.
Precision parse_precision(std::string_view name_or_file);

/// The text of such a file; `name` is for the errors.
Precision parse_precision_json(std::string_view text, const std::string& name);

}  // namespace tessera::models
