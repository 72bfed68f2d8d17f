#pragma once
// Both sides of a bring-up: the checkpoint, its tokenizer, the model on the reference and on the device.
#include <memory>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"
#include "text/tokenizer.hpp"
#include "verify/thresholds.hpp"

namespace tessera::verify {

struct DecodeScene;

struct Session {
  std::unique_ptr<io::Checkpoint> checkpoint;
  io::TokenizerFiles files;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::shared_ptr<Device> reference_device, device;
  std::unique_ptr<nn::CausalLm> reference, model;
  Thresholds thresholds;
  int context = 0;                           // positions that the ladder uses
  std::shared_ptr<const DecodeScene> scene;  // of the reference: see scene_of()

  const io::ModelConfig& config() const { return checkpoint->config(); }
  /// The forced text, at most n tokens of it (and at most the context).
  std::vector<std::int32_t> forced_tokens(std::size_t n) const;
};

struct SessionOptions {
  std::string device = "cpu";
  Engine engine = Engine::Fast;
  models::Precision precision;
  int context = 640;
};

/// Opens devices and the tokenizer; the models are not loaded yet. Throws UserError.
Session begin_session(std::unique_ptr<io::Checkpoint> checkpoint, const SessionOptions& options);

/// Loads both models for `options.context` positions, or as many as the model has. Throws UserError.
void load_models(Session& session, const SessionOptions& options);

/// Both.
Session open_session(std::unique_ptr<io::Checkpoint> checkpoint, const SessionOptions& options);

/// The forced text, at most n tokens of it.
std::vector<std::int32_t> forced_tokens(const text::Tokenizer& tokenizer, std::size_t n);

/// The prose that the forced-text comparison runs on (the same as the Python exporter's).
std::string_view forced_text();

}  // namespace tessera::verify
