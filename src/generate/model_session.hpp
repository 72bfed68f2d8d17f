#pragma once
// What a command that runs a model has open: checkpoint, tokenizer, device, weights.
#include <memory>
#include <string>

#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "nn/causal_lm.hpp"
#include "text/tokenizer.hpp"

namespace tessera::generate {

/// As a user gives it.
struct ModelChoice {
  std::string model;           // a catalogue name, a folder, a hub id, a .gguf file
  std::string device = "cpu";  // a spec sheet
  std::string engine = "fast";
  std::string precision;  // empty: accuracy, on the ref engine fp32
  bool async = false;     // commands run on a thread of the queue's own
  bool trace = true;      // decode steps and prefills are replayed from captures
};

class ModelSession {
 public:
  /// Finds (and fetches) the model, opens checkpoint, tokenizer and device, reads no weights. Throws
  /// UserError.
  explicit ModelSession(const ModelChoice& choice);

  /// Loads the weights for sequences of up to `context` positions; the model's own limit bounds it, 0 means
  /// that limit. Throws UserError.
  void load(int context);

  const io::Checkpoint& checkpoint() const { return *checkpoint_; }
  const io::ModelConfig& config() const { return checkpoint_->config(); }
  const io::TokenizerFiles& files() const { return files_; }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  Device& device() const { return *device_; }
  const std::string& precision() const { return precision_; }
  const nn::CausalLm& model() const { return *model_; }
  /// The end-of-text ids.
  std::vector<std::int32_t> stop_ids() const;

 private:
  std::unique_ptr<io::Checkpoint> checkpoint_;
  io::TokenizerFiles files_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::shared_ptr<Device> device_;
  std::string precision_;
  std::unique_ptr<nn::CausalLm> model_;
};

}  // namespace tessera::generate
