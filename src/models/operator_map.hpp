#pragma once
// Which ops a model runs, taken from dispatch on the meta engine.
#include <string>
#include <vector>

#include "nn/causal_lm.hpp"

namespace tessera::models {

struct OperatorCall {
  std::string path;                // "layers.0.self_attn"
  std::string op;                  // "linear"
  std::string ttnn;                // "ttnn.linear"
  std::string attributes;          // may be empty
  std::vector<TensorSpec> inputs;  // those that are there; optional ones may be left out
  std::vector<TensorSpec> outputs;
};

struct OperatorMap {
  std::vector<OperatorCall> decode;   // one step of `users` users
  std::vector<OperatorCall> prefill;  // one prompt of `prompt` tokens
};

/// The calls of one decode step and one prefill (with the logits of its last token) of a meta model, in
/// order. Throws UserError as the ops do for shapes that they refuse.
OperatorMap map_operators(const nn::CausalLm& meta_model, int users, int prompt);

}  // namespace tessera::models
