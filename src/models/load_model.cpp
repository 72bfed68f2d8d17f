#include "models/load_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "models/registry.hpp"
#include "models/weight_cache.hpp"
#include "models/weight_sources.hpp"
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
  return options.max_seq > 0 ? std::min(options.max_seq, limit) : limit;
}

// A tensor that nobody asks for would be arithmetic left out: a norm of queries, a bias that the
// configuration does not mention.
void check_all_used(const io::Checkpoint& checkpoint, const std::vector<nn::WeightRequest>& requests) {
  std::set<std::string_view> used;
  for (const auto& request : requests) {
    for (const auto& part : request.parts) used.insert(part.name);
  }
  for (const io::CheckpointTensor& tensor : checkpoint.tensors()) {
    const bool tied_head = tensor.name == "lm_head.weight" && checkpoint.config().tie_word_embeddings;
    // Old checkpoints hold the rotary frequencies, which the configuration gives too.
    const bool table = tensor.name.ends_with(".rotary_emb.inv_freq");
    check(used.contains(tensor.name) || tied_head || table,
          "checkpoint: tensor {} is no part of {} with this configuration: check config.json", tensor.name,
          checkpoint.config().architecture);
  }
}

// The mapped cache, written first if need be; nullptr when it cannot be had.
std::unique_ptr<MappedSource> cached_weights(Device& device, const io::Checkpoint& checkpoint,
                                             const std::vector<nn::WeightRequest>& requests,
                                             const LoadOptions& options) {
  const std::filesystem::path path = weight_cache_path(checkpoint, options.precision);
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
  const Architecture& architecture = find_architecture(config.architecture);
  architecture.check(config);
  check_fits_checkpoint(checkpoint);
  options.precision.check_layers(config.num_hidden_layers);
  const Precision precision = on_engine(device.engine(), options.precision);
  const int max_seq = sequence_limit(config, options);
  const auto meta = Device::open("cpu", Engine::Meta);
  RecordingSource recording(*meta);
  architecture.build(config, precision, 1, recording);
  check_all_used(checkpoint, recording.requests());
  const bool packed = device.engine() == Engine::Fast || device.engine() == Engine::Exact;
  if (packed && options.use_weight_cache) {
    if (const auto mapped = cached_weights(device, checkpoint, recording.requests(), options)) {
      return architecture.build(config, precision, max_seq, *mapped);
    }
  }
  DirectSource direct(device, checkpoint);
  return architecture.build(config, precision, max_seq, direct);
}

std::unique_ptr<nn::CausalLm> load_meta_model(Device& device, const io::ModelConfig& config,
                                              const LoadOptions& options) {
  check(device.engine() == Engine::Meta, "load_meta_model: the {} engine wants weights",
        to_string(device.engine()));
  const Architecture& architecture = find_architecture(config.architecture);
  architecture.check(config);
  options.precision.check_layers(config.num_hidden_layers);
  MetaSource weights(device);
  return architecture.build(config, options.precision, sequence_limit(config, options), weights);
}

}  // namespace tessera::models
