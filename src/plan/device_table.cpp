#include "plan/device_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "plan/limits.hpp"
#include "report/figures.hpp"

namespace tessera::plan {
namespace {

struct Shape {
  std::string_view name;
  int layers, hidden, inner, heads, kv_heads, head_dim, vocab;
  bool tied;
  LayerForm form = {};
};

constexpr LayerForm kExperts{.mlp = LayerForm::Mlp::Experts, .experts = 8, .experts_per_token = 2};
constexpr LayerForm kFalcon{.layer_norm = true, .parallel = true, .norms = 2, .mlp = LayerForm::Mlp::Plain};

// From the published configurations, largest first.
constexpr std::array kPublished{
    Shape{"Qwen2.5-72B", 80, 8192, 29568, 64, 8, 128, 152064, false, {.qkv_bias = true}},
    Shape{"Llama-3.1-70B", 80, 8192, 28672, 64, 8, 128, 128256, false},
    Shape{"Mixtral-8x7B", 32, 4096, 14336, 32, 8, 128, 32000, false, kExperts},
    Shape{"Falcon-40B", 60, 8192, 32768, 128, 8, 64, 65024, true, kFalcon},
    Shape{"Qwen3-32B", 64, 5120, 25600, 64, 8, 128, 151936, false, {.qk_norm = true}},
    Shape{"Phi-4", 40, 5120, 17920, 40, 10, 128, 100352, false},
    Shape{"Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128, 128256, false},
    Shape{"Llama-3.2-3B", 28, 3072, 8192, 24, 8, 128, 128256, true},
    Shape{"Llama-3.2-1B", 16, 2048, 8192, 32, 8, 64, 128256, true},
};

constexpr int kChunk = 2048;

ModelFacts facts_of(const Shape& s) {
  ModelFacts facts;
  facts.name = s.name;
  facts.form = s.form;
  facts.not_runnable = "a shape";  // built as a sketch, whatever its form
  io::ModelConfig& c = facts.config;
  c.num_hidden_layers = s.layers;
  c.hidden_size = s.hidden;
  c.intermediate_size = s.inner;
  c.num_attention_heads = s.heads;
  c.num_key_value_heads = s.kv_heads;
  c.head_dim = s.head_dim;
  c.vocab_size = s.vocab;
  c.tie_word_embeddings = s.tied;
  c.max_position_embeddings = 1 << 17;
  return facts;
}

// Weights, attention and KV cache in bfloat8_b, activations in bfloat16.
models::Precision eight_bits() {
  models::Precision p;
  p.kv_cache = DataType::BFLOAT8_B;
  p.activation = DataType::BFLOAT16;
  return p;
}

std::int64_t needed(const ModelFacts& facts, const SpecSheet& sheet, int batch, int context) {
  return run_memory(facts, chip_part(facts, sheet.chips), eight_bits(), chip_sheet(sheet),
                    {.batch = batch, .context = context, .chunk = kChunk})
      .needed;
}

// Parameters of the deepest model of this shape that fits: bytes grow with the layers along a line, and the
// last layer is settled by runs.
double deepest(const Shape& shape, const SpecSheet& sheet, int batch, int context) {
  ModelFacts facts = facts_of(shape);
  const std::int64_t capacity = chip_capacity(chip_sheet(sheet));
  const auto at = [&](int layers) {
    facts.config.num_hidden_layers = layers;
    return needed(facts, sheet, batch, context);
  };
  constexpr int kFew = 4;
  const std::int64_t few = at(kFew), each = (at(2 * kFew) - few) / kFew;
  int layers = kFew + static_cast<int>((capacity - few) / each);
  while (layers > 1 && at(layers) > capacity) --layers;
  while (at(layers + 1) <= capacity) ++layers;
  facts.config.num_hidden_layers = layers;
  return parameter_count(facts);
}

std::string guide_says(const std::string& device) {
  if (device == "n150") return "~12B";
  if (device == "n300") return "~24B";
  return device == "loudbox" ? "larger models" : "";
}

DeviceRow row_of(const SpecSheet& sheet) {
  DeviceRow row;
  row.device = sheet.name;
  row.description = sheet.description;
  row.chips = sheet.chips;
  row.bytes = sheet.dram_bytes * sheet.chips;
  row.guide = guide_says(sheet.name);
  row.weights_only = static_cast<double>(row.bytes) * (kTileSize * kTileSize) /
                     static_cast<double>(tile_bytes(DataType::BFLOAT8_B));
  const Shape& shape = kPublished[sheet.chips <= 2 ? 6 : 1];
  row.one_user = deepest(shape, sheet, 1, 8192);
  row.full_batch = deepest(shape, sheet, 32, 2048);
  const std::int64_t capacity = chip_capacity(chip_sheet(sheet));
  for (const Shape& published : kPublished) {
    if (needed(facts_of(published), sheet, 1, 8192) <= capacity) row.published.emplace_back(published.name);
  }
  return row;
}

std::string billions(double parameters) {
  return fmt::format("{:.1f}B", parameters / 1e9);
}

}  // namespace

std::vector<DeviceRow> device_table() {
  std::vector<DeviceRow> rows;
  for (const SpecSheet& sheet : spec_sheets()) {
    if (sheet.name != "cpu") rows.push_back(row_of(sheet));
  }
  return rows;
}

nlohmann::ordered_json device_table_json(const std::vector<DeviceRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const DeviceRow& row : rows) {
    list.push_back({{"device", row.device},
                    {"chips", row.chips},
                    {"bytes", row.bytes},
                    {"guide", row.guide},
                    {"parameters_weights_only", row.weights_only},
                    {"parameters_1_user_8192", row.one_user},
                    {"parameters_32_users_2048", row.full_batch},
                    {"published", row.published}});
  }
  return {{"devices", list}};
}

std::string device_table_text(const std::vector<DeviceRow>& rows) {
  std::string text =
      "What fits at bfloat8_b (1.0625 bytes a parameter), KV cache in bfloat8_b, all chips in one model\n\n";
  text += fmt::format("{:<9}{:>9}  {:<14}{:>13}{:>16}{:>17}  {}\n", "device", "memory", "guide says",
                      "weights only", "1 user x 8192", "32 users x 2048", "largest published models");
  for (const DeviceRow& row : rows) {
    const std::vector<std::string> first(
        row.published.begin(),
        row.published.begin() + std::min<std::ptrdiff_t>(3, std::ssize(row.published)));
    text += fmt::format("{:<9}{:>9}  {:<14}{:>13}{:>16}{:>17}  {}\n", row.device,
                        report::bytes_text(row.bytes), row.guide, billions(row.weights_only),
                        billions(row.one_user), billions(row.full_batch), fmt::join(first, ", "));
  }
  text +=
      "\nWeights only: parameters whose weights alone fill the banks, with no room to run. The next columns "
      "are\n"
      "runs of a Llama with as many layers as fit, KV cache, activations and decode trace included; a "
      "bfloat16\n"
      "embedding table stands on every chip, on galaxy a quarter of it.\n";
  return text;
}

}  // namespace tessera::plan
