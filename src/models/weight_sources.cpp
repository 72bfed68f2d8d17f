#include "models/weight_sources.hpp"

#include <algorithm>
#include <span>

#include "util/error.hpp"
#include "util/interrupt.hpp"
#include "util/parallel.hpp"

namespace tessera::models {
namespace {

// In blocks of 32 x 32, so that both sides stay in cache.
void transpose(std::span<const float> in, std::int64_t rows, std::int64_t cols, std::span<float> out) {
  parallel_for((rows + 31) / 32, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r0 = begin * 32; r0 < std::min(rows, end * 32); r0 += 32) {
      for (std::int64_t c0 = 0; c0 < cols; c0 += 32) {
        for (std::int64_t c = c0; c < std::min(cols, c0 + 32); ++c) {
          for (std::int64_t r = r0; r < std::min(rows, r0 + 32); ++r) {
            out[static_cast<std::size_t>(c * rows + r)] = in[static_cast<std::size_t>(r * cols + c)];
          }
        }
      }
    }
  });
}

void check_part(const io::Checkpoint& checkpoint, const nn::WeightRequest& request,
                const nn::WeightPart& part) {
  const io::CheckpointTensor* tensor = checkpoint.find(part.name);
  check(tensor != nullptr,
        "checkpoint: tensor {} is missing: the file is incomplete or of another architecture", part.name);
  std::vector<std::int64_t> expected{part.tensor_rows > 0 ? part.tensor_rows : part.rows};
  if (request.kind != nn::WeightRequest::Kind::Vector) expected.push_back(request.cols);
  if (request.turned) std::ranges::reverse(expected);
  // llama.cpp's converter drops the dimension of a matrix with one row.
  const bool row = expected.size() == 2 && expected[0] == 1 && tensor->shape == std::vector{expected[1]};
  check(tensor->shape == expected || row,
        "checkpoint: tensor {} is {}, the configuration says {}: they do not belong together", part.name,
        to_string(Shape(tensor->shape)), to_string(Shape(expected)));
}

// Columns of whole rows; `out` is zero.
void take_columns(std::span<const float> rows, const nn::WeightRequest& request, std::span<float> out) {
  const auto width = static_cast<std::size_t>(request.result_cols());
  const auto cols = static_cast<std::size_t>(request.cols);
  for (std::size_t r = 0; r * cols < rows.size(); ++r) {
    std::size_t at = r * width;
    for (const nn::Range& range : request.col_ranges) {
      const auto n = static_cast<std::size_t>(range.count);
      if (!range.is_zeros())
        std::ranges::copy(rows.subspan(r * cols + static_cast<std::size_t>(range.first), n),
                          out.begin() + static_cast<std::ptrdiff_t>(at));
      at += n;
    }
  }
}

// Rows of a part, from its row `first` on, with all their columns.
void read_part_rows(const io::Checkpoint& checkpoint, const nn::WeightRequest& request,
                    const nn::WeightPart& part, std::int64_t first, std::span<float> out) {
  const std::int64_t cols = request.cols, count = static_cast<std::int64_t>(out.size()) / cols;
  if (request.turned) {
    const std::int64_t tensor_rows = part.tensor_rows > 0 ? part.tensor_rows : part.rows;
    std::vector<float> whole(static_cast<std::size_t>(tensor_rows * cols));
    checkpoint.read(part.name, whole);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = part.tensor_row(first + i);
      for (std::int64_t c = 0; c < cols; ++c)
        out[static_cast<std::size_t>(i * cols + c)] = whole[static_cast<std::size_t>(c * tensor_rows + row)];
    }
    return;
  }
  for (std::int64_t i = 0, n = 0; i < count; i += n) {
    n = part.block == 0 ? count : std::min(count - i, part.block - (first + i) % part.block);
    checkpoint.read_rows(part.name, part.tensor_row(first + i),
                         out.subspan(static_cast<std::size_t>(i * cols), static_cast<std::size_t>(n * cols)));
  }
}

// The rows and columns that a request takes of a part; `out` is zero.
void read_part(const io::Checkpoint& checkpoint, const nn::WeightRequest& request, const nn::WeightPart& part,
               std::span<float> out) {
  const std::vector<nn::Range> whole{{0, part.rows}};
  const auto width = static_cast<std::size_t>(request.result_cols());
  std::vector<float> rows;
  std::size_t at = 0;
  for (const nn::Range& range : part.ranges.empty() ? whole : part.ranges) {
    const auto target = out.subspan(at, static_cast<std::size_t>(range.count) * width);
    at += target.size();
    if (range.is_zeros()) continue;
    if (request.col_ranges.empty()) {
      read_part_rows(checkpoint, request, part, range.first, target);
    } else {
      rows.resize(static_cast<std::size_t>(range.count * request.cols));
      read_part_rows(checkpoint, request, part, range.first, rows);
      take_columns(rows, request, target);
    }
  }
}

}  // namespace

void check_weight(const io::Checkpoint& checkpoint, const nn::WeightRequest& request) {
  for (const nn::WeightPart& part : request.parts) check_part(checkpoint, request, part);
}

std::vector<float> read_weight(const io::Checkpoint& checkpoint, const nn::WeightRequest& request) {
  check_interrupt();
  check_weight(checkpoint,
               request);  // before memory is asked for: a damaged configuration may want any amount
  const std::int64_t rows = request.result_rows(), cols = request.result_cols();
  std::vector<float> values(static_cast<std::size_t>(rows * cols));
  std::size_t at = 0;
  for (const nn::WeightPart& part : request.parts) {
    const auto n = static_cast<std::size_t>(nn::taken(part.ranges, part.rows) * cols);
    read_part(checkpoint, request, part, std::span(values).subspan(at, n));
    at += n;
  }
  if (request.offset != 0.0f) {
    for (float& value : values) value += request.offset;
  }
  if (request.kind != nn::WeightRequest::Kind::Matrix) return values;
  std::vector<float> transposed(values.size());
  transpose(values, rows, cols, transposed);
  return transposed;
}

Tensor DirectSource::load(const nn::WeightRequest& request) {
  const std::vector<float> values = read_weight(checkpoint_, request);
  return to_device(device_, std::span<const float>(values), request.spec(), request.memory_config())
      .set_constant();
}

Tensor MetaSource::load(const nn::WeightRequest& request) {
  return allocate_tensor_on_device(device_, request.spec(), request.memory_config()).set_constant();
}

Tensor RecordingSource::load(const nn::WeightRequest& request) {
  requests_.push_back(request);
  return meta_.load(request);
}

}  // namespace tessera::models
