#pragma once
// One decode step of 32 users in the middle of real text, recorded on the reference: where the ladder takes
// captured activations from. Every user has another part of the text: with one text for all, a user that
// reads another's pages would go unnoticed.
#include <string>
#include <vector>

#include "generate/generator.hpp"
#include "nn/causal_lm.hpp"
#include "verify/lockstep.hpp"
#include "verify/session.hpp"

namespace tessera::verify {

/// Positions a user of the ladder's decode steps: two pages, or what the context holds.
int step_positions(const Session& session);

struct DecodeScene {
  std::vector<std::int32_t> tokens, positions;   // of the step; user u is at position u + 1
  std::vector<std::vector<float>> keys, values;  // the caches before the step, by layer
  Recording recording;
  std::vector<float> logits;  // [users, vocab]
  nn::KvCacheConfig cache;

  /// A cache on the model's device that holds what the reference's held before the step.
  nn::KvCache make_cache(const nn::CausalLm& model) const;
  Tensor ids(Device& device) const;
  Tensor at(Device& device) const;
};

DecodeScene record_scene(Session& session);

/// record_scene() at the first call for a session, the same scene from then on: its 560 tokens of prefill
/// take the reference longer than most phases take the device.
const DecodeScene& scene_of(Session& session);

/// The first (or last) record of an op at a path. Throws UserError when there is none.
const OpRecord& find_record(const Recording& recording, const std::string& path, const std::string& op,
                            bool last = false);

/// Every key and value 0: rows that nobody wrote are compared too.
void zero_cache(generate::Generator& generator);

/// Rows [1, 1, n, width] of activations on a model's device, in its activation dtype.
Tensor activation_rows(const nn::CausalLm& model, const std::vector<float>& values, std::int64_t width);

}  // namespace tessera::verify
