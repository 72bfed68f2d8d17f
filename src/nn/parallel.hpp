#pragma once
// How the chips that share a model divide it, and what joins their parts behind each kind of module.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "comm/group.hpp"
#include "comm/mesh_device.hpp"
#include "device/tensor.hpp"

namespace tessera::nn {

/// Tensor parallelism. Heads, channels of the MLP and the vocabulary are divided in all of them.
enum class TensorForm : std::uint8_t {
  /// The residual stream is whole on every chip: an all_reduce behind attention and behind the MLP.
  Replicated,
  /// Each chip has a part of its channels: a reduce_scatter behind attention and the MLP, norms from gathered
  /// statistics, an all_gather behind the norms.
  Fractured,
  /// Rows x columns of chips: the rows divide heads and channels, the columns the residual stream, so every
  /// matrix is divided both ways and every sum goes along one axis. For more chips than fit a ring.
  Grid,
};
/// "replicated", "fractured", "2d".
std::string_view to_string(TensorForm form);
/// Throws UserError that lists them.
TensorForm parse_tensor_form(std::string_view name);

struct TensorPlan {
  TensorForm form = TensorForm::Replicated;
  int columns = 1;  // Grid: chips of a row

  bool operator==(const TensorPlan&) const = default;
};

/// Chips that divide heads, channels and vocabulary, and those that divide the residual stream.
int parts_of(const TensorPlan& plan, int chips);
int hidden_parts_of(const TensorPlan& plan, int chips);

/// What the cards' own scheme is: a grid of rings of 8 beyond one ring, as far as the chips divide into them;
/// up to 8 chips the residual stream is whole.
TensorPlan usual_tensor_plan(int chips);
/// The form of that name on chips that stand so. Throws UserError.
TensorPlan parse_tensor_plan(std::string_view name, const comm::MeshShape& chips);
/// "tensor parallel 8", "tensor parallel 8, fractured", "tensor parallel 2x4".
std::string describe(const TensorPlan& plan, int chips);

/// What joins the chips' results of a linear; nothing without groups.
struct Parallel {
  std::shared_ptr<comm::Group> sum = nullptr;     // each has the sum over some of the inputs
  bool scatter = false;                           // of that sum, each keeps a part of the channels
  std::shared_ptr<comm::Group> gather = nullptr;  // each has some of the outputs
  std::int64_t width = 0;                         // gather: outputs of all chips, without padding

  bool joins() const { return sum != nullptr || gather != nullptr; }
  Tensor join(Tensor y) const;
};

/// How a norm works whose rows are divided.
struct NormParallel {
  std::shared_ptr<comm::Group> group = nullptr;  // nullptr: rows are whole
  bool gather = false;                           // whole rows are what comes out
  std::int64_t width = 0;                        // of a whole row
};

/// rms_norm of rows that are divided among the group: statistics are gathered, not rows.
Tensor distributed_rms_norm(const Tensor& x, float epsilon, const Tensor& weight,
                            const NormParallel& parallel);

/// One chip's view of the chips that share a model.
class TensorParallel {
 public:
  /// Alone.
  TensorParallel() = default;
  /// Called by all ranks of the group. Throws UserError for a grid whose columns do not divide them.
  TensorParallel(std::shared_ptr<comm::Group> group, const TensorPlan& plan);

  const TensorPlan& plan() const { return plan_; }
  TensorForm form() const { return plan_.form; }
  /// All that share the model.
  int chips() const { return plan_.form == TensorForm::Grid ? parts() * hidden_parts() : parts(); }
  /// Those that divide heads, channels and vocabulary, and this chip's place among them.
  int parts() const { return size_of(parts_); }
  int part() const { return rank_of(parts_); }
  /// Those that divide the residual stream.
  int hidden_parts() const { return size_of(hidden_); }
  int hidden_part() const { return rank_of(hidden_); }

  /// Behind a linear whose outputs are divided: QKV, gate, up.
  Parallel behind_columns() const;
  /// Behind one whose inputs are divided: o_proj, down_proj.
  Parallel behind_rows() const;
  /// Behind the head, whose outputs are the vocabulary.
  Parallel behind_head(std::int64_t vocabulary) const;
  /// Of a norm of the residual stream that feeds a linear.
  NormParallel norm(std::int64_t hidden) const;
  /// Of one that is added to the stream: its channels stay where they are.
  NormParallel output_norm(std::int64_t hidden) const;

 private:
  static int size_of(const std::shared_ptr<comm::Group>& group) { return group ? group->size() : 1; }
  static int rank_of(const std::shared_ptr<comm::Group>& group) { return group ? group->rank() : 0; }

  TensorPlan plan_;
  std::shared_ptr<comm::Group> parts_, hidden_;  // nullptr: one chip
};

}  // namespace tessera::nn
