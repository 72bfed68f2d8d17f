#pragma once
// What `tessera bench` prints.
#include <nlohmann/json.hpp>
#include <string>

#include "generate/bench.hpp"

namespace tessera::cli {

nlohmann::ordered_json bench_json(const generate::BenchReport& report);
std::string bench_text(const generate::BenchReport& report);

}  // namespace tessera::cli
