#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "inspect_output.hpp"
#include "models/registry.hpp"
#include "util/printable.hpp"

namespace tessera::cli {
namespace {

using Out = std::back_insert_iterator<std::string>;

// A line of a table; of experts that are alike, one for all.
struct Line {
  std::string name, rest;
  int first = -1, last = -1;  // experts: the name has a '*' in their place

  bool operator==(const Line&) const = default;
  std::string text() const {
    const std::size_t star = first < 0 ? std::string::npos : name.find('*');
    if (star == std::string::npos) return name;
    const std::string range = first == last ? std::to_string(first) : fmt::format("{}..{}", first, last);
    return name.substr(0, star) + range + name.substr(star + 1);
  }
};

// "mlp.experts.3.w1" is expert 3's "mlp.experts.*.w1".
Line line_of(const std::string& name, const std::string& rest) {
  constexpr std::string_view kExperts = "experts.";
  const std::size_t at = name.find(kExperts);
  const std::size_t begin = at == std::string::npos ? name.size() : at + kExperts.size();
  const std::size_t end = std::min(name.find_first_not_of("0123456789", begin), name.size());
  if (begin == end) return {name, rest};
  const int expert = std::stoi(name.substr(begin, end - begin));
  return {name.substr(0, begin) + "*" + name.substr(end), rest, expert, expert};
}

void add_line(std::vector<Line>& lines, Line line) {
  const auto before = std::ranges::find_if(lines, [&](const Line& other) {
    return line.first >= 0 && other.name == line.name && other.rest == line.rest &&
           other.last + 1 == line.first;
  });
  if (before == lines.end()) {
    lines.push_back(std::move(line));
  } else {
    before->last = line.last;
  }
}

// A line of a table belongs to a layer or to none; layers whose lines are the same are shown as one.
class LayerTable {
 public:
  void add(const std::string& path, const std::string& rest) {
    constexpr std::string_view kPrefix = "layers.";
    const auto dot = path.find('.', kPrefix.size());
    const bool in_layer = path.starts_with(kPrefix);
    const std::string layer = in_layer ? path.substr(kPrefix.size(), dot - kPrefix.size()) : "";
    const std::string name = !in_layer ? path : dot == std::string::npos ? "" : path.substr(dot + 1);
    if (blocks_.empty() || blocks_.back().layer != layer) blocks_.push_back({layer, layer, {}});
    add_line(blocks_.back().lines, line_of(name, rest));
  }

  void print(Out out) {
    std::vector<Block> merged;
    for (Block& block : blocks_) {
      if (!block.layer.empty() && !merged.empty() && !merged.back().layer.empty() &&
          merged.back().lines == block.lines) {
        merged.back().last = block.last;
      } else {
        merged.push_back(std::move(block));
      }
    }
    for (const Block& block : merged) {
      if (!block.layer.empty()) {
        fmt::format_to(out, "  layers.{}{}\n", block.layer,
                       block.last == block.layer ? "" : ".." + block.last);
      }
      const int indent = block.layer.empty() ? 2 : 4;
      for (const Line& line : block.lines)
        fmt::format_to(out, "{:{}}{:<{}} {}\n", "", indent, line.text(), 32 - indent, line.rest);
    }
  }

