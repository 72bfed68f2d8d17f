#include "device/form.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "device/block_strips.hpp"
#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

struct Matrix {
  std::int64_t count, k, n, strips;
};

Matrix matrix(const Shape& shape) {
  const std::int64_t k = shape.rank() >= 2 ? shape[-2] : 1;
  const std::int64_t n = shape.rank() >= 1 ? shape[-1] : 1;
  const std::int64_t count = k * n == 0 ? 0 : shape.volume() / (k * n);
  return {count, k, n, (n + kStrip - 1) / kStrip};
}

DataType block_dtype(Form form) {
  return form == Form::StripsBfp8 ? DataType::BFLOAT8_B : DataType::BFLOAT4_B;
}

std::int64_t strip_bytes(Form form, std::int64_t k) {
  switch (form) {
    case Form::StripsF32:
      return k * kStrip * 4;
    case Form::StripsBf16:
      return k * kStrip * 2;
    case Form::StripsBfp8:
    case Form::StripsBfp4:
      return BlockStrip(block_dtype(form), k).bytes;
    default:
      return 0;
  }
}

void encode_strip(Form form, std::int64_t k, std::byte* strip, auto&& row_values) {
  if (form == Form::StripsBfp8 || form == Form::StripsBfp4) {
    const BlockStrip layout(block_dtype(form), k);
    std::memset(strip + layout.bases, 0, static_cast<std::size_t>(layout.bytes - layout.bases));
    std::array<float, kBlockRows * kStrip> values;
    for (std::int64_t block = 0; block < layout.blocks; ++block) {
      for (std::int64_t i = 0; i < kBlockRows; ++i) {
        const std::span<float, kStrip> row(values.data() + i * kStrip, kStrip);
        if (block * kBlockRows + i < k) {
          row_values(block * kBlockRows + i, row);
        } else {
          std::ranges::fill(row, 0.0f);
        }
      }
      encode_block(block_dtype(form), layout, block, values, strip);
    }
    return;
  }
  std::array<float, kStrip> values;
  for (std::int64_t i = 0; i < k; ++i) {
    row_values(i, std::span<float, kStrip>(values));
    if (form == Form::StripsF32) {
      std::memcpy(strip + i * kStrip * 4, values.data(), sizeof values);
    } else {
      std::ranges::transform(values, reinterpret_cast<bf16*>(strip) + i * kStrip, float_to_bf16);
    }
  }
}

void decode_strip_row(Form form, std::int64_t k, std::int64_t i, const std::byte* strip,
                      std::span<float, kStrip> values) {
  if (form == Form::StripsF32) {
    std::memcpy(values.data(), strip + i * kStrip * 4, kStrip * 4);
  } else if (form == Form::StripsBf16) {
    const auto* in = reinterpret_cast<const bf16*>(strip) + i * kStrip;
    std::transform(in, in + kStrip, values.begin(), bf16_to_float);
  } else {
    decode_block_row(block_dtype(form), BlockStrip(block_dtype(form), k), strip, i, values);
  }
}

}  // namespace

std::int64_t bfp8_row_bytes(std::int64_t cols) {
  const std::int64_t groups = (cols + 15) / 16;
  return groups * 17;
}

void encode_bfp8_row(std::span<const float> values, std::byte* row) {
  const std::size_t groups = (values.size() + 15) / 16;
  std::byte* codes = row + groups;
  for (std::size_t g = 0; g < groups; ++g) {
    std::array<bf16, 16> half{};
    for (std::size_t i = 0; i < 16 && g * 16 + i < values.size(); ++i)
      half[i] = float_to_bf16(values[g * 16 + i]);
    const BlockGroup group = pack_group_device(DataType::BFLOAT8_B, half);
    row[g] = std::byte{group.exponent};
    std::memcpy(codes + g * 16, group.codes.data(), 16);
  }
}

void decode_bfp8_row(const std::byte* row, std::span<float> values) {
  const std::size_t groups = (values.size() + 15) / 16;
  const std::byte* codes = row + groups;
  for (std::size_t g = 0; g < groups; ++g) {
    BlockGroup group{std::to_integer<std::uint8_t>(row[g]), {}};
    std::memcpy(group.codes.data(), codes + g * 16, 16);
    std::array<float, 16> out;
    unpack_group(DataType::BFLOAT8_B, group, out);
    std::copy_n(out.begin(), std::min<std::size_t>(16, values.size() - g * 16),
                values.begin() + static_cast<std::ptrdiff_t>(g * 16));
  }
}

