#include "verify/lockstep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "metrics/compare.hpp"

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
  if (!value.constant && !value.integer) value.values = tensor.to_vector();
  return value;
}

bool is_view(std::string_view name) {
  return name == "reshape" || name == "to_layout";
}

class Recorder final : public OpObserver {
 public:
  void before(const OpEvent& event) override {
    OpRecord op;
    op.path = event.path;
    op.name = event.op.name();
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
    fill_own(row, *reference, event);
    fill_local(row, *reference, event);
    rows.push_back(row);
  }

  std::vector<report::OpResult> rows;

 private:
  report::OpResult row_of(const OpEvent& event) const {
    report::OpResult row;
    row.phase = tags_.phase;
    row.mode = tags_.mode;
    row.input = tags_.input;
    row.path = event.path;
    row.layer = layer_of(event.path);
    row.op = event.op.name();
    row.threshold = thresholds_.op;
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

  void add_cast(const OpEvent& event) {
    report::OpResult row = row_of(event);
    const std::vector<float> output = event.outputs[0].to_vector();
    fill(row, metrics::compare(inputs_[0].values, output));
    rows.push_back(row);
  }

  // What came out against the reference, and how good what went in was.
  void fill_own(report::OpResult& row, const OpRecord& reference, const OpEvent& event) const {
    row.own_pcc = 1;
    for (std::size_t i = 0; i < event.outputs.size() && i < reference.outputs.size(); ++i) {
      const auto c = metrics::compare(reference.outputs[i].values, event.outputs[i].to_vector());
      row.own_pcc = std::min(row.own_pcc, c.pcc);
    }
    row.input_pcc = 1;
    for (std::size_t i = 0; i < inputs_.size() && i < reference.inputs.size(); ++i) {
      if (reference.inputs[i].values.empty() || reference.inputs[i].values.size() != inputs_[i].values.size())
        continue;
      row.input_pcc =
          std::min(row.input_pcc, metrics::compare(reference.inputs[i].values, inputs_[i].values).pcc);
    }
  }

  // The op again on the reference's inputs.
  void fill_local(report::OpResult& row, const OpRecord& reference, const OpEvent& event) const {
    const UnobservedScope unobserved;
    std::vector<Tensor> inputs = event.inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const OpRecord::Value& value = reference.inputs[i];
      if (!inputs[i].is_allocated() || inputs[i].is_constant() || value.integer) continue;
      if (static_cast<std::int64_t>(value.values.size()) != inputs[i].logical_shape().volume()) {
        row.note = fmt::format("input {} is {} here and {} in the reference", i, to_string(inputs[i].spec()),
                               to_string(value.spec));
        return;
      }
      inputs[i] = to_device(inputs[i].device(), std::span<const float>(value.values), inputs[i].spec(),
                            inputs[i].memory_config());
    }
    const std::vector<Tensor> outputs = dispatch(event.op, inputs);
    std::optional<metrics::Comparison> worst;
    for (std::size_t i = 0; i < outputs.size() && i < reference.outputs.size(); ++i) {
      const auto c = metrics::compare(reference.outputs[i].values, outputs[i].to_vector());
      if (!worst || c.pcc < worst->pcc) worst = c;
    }
    if (worst) fill(row, *worst);
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
  return std::move(checker.rows);
}

const report::OpResult* first_suspect(const std::vector<report::OpResult>& rows) {
  for (const auto& row : rows) {
    // Bad on the reference's inputs, or bad in the run although what went in was good.
    const bool bad_output = row.own_pcc < row.threshold && row.input_pcc >= row.threshold;
    if (!row.pass || bad_output) return &row;
  }
  return nullptr;
}

int layer_of(const std::string& path) {
  constexpr std::string_view kPrefix = "layers.";
  if (!path.starts_with(kPrefix)) return -1;
  int layer = -1;
  std::from_chars(path.data() + kPrefix.size(), path.data() + path.size(), layer);
  return layer;
}

}  // namespace tessera::verify
