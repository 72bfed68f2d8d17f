#include "models/registry.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "models/missing_features.hpp"
#include "util/error.hpp"

// One line an architecture: the function of its file that describes it.
#define TESSERA_FAMILIES(FAMILY) \
  FAMILY(llama)                  \
  FAMILY(mistral)                \
  FAMILY(qwen2)                  \
  FAMILY(qwen3)                  \
  FAMILY(gemma2)                 \
  FAMILY(gemma3)                 \
  FAMILY(smollm3)                \
  FAMILY(phi3)                   \
  FAMILY(granite)                \
  FAMILY(olmo2)                  \
  FAMILY(falcon)                 \
  FAMILY(gpt2)                   \
  FAMILY(gpt_neox)               \
  FAMILY(mixtral)                \
  FAMILY(qwen2_moe)              \
  FAMILY(qwen3_moe)

namespace tessera::models {

#define TESSERA_DECLARE(name) const Architecture& name();
TESSERA_FAMILIES(TESSERA_DECLARE)
#undef TESSERA_DECLARE

std::span<const Architecture* const> architectures() {
#define TESSERA_LIST(name) &name(),
  static const std::array families{TESSERA_FAMILIES(TESSERA_LIST)};
#undef TESSERA_LIST
  return families;
}

const Architecture& find_architecture(std::string_view name) {
  return find_architecture(name, {});
}

const Architecture& find_architecture(std::string_view name, std::span<const std::string> asks_for) {
  std::vector<std::string_view> known;
  for (const Architecture* architecture : architectures()) {
    if (architecture->name() == name) return *architecture;
    known.push_back(architecture->name());
  }
  fail_user("architecture \"{}\" is not supported: known are {}{}{}", name, fmt::join(known, " "),
            asks_for.empty() ? "" : "; this one asks for ", describe_keys(asks_for));
}

void check_config(const io::ModelConfig& config) {
  const Architecture& architecture = find_architecture(config.architecture, config.other_arithmetic);
  check(config.other_arithmetic.empty(), "config: {}: the {} family does not do this",
        describe_keys(config.other_arithmetic), config.model_type);
  check_decoder(config);
  architecture.check(config);
}

io::FamilyFormats family_formats() {
  static const std::vector<const io::FamilyFormat*> formats = [] {
    std::vector<const io::FamilyFormat*> result;
    for (const Architecture* architecture : architectures()) result.push_back(&architecture->files);
    return result;
  }();
  return formats;
}

}  // namespace tessera::models
