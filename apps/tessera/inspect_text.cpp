#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <map>

#include "inspect_output.hpp"
#include "models/registry.hpp"

namespace tessera::cli {
namespace {

using Out = std::back_insert_iterator<std::string>;

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
    blocks_.back().lines.push_back({name, rest});
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
      for (const auto& [name, rest] : block.lines) {
        fmt::format_to(out, "{:{}}{:<{}} {}\n", "", indent, name, 32 - indent, rest);
      }
    }
  }

 private:
  struct Block {
    std::string layer, last;
    std::vector<std::pair<std::string, std::string>> lines;
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

void print_facts(Out out, const models::Inspection& i) {
  const io::ModelConfig& c = i.config;
  fmt::format_to(
      out,
      "config       hidden {}, intermediate {}, {} layers, {} heads of {} ({} key-value), vocabulary {}, "
      "context {}\n",
      c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads, c.head_dim,
      c.num_key_value_heads, c.vocab_size, c.max_position_embeddings);
  fmt::format_to(out, "             rope theta {:g}, scaling {}, norm epsilon {:g}, {}, {} embeddings\n",
                 c.rope_theta, c.rope_scaling.type, c.rms_norm_eps, c.hidden_act,
                 c.tie_word_embeddings ? "tied" : "untied");
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
  fmt::format_to(out, "tokenizer    {}\n", i.checkpoint.tokenizer);
  fmt::format_to(out, "template     {}\n", i.checkpoint.has_chat_template ? "yes" : "no");
}

}  // namespace

std::string inspection_text(const std::string& model, const models::Inspection& i) {
  std::string text;
  const Out out(text);
  fmt::format_to(out, "{}\narchitecture {}{}\n", model, i.config.architecture,
                 i.family.empty() ? "" : " (" + i.family + ")");
  fmt::format_to(out, "supported    {}\n", i.is_supported() ? "yes" : "no");
  for (const std::string& reason : i.unsupported) fmt::format_to(out, "             {}\n", reason);
  print_facts(out, i);
  LayerTable table;
  if (i.modules.empty() && !i.tensors.empty()) {
    fmt::format_to(out, "\ntensors of the checkpoint\n");
    for (const auto& tensor : i.tensors) {
      const bool in_model = tensor.name.starts_with("model.");
      table.add(in_model ? tensor.name.substr(6) : tensor.name,
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
