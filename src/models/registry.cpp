#include "models/registry.hpp"

#include <array>

#include "models/llama.hpp"
#include "util/error.hpp"

namespace tessera::models {

std::span<const Architecture> architectures() {
  static constexpr std::array kArchitectures{
      Architecture{"LlamaForCausalLM", "Llama 2, 3.x, SmolLM2, TinyLlama", check_llama, build_llama},
  };
  return kArchitectures;
}

const Architecture& find_architecture(std::string_view name) {
  std::string known;
  for (const Architecture& architecture : architectures()) {
    if (architecture.name == name) return architecture;
    known += fmt::format(" {}", architecture.name);
  }
  fail_user("architecture \"{}\" is not supported: known are{}", name, known);
}

}  // namespace tessera::models
