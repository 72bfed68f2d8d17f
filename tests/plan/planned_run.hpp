#pragma once
// One model, device, precision, batch and context, planned and run.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "comm/mesh_device.hpp"
#include "generate/generator.hpp"
#include "models/load_model.hpp"
#include "ops/fused/fused.hpp"
#include "plan/memory_run.hpp"
#include "plan/presets.hpp"

namespace tessera::plan::test {

struct Case {
  const char* name;
  const char* device;
  const char* precision;
  int batch, context, prompt, chunk, block;
  int chips = 1;  // of one tensor-parallel model
};

// The run's own account: kinds at its end, peak and reach of the banks.
inline MemoryUse run_on(Device& device, const std::shared_ptr<comm::Group>& group,
                        const io::Checkpoint& checkpoint, const nn::TensorPlan& plan, const Case& c) {
  const auto model = models::load_model(device, checkpoint,
                                        {.precision = models::parse_precision(c.precision),
                                         .max_seq = c.context,
                                         .use_weight_cache = false,
                                         .group = group,
                                         .tensor = plan});
  generate::Generator generator(
      *model, {.users = c.batch, .context = c.context, .prefill_chunk = c.chunk, .block_size = c.block});
  const auto users = static_cast<std::size_t>(c.batch);
  const std::vector<std::int32_t> prompt(static_cast<std::size_t>(c.prompt), 7);
  const std::vector<SamplingParams> greedy(users);
  const std::vector<std::int64_t> steps(users, 0);
  const auto prefill = [&](int user) {
    generator.sample(generator.prefill(prompt, user), std::span(greedy).first(1), std::span(steps).first(1));
  };
  for (int user = 0; user < c.batch; ++user) prefill(user);
  const std::vector<std::int32_t> tokens(users, 7);
  std::vector<std::int32_t> positions(users, c.prompt - 1);
  for (int step = 0; step < 3 && positions[0] < c.context; ++step) {
    generator.sample(generator.decode(tokens, positions), greedy, steps);
    for (auto& position : positions) ++position;
  }
  generator.release(0);
  prefill(0);
  const MemoryAccount& memory = device.memory();
  return {memory.allocated(MemoryKind::Weights),
          memory.allocated(MemoryKind::Tables),
          memory.allocated(MemoryKind::KvCache),
          memory.allocated(MemoryKind::Trace),
          0,
          memory.peak(),
          memory.high_water(),
          device.sheet().dram_banks};
}

inline MemoryUse run_for_real(const io::Checkpoint& checkpoint, const nn::TensorPlan& plan, const Case& c) {
  if (c.chips == 1) return run_on(*Device::open(c.device, Engine::Fast), nullptr, checkpoint, plan, c);
  std::vector<MemoryUse> uses(static_cast<std::size_t>(c.chips));
  comm::MeshDevice::open({1, c.chips}, c.device, Engine::Fast)->run([&](const comm::Chip& chip) {
    uses[static_cast<std::size_t>(chip.rank)] = run_on(chip.device, chip.mesh, checkpoint, plan, c);
  });
  for (const MemoryUse& use : uses) EXPECT_EQ(use.needed, uses.front().needed) << "chips differ";
  return uses.front();
}

inline void expect_planned(const ModelFacts& facts, const io::Checkpoint& checkpoint, const Case& c) {
  const ChipPart part = chip_part(facts, c.chips);
  const MemoryUse planned = run_memory(
      facts, part, plan_precision(c.precision, facts), chip_sheet(find_sheet(c.device)),
      {.batch = c.batch, .context = c.context, .prompt = c.prompt, .chunk = c.chunk, .block_size = c.block});
  const SeparateScope separate;  // the plan's ops are not fused, on any device
  const MemoryUse real = run_for_real(checkpoint, part.plan, c);
  EXPECT_EQ(planned.weights, real.weights);
  EXPECT_EQ(planned.tables, real.tables);
  EXPECT_EQ(planned.kv_cache, real.kv_cache);
  EXPECT_EQ(planned.trace, real.trace);
  EXPECT_EQ(planned.peak, real.peak);
  EXPECT_EQ(planned.needed, real.needed);
  EXPECT_GT(planned.activations, 0);
}

inline std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

}  // namespace tessera::plan::test
