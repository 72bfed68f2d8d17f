#pragma once
// A tiny model on an engine, with the device that carries it.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "models/load_model.hpp"
#include "support/tiny_folder.hpp"

namespace tessera::test {

struct TinyModel {
  std::shared_ptr<Device> device;
  std::unique_ptr<nn::CausalLm> model;
};

/// Packs in memory: no weight cache is read or written. `kv_cache`: its dtype, where it is not the
/// precision's.
inline TinyModel load_tiny(const io::Checkpoint& checkpoint, Engine engine, const std::string& precision,
                           std::optional<DataType> kv_cache = {}) {
  models::Precision parsed = models::parse_precision(precision);
  parsed.kv_cache = kv_cache.value_or(parsed.kv_cache);
  TinyModel result;
  result.device = Device::open("cpu", engine);
  result.model = models::load_model(*result.device, checkpoint,
                                    {.precision = parsed, .max_seq = 0, .use_weight_cache = false});
  return result;
}

/// Every engine with every preset that it runs, and with a packed cache; values of a parameterised test.
struct EngineCase {
  Engine engine;
  const char* precision;
  std::optional<DataType> kv_cache = {};
};
inline constexpr EngineCase kEngineCases[] = {
    {Engine::Ref, "fp32"},        {Engine::Ref, "fp32", DataType::BFLOAT8_B},
    {Engine::Fast, "fp32"},       {Engine::Fast, "bf16"},
    {Engine::Fast, "accuracy"},   {Engine::Fast, "accuracy", DataType::BFLOAT8_B},
    {Engine::Fast, "performance"}};

inline std::string case_name(const EngineCase& c) {
  return fmt::format("{}_{}{}", to_string(c.engine), c.precision,
                     c.kv_cache ? fmt::format("_{}_cache", to_string(*c.kv_cache)) : "");
}

}  // namespace tessera::test
