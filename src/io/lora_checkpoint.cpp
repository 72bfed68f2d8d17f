#include "io/lora_checkpoint.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "io/byte_reader.hpp"
#include "io/content_hash.hpp"
#include "io/lora_config.hpp"
#include "io/safetensors.hpp"
#include "io/sha256.hpp"
#include "tensor/shape.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/parallel.hpp"

namespace tessera::io {
namespace fs = std::filesystem;
namespace {

constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kWeightsFile = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";

/// The two factors of one weight: a [rank, in], b [out, rank].
struct Factors {
  const SafetensorsEntry* a = nullptr;
  const SafetensorsEntry* b = nullptr;
};

std::vector<float> floats_of(const SafetensorsEntry& entry) {
  std::vector<float> values(entry.values());
  read_floats(entry, values);
  return values;
}

std::vector<float> transposed(const std::vector<float>& in, std::size_t rows) {
  const std::size_t cols = in.size() / rows;
  std::vector<float> out(in.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = in[r * cols + c];
  }
  return out;
}

class LoraCheckpoint final : public Checkpoint {
 public:
  LoraCheckpoint(std::unique_ptr<Checkpoint> base, const fs::path& folder)
      : base_(std::move(base)), folder_(folder) {
    for (const char* name : {kConfigFile, kWeightsFile}) {
      std::error_code ignored;
      if (!fs::is_regular_file(folder / name, ignored))
        fail_user("no adapter in {}: it has no {}: give a PEFT folder", folder.string(), name);
    }
    const std::string config = (folder / kConfigFile).string();
    lora_ = parse_lora_config(read_text_file(config), config);
    mapping_ = MappedFile::open(folder / kWeightsFile);
    weights_ = parse_safetensors(mapping_->bytes(), mapping_->path().string());
    config_ = base_->config();
    for (const CheckpointTensor& tensor : base_->tensors()) add_tensor(tensor, "the base model");
    for (const SafetensorsEntry& entry : weights_.tensors) add_factor(entry);
    for (const auto& [module, factors] : factors_) check_factors(module, factors);
    check_targets();
  }

  void read(std::string_view name, std::span<float> out) const override {
    base_->read(name, out);
    add_product(name, 0, out);
  }

  void read_rows(std::string_view name, std::int64_t first, std::span<float> out) const override {
    base_->read_rows(name, first, out);
    add_product(name, first, out);
  }

  TokenizerFiles tokenizer() const override { return base_->tokenizer(); }

  std::string content_hash() const override {
    const std::array files{folder_ / kConfigFile, folder_ / kWeightsFile};
    Sha256 hash;
    hash.update("base " + base_->content_hash() + "\nadapter " + files_sha256(files) + "\n");
    return hash.finish();
  }

 private:
  std::string where() const { return mapping_->path().string(); }

  void add_factor(const SafetensorsEntry& entry) {
    const std::string_view name = entry.name;
    const bool is_a = name.ends_with(".lora_A.weight"), is_b = name.ends_with(".lora_B.weight");
    if (!name.starts_with(kPrefix) || !(is_a || is_b)) {
      fail_user(
          "{}: tensor '{}' is no LoRA factor of a linear module: {}...lora_A.weight or lora_B.weight "
          "expected",
          where(), printable(name), kPrefix);
    }
    constexpr std::size_t kSuffix = std::string_view(".lora_A.weight").size();
    const std::string module(name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix));
    const CheckpointTensor* weight = find(module + ".weight");
    if (weight == nullptr || weight->shape.size() != 2)
      fail_user("{}: module '{}' is no linear module of the base model ({}): the adapter is of another model",
                where(), printable(module), config_.architecture);
    (is_a ? factors_[module].a : factors_[module].b) = &entry;
  }

  void check_factors(const std::string& module, const Factors& factors) const {
    const CheckpointTensor* weight = find(module + ".weight");
    if (factors.a == nullptr || factors.b == nullptr)
      fail_user("{}: module '{}' has one LoRA factor of two: the file is incomplete", where(),
                printable(module));
    std::int64_t out = weight->shape[0], in = weight->shape[1];
    if (config_.turned_weights) std::swap(out, in);
    const std::int64_t rank = lora_.rank_of(module);
    const std::vector<std::int64_t> a{rank, in}, b{out, rank};
    check(factors.a->shape == a && factors.b->shape == b,
          "{}: module '{}' has factors {} and {}: rank {} and the base's weight make {} and {}", where(),
          module, to_string(Shape(factors.a->shape)), to_string(Shape(factors.b->shape)), rank,
          to_string(Shape(a)), to_string(Shape(b)));
    if (is_put_in_turn(weight->name)) check_groups(module, weight->shape[0]);
    const int dim = is_in_pairs(weight->name) ? config_.head_dim : 2;
    check(dim > 0 && dim % 2 == 0 && weight->shape[0] % dim == 0,
          "{}: module '{}' has {} rows, the configuration heads of {}: whole heads expected", where(), module,
          weight->shape[0], dim);
  }