std::int64_t form_bytes(Form form, const Shape& shape) {
  switch (form) {
    case Form::None:
      return 0;
    case Form::RowsF32:
    case Form::RowsInt32:
      return shape.volume() * 4;
    case Form::RowsBf16:
      return shape.volume() * 2;
    case Form::RowsBfp8:
      return shape.rows() * bfp8_row_bytes(shape[-1]);
    default: {
      const Matrix m = matrix(shape);
      return m.count * m.strips * strip_bytes(form, m.k);
    }
  }
}

void encode(Form form, const Shape& shape, std::span<const float> values, std::span<std::byte> bytes) {
  switch (form) {
    case Form::None:
      return;
    case Form::RowsF32:
      if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size_bytes());
      return;
    case Form::RowsInt32: {
      auto* out = reinterpret_cast<std::int32_t*>(bytes.data());
      std::ranges::transform(values, out, [](float v) { return integer_bits(DataType::INT32, v); });
      return;
    }
    case Form::RowsBf16: {
      auto* out = reinterpret_cast<bf16*>(bytes.data());
      parallel_for(static_cast<std::int64_t>(values.size()), 1 << 16,
                   [&](std::int64_t begin, std::int64_t end) {
                     std::transform(values.begin() + begin, values.begin() + end, out + begin, float_to_bf16);
                   });
      return;
    }
    case Form::RowsBfp8: {
      const auto cols = static_cast<std::size_t>(shape[-1]);
      const auto size = static_cast<std::size_t>(bfp8_row_bytes(shape[-1]));
      parallel_for(shape.rows(), 64, [&](std::int64_t begin, std::int64_t end) {
        for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
          encode_bfp8_row(values.subspan(r * cols, cols), bytes.data() + r * size);
        }
      });
      return;
    }
    default:
      break;
  }
  const Matrix m = matrix(shape);
  const std::int64_t size = strip_bytes(form, m.k);
  parallel_for(m.count * m.strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = s % m.strips * kStrip;
      const std::int64_t n = std::min(kStrip, m.n - first);
      const float* base = values.data() + s / m.strips * m.k * m.n + first;
      encode_strip(form, m.k, bytes.data() + s * size, [&](std::int64_t row, std::span<float, kStrip> out) {
        std::ranges::fill(out, 0.0f);
        std::copy_n(base + row * m.n, n, out.begin());
      });
    }
  });
}

void decode(Form form, const Shape& shape, std::span<const std::byte> bytes, std::span<float> values) {
  switch (form) {
    case Form::None:
      fail_user("a tensor of the meta engine has no values: use another engine");
    case Form::RowsF32:
      if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size_bytes());
      return;
    case Form::RowsInt32: {
      const auto* in = reinterpret_cast<const std::int32_t*>(bytes.data());
      std::transform(in, in + values.size(), values.begin(),
                     [](std::int32_t v) { return static_cast<float>(v); });
      return;
    }
    case Form::RowsBf16: {
      const auto* in = reinterpret_cast<const bf16*>(bytes.data());
      std::transform(in, in + values.size(), values.begin(), bf16_to_float);
      return;
    }
    case Form::RowsBfp8: {
      const auto cols = static_cast<std::size_t>(shape[-1]);
      const auto size = static_cast<std::size_t>(bfp8_row_bytes(shape[-1]));
      for (std::size_t r = 0; r < static_cast<std::size_t>(shape.rows()); ++r) {
        decode_bfp8_row(bytes.data() + r * size, values.subspan(r * cols, cols));
      }
      return;
    }
    default:
      break;
  }
  const Matrix m = matrix(shape);
  const std::int64_t size = strip_bytes(form, m.k);
  parallel_for(m.count * m.strips, 1, [&](std::int64_t begin, std::int64_t end) {
    std::array<float, kStrip> row_values;
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = s % m.strips * kStrip;
      for (std::int64_t row = 0; row < m.k; ++row) {
        decode_strip_row(form, m.k, row, bytes.data() + s * size, row_values);
        std::copy_n(row_values.begin(), std::min(kStrip, m.n - first),
                    values.begin() + s / m.strips * m.k * m.n + row * m.n + first);
      }
    }
  });
}

}  // namespace tessera
