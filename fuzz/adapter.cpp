// Any bytes as a LoRA adapter of a small base: adapter_config.json up to the first zero byte, then
// adapter_model.safetensors. Opened and every weight read, or a UserError.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/lora_checkpoint.hpp"
#include "util/error.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHidden = 8, kInner = 12;

/// Two linear modules of one layer, all ones.
class Base final : public tessera::io::Checkpoint {
 public:
  Base() {
    config_.architecture = "LlamaForCausalLM";
    config_.num_hidden_layers = 1;
    config_.num_attention_heads = config_.num_key_value_heads = 2;
    config_.head_dim = kHidden / 2;
    add("model.layers.0.self_attn.q_proj.weight", {kHidden, kHidden});
    add("model.layers.0.mlp.up_proj.weight", {kInner, kHidden});
  }
  void read(std::string_view, std::span<float> out) const override { std::ranges::fill(out, 1.0f); }
  void read_rows(std::string_view, std::int64_t, std::span<float> out) const override {
    std::ranges::fill(out, 1.0f);
  }
  tessera::io::TokenizerFiles tokenizer() const override { return {}; }
  std::string content_hash() const override { return "base"; }

 private:
  void add(const char* name, std::vector<std::int64_t> shape) {
    tessera::io::CheckpointTensor tensor;
    tensor.name = name;
    tensor.shape = std::move(shape);
    add_tensor(tensor, "the base");
  }
};

/// A folder of this process, which a PEFT adapter is.
const fs::path& folder() {
  static const fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "fuzz_adapter_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    return fs::path(name);
  }();
  return path;
}

void write(const char* name, std::span<const std::uint8_t> bytes) {
  std::ofstream file(folder() / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span input(data, size);
  const auto end = static_cast<std::size_t>(std::ranges::find(input, 0) - input.begin());
  write("adapter_config.json", input.first(end));
  write("adapter_model.safetensors", input.subspan(std::min(size, end + 1)));
  try {
    const auto tuned = tessera::io::merge_lora(std::make_unique<Base>(), folder());
    for (const auto& tensor : tuned->tensors()) {
      std::vector<float> out(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]));
      tuned->read(tensor.name, out);
      tuned->read_rows(tensor.name, 1, std::span(out).first(kHidden));
    }
  } catch (const tessera::UserError&) {
  }
  return 0;
}
