#pragma once
// A tiny model on an engine, with the device that carries it.
#include <memory>
#include <string>

#include "models/load_model.hpp"
#include "support/tiny_folder.hpp"

namespace tessera::test {

struct TinyModel {
  std::shared_ptr<Device> device;
  std::unique_ptr<nn::CausalLm> model;
};

/// Packs in memory: no weight cache is read or written.
inline TinyModel load_tiny(const io::Checkpoint& checkpoint, Engine engine, const std::string& precision) {
  TinyModel result;
  result.device = Device::open("cpu", engine);
  result.model = models::load_model(
      *result.device, checkpoint,
      {.precision = models::parse_precision(precision), .max_seq = 0, .use_weight_cache = false});
  return result;
}

/// Every engine with every preset that it runs; values of a parameterised test.
struct EngineCase {
  Engine engine;
  const char* precision;
};
inline constexpr EngineCase kEngineCases[] = {{Engine::Ref, "fp32"},
                                              {Engine::Fast, "fp32"},
                                              {Engine::Fast, "bf16"},
                                              {Engine::Fast, "accuracy"},
                                              {Engine::Fast, "performance"}};

inline std::string case_name(const EngineCase& c) {
  return std::string(to_string(c.engine)) + "_" + c.precision;
}

}  // namespace tessera::test
