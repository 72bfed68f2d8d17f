#include "ops/op_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/eltwise/eltwise_op.hpp"
#include "ops/layer_norm/layer_norm_op.hpp"
#include "ops/linear/linear_op.hpp"
#include "ops/matmul/matmul_op.hpp"
#include "ops/rms_norm/rms_norm_op.hpp"
#include "ops/rotary_embedding/rotary_embedding_op.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "ops/softmax/softmax_op.hpp"
#include "ops/sparse_matmul/sparse_matmul_op.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

using Attributes = std::map<std::string, OpAttribute>;

constexpr std::array kActivations{Activation::None, Activation::Silu, Activation::Gelu, Activation::GeluTanh};

// Takes attributes out of a call, so that those that nobody asked for can be told.
class Reader {
 public:
  explicit Reader(const OpCall& call) : name_(call.name), left_(call.attributes) {}

  bool flag(const std::string& key) { return take<bool>(key, "true or false"); }
  std::string text(const std::string& key) { return take<std::string>(key, "a text"); }
  std::vector<float> list(const std::string& key) {
    return take<std::vector<float>>(key, "a list of numbers");
  }
  float number(const std::string& key) {
    const double value = take<double>(key, "a number");
    check(std::isfinite(static_cast<float>(value)), "[{}] {} {}: a number that fits float32 expected", name_,
          key, value);
    return static_cast<float>(value);
  }
  /// 0 to 2^31 - 1.
  std::int64_t count(const std::string& key, std::int64_t least = 0) {
    const double value = take<double>(key, "a number");
    check(value >= static_cast<double>(least) && value <= 2147483647.0 && std::floor(value) == value,
          "[{}] {} {}: an integer from {} on expected", name_, key, value, least);
    return static_cast<std::int64_t>(value);
  }
  std::optional<float> optional_number(const std::string& key) {
    return left_.contains(key) ? std::optional(number(key)) : std::nullopt;
  }
  Activation activation(const std::string& key) {
    const std::string value = text(key);
    const auto* found =
        std::ranges::find_if(kActivations, [&](Activation a) { return to_string(a) == value; });
    check(found != kActivations.end(), "[{}] {} \"{}\": none, silu, gelu or gelu_tanh expected", name_, key,
          value);
    return *found;
  }
  void finish() const {
    if (!left_.empty()) fail_user("[{}] unknown attribute {}: leave it out", name_, left_.begin()->first);
  }

 private:
  template <class T>
  T take(const std::string& key, const char* wanted) {
    const auto at = left_.find(key);
    check(at != left_.end(), "[{}] no attribute {}: give {}", name_, key, wanted);
    const T* value = std::get_if<T>(&at->second);
    check(value != nullptr, "[{}] attribute {} is of another kind: {} expected", name_, key, wanted);
    T result = *value;
    left_.erase(at);
    return result;
  }

  std::string name_;
  Attributes left_;
};

// How many inputs an op takes, and a bit for each that may be absent. `most` 0: as many as there are.
struct Places {
  std::size_t least, most;
  unsigned optional;
};

void check_places(const std::string& name, const std::vector<bool>& inputs, const Places& places) {
  check(inputs.size() >= places.least && (places.most == 0 || inputs.size() <= places.most),
        "[{}] {} inputs: {} expected", name, inputs.size(),
        places.most == places.least ? fmt::format("{}", places.least)
                                    : fmt::format("at least {}", places.least));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i] || (i < 8 && (places.optional >> i & 1) != 0), "[{}] no input {}: give a tensor", name,
          i);
  }
}

struct Kind {
  std::string_view name;
  Places places;
  std::shared_ptr<Operation> (*make)(Reader& from, const OpOptions& options, const std::vector<bool>& inputs);
};

template <Binary::Kind kKind>
std::shared_ptr<Operation> make_binary(Reader& from, const OpOptions& options,
                                       const std::vector<bool>& inputs) {
  const std::optional<float> value = from.optional_number("value");
  check(value.has_value() == (inputs.size() == 1), "[binary] {} inputs {} a value: give either",
        inputs.size(), value ? "and" : "without");
  return std::make_shared<Binary>(kKind, from.activation("input_tensor_a_activation"), options, value);
}

template <Unary::Kind kKind>
std::shared_ptr<Operation> make_unary(Reader&, const OpOptions& options, const std::vector<bool>&) {
  return std::make_shared<Unary>(kKind, options);
}

template <class Norm>
std::shared_ptr<Operation> make_norm(Reader& from, const OpOptions& options, const std::vector<bool>&) {
  return std::make_shared<Norm>(from.number("epsilon"), options);
}

template <bool kPairs>
std::shared_ptr<Operation> make_rotary(Reader& from, const OpOptions& options, const std::vector<bool>&) {
  return std::make_shared<RotaryEmbedding>(kPairs, from.flag("is_decode_mode"), options);
}

template <Sdpa::Kind kKind>
std::shared_ptr<Operation> make_attention(Reader& from, const OpOptions& options, const std::vector<bool>&) {
  const std::optional<float> scale = from.optional_number("scale");
  const std::vector<float> slopes = from.list("alibi_slopes");
  const std::int64_t window = from.count("sliding_window_size");
  auto op = std::make_shared<Sdpa>(kKind, scale, options, slopes, window, from.number("logit_softcap"));
  op->is_causal = from.flag("is_causal");
  op->chunk_start_idx = from.count("chunk_start_idx");
  return op;
}

