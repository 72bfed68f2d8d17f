#pragma once
// The longest context that fits.
#include "plan/memory_run.hpp"

namespace tessera::plan {

/// Bytes of all DRAM banks of one chip, as the allocator can give them out.
std::int64_t chip_capacity(const SpecSheet& chip);

/// The largest multiple of 32 positions (or the model's own limit) for `batch` users whose run fits into the
/// chip's banks, prompts as long as the context; 0 when none does. Found by runs, not by a formula;
/// `near`: where to look first.
int max_context(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                const SpecSheet& chip, int batch, int chunk, int near = 4096);

}  // namespace tessera::plan
