// The same with real weights. Fetches smollm2-135m where it is not there yet.
#include "io/catalogue.hpp"
#include "models/load_model.hpp"
#include "planned_run.hpp"

namespace tessera::plan::test {
namespace {

class SmolLm2OnTheFastEngine : public ::testing::TestWithParam<Case> {};

TEST_P(SmolLm2OnTheFastEngine, TakesThePlannedBytes) {
  const auto path = io::resolve_model("smollm2-135m");
  expect_planned(read_model_facts("smollm2-135m"), *models::open_checkpoint(path), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Plans, SmolLm2OnTheFastEngine,
                         ::testing::Values(Case{"n150", "n150", "accuracy", 1, 512, 70, 0, 32},
                                           Case{"n150_batch", "n150", "performance", 32, 256, 16, 0, 32},
                                           Case{"p150_chunks", "p150", "bf16", 2, 160, 100, 64, 32}),
                         case_name);

}  // namespace
}  // namespace tessera::plan::test
