#include "verify/advise/composed_model.hpp"

#include "models/load_model.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace {

// The preset of which all weights are of that dtype: its packed weights may be in the cache already.
const char* preset_of(DataType weights) {
  switch (weights) {
    case DataType::BFLOAT16:
      return "bf16";
    case DataType::BFLOAT8_B:
      return "accuracy";
    case DataType::BFLOAT4_B:
      return "bfp4";
    default:
      fail_user("advise: weights in {}: bfloat16, bfloat8_b or bfloat4_b expected", to_string(weights));
  }
}

}  // namespace

ComposedModel::ComposedModel(Engine engine, const io::Checkpoint& checkpoint, int positions)
    : device_(Device::open("cpu", engine)), checkpoint_(checkpoint), positions_(positions) {}

const nn::CausalLm& ComposedModel::loaded(DataType weights) {
  std::unique_ptr<nn::CausalLm>& model = loaded_[weights];
  if (!model)
    model =
        models::load_model(*device_, checkpoint_,
                           {.precision = models::parse_precision(preset_of(weights)), .max_seq = positions_});
  return *model;
}

nn::CausalLm ComposedModel::compose(const models::Precision& precision) {
  nn::CausalLm model = loaded(DataType::BFLOAT8_B);
  model.kv_dtype = precision.kv_cache;
  model.embed_tokens.activation = precision.activation;
  model.lm_head = loaded(precision.lm_head).lm_head;
  model.lm_head_fidelity = precision.lm_head_fidelity;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const models::DecoderPrecision& p = precision.layer(static_cast<int>(i));
    nn::DecoderLayer& layer = model.layers[i];
    const nn::DecoderLayer &in = loaded(p.ff1_ff3).layers[i], &out = loaded(p.ff2).layers[i];
    layer.self_attn.qkv_proj = loaded(p.wqkv).layers[i].self_attn.qkv_proj;
    layer.self_attn.o_proj = loaded(p.wo).layers[i].self_attn.o_proj;
    layer.self_attn.fidelity = p.fidelity.attention;
    const auto mix = [&](nn::Mlp& mlp, const nn::Mlp& first, const nn::Mlp& second) {
      mlp.gate_proj = first.gate_proj;
      mlp.up_proj = first.up_proj;
      mlp.down_proj = second.down_proj;
      mlp.fidelity = p.fidelity.mlp;
    };
    if (!layer.moe) {
      mix(layer.mlp, in.mlp, out.mlp);
      continue;
    }
    layer.moe->gate_proj = in.moe->gate_proj;
    layer.moe->up_proj = in.moe->up_proj;
    layer.moe->down_proj = out.moe->down_proj;
    layer.moe->fidelity = p.fidelity.mlp;
    if (layer.moe->shared_expert)
      mix(*layer.moe->shared_expert, *in.moe->shared_expert, *out.moe->shared_expert);
  }
  return model;
}

}  // namespace tessera::verify
