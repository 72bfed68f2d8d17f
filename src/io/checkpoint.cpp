#include "io/checkpoint.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "io/byte_reader.hpp"
#include "io/gguf_checkpoint.hpp"
#include "io/hf_checkpoint.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace fs = std::filesystem;

std::unique_ptr<Checkpoint> Checkpoint::open(const fs::path& path, FamilyFormats formats) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    fail_user("no model at {}: no such file or folder: check the path", path.string());
  if (fs::is_directory(path, ignored)) return open_hf_checkpoint(path, formats);
  return open_gguf_checkpoint(path, formats);
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

void Checkpoint::add_tensor(CheckpointTensor tensor, std::string_view file) {
  if (!index_.emplace(tensor.name, tensors_.size()).second) {
    fail_user("{} is damaged: tensor '{}' stands twice: get the file again", file, printable(tensor.name));
  }
  tensors_.push_back(std::move(tensor));
}

void Checkpoint::read_rows(std::string_view name, std::int64_t first, std::span<float> out) const {
  rows_of(name, first, out.size());
  const CheckpointTensor& tensor = *find(name);
  std::size_t values = 1;
  for (const std::int64_t size : tensor.shape) values *= static_cast<std::size_t>(size);
  std::vector<float> whole(values);
  read(name, whole);
  const auto begin = first * static_cast<std::int64_t>(values) / tensor.shape.at(0);
  std::copy_n(whole.begin() + begin, out.size(), out.begin());
}

Checkpoint::RowRange Checkpoint::rows_of(std::string_view name, std::int64_t first,
                                         std::size_t values) const {
  const CheckpointTensor* tensor = find(name);
  std::size_t row = 1;
  const auto dims = tensor == nullptr ? std::vector<std::int64_t>{} : tensor->shape;
  for (std::size_t i = 1; i < dims.size(); ++i) row *= static_cast<std::size_t>(dims[i]);
  const std::int64_t rows = dims.empty() ? 0 : dims[0];
  const std::size_t wanted = row == 0 ? 0 : values / row;
  if (first < 0 || rows == 0 || row == 0 || wanted * row != values ||
      first + static_cast<std::int64_t>(wanted) > rows) {
    fail_user(
        "tensor '{}' has {} rows: {} values from row {} were asked for: the configuration does not fit the "
        "weights",
        printable(name), rows, values, first);
  }
  const std::size_t row_bytes = tensor->bytes / static_cast<std::size_t>(rows);
  return {static_cast<std::size_t>(tensor - tensors_.data()), static_cast<std::size_t>(first) * row_bytes,
          wanted * row_bytes};
}

std::size_t Checkpoint::index_of(std::string_view name, std::size_t values) const {
  const auto it = index_.find(std::string(name));
  if (it == index_.end()) {
    fail_user(
        "the checkpoint has no tensor '{}': {} tensors: it is incomplete or of another architecture than {}",
        printable(name), tensors_.size(), printable(config_.architecture));
  }
  std::size_t has = 1;
  for (const std::int64_t size : tensors_[it->second].shape) has *= static_cast<std::size_t>(size);
  if (has != values) {
    fail_user(
        "tensor '{}' has shape [{}]: {} values were asked for: the configuration does not fit the weights",
        printable(name), fmt::join(tensors_[it->second].shape, ", "), values);
  }
  return it->second;
}

}  // namespace tessera::io
