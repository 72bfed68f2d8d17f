#include "models/inspect.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "io/hf_config.hpp"
#include "models/load_model.hpp"
#include "models/missing_features.hpp"
#include "models/registry.hpp"
#include "models/weight_sources.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::models {
namespace {

std::string tokenizer_kind(const io::TokenizerFiles& files) {
  if (files.vocab) {
    const bool pieces = files.vocab->model == "llama";
    return fmt::format("{} ({} tokens in the GGUF file, tokenizer.ggml.model {}{}{})",
                       pieces ? "SentencePiece" : "byte-level BPE", files.vocab->tokens.size(),
                       files.vocab->model, files.vocab->pre.empty() ? "" : ", pre ", files.vocab->pre);
  }
  const auto json = nlohmann::json::parse(files.tokenizer_json, nullptr, false);
  const auto model = json.is_object() ? json.value("model", nlohmann::json()) : nlohmann::json();
  const auto type = model.is_object() ? model.value("type", nlohmann::json()) : nlohmann::json();
  return fmt::format("{} (tokenizer.json)", type.is_string() ? type.get<std::string>() : "unknown kind");
}

CheckpointFacts facts_of(const io::Checkpoint& checkpoint, const std::filesystem::path& path) {
  CheckpointFacts facts;
  facts.format = std::filesystem::is_directory(path) ? "safetensors" : "gguf";
  facts.content_hash = checkpoint.content_hash();
  for (const io::CheckpointTensor& tensor : checkpoint.tensors()) {
    TensorTypeCount& count = facts.types[tensor.dtype];
    ++count.tensors;
    count.bytes += tensor.bytes;
  }
  try {
    const io::TokenizerFiles files = checkpoint.tokenizer();
    facts.tokenizer = tokenizer_kind(files);
    facts.has_tokenizer = true;
    facts.has_chat_template = !files.chat_template.empty();
  } catch (const UserError& error) {
    facts.tokenizer = error.what();
  }
  return facts;
}

void add_modules(const std::vector<nn::WeightRequest>& requests, Inspection& result) {
  std::set<std::pair<std::string, std::int64_t>> counted;  // a tensor from a row on
  for (const nn::WeightRequest& request : requests) {
    ModuleInfo module{request.key, request.spec(), request.result_rows() * request.result_cols(), {}};
    for (const nn::WeightPart& part : request.parts) {
      module.parts.push_back(part.name);
      if (counted.emplace(part.name, part.first).second) result.parameters += part.rows * request.cols;
    }
    result.modules.push_back(std::move(module));
  }
}

// One line for however many tensors do not fit.
void check_weights(const io::Checkpoint& checkpoint, const std::vector<nn::WeightRequest>& requests,
                   std::vector<std::string>& unsupported) {
  std::size_t bad = 0;
  std::string first;
  for (const nn::WeightRequest& request : requests) {
    try {
      check_weight(checkpoint, request);
    } catch (const UserError& error) {
      if (bad++ == 0) first = error.what();
    }
  }
  if (bad == 1) unsupported.push_back(first);
  if (bad > 1) unsupported.push_back(fmt::format("{} (and {} more weights)", first, bad - 1));
}

// Of an architecture that is not here: what it would take, and the keys that say nothing to us.
void add_missing_features(Inspection& result) {
  std::vector<std::string> others;
  for (const std::string& key : result.config.other_arithmetic) {
    const std::string_view feature = feature_of(key);
    if (feature.empty())
      others.push_back(key);
    else
      result.unsupported.push_back(fmt::format("config key {}: {}", key, feature));
  }
  if (!others.empty())
    result.unsupported.push_back(fmt::format("config keys not read: {}", fmt::join(others, ", ")));
}

// The modules and operators; without a checkpoint nothing says that its weights fit.
void describe(const io::Checkpoint* checkpoint, const InspectOptions& options, Inspection& result) {
  try {
    const Architecture& architecture = find_architecture(result.config.architecture);
    result.family = architecture.family;
    if (checkpoint != nullptr) check_fits_checkpoint(*checkpoint);
    const auto device = Device::open("cpu", Engine::Meta);
    RecordingSource weights(*device);
    check_config(result.config);
    architecture.build(result.config, options.precision, 1, weights);
    add_modules(weights.requests(), result);
    if (checkpoint != nullptr) check_weights(*checkpoint, weights.requests(), result.unsupported);
    const auto model =
        load_meta_model(*device, result.config, {.precision = options.precision, .max_seq = options.prompt});
    result.operators = map_operators(*model, options.users, model->max_seq);
  } catch (const UserError& error) {
    result.unsupported.emplace_back(error.what());
    if (result.family.empty()) add_missing_features(result);
  }
}

bool is_configuration_alone(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path / "config.json", ignored)) return false;
  return std::ranges::none_of(std::filesystem::directory_iterator(path), [](const auto& entry) {
    const std::string name = entry.path().filename();
    return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
  });
}

// More than any model has: describing a billion layers fills the memory, and no checkpoint bounds them here.
void check_sizes(const io::ModelConfig& config) {
  constexpr int kLayers = 4096, kHeadDim = 1 << 16;
  check(config.num_hidden_layers <= kLayers && config.head_dim <= kHeadDim,
        "config: {} layers, heads of {}: at most {} and {} without a checkpoint", config.num_hidden_layers,
        config.head_dim, kLayers, kHeadDim);
}

}  // namespace

Inspection inspect(const io::Checkpoint& checkpoint, const std::filesystem::path& path,
                   const InspectOptions& options) {
  Inspection result;
  options.precision.check_layers(checkpoint.config().num_hidden_layers);
  result.config = checkpoint.config();
  result.tensors = checkpoint.tensors();
  result.checkpoint = facts_of(checkpoint, path);
  if (!result.checkpoint.has_tokenizer) result.unsupported.push_back(result.checkpoint.tokenizer);
  describe(&checkpoint, options, result);
  return result;
}

Inspection inspect(const std::filesystem::path& path, const InspectOptions& options) {
  if (!is_configuration_alone(path)) return inspect(*open_checkpoint(path), path, options);
  Inspection result;
  const std::string file = (path / "config.json").string();
  result.config = io::parse_hf_config(read_text_file(file), file, family_formats());
  check_sizes(result.config);
  options.precision.check_layers(result.config.num_hidden_layers);
  result.checkpoint.format = "none, only a configuration";
  result.checkpoint.tokenizer = "not looked for";
  describe(nullptr, options, result);
  return result;
}

std::int64_t count_parameters(const io::ModelConfig& config) {
  check_config(config);
  const auto device = Device::open("cpu", Engine::Meta);
  RecordingSource weights(*device);
  find_architecture(config.architecture).build(config, parse_precision("accuracy"), 1, weights);
  Inspection counted;
  add_modules(weights.requests(), counted);
  return counted.parameters;
}

}  // namespace tessera::models
