#include "verify/lockstep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "metrics/compare.hpp"
#include "verify/spots.hpp"

namespace tessera::verify {
namespace {

OpRecord::Value value_of(const Tensor& tensor) {
  OpRecord::Value value;
  if (!tensor.is_allocated()) {
    value.constant = true;
    return value;
  }
  value.spec = tensor.spec();
  value.constant = tensor.is_constant();
  value.integer = is_integer(tensor.dtype());
  if (value.constant) {
    value.tensor = tensor;
    return value;
  }
  if (value.integer) {
    value.integers = tensor.to_int_vector();
  } else {
    value.values = tensor.to_vector();
  }
  return value;
}

bool is_view(std::string_view name) {
  return name == "reshape" || name == "to_layout";
}

// Whose integers come from the model's own arithmetic: the experts of a row. A near tie may fall otherwise,
// and what decided it, topk, is judged by itself; the op is judged on the reference's choice.
bool takes_choices(std::string_view name) {
  return name == "sparse_matmul";
}

class Recorder final : public OpObserver {
 public:
  void before(const OpEvent& event) override {
    OpRecord op;
    op.path = event.path;
    op.name = event.op.name();
    op.attributes = event.op.attributes();
    if (!is_view(op.name)) {
      // Now, not in after(): an op that works in place has changed its input by then.
      for (const Tensor& input : event.inputs) op.inputs.push_back(value_of(input));
    }
    recording.push_back(std::move(op));
  }
  void after(const OpEvent& event) override {
    OpRecord& op = recording.back();
    op.ms = event.seconds * 1e3;
    if (is_view(op.name)) return;
    for (const Tensor& output : event.outputs) op.outputs.push_back(value_of(output));
  }
  Recording recording;
};

class Checker final : public OpObserver {
 public:
  Checker(const Recording& recording, const RowTags& tags, const Thresholds& thresholds)
      : recording_(recording), tags_(tags), thresholds_(thresholds) {}

  void before(const OpEvent& event) override {
    inputs_.clear();
    if (is_view(event.op.name())) return;
    for (const Tensor& input : event.inputs) inputs_.push_back(value_of(input));
  }

  void after(const OpEvent& event) override {
    const std::string_view name = event.op.name();
    const OpRecord* reference = next_ < recording_.size() ? &recording_[next_] : nullptr;
    const bool same = reference != nullptr && reference->name == name && reference->path == event.path;
    if (!same && name == "typecast") return add_cast(event);
    if (reference != nullptr) ++next_;
    if (is_view(name)) return;
    report::OpResult row = row_of(event);
    if (!same) {
      row.note = reference == nullptr
                     ? "the reference ran no further op"
                     : fmt::format("the reference ran {} in {}", reference->name, reference->path);
      rows.push_back(row);
      return;
    }
    if (event.outputs.empty() || is_integer(event.outputs[0].dtype())) return;
    row.note = other_shape(*reference, event);
    if (!row.note.empty()) {
      rows.push_back(row);
      return;
    }
    fill_local(row, *reference, event);
    const bool own_good = fill_own(row, *reference, event);
    check_attributes(row, *reference, event);
    if (row.pass && !own_good) check_repeatable(row, event);
    rows.push_back(row);
  }

  /// After the run: what the reference ran and the device did not.
  void finish() {
    for (; next_ < recording_.size(); ++next_) {
      const OpRecord& reference = recording_[next_];
      if (is_view(reference.name)) continue;
      rows.push_back(row_of(reference.path, reference.name));
      rows.back().note = fmt::format("the device did not run {} in {}", reference.name, reference.path);
    }
  }

  std::vector<report::OpResult> rows;

 private:
  report::OpResult row_of(const std::string& path, std::string_view op) const {
    report::OpResult row;
    row.phase = tags_.phase;
    row.mode = tags_.mode;
    row.input = tags_.input;
    row.path = path;
    row.layer = layer_of(path);
    row.op = op;
    row.threshold = thresholds_.op;
    return row;
  }
  report::OpResult row_of(const OpEvent& event) const {
    report::OpResult row = row_of(event.path, event.op.name());
    row.ms = event.seconds * 1e3;
    return row;
  }

