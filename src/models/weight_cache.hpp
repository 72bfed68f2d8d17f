#pragma once
// Weights packed for the fast engine, kept on disk so that the next start maps them instead of reading and
// packing the checkpoint again. One file a (checkpoint contents, precision, packing version).
//
// File: 8 bytes magic "TESSERAW", u64 length of a JSON index, the index, then blobs at multiples of 64 bytes.
// The index maps each key to {offset, bytes, spec}. Written beside nothing: complete and renamed into place,
// or absent.
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/weight_source.hpp"
#include "util/file.hpp"

namespace tessera::models {

/// Where the packed weights of this checkpoint and precision live (the XDG cache, or $TESSERA_WEIGHT_CACHE).
/// Each rank of a tensor-parallel group has a file of its own, for each way of sharing a model.
std::filesystem::path weight_cache_path(const io::Checkpoint& checkpoint, const Precision& precision,
                                        const comm::Group* group = nullptr, const nn::TensorPlan& plan = {});

/// Packs every requested weight into a new file, one at a time (peak memory: one weight), with a progress
/// bar. Throws SystemError when it cannot be written, UserError for weights that do not fit.
void write_weight_cache(const std::filesystem::path& path, Device& device, const io::Checkpoint& checkpoint,
                        const std::vector<nn::WeightRequest>& requests);

/// Maps a cache file and hands out tensors over it.
class MappedSource final : public nn::WeightSource {
 public:
  /// nullptr when the file is absent, of another version, or damaged (it is then packed anew).
  static std::unique_ptr<MappedSource> open(Device& device, const std::filesystem::path& path);

  Device& device() const override { return device_; }
  /// Throws UserError when the file lacks the key.
  Tensor load(const nn::WeightRequest& request) override;
  /// True when every request is in the file with the same shape.
  bool holds(const std::vector<nn::WeightRequest>& requests) const;

 private:
  struct Entry {
    std::size_t offset = 0, bytes = 0;
    std::string spec;
  };
  MappedSource(Device& device, std::shared_ptr<const MappedFile> file, std::map<std::string, Entry> entries)
      : device_(device), file_(std::move(file)), entries_(std::move(entries)) {}

  Device& device_;
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Entry> entries_;
};

}  // namespace tessera::models
