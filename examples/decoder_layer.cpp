// The guide's decoder layer in C++, with its residuals and norms spelt out: random weights, decode steps of
// 32 users, on the fast engine in bfloat8_b, against the model's own layer on the reference in float32. Exit
// status 0 when it passes.
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "metrics/compare.hpp"
#include "nn/decoder_layer.hpp"
#include "ops/eltwise/eltwise.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "util/rng.hpp"

namespace {

using namespace tessera;

constexpr int kUsers = 32, kHidden = 256, kHeads = 8, kKvHeads = 2, kHeadDim = 32, kInner = 512;
constexpr int kSteps = 8;  // the last one attends to eight positions
constexpr double kPcc = 0.998;

// Epsilon is the configuration's: the op's default is another value, and a row that is a few per cent too
// large hardly moves a PCC.
Tensor decoder_layer(const Tensor& x, const nn::DecoderLayer& parameters, const nn::Step& step) {
  const auto norm = [](const Tensor& t, const nn::Norm& p) { return rms_norm(t, p.epsilon, p.weight); };
  Tensor residual = x;
  Tensor hidden_states = norm(x, *parameters.attention_norm);
  hidden_states = parameters.self_attn.forward(hidden_states, step);
  hidden_states = add(residual, hidden_states);

  residual = hidden_states;
  hidden_states = norm(hidden_states, *parameters.mlp_norm);
  hidden_states = parameters.mlp.forward(hidden_states);
  return add(residual, hidden_states);
}

std::vector<float> random_values(Rng& rng, std::int64_t n, double scale) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = rng.normal() * static_cast<float>(scale);
  return values;
}

nn::Linear random_linear(Device& device, Rng& rng, const std::string& name, int in, int out, DataType dtype) {
  const auto values = random_values(rng, std::int64_t{in} * out, 1 / std::sqrt(in));
  return {name, to_device(device, values, {Shape{in, out}, dtype, Layout::TILE}, DRAM_WIDTH_SHARDED), {}};
}

nn::Norm ones(Device& device, const std::string& name) {
  const std::vector<float> values(kHidden, 1.0f);
  return {name, to_device(device, values, {Shape{kHidden}, DataType::BFLOAT16, Layout::ROW_MAJOR}), 1e-5f};
}

using Layer = std::function<Tensor(const Tensor&, const nn::DecoderLayer&, const nn::Step&)>;

std::vector<float> run(Engine engine, DataType weights, const Layer& forward) {
  Rng rng(0);  // the same values on both engines
  const auto device = Device::open("n150", engine);
  nn::DecoderLayer layer;
  layer.attention_norm = ones(*device, "input_layernorm");
  layer.self_attn = {
      0, kHeads, kKvHeads,
      random_linear(*device, rng, "qkv_proj", kHidden, (kHeads + 2 * kKvHeads) * kHeadDim, weights),
      random_linear(*device, rng, "o_proj", kHeads * kHeadDim, kHidden, weights)};
  layer.mlp_norm = ones(*device, "post_attention_layernorm");
  layer.mlp.gate_proj = random_linear(*device, rng, "gate_proj", kHidden, kInner, weights);
  layer.mlp.up_proj = random_linear(*device, rng, "up_proj", kHidden, kInner, weights);
  layer.mlp.down_proj = random_linear(*device, rng, "down_proj", kInner, kHidden, weights);

  io::ModelConfig config;
  config.head_dim = kHeadDim;
  const nn::Rope rope(*device, config, 32);
  nn::KvCache cache(
      *device, {.layers = 1, .kv_heads = kKvHeads, .head_dim = kHeadDim, .max_users = kUsers, .max_seq = 32});
  for (int user = 0; user < kUsers; ++user) cache.reserve(user, kSteps);

  Tensor output;
  for (int position = 0; position < kSteps; ++position) {
    const std::vector<std::int32_t> at(kUsers, position);
    nn::Step step;
    step.cache = &cache;
    step.rope = &rope;
    step.positions = to_device(*device, std::span(at), {Shape{kUsers}, DataType::INT32, Layout::ROW_MAJOR});
    step.rows = rope.gather(step.positions);
    const auto x = random_values(rng, kUsers * kHidden, 1);
    output = forward(to_device(*device, x, {Shape{1, 1, kUsers, kHidden}, DataType::BFLOAT16, Layout::TILE}),
                     layer, step);
  }
  return output.to_vector();
}

}  // namespace

int main() {
  const Layer model_layer = [](const Tensor& x, const nn::DecoderLayer& layer, const nn::Step& step) {
    return layer.forward(x, step);
  };
  const auto result = metrics::compare(run(Engine::Ref, DataType::FLOAT32, model_layer),
                                       run(Engine::Fast, DataType::BFLOAT8_B, decoder_layer));
  std::printf("decoder_layer: PCC %.6f (needs %g), max abs %.4f %s\n", result.pcc, kPcc, result.max_abs,
              result.remark().c_str());
  return metrics::passes(result, kPcc) ? 0 : 1;
}