  static void fill(report::OpResult& row, const metrics::Comparison& c) {
    row.pcc = c.pcc;
    row.max_abs = c.max_abs;
    row.rel_l2 = c.rel_l2;
    row.scale = c.scale;
    row.pass = metrics::passes(c, row.threshold);
    if (row.note.empty()) row.note = c.remark();
  }

  static void fault(report::OpResult& row, const std::string& text) {
    row.pass = false;
    row.note += (row.note.empty() ? "" : "; ") + text;
  }

  // What cannot be compared value by value.
  static std::string other_shape(const OpRecord& reference, const OpEvent& event) {
    for (std::size_t i = 0; i < event.outputs.size() && i < reference.outputs.size(); ++i) {
      const TensorSpec &ours = event.outputs[i].spec(), &theirs = reference.outputs[i].spec;
      if (ours.logical_shape.volume() != theirs.logical_shape.volume())
        return fmt::format("output {} is {} here and {} in the reference", i, to_string(ours),
                           to_string(theirs));
    }
    return {};
  }

  void add_cast(const OpEvent& event) {
    report::OpResult row = row_of(event);
    const std::vector<float> output = event.outputs[0].to_vector();
    fill(row, metrics::compare(inputs_[0].values, output));
    rows.push_back(row);
  }

  // What came out against the reference, and how good what went in was. False when good inputs gave a bad
  // output.
  bool fill_own(report::OpResult& row, const OpRecord& reference, const OpEvent& event) const {
    row.own_pcc = 1;
    bool good = true;
    for (std::size_t i = 0; i < event.outputs.size() && i < reference.outputs.size(); ++i) {
      if (reference.outputs[i].integer) continue;
      const auto c = metrics::compare(reference.outputs[i].values, event.outputs[i].to_vector());
      row.own_pcc = std::min(row.own_pcc, c.pcc);
      good = good && metrics::passes(c, row.threshold);
    }
    row.input_pcc = 1;
    for (std::size_t i = 0; i < inputs_.size() && i < reference.inputs.size(); ++i) {
      if (reference.inputs[i].values.empty() || reference.inputs[i].values.size() != inputs_[i].values.size())
        continue;
      const auto c = metrics::compare(reference.inputs[i].values, inputs_[i].values);
      row.input_pcc = std::min(row.input_pcc, c.pcc);
      good = good || !metrics::passes(c, row.threshold);
    }
    return good;
  }

  void check_attributes(report::OpResult& row, const OpRecord& reference, const OpEvent& event) const {
    const std::string attributes = event.op.attributes();
    if (attributes != reference.attributes && row.op != "typecast")
      fault(row, fmt::format("{} here, {} in the reference", attributes, reference.attributes));
    if (takes_choices(row.op)) return;
    for (std::size_t i = 0; i < inputs_.size() && i < reference.inputs.size(); ++i) {
      const auto& ours = inputs_[i].integers;
      const auto& theirs = reference.inputs[i].integers;
      if (ours == theirs) continue;
      if (ours.size() != theirs.size()) {
        fault(row, fmt::format("integer input {} has {} values here, {} in the reference", i, ours.size(),
                               theirs.size()));
        continue;
      }
      const auto [mine, other] = std::ranges::mismatch(ours, theirs);
      fault(row, fmt::format("integer input {} is {} at {} here, {} in the reference", i, *mine,
                             mine - ours.begin(), *other));
    }
  }

  // The op again on the inputs that it had: is its output what the op gives at all?
  void check_repeatable(report::OpResult& row, const OpEvent& event) const {
    const std::vector<Tensor> outputs = repeat(event, inputs_);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (is_integer(outputs[i].dtype())) continue;
      const auto c = metrics::compare(outputs[i].to_vector(), event.outputs[i].to_vector());
      if (metrics::passes(c, row.threshold)) continue;
      fault(row, fmt::format("its output in the run is not what it gives on the same inputs: PCC {:.6f}, "
                             "scale {:.3f}{}",
                             c.pcc, c.scale, c.finite ? "" : ", not finite"));
    }
  }

