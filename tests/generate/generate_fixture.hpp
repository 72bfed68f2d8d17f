#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "generate/generate_text.hpp"
#include "support/tiny_model.hpp"
#include "util/rng.hpp"

namespace tessera::generate::test {

/// A prompt of word-like ids that depends on its seed from the first token on.
inline std::vector<std::int32_t> prompt_of(std::size_t length, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::int32_t> ids(length);
  for (auto& id : ids) id = static_cast<std::int32_t>(300 + rng.below(1200));
  return ids;
}

/// One tiny model of 160 positions on the engine and precision of the case.
class OnEveryEngine : public ::testing::TestWithParam<tessera::test::EngineCase> {
 protected:
  OnEveryEngine()
      : files_([] {
          tessera::test::TinyOptions options;
          options.max_positions = 160;
          return options;
        }()),
        tiny_(tessera::test::load_tiny(*files_.open(), GetParam().engine, GetParam().precision,
                                       GetParam().kv_cache)) {}

  const nn::CausalLm& model() const { return *tiny_.model; }
  std::vector<std::int32_t> greedy(const std::vector<std::int32_t>& prompt, int tokens) const {
    Generator generator(model(), {.users = 1});
    const Request request{.prompt = prompt, .max_new_tokens = tokens};
    return generate(generator, std::span(&request, 1))[0].tokens;
  }

 private:
  tessera::test::TinyFolder files_;
  tessera::test::TinyModel tiny_;
};

inline std::string param_name(const ::testing::TestParamInfo<tessera::test::EngineCase>& info) {
  return tessera::test::case_name(info.param);
}

}  // namespace tessera::generate::test
