#include "models/load_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "io/lora_checkpoint.hpp"
#include "models/registry.hpp"
#include "models/weight_cache.hpp"
#include "models/weight_sources.hpp"
#include "nn/tensor_parallel.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

// A card's hidden states are bfloat16, unless the whole model is float32.
Precision on_engine(Engine engine, Precision precision) {
  if (engine == Engine::Exact && precision.name != "fp32") precision.activation = DataType::BFLOAT16;
  return precision;
}

int sequence_limit(const io::ModelConfig& config, const LoadOptions& options) {
  const int limit = config.max_position_embeddings > 0 ? config.max_position_embeddings : 2048;
  // NTK scaling stretches to whatever length is asked for.
  if (options.max_seq > 0 && config.rope_scaling.type == "dynamic") return options.max_seq;
  return options.max_seq > 0 ? std::min(options.max_seq, limit) : limit;
}

// A tensor that nobody asks for would be arithmetic left out: a norm of queries, a bias that the
// configuration does not mention.
void check_all_used(const io::Checkpoint& checkpoint, const Architecture& architecture,
                    const std::vector<nn::WeightRequest>& requests) {
  std::set<std::string_view> used;
  for (const auto& request : requests) {
    for (const auto& part : request.parts) used.insert(part.name);
  }
  for (const io::CheckpointTensor& tensor : checkpoint.tensors()) {
    const bool tied_head = (tensor.name == "lm_head.weight" || tensor.name == "embed_out.weight") &&
                           checkpoint.config().tie_word_embeddings;
    // Old checkpoints hold the rotary frequencies, which the configuration gives too.
    const bool table = tensor.name.ends_with(".rotary_emb.inv_freq") ||
                       std::ranges::any_of(architecture.files.tables,
                                           [&](std::string_view end) { return tensor.name.ends_with(end); });
    check(used.contains(tensor.name) || tied_head || table,
          "checkpoint: tensor {} is no part of {} with this configuration: check config.json", tensor.name,
          checkpoint.config().architecture);
  }
}

// The model from `source`, or a chip's part of it.
std::unique_ptr<nn::CausalLm> build(const Architecture& architecture, const io::ModelConfig& config,
                                    const LoadOptions& options, int max_seq, nn::WeightSource& source) {
  if (!options.group || options.group->size() == 1)
    return architecture.build(config, options.precision, max_seq, source);
  nn::ShardedSource sharded(source, nn::TensorParallel(options.group, options.tensor),
                            config.num_attention_heads, config.num_key_value_heads);
  return architecture.build(config, options.precision, max_seq, sharded);
}

// The mapped cache, written first if need be; nullptr when it cannot be had.
std::unique_ptr<MappedSource> cached_weights(Device& device, const io::Checkpoint& checkpoint,
                                             const std::vector<nn::WeightRequest>& requests,
                                             const LoadOptions& options) {
  const std::filesystem::path path =
      weight_cache_path(checkpoint, options.precision, options.group.get(), options.tensor);
  // Chips of one process that want the same file: the first one writes it.
  static std::mutex writing;
  const std::lock_guard lock(writing);
  auto mapped = MappedSource::open(device, path);
  if (mapped && mapped->holds(requests)) return mapped;
  try {
    write_weight_cache(path, device, checkpoint, requests);
  } catch (const SystemError& error) {
    fmt::print(stderr, "tessera: the weight cache is left out: {}\n", error.what());
    return nullptr;
  } catch (const std::filesystem::filesystem_error& error) {
    fmt::print(stderr, "tessera: the weight cache is left out: {}\n", error.what());
    return nullptr;
  }
  return MappedSource::open(device, path);
}

}  // namespace

std::unique_ptr<io::Checkpoint> open_checkpoint(const std::filesystem::path& path,
                                                const std::filesystem::path& adapter) {
  auto base = io::Checkpoint::open(path, family_formats());
  return adapter.empty() ? std::move(base) : io::merge_lora(std::move(base), adapter);
}

void check_fits_checkpoint(const io::Checkpoint& checkpoint) {
  const io::ModelConfig& config = checkpoint.config();
  std::int64_t longest = 0;
  for (const io::CheckpointTensor& tensor : checkpoint.tensors()) {
    for (const std::int64_t size : tensor.shape) longest = std::max(longest, size);
  }
  check(config.num_hidden_layers <= static_cast<std::int64_t>(checkpoint.tensors().size()) &&
            config.head_dim <= longest,
        "config: {} layers, heads of {}: the checkpoint has {} tensors, none longer than {}: they do not "
        "belong "
        "together",
        config.num_hidden_layers, config.head_dim, checkpoint.tensors().size(), longest);
}

std::unique_ptr<nn::CausalLm> load_model(Device& device, const io::Checkpoint& checkpoint,
                                         const LoadOptions& options) {
  const io::ModelConfig& config = checkpoint.config();
  check_config(config);
  const Architecture& architecture = find_architecture(config.architecture);
  check_fits_checkpoint(checkpoint);
  options.precision.check_layers(config.num_hidden_layers);
  const int max_seq = sequence_limit(config, options);
  const MemoryScope scope(MemoryKind::Weights);
  const auto meta = Device::open("cpu", Engine::Meta);
  RecordingSource recording(*meta);
  LoadOptions chosen = options;
  chosen.precision = on_engine(device.engine(), options.precision);
  build(architecture, config, chosen, 1, recording);
  check_all_used(checkpoint, architecture, recording.requests());
  const bool packed = device.engine() == Engine::Fast || device.engine() == Engine::Exact;
  if (packed && options.use_weight_cache) {
    if (const auto mapped = cached_weights(device, checkpoint, recording.requests(), options)) {
      return build(architecture, config, chosen, max_seq, *mapped);
    }
  }
  DirectSource direct(device, checkpoint);
  return build(architecture, config, chosen, max_seq, direct);
}

std::unique_ptr<nn::CausalLm> load_meta_model(Device& device, const io::ModelConfig& config,
                                              const LoadOptions& options) {
  check(device.engine() == Engine::Meta, "load_meta_model: the {} engine wants weights",
        to_string(device.engine()));
  check_config(config);
  const Architecture& architecture = find_architecture(config.architecture);
  options.precision.check_layers(config.num_hidden_layers);
  MetaSource weights(device);
  const MemoryScope scope(MemoryKind::Weights);
  return build(architecture, config, options, sequence_limit(config, options), weights);
}

}  // namespace tessera::models