  // Runs the op of an event with other values in its activations, and other choices; constants and other
  // integers stay.
  static std::vector<Tensor> repeat(const OpEvent& event, const std::vector<OpRecord::Value>& values) {
    const UnobservedScope unobserved;
    std::vector<Tensor> inputs = event.inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].is_allocated() || inputs[i].is_constant()) continue;
      if (values[i].integer) {
        if (takes_choices(event.op.name()))
          inputs[i] = to_device(inputs[i].device(), std::span<const std::int32_t>(values[i].integers),
                                inputs[i].spec());
        continue;
      }
      inputs[i] = to_device(inputs[i].device(), std::span<const float>(values[i].values), inputs[i].spec(),
                            inputs[i].memory_config());
    }
    return dispatch(event.op.shared_from_this(), inputs);
  }

  // The op again on the reference's inputs.
  static void fill_local(report::OpResult& row, const OpRecord& reference, const OpEvent& event) {
    if (event.inputs.size() != reference.inputs.size()) {
      row.note =
          fmt::format("{} inputs here, {} in the reference", event.inputs.size(), reference.inputs.size());
      return;
    }
    for (std::size_t i = 0; i < event.inputs.size(); ++i) {
      const Tensor& input = event.inputs[i];
      const OpRecord::Value& value = reference.inputs[i];
      if (!input.is_allocated() || input.is_constant() || value.integer) continue;
      if (static_cast<std::int64_t>(value.values.size()) == input.logical_shape().volume()) continue;
      row.note = fmt::format("input {} is {} here and {} in the reference", i, to_string(input.spec()),
                             to_string(value.spec));
      return;
    }
    const std::vector<Tensor> outputs = repeat(event, reference.inputs);
    std::optional<metrics::Comparison> worst;
    std::vector<std::string> spots;
    for (std::size_t i = 0; i < outputs.size() && i < reference.outputs.size(); ++i) {
      if (is_integer(outputs[i].dtype())) {
        if (outputs[i].to_int_vector() != reference.outputs[i].integers)
          spots.push_back(fmt::format("integer output {} is another than the reference's on its inputs", i));
        continue;
      }
      const std::vector<float> values = outputs[i].to_vector();
      const auto c = metrics::compare(reference.outputs[i].values, values);
      if (!worst || c.pcc < worst->pcc) worst = c;
      std::string bad =
          bad_spots(reference.outputs[i].values, values, outputs[i].logical_shape()[-1], row.threshold);
      if (!bad.empty()) spots.push_back(std::move(bad));
    }
    if (worst) fill(row, *worst);
    for (const std::string& bad : spots) fault(row, bad);
  }

  const Recording& recording_;
  RowTags tags_;
  Thresholds thresholds_;
  std::size_t next_ = 0;
  std::vector<OpRecord::Value> inputs_;
};

}  // namespace

Recording record(const std::function<void()>& body) {
  Recorder recorder;
  const ObserverScope scope(recorder);
  body();
  return std::move(recorder.recording);
}

std::vector<report::OpResult> check_ops(const Recording& recording, const std::function<void()>& body,
                                        const RowTags& tags, const Thresholds& thresholds) {
  Checker checker(recording, tags, thresholds);
  const ObserverScope scope(checker);
  body();
  checker.finish();
  return std::move(checker.rows);
}

const report::OpResult* first_suspect(std::span<const report::OpResult> rows) {
  const auto it = std::ranges::find_if(rows, [](const auto& row) { return !row.pass; });
  return it == rows.end() ? nullptr : &*it;
}

int layer_of(const std::string& path) {
  constexpr std::string_view kPrefix = "layers.";
  if (!path.starts_with(kPrefix)) return -1;
  int layer = -1;
  std::from_chars(path.data() + kPrefix.size(), path.data() + path.size(), layer);
  return layer;
}

}  // namespace tessera::verify
