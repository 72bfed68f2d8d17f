#include "nn/rope.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "ops/embedding/embedding.hpp"
#include "ops/reshape/reshape.hpp"
#include "ops/rotary_embedding/rotary_embedding.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::nn {
namespace {

// Llama 3's scaling (transformers, modeling_rope_utils.py): long wavelengths are divided by `factor`, short
// ones stay, those between are blended.
float llama3_frequency(float frequency, const io::RopeScaling& s) {
  const float original = static_cast<float>(s.original_max_position_embeddings);
  const float wavelength = 2.0f * std::numbers::pi_v<float> / frequency;
  if (wavelength < original / s.high_freq_factor) return frequency;
  if (wavelength > original / s.low_freq_factor) return frequency / s.factor;
  const float smooth = (original / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - smooth) * frequency / s.factor + smooth * frequency;
}

std::vector<float> frequencies(const io::ModelConfig& config, const io::RopeParameters& parameters) {
  const io::RopeScaling& scaling = parameters.scaling;
  std::vector<float> result;
  for (int i = 0; i < config.head_dim / 2; ++i) {
    const float power = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    float frequency = 1.0f / std::pow(parameters.theta, power);
    if (!scaling.frequency_divisors.empty()) {
      frequency /= scaling.frequency_divisors[static_cast<std::size_t>(i)];
    } else if (scaling.type == "linear") {
      frequency /= scaling.factor;
    } else if (scaling.type == "llama3") {
      frequency = llama3_frequency(frequency, scaling);
    }
    result.push_back(frequency);
  }
  return result;
}

void check_parameters(const io::ModelConfig& config, const io::RopeParameters& parameters) {
  const io::RopeScaling& scaling = parameters.scaling;
  const std::string& type = scaling.type;
  check(type == "none" || type == "default" || type == "linear" || type == "llama3",
        "config: rope_scaling.rope_type \"{}\": linear and llama3 are supported", type);
  check(config.rotary_dim() == config.head_dim, "config: partial_rotary_factor {}: 1 is supported",
        config.partial_rotary_factor);
  check(scaling.frequency_divisors.empty() ||
            scaling.frequency_divisors.size() == static_cast<std::size_t>(config.head_dim / 2),
        "config: {} rope frequencies for a head of {}: {} expected", scaling.frequency_divisors.size(),
        config.head_dim, config.head_dim / 2);
}

}  // namespace

void check_rope(const io::ModelConfig& config) {
  check_parameters(config, {config.rope_theta, config.rope_scaling});
  if (config.sliding_rope) check_parameters(config, *config.sliding_rope);
}

Rope::Rope(Device& device, const io::ModelConfig& config, const io::RopeParameters& parameters, int max_seq)
    : form_(config.rope_form) {
  check_parameters(config, parameters);
  const MemoryScope scope(MemoryKind::Tables);
  const TensorSpec spec{Shape{max_seq, config.head_dim}, DataType::FLOAT32, Layout::ROW_MAJOR};
  if (device.engine() == Engine::Meta) {
    cos_ = allocate_tensor_on_device(device, spec).set_constant();
    sin_ = allocate_tensor_on_device(device, spec).set_constant();
    return;
  }
  const std::vector<float> inv = frequencies(config, parameters);
  const auto dim = static_cast<std::size_t>(config.head_dim);
  std::vector<float> cos(static_cast<std::size_t>(max_seq) * dim), sin(cos.size());
  for (std::size_t p = 0; p < static_cast<std::size_t>(max_seq); ++p) {
    for (std::size_t i = 0; i < dim / 2; ++i) {
      const float angle = static_cast<float>(p) * inv[i];
      const bool pairs = form_ == io::RopeForm::Pairs;
      const std::size_t first = p * dim + (pairs ? 2 * i : i);
      const std::size_t second = p * dim + (pairs ? 2 * i + 1 : i + dim / 2);
      cos[first] = cos[second] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sin[first] = sin[second] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  cos_ = to_device(device, std::span<const float>(cos), spec).set_constant();
  sin_ = to_device(device, std::span<const float>(sin), spec).set_constant();
}

RopeRows Rope::gather(const Tensor& positions) const {
  constexpr std::int32_t kIdle = -1;
  const Shape shape{1, positions.logical_shape().volume(), 1, cos_.logical_shape()[-1]};
  return {reshape(embedding(positions, cos_, {}, kIdle), shape),
          reshape(embedding(positions, sin_, {}, kIdle), shape)};
}

RopeRows Rope::range(std::int64_t first, std::int64_t count) const {
  const std::int64_t dim = cos_.logical_shape()[-1];
  const std::array<std::int64_t, 2> begin{first, 0}, end{first + count, dim};
  const Shape shape{1, 1, count, dim};
  return {reshape(slice(cos_, begin, end), shape), reshape(slice(sin_, begin, end), shape)};
}

Tensor Rope::apply(const Tensor& x, const RopeRows& rows, bool decode) const {
  if (form_ == io::RopeForm::Pairs)
    return experimental::rotary_embedding_llama(x, rows.cos, rows.sin, decode);
  return experimental::rotary_embedding(x, rows.cos, rows.sin, decode);
}

}  // namespace tessera::nn
