#pragma once
// A model with its cache, stepped by tokens.
#include <cstdint>
#include <list>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "generate/traced_prefill.hpp"
#include "generate/traced_step.hpp"
#include "nn/causal_lm.hpp"
#include "ops/sampling/sampling.hpp"

namespace tessera::generate {

/// Rows of a tile: the users of one decode step.
constexpr int kMaxUsers = 32;

/// Tokens that a sampled user draws from when it gives no top_k: sorting a whole vocabulary costs more than a
/// small model's step, and at ordinary temperatures the rest have no share that shows. A larger top_k is
/// obeyed.
constexpr int kDefaultTopK = 256;

struct GeneratorOptions {
  int users = 1;    // 1..32
  int context = 0;  // positions a user; 0: what the model's tables hold
  int prefill_chunk =
      0;                // prompts longer than this are prefilled in chunks (a multiple of the page); 0: whole
  int block_size = 32;  // positions a page; 0: unpaged cache
  std::uint64_t page_seed = 0;
  bool poison_cache = false;
  bool trace = true;  // replay decode steps and prefills from captures (fast engine; never under an observer)
};

class Generator {
 public:
  Generator(const nn::CausalLm& model, const GeneratorOptions& options);

  const nn::CausalLm& model() const { return model_; }
  nn::KvCache& cache() { return cache_; }
  int users() const { return options_.users; }
  int context() const { return cache_.config().max_seq; }

  /// Runs a prompt into user's cache: logits float32 [1, 1, 1, vocab] of its last token. The first `start`
  /// tokens (a multiple of the page, less than the prompt) are in the cache already and are not run again.
  /// A whole prompt is traced, by the tiles it takes, from the second of its length on. Throws UserError for
  /// an empty prompt, one beyond the context, or an id outside the vocabulary.
  Tensor prefill(std::span<const std::int32_t> prompt, int user = 0, std::size_t start = 0);

  /// The same, through decode steps (the guide's phase 3: decode before there is a prefill).
  Tensor prefill_by_decode(std::span<const std::int32_t> prompt, int user = 0);

  /// Hidden states [1, 1, n, hidden] after the final norm for the whole prompt.
  Tensor prefill_hidden(std::span<const std::int32_t> prompt, int user = 0);

  /// One token a user at the given positions (-1: idle; its token is ignored): logits float32 [1, 1, n,
  /// vocab] for the first n = tokens.size() users. A traced step's logits are overwritten by the next one.
  Tensor decode(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions);

  /// The next token of each row of logits; greedy rows by argmax, others by topk and sampling (top_k 0: from
  /// kDefaultTopK). steps: tokens drawn so far.
  std::vector<std::int32_t> sample(const Tensor& logits, std::span<const SamplingParams> params,
                                   std::span<const std::int64_t> steps);

  /// A traced step of which the host awaits nothing; its tokens are traced_step(n).next(). Empty `tokens`:
  /// those that the device holds, the greedy ones of the step before.
  void begin_step(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions);

  /// The captured step of so many users; captured now if it has not been.
  TracedStep& traced_step(int rows);
  bool is_traced() const;
  /// Captures held, of steps and prefills.
  std::size_t traces() const { return traced_.size() + traced_prefills_.size(); }
  /// Whether a step can be begun while the host looks at the one before.
  bool runs_ahead() const { return is_traced() && model_.device().is_async(); }

  /// Forgets a user's pages.
  void release(int user) { cache_.release(user); }

 private:
  void check_prompt(std::span<const std::int32_t> prompt) const;
  void reserve(std::span<const std::int32_t> positions);
  TracedPrefill* traced_prefill(std::size_t tokens);

  const nn::CausalLm& model_;
  GeneratorOptions options_;
  nn::KvCache cache_;
  std::list<std::pair<int, TracedStep>> traced_;              // by rows, the last used first
  std::list<std::pair<int, TracedPrefill>> traced_prefills_;  // the same
  std::set<int> prefilled_;                                   // rows that were run eagerly once
};

}  // namespace tessera::generate