constexpr std::array kKinds{
    Kind{"add", {2, 2, 0}, make_binary<Binary::Kind::Add>},
    Kind{"subtract", {2, 2, 0}, make_binary<Binary::Kind::Subtract>},
    Kind{"multiply", {1, 2, 0}, make_binary<Binary::Kind::Multiply>},
    Kind{"silu", {1, 1, 0}, make_unary<Unary::Kind::Silu>},
    Kind{"tanh", {1, 1, 0}, make_unary<Unary::Kind::Tanh>},
    Kind{"sigmoid", {1, 1, 0}, make_unary<Unary::Kind::Sigmoid>},
    Kind{"gelu",
         {1, 1, 0},
         [](Reader& from, const OpOptions& options, const std::vector<bool>&) -> std::shared_ptr<Operation> {
           const bool approximate = from.flag("fast_and_approximate_mode");
           return std::make_shared<Unary>(approximate ? Unary::Kind::GeluTanh : Unary::Kind::Gelu, options);
         }},
    Kind{"linear",
         {3, 3, 0b100},
         [](Reader& from, const OpOptions& options, const std::vector<bool>&) -> std::shared_ptr<Operation> {
           return std::make_shared<Linear>(from.activation("activation"), options);
         }},
    Kind{"sparse_matmul",
         {3, 0, 0},
         [](Reader&, const OpOptions& options, const std::vector<bool>&) -> std::shared_ptr<Operation> {
           return std::make_shared<SparseMatmul>(options);
         }},
    Kind{"matmul",
         {2, 2, 0},
         [](Reader& from, const OpOptions& options, const std::vector<bool>&) -> std::shared_ptr<Operation> {
           const bool a = from.flag("transpose_a");
           return std::make_shared<Matmul>(a, from.flag("transpose_b"), options);
         }},
    Kind{"rms_norm", {3, 3, 0b110}, make_norm<RmsNorm>},
    Kind{"layer_norm", {3, 3, 0b110}, make_norm<LayerNorm>},
    Kind{"softmax",
         {1, 1, 0},
         [](Reader&, const OpOptions& options, const std::vector<bool>&) -> std::shared_ptr<Operation> {
           return std::make_shared<Softmax>(-1, options);
         }},
    Kind{"rotary_embedding", {3, 3, 0}, make_rotary<false>},
    Kind{"rotary_embedding_llama", {3, 3, 0}, make_rotary<true>},
    Kind{"scaled_dot_product_attention", {4, 4, 0b1000}, make_attention<Sdpa::Kind::Prefill>},
    Kind{"scaled_dot_product_attention_decode", {4, 4, 0}, make_attention<Sdpa::Kind::Decode>},
    Kind{"paged_scaled_dot_product_attention_decode", {5, 5, 0}, make_attention<Sdpa::Kind::PagedDecode>},
    Kind{"chunked_scaled_dot_product_attention", {4, 4, 0}, make_attention<Sdpa::Kind::Chunked>}};

Attributes attributes_of(const Sdpa& op) {
  Attributes result{{"alibi_slopes", op.alibi_slopes},
                    {"sliding_window_size", static_cast<double>(op.sliding_window_size)},
                    {"logit_softcap", static_cast<double>(op.logit_softcap)},
                    {"is_causal", op.is_causal},
                    {"chunk_start_idx", static_cast<double>(op.chunk_start_idx)}};
  if (op.scale) result["scale"] = static_cast<double>(*op.scale);
  return result;
}

Attributes attributes_of(const Binary& op) {
  Attributes result{{"input_tensor_a_activation", std::string(to_string(op.activation))}};
  if (op.value) result["value"] = static_cast<double>(*op.value);
  return result;
}

Attributes attributes_of(const Unary& op) {
  if (op.name() != "gelu") return {};
  return {{"fast_and_approximate_mode", op.kind == Unary::Kind::GeluTanh}};
}
Attributes attributes_of(const Linear& op) {
  return {{"activation", std::string(to_string(op.activation))}};
}
Attributes attributes_of(const Matmul& op) {
  return {{"transpose_a", op.transpose_a}, {"transpose_b", op.transpose_b}};
}
Attributes attributes_of(const RotaryEmbedding& op) {
  return {{"is_decode_mode", op.decode}};
}
Attributes attributes_of(const RmsNorm& op) {
  return {{"epsilon", static_cast<double>(op.epsilon)}};
}
Attributes attributes_of(const LayerNorm& op) {
  return {{"epsilon", static_cast<double>(op.epsilon)}};
}
Attributes attributes_of(const SparseMatmul&) {
  return {};
}
Attributes attributes_of(const Softmax&) {
  return {};
}

template <class Op>
std::optional<OpCall> described(const Operation& op) {
  const auto* found = dynamic_cast<const Op*>(&op);
  if (found == nullptr) return {};
  OpCall call{std::string(op.name()), attributes_of(*found), found->options};
  call.options.memory_config.reset();
  return call;
}

// The first of them that the op is.
template <class... Ops>
std::optional<OpCall> first_of(const Operation& op) {
  std::optional<OpCall> result;
  ((result = described<Ops>(op)) || ...);
  return result;
}

}  // namespace

std::optional<OpCall> describe_call(const Operation& op) {
  return first_of<Linear, Sdpa, RmsNorm, LayerNorm, Binary, Unary, RotaryEmbedding, Matmul, Softmax,
                  SparseMatmul>(op);
}

std::shared_ptr<const Operation> make_operation(const OpCall& call, const std::vector<bool>& inputs) {
  const auto* kind = std::ranges::find(kKinds, std::string_view(call.name), &Kind::name);
  check(kind != kKinds.end(), "op \"{}\": not one that can be run by itself", call.name);
  check_places(call.name, inputs, kind->places);
  Reader reader(call);
  auto op = kind->make(reader, call.options, inputs);
  reader.finish();
  return op;
}

}  // namespace tessera
