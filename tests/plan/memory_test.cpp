// Planned bytes are the bytes of a run: the same model, device, precision, batch and context on the fast
// engine, with the calls of a server: every prompt prefilled, decode steps traced, a prompt prefilled again.
#include "planned_run.hpp"
#include "support/tiny_folder.hpp"

namespace tessera::plan::test {
namespace {

class TinyOnTheFastEngine : public ::testing::TestWithParam<Case> {};

TEST_P(TinyOnTheFastEngine, TakesThePlannedBytes) {
  const tessera::test::TinyFolder folder(std::string(GetParam().name).starts_with("odd")
                                             ? tessera::test::odd_options()
                                             : tessera::test::TinyOptions{});
  expect_planned(read_model_facts(folder.path().string()), *folder.open(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Plans, TinyOnTheFastEngine,
    ::testing::Values(Case{"one_user", "n150", "accuracy", 1, 64, 40, 0, 32},
                      Case{"full_batch", "n150", "performance", 32, 96, 64, 0, 32},
                      Case{"chunks", "n150", "bf16", 3, 256, 250, 64, 32},
                      Case{"large_chunks", "p150", "accuracy", 2, 256, 256, 128, 64},
                      Case{"float32", "p150", "fp32", 5, 128, 128, 32, 32},
                      Case{"this_machine", "cpu", "performance", 7, 200, 33, 0, 32},
                      Case{"odd_shapes", "n150", "accuracy", 4, 100, 77, 64, 32},
                      Case{"one_token", "cpu", "accuracy", 1, 32, 1, 0, 32},
                      Case{"uneven_chunks", "cpu", "performance", 6, 256, 201, 96, 32},
                      Case{"two_chips", "n300", "accuracy", 4, 96, 64, 0, 32, 2},
                      Case{"eight_chips", "loudbox", "performance", 2, 128, 128, 64, 32, 8},
                      Case{"odd_shapes_on_four_chips", "loudbox", "bf16", 3, 100, 77, 64, 32, 4},
                      Case{"rows_and_columns", "galaxy", "accuracy", 2, 96, 64, 0, 32, 32},
                      Case{"odd_batch", "p150", "bf16", 17, 160, 1, 0, 32}),
    case_name);

}  // namespace
}  // namespace tessera::plan::test
