#pragma once
// What most decoders are made of, for the files of the families: each block asks for its weights by Hugging
// Face's names, with the splits that tensor parallelism needs, and is shaped by the configuration alone.
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/model_config.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "nn/weight_source.hpp"

namespace tessera::models {

/// The function that hidden_act names. Throws UserError for one that nn::Mlp does not have.
Activation activation_of(const io::ModelConfig& config);

/// What every decoder needs of its configuration: positive sizes, heads that divide, a known rotation.
/// Throws UserError with the key.
void check_decoder(const io::ModelConfig& config);

/// What a mixture of experts needs: positive sizes, no more experts a token than there are. Throws UserError.
void check_experts(const io::ModelConfig& config);

/// Throws UserError unless hidden_act is one of `known`.
void check_activation(const io::ModelConfig& config, std::initializer_list<std::string_view> known);

/// Throws UserError for a rotation of part of a head, which only some families have.
void check_whole_heads_rotate(const io::ModelConfig& config);

/// A whole checkpoint tensor, or `rows` rows of one that has `tensor_rows`, from row `first` on: a part of a
/// fused projection.
struct Source {
  std::string name;  // "model.layers.0.mlp.gate_up_proj", without ".weight"
  std::int64_t rows = 0;
  nn::Split split = nn::Split::Whole;
  std::int64_t first = 0, tensor_rows = 0;  // tensor_rows 0: the tensor has `rows`
  std::int64_t block = 0, stride = 0;       // as nn::WeightPart's
};

/// What a checkpoint calls the tensors outside the layers, without ".weight".
struct OuterNames {
  std::string embedding = "model.embed_tokens", norm = "model.norm", head = "lm_head";
  std::string positions = "";  // learned ones
};

/// What it calls those of a mixture of experts, in the layer's module: "gate", "experts.3.up_proj".
struct ExpertNames {
  std::string module = "mlp", gate_proj = "gate_proj", up_proj = "up_proj", down_proj = "down_proj";
};

class Builder {
 public:
  Builder(const io::ModelConfig& config, const Precision& precision, int max_seq, nn::WeightSource& weights)
      : config_(config), precision_(precision), max_seq_(max_seq), weights_(weights) {}

  const io::ModelConfig& config() const { return config_; }

  /// The model whose layer i is `layer(i)`: embedding, layers, final norm, head (or the embedding, where
  /// tied), rotary tables.
  std::unique_ptr<nn::CausalLm> model(const std::function<nn::DecoderLayer(int)>& layer,
                                      const OuterNames& names = {});

  /// Llama's layer with whatever the configuration adds to it.
  nn::DecoderLayer decoder_layer(int i);
  /// The same with a mixture of experts in the place of the MLP.
  nn::DecoderLayer expert_layer(int i, const ExpertNames& names = {});

  /// self_attn with q_proj, k_proj, v_proj and o_proj.
  nn::Attention attention(int i);
  /// The same with q, k and v in one tensor self_attn.qkv_proj, in this order.
  nn::Attention fused_attention(int i);
  /// The same with q, k and v in one tensor `qkv`, as the configuration's fused_rows say, and the output
  /// projection in `output`.
  nn::Attention fused_attention(int i, const std::string& qkv, const std::string& output);
  /// mlp with gate_proj, up_proj and down_proj.
  nn::Mlp mlp(int i);
  /// The same with gate and up in one tensor mlp.gate_up_proj.
  nn::Mlp fused_mlp(int i);

  /// mlp without a gate: the tensors `up` and `down`.
  nn::Mlp plain_mlp(int i, const std::string& up, const std::string& down);
  /// The mixture of experts of a layer, in the place of mlp.
  nn::Moe moe(int i, const ExpertNames& names = {});

  /// The norm `layers.<i>.<name>` of the residual stream, which feeds a block.
  nn::Norm layer_norm(int i, const std::string& name);
  /// The same of what a block gives, before it is added to the stream.
  nn::Norm output_norm(int i, const std::string& name);
  /// A norm over `size` channels inside a block, which every chip has whole: `name` is its own, `key` the
  /// module that it is in ("layers.0.self_attn."), `module` the same in the checkpoint.
  nn::Norm norm(const std::string& name, const std::string& key, const std::string& module,
                std::int64_t size);
  /// A norm of the residual stream that feeds a block or the head, where the checkpoint calls it `tensor`.
  nn::Norm stream_norm(const std::string& name, const std::string& key, const std::string& tensor) {
    return stream_norm(name, key, tensor, true);
  }
  /// A linear from `in` channels to all those of `sources`, one behind the other. `in_split` is Split::Hidden
  /// behind the residual stream, another split behind channels that the chips divide.
  nn::Linear linear(const std::string& name, const std::string& key, std::int64_t in, DataType dtype,
                    bool bias, const std::vector<Source>& sources, nn::Split in_split = nn::Split::Hidden);

 private:
  nn::DecoderLayer layer_around(int i);  // decoder_layer without what is between the second norm and the sum
  nn::Attention attention_of(int i, const std::vector<Source>& qkv, const std::string& output);
  nn::Mlp mlp_of(int i, const Source& gate, const Source& up);
  std::vector<float> alibi_slopes() const;
  nn::Linear router(const std::string& name, const std::string& key, const std::string& tensor,
                    std::int64_t out);
  /// A norm over the hidden size; `feeds_linear`: whole rows come out.
  nn::Norm stream_norm(const std::string& name, const std::string& key, const std::string& tensor,
                       bool feeds_linear);
  nn::Norm norm_of(const std::string& name, const std::string& key, const Source& source);
  /// Linears of a fractured stream take whole rows, which the norm before them gathers.
  void check_gathers(const nn::DecoderLayer& layer) const;
  Tensor table(const std::string& name, const std::string& tensor, std::int64_t rows);
  nn::Linear head(const std::string& module);

  const io::ModelConfig& config_;
  const Precision& precision_;
  int max_seq_;
  nn::WeightSource& weights_;
};

}  // namespace tessera::models
