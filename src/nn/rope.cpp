#include "nn/rope.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "nn/rope_frequencies.hpp"
#include "ops/concat/concat.hpp"
#include "ops/embedding/embedding.hpp"
#include "ops/reshape/reshape.hpp"
#include "ops/rotary_embedding/rotary_embedding.hpp"
#include "ops/slice/slice.hpp"

namespace tessera::nn {
Rope::Rope(Device& device, const io::ModelConfig& config, const io::RopeParameters& parameters, int max_seq)
    : form_(config.rope_form) {
  check_rope(config);
  const MemoryScope scope(MemoryKind::Tables);
  const TensorSpec spec{Shape{max_seq, config.rotary_dim()}, DataType::FLOAT32, Layout::ROW_MAJOR};
  if (device.engine() == Engine::Meta) {
    cos_ = allocate_tensor_on_device(device, spec).set_constant();
    sin_ = allocate_tensor_on_device(device, spec).set_constant();
    return;
  }
  const RopeFrequencies frequencies = rope_frequencies(config, parameters, max_seq);
  const auto dim = static_cast<std::size_t>(config.rotary_dim());
  const double factor = static_cast<double>(frequencies.attention_factor);
  std::vector<float> cos(static_cast<std::size_t>(max_seq) * dim), sin(cos.size());
  for (std::size_t p = 0; p < static_cast<std::size_t>(max_seq); ++p) {
    for (std::size_t i = 0; i < dim / 2; ++i) {
      const float angle = static_cast<float>(p) * frequencies.inverse[i];
      const bool pairs = form_ == io::RopeForm::Pairs;
      const std::size_t first = p * dim + (pairs ? 2 * i : i);
      const std::size_t second = p * dim + (pairs ? 2 * i + 1 : i + dim / 2);
      cos[first] = cos[second] = static_cast<float>(factor * std::cos(static_cast<double>(angle)));
      sin[first] = sin[second] = static_cast<float>(factor * std::sin(static_cast<double>(angle)));
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

Tensor Rope::rotate(const Tensor& x, const RopeRows& rows, bool decode) const {
  if (form_ == io::RopeForm::Pairs)
    return experimental::rotary_embedding_llama(x, rows.cos, rows.sin, decode);
  return experimental::rotary_embedding(x, rows.cos, rows.sin, decode);
}

Tensor Rope::apply(const Tensor& x, const RopeRows& rows, bool decode) const {
  const Shape& shape = x.logical_shape();
  const std::int64_t dim = cos_.logical_shape()[-1];
  if (shape[3] == dim) return rotate(x, rows, decode);
  const std::array<std::int64_t, 4> begin{0, 0, 0, 0}, middle{0, 0, 0, dim};
  const std::array<std::int64_t, 4> rotated_end{shape[0], shape[1], shape[2], dim};
  const std::array<Tensor, 2> parts{rotate(slice(x, begin, rotated_end), rows, decode),
                                    slice(x, middle, shape.dims())};
  return concat(parts, -1);
}

}  // namespace tessera::nn
