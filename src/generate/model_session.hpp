#pragma once
// What a command that runs a model has open: checkpoint, tokenizer, device, weights.
#include <functional>
#include <memory>
#include <string>

#include "comm/mesh_device.hpp"
#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "nn/causal_lm.hpp"
#include "text/tokenizer.hpp"

namespace tessera::generate {

/// As a user gives it.
struct ModelChoice {
  std::string model;           // a catalogue name, a folder, a hub id, a .gguf file
  std::string adapter;         // a PEFT folder whose LoRA is merged into the weights; empty: none
  std::string device = "cpu";  // a spec sheet
  std::string engine = "fast";
  std::string precision;             // empty: accuracy, on the ref engine fp32
  bool alone = false;                // one chip of this process, whatever a launcher or the sheet say
  bool async = false;                // commands run on a thread of the queue's own
  bool trace = true;                 // decode steps and prefills are replayed from captures
  std::string mesh;                  // "1x8"; empty: as the launcher or the sheet says
  int data_parallel = 1;             // copies of the model on the mesh, each on an equal part of it
  std::string tensor_parallel = {};  // how the chips of a copy share it; empty: models::usual_tensor_plan()
};

/// The mesh that these ask for: as given; else a row of all processes that a launcher has started; else the
/// sheet's own, when it has several chips. nullptr: one chip. Throws UserError.
std::shared_ptr<comm::MeshDevice> open_mesh(const std::string& mesh, const std::string& sheet, Engine engine,
                                            const DeviceOptions& options = {});

/// A copy of the model, as one of the chips that share it sees it.
struct Replica {
  const nn::CausalLm& model;
  Device& device;
  int index = 0, count = 1;                     // of the copies
  int rank = 0;                                 // of the chip, in the mesh
  std::shared_ptr<comm::Group> mesh = nullptr;  // all chips; nullptr: this one is alone

  /// Of all chips one speaks to the user.
  bool speaks() const { return rank == 0; }
};

class ModelSession {
 public:
  /// Finds (and fetches) the model, opens checkpoint, tokenizer and device, reads no weights. Throws
  /// UserError.
  explicit ModelSession(const ModelChoice& choice);

  /// The mesh, or nullptr: one chip.
  const comm::MeshDevice* mesh() const { return mesh_.get(); }

  /// Loads the weights, on one chip, for sequences of up to `context` positions; the model's own limit bounds
  /// it, 0 means that limit. Throws UserError.
  void load(int context);

  /// Loads the weights and runs `body` once for each chip of this process, all at the same time; alone
  /// without a mesh. Chips that share a model take the same steps and come to the same tokens.
  void run(int context, const std::function<void(const Replica&)>& body);

  const io::Checkpoint& checkpoint() const { return *checkpoint_; }
  const io::ModelConfig& config() const { return checkpoint_->config(); }
  const io::TokenizerFiles& files() const { return files_; }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  /// The one chip, or the first of this process's.
  Device& device() const { return *device_; }
  const std::string& precision() const { return precision_; }
  const nn::CausalLm& model() const { return *model_; }
  /// The end-of-text ids.
  std::vector<std::int32_t> stop_ids() const;

 private:
  std::unique_ptr<io::Checkpoint> checkpoint_;
  io::TokenizerFiles files_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::shared_ptr<comm::MeshDevice> mesh_;
  int data_parallel_ = 1;
  nn::TensorPlan tensor_;  // of a copy
  std::shared_ptr<Device> device_;
  std::string precision_;
  std::unique_ptr<nn::CausalLm> model_;
};

}  // namespace tessera::generate
