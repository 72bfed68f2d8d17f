#pragma once
// The speed of a model on a device, from its work and the chip's rates.
#include <vector>

#include "plan/model_facts.hpp"
#include "plan/speed.hpp"

namespace tessera::plan {

struct SpeedRequest {
  int batch = 1;
  int context = 4096;  // positions of every user
  int prompt = 128;    // tokens
  int chunk = 2048;    // of a prefill
  int copies = 1;      // of a data-parallel model
};

/// Decode and first token of one copy of the model.
struct Speed {
  StepTime decode;            // every user at the end of the context
  StepTime decode_early;      // every user just behind its prompt
  StepTime first_token;       // of the prompt, padded as TT-Transformers does
  StepTime first_token_long;  // of a prompt that fills the context
  std::int64_t padded = 0;    // tokens of that prompt's prefill
};

/// `part`: of each chip; `sheet` must have a bandwidth. The work of a step and of the prompt's first chunk
/// goes to `decode` and `prefill` when they are given. Throws UserError.
Speed predict_speed(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                    const SpecSheet& sheet, const SpeedRequest& request,
                    std::vector<OpWork>* decode = nullptr, std::vector<OpWork>* prefill = nullptr);

}  // namespace tessera::plan
