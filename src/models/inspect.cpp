#include "models/inspect.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "models/load_model.hpp"
#include "models/registry.hpp"
#include "models/weight_sources.hpp"
#include "util/error.hpp"

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

}  // namespace

Inspection inspect(const io::Checkpoint& checkpoint, const std::filesystem::path& path,
                   const InspectOptions& options) {
  Inspection result;
  options.precision.check_layers(checkpoint.config().num_hidden_layers);
  result.config = checkpoint.config();
  result.tensors = checkpoint.tensors();
  result.checkpoint = facts_of(checkpoint, path);
  if (!result.checkpoint.has_tokenizer) result.unsupported.push_back(result.checkpoint.tokenizer);
  try {
    const Architecture& architecture = find_architecture(result.config.architecture);
    result.family = architecture.family;
    check_fits_checkpoint(checkpoint);
    const auto device = Device::open("cpu", Engine::Meta);
    RecordingSource weights(*device);
    check_config(result.config);
    architecture.build(result.config, options.precision, 1, weights);
    add_modules(weights.requests(), result);
    check_weights(checkpoint, weights.requests(), result.unsupported);
    const auto model =
        load_meta_model(*device, result.config, {.precision = options.precision, .max_seq = options.prompt});
    result.operators = map_operators(*model, options.users, model->max_seq);
  } catch (const UserError& error) {
    result.unsupported.emplace_back(error.what());
  }
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
