// Element-wise ops on Wormhole: bfloat16 on the matrix engine (a in SrcA, b in SrcB), two float32 operands on
// the vector unit.
#include <algorithm>

#include "ops/eltwise/eltwise_op.hpp"
#include "ops/exact_activation.hpp"
#include "ops/exact_norm.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"
#include "wormhole/lane.hpp"

namespace tessera {
namespace {

using wormhole::EltwiseOp;
using wormhole::Lane;

EltwiseOp engine_op(Binary::Kind kind) {
  return kind == Binary::Kind::Add        ? EltwiseOp::Add
         : kind == Binary::Kind::Subtract ? EltwiseOp::Subtract
                                          : EltwiseOp::Multiply;
}

std::uint32_t vector_binary(Binary::Kind kind, std::uint32_t a, std::uint32_t b) {
  const Lane x(a), y(b);
  switch (kind) {
    case Binary::Kind::Add:
      return (x + y).bits;
    case Binary::Kind::Subtract:
      return (x - y).bits;
    case Binary::Kind::Multiply:
      break;
  }
  return (x * y).bits;
}

wormhole::VectorOp vector_op_of(Unary::Kind kind) {
  switch (kind) {
    case Unary::Kind::Silu:
      return wormhole::VectorOp::Silu;
    case Unary::Kind::Tanh:
      return wormhole::VectorOp::Tanh;
    case Unary::Kind::Sigmoid:
      return wormhole::VectorOp::Sigmoid;
    default:
      return wormhole::VectorOp::Gelu;
  }
}

bool all_float32(const Tensor& a, const Tensor& b) {
  return a.dtype() == DataType::FLOAT32 && b.dtype() == DataType::FLOAT32;
}

// float32 words reach the vector unit whole.
void load_words(const Tensor& tensor, std::int64_t row, bool whole, std::span<std::uint32_t> words) {
  if (whole) {
    const std::int64_t width = tensor.logical_shape()[-1];
    std::copy_n(tensor.data<const std::uint32_t>() + row * width, width, words.begin());
  } else {
    load_source_row(tensor, row, tensor.dtype() == DataType::FLOAT32, words);
  }
}

// Times a number: the vector unit's, the number in float32.
void scale_exact(const Binary& op, const Tensor& a, Tensor& out) {
  const bool wide = a.dtype() == DataType::FLOAT32;
  const wormhole::RowKernel kernel(
      row_config(kernel_config(op.options, {MathFidelity::HiFi4, false, wide, false})));
  const std::int64_t width = a.logical_shape()[-1];
  parallel_for(a.logical_shape().rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words words(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      load_words(a, row, wide, words);
      for (auto& word : words) {
        const Lane x(wormhole::sfpu_load(kernel.dest(), word));
        word = wormhole::sfpu_store(kernel.dest(), (x * *op.value).bits);
      }
      store_row(kernel.dest(), words, out, row);
    }
  });
}

}  // namespace

void Binary::run_exact(Inputs in, Outputs out) const {
  if (value) return scale_exact(*this, in[0], out[0]);
  const Tensor &a = in[0], &b = in[1];
  const bool vector = all_float32(a, b);
  const bool wide =
      a.dtype() == DataType::FLOAT32 || b.dtype() == DataType::FLOAT32 || out[0].dtype() == DataType::FLOAT32;
  const ComputeKernelConfig config = kernel_config(options, {MathFidelity::HiFi4, false, wide, false});
  const wormhole::RowKernel kernel(row_config(config));
  const Broadcast how = broadcast_of(a, b);
  const std::int64_t width = a.logical_shape()[-1];
  const std::int64_t b_rows = how == Broadcast::None ? b.logical_shape().rows() : 1;
  parallel_for(a.logical_shape().rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words x(static_cast<std::size_t>(width)), y(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      load_words(a, row, vector, x);
      load_words(b, row % b_rows, vector, y);
      if (how == Broadcast::Value) std::ranges::fill(y, y[0]);
      // The activation is a pass of its own, packed to a buffer.
      if (activation != Activation::None) {
        for (auto& word : x) word = activated(kernel, activation, word);
        if (!vector) kernel.pass(x);
      }
      if (vector) {
        for (std::size_t i = 0; i < x.size(); ++i)
          x[i] = wormhole::sfpu_store(kernel.dest(), vector_binary(kind, x[i], y[i]));
      } else {
        kernel.binary(engine_op(kind), x, y, x);
      }
      store_row(kernel.dest(), x, out[0], row);
    }
  });
}

void Unary::run_exact(Inputs in, Outputs out) const {
  const bool wide = in[0].dtype() == DataType::FLOAT32;
  const ComputeKernelConfig config = kernel_config(options, {MathFidelity::HiFi4, false, wide, false});
  const wormhole::RowKernel kernel(row_config(config));
  const std::int64_t width = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words words(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      load_words(in[0], row, wide, words);
      for (auto& word : words) {
        word = kind == Kind::GeluTanh ? activated(kernel, Activation::GeluTanh, word)
                                      : kernel.vector(vector_op_of(kind), word);
      }
      store_row(kernel.dest(), words, out[0], row);
    }
  });
}

}  // namespace tessera