  void check_groups(const std::string& module, std::int64_t rows) const {
    const std::int64_t heads = config_.num_attention_heads, groups = config_.num_key_value_heads;
    check(config_.head_dim > 0 && groups > 0 && heads % groups == 0 &&
              rows == (heads + 2 * groups) * config_.head_dim,
          "{}: module '{}' has {} rows, the configuration {} heads of {} in {} groups", where(), module, rows,
          heads, config_.head_dim, groups);
  }

  // A module that the configuration names and the file lacks would be left as it was without a word.
  void check_targets() const {
    for (const std::string& target : lora_.targets) {
      const auto has = [&](const auto& entry) { return ends_with_module(entry.first, target); };
      check(std::ranges::any_of(factors_, has), "{}: target module '{}' has no factors: {}", where(),
            printable(target), "take it out of adapter_config.json, or get the adapter again");
      if (!lora_.every_layer) continue;
      for (const CheckpointTensor& tensor : tensors()) {
        const std::string_view name = tensor.name;
        if (!name.ends_with(".weight") || tensor.shape.size() != 2) continue;
        const std::string module(name.substr(0, name.size() - 7));
        check(!ends_with_module(module, target) || factors_.contains(module),
              "{}: module '{}' is a target and has no factors: the file is incomplete", where(), module);
      }
    }
    const auto is_target = [&](const std::string& module) {
      return lora_.targets.empty() || std::ranges::any_of(lora_.targets, [&](const std::string& target) {
               return ends_with_module(module, target);
             });
    };
    for (const auto& [module, factors] : factors_)
      check(is_target(module), "{}: module '{}' is no target module of adapter_config.json: {}", where(),
            module, "they do not belong together");
  }

  // GGUF files hold the queries and keys of Llama with the two halves of a head in turn.
  bool is_in_pairs(std::string_view name) const {
    return config_.rope_form == RopeForm::Pairs &&
           (name.ends_with(".q_proj.weight") || name.ends_with(".k_proj.weight"));
  }

  // ... and of Falcon and GPT-NeoX all queries, all keys, all values, where Hugging Face has them by group.
  bool is_put_in_turn(std::string_view name) const {
    return config_.fused_rows == FusedRows::InTurn && name.ends_with(".query_key_value.weight");
  }

  std::size_t row_by_group(std::size_t i) const {
    const auto dim = static_cast<std::size_t>(config_.head_dim);
    const auto heads = static_cast<std::size_t>(config_.num_attention_heads);
    const auto groups = static_cast<std::size_t>(config_.num_key_value_heads);
    const std::size_t queries = heads / groups, head = i / dim;
    const std::size_t group = head < heads ? head / queries : (head - heads) % groups;
    const std::size_t in_group = head < heads ? head % queries : queries + (head - heads) / groups;
    return (group * (queries + 2) + in_group) * dim + i % dim;
  }

  // Hugging Face's row of row `i` of the base's weight.
  std::size_t source_row(std::string_view name, std::size_t i) const {
    if (is_put_in_turn(name)) return row_by_group(i);
    if (!is_in_pairs(name)) return i;
    const auto dim = static_cast<std::size_t>(config_.head_dim);
    const std::size_t in_head = i % dim;
    return i - in_head + in_head % 2 * (dim / 2) + in_head / 2;
  }

  // Adds scale * B A to rows of a weight.
  void add_product(std::string_view name, std::int64_t first, std::span<float> out) const {
    if (!name.ends_with(".weight")) return;
    const auto it = factors_.find(name.substr(0, name.size() - 7));
    if (it == factors_.end()) return;
    const auto rank = static_cast<std::size_t>(lora_.rank_of(it->first));
    std::vector<float> left = floats_of(*it->second.b), right = floats_of(*it->second.a);
    if (config_.turned_weights) {
      left.swap(right);
      left = transposed(left, rank);
      right = transposed(right, right.size() / rank);
    }
    const float scale = lora_.scale_of(it->first);
    const std::size_t cols = right.size() / rank;
    parallel_for(static_cast<std::int64_t>(out.size() / cols), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const float* b = left.data() + source_row(name, static_cast<std::size_t>(first + row)) * rank;
        float* w = out.data() + static_cast<std::size_t>(row) * cols;
        for (std::size_t k = 0; k < rank; ++k) {
          const float factor = scale * b[k];
          const float* a = right.data() + k * cols;
          for (std::size_t c = 0; c < cols; ++c) w[c] += factor * a[c];
        }
      }
    });
  }

  std::unique_ptr<Checkpoint> base_;
  fs::path folder_;
  LoraConfig lora_;
  std::shared_ptr<const MappedFile> mapping_;
  Safetensors weights_;
  std::map<std::string, Factors, std::less<>> factors_;  // by module, with the base's names
};

}  // namespace

std::unique_ptr<Checkpoint> merge_lora(std::unique_ptr<Checkpoint> base, const fs::path& adapter) {
  return std::make_unique<LoraCheckpoint>(std::move(base), adapter);
}

}  // namespace tessera::io
