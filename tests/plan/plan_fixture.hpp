#pragma once
// The published configurations that plans are tested on.
#include <string>

#include "plan/model_facts.hpp"
#include "util/error.hpp"

namespace tessera::plan::test {

constexpr const char* kLlama1B = "Llama-3.2-1B-Instruct";
constexpr const char* kLlama8B = "Llama-3.1-8B-Instruct";
constexpr const char* kLlama70B = "Llama-3.1-70B-Instruct";
constexpr const char* kFalcon7B = "falcon-7b-instruct";
constexpr const char* kFalcon40B = "falcon-40b-instruct";
constexpr const char* kMixtral = "Mixtral-8x7B-Instruct-v0.1";

inline std::string config_path(const std::string& name) {
  return std::string(TESSERA_TEST_DATA) + "/plan/configs/" + name;
}

inline ModelFacts read_config(const std::string& name) {
  return read_model_facts(config_path(name));
}

}  // namespace tessera::plan::test
