#pragma once
// Everything about a model that can be known without running it.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/checkpoint.hpp"
#include "models/operator_map.hpp"
#include "models/precision.hpp"

namespace tessera::models {

/// One weight of a model as it goes onto the device.
struct ModuleInfo {
  std::string path;  // "layers.0.self_attn.qkv_proj"
  TensorSpec spec;   // [in, out] for a linear
  std::int64_t parameters = 0;
  std::vector<std::string> parts;  // the checkpoint's tensors in it
};

struct TensorTypeCount {
  std::int64_t tensors = 0;
  std::uint64_t bytes = 0;
};

struct CheckpointFacts {
  std::string format;  // "gguf", "safetensors", or that there is none
  std::string content_hash;
  std::map<std::string, TensorTypeCount> types;  // by type as stored
  std::string tokenizer;                         // "BPE (tokenizer.json)", or why there is none
  bool has_tokenizer = false, has_chat_template = false;
};

struct Inspection {
  io::ModelConfig config;
  std::vector<io::CheckpointTensor> tensors;
  CheckpointFacts checkpoint;
  std::string family;                    // "Llama 2, 3.x, ..."; empty when the architecture is unknown
  std::vector<std::string> unsupported;  // why this model does not run; empty: it does
  std::vector<ModuleInfo> modules;       // empty when the architecture is unknown
  std::int64_t parameters = 0;           // a tied weight counts once
  OperatorMap operators;

  bool is_supported() const { return unsupported.empty(); }
};

struct InspectOptions {
  Precision precision;
  int users = 32;    // of the decode step
  int prompt = 128;  // tokens of the prefill; the model's limit bounds it
};

/// `path` is what Checkpoint::open was given. What keeps a model from running is in `unsupported`, it is not
/// an error. Throws UserError for a precision of a layer that is not there.
Inspection inspect(const io::Checkpoint& checkpoint, const std::filesystem::path& path,
                   const InspectOptions& options);

/// Weights of a model of this configuration; a tied embedding counts once. Throws UserError as check_config.
std::int64_t count_parameters(const io::ModelConfig& config);
/// The same of what is at `path`; a folder with a config.json and no weights is shown as far as that says.
/// Throws UserError for what cannot be opened.
Inspection inspect(const std::filesystem::path& path, const InspectOptions& options);

}  // namespace tessera::models