 private:
  struct Block {
    std::string layer, last;
    std::vector<Line> lines;
  };
  std::vector<Block> blocks_;
};

std::string joined_shapes(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> texts;
  texts.reserve(specs.size());
  for (const TensorSpec& spec : specs) {
    texts.push_back(fmt::format("{} {}", to_string(spec.dtype), to_string(spec.logical_shape)));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

void print_calls(Out out, const char* title, const std::vector<models::OperatorCall>& calls) {
  if (calls.empty()) return;
  std::map<std::string, int> counts;
  for (const auto& call : calls) ++counts[call.ttnn];
  fmt::format_to(out, "\n{}: {} calls of {} ops\n", title, calls.size(), counts.size());
  LayerTable table;
  for (const auto& call : calls) {
    table.add(call.path, fmt::format("{}: {} -> {}", call.ttnn, joined_shapes(call.inputs),
                                     joined_shapes(call.outputs)));
  }
  table.print(out);
}

// What the family or its configuration adds to Llama's arithmetic, for whoever has to port it.
std::vector<std::string> features_of(const io::ModelConfig& c) {
  std::vector<std::string> features;
  const auto add = [&](bool is, const std::string& text) {
    if (is) features.push_back(text);
  };
  add(c.norm == io::NormKind::Layer, "LayerNorm");
  add(c.norm_offset != 0, "norms of 1 + w");
  add(c.qk_norm == io::QkNorm::Head, "norms of each head of q and k");
  add(c.qk_norm == io::QkNorm::Projection, "norms of all heads of q and of k");
  add(c.positions == io::Positions::Learned, "learned positions");
  add(c.positions == io::Positions::Alibi, "ALiBi");
  add(c.positions == io::Positions::Rotary && c.rotary_dim() < c.head_dim,
      fmt::format("{} of {} channels of a head rotated", c.rotary_dim(), c.head_dim));
  add(c.sliding_rope.has_value(), "a rotation of the windows' layers");
  const auto off = std::ranges::count(c.no_rope, true);
  add(off > 0, fmt::format("no rotation in {} layers", off));
  const auto windows = std::ranges::count_if(c.sliding_windows, [](int w) { return w > 0; });
  add(windows > 0, fmt::format("window of {} in {} layers",
                               windows > 0 ? std::ranges::max(c.sliding_windows) : 0, windows));
  add(c.attention_scale > 0, fmt::format("scores times {:g}", c.attention_scale));
  add(c.attention_softcap > 0, fmt::format("scores capped at {:g}", c.attention_softcap));
  add(c.final_softcap > 0, fmt::format("logits capped at {:g}", c.final_softcap));
  add(c.embedding_multiplier != 1, fmt::format("embedding times {:g}", c.embedding_multiplier));
  add(c.residual_multiplier != 1, fmt::format("sums times {:g}", c.residual_multiplier));
  add(c.logits_multiplier != 1, fmt::format("logits times {:g}", c.logits_multiplier));
  add(c.qkv_bias, "bias of q, k and v");
  add(c.o_bias, "bias of the attention's output");
  add(c.mlp_bias, "biases of the MLP");
  add(c.parallel_layers, "attention and MLP side by side");
  add(c.num_experts > 0, fmt::format("{} of {} experts a token", c.experts_per_token, c.num_experts));
  add(c.shared_intermediate_size > 0, "a shared expert");
  return features;
}

void print_facts(Out out, const models::Inspection& i) {
  const io::ModelConfig& c = i.config;
  fmt::format_to(
      out,
      "config       hidden {}, intermediate {}, {} layers, {} heads of {} ({} key-value), vocabulary {}, "
      "context {}\n",
      c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads, c.head_dim,
      c.num_key_value_heads, c.vocab_size, c.max_position_embeddings);
  fmt::format_to(out, "             rope theta {:g}, scaling {}, norm epsilon {:g}, {}, {} embeddings\n",
                 c.rope_theta, printable(c.rope_scaling.type), c.rms_norm_eps, printable(c.hidden_act),
                 c.tie_word_embeddings ? "tied" : "untied");
  if (const auto features = features_of(c); !features.empty())
    fmt::format_to(out, "features     {}\n", fmt::join(features, ", "));
  std::vector<std::string> types;
  types.reserve(i.checkpoint.types.size());
  for (const auto& [name, count] : i.checkpoint.types) {
    types.push_back(
        fmt::format("{} {} ({:.1f} MB)", count.tensors, name, static_cast<double>(count.bytes) / 1e6));
  }
  if (i.tensors.empty()) {
    fmt::format_to(out, "checkpoint   {}\n", i.checkpoint.format);
  } else {
    fmt::format_to(out, "checkpoint   {}, {} tensors: {}\n             sha256 {}\n", i.checkpoint.format,
                   i.tensors.size(), fmt::join(types, ", "), i.checkpoint.content_hash);
  }
  fmt::format_to(out, "tokenizer    {}\n", one_line(i.checkpoint.tokenizer));
  fmt::format_to(out, "template     {}\n", i.checkpoint.has_chat_template ? "yes" : "no");
}

}  // namespace

std::string inspection_text(const std::string& model, const models::Inspection& i) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}\narchitecture {}{}\n", model, printable(i.config.architecture),
                 i.family.empty() ? "" : " (" + i.family + ")");
  fmt::format_to(out, "supported    {}\n", i.is_supported() ? "yes" : "no");
  for (const std::string& reason : i.unsupported) fmt::format_to(out, "             {}\n", one_line(reason));
  print_facts(out, i);
  LayerTable table;
  if (i.modules.empty() && !i.tensors.empty()) {
    fmt::format_to(out, "\ntensors of the checkpoint\n");
    for (const auto& tensor : i.tensors) {
      const bool in_model = tensor.name.starts_with("model.");
      table.add(printable(in_model ? tensor.name.substr(6) : tensor.name),
                fmt::format("{} [{}]", tensor.dtype, fmt::join(tensor.shape, ", ")));
    }
  } else if (!i.modules.empty()) {
    fmt::format_to(out, "\nmodules: {} parameters\n", i.parameters);
    for (const auto& module : i.modules) {
      table.add(module.path, fmt::format("{} {}  {}", to_string(module.spec.dtype),
                                         to_string(module.spec.logical_shape), module.parameters));
    }
  }
  table.print(out);
  print_calls(out, "decode", i.operators.decode);
  print_calls(out, "prefill", i.operators.prefill);
  return text;
}

}  // namespace tessera::cli
