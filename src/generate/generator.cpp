#include "generate/generator.hpp"

#include <algorithm>
#include <array>

#include "ops/argmax/argmax.hpp"
#include "ops/dispatch.hpp"
#include "ops/slice/slice.hpp"
#include "ops/topk/topk.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace tessera::generate {
namespace {

nn::KvCacheConfig cache_config(const nn::CausalLm& model, const GeneratorOptions& options) {
  check(options.users >= 1 && options.users <= kMaxUsers, "batch: {} users: 1 to {} are supported",
        options.users, kMaxUsers);
  const int context = options.context > 0 ? options.context : model.max_seq;
  check(context <= model.max_seq, "context: {} positions: this model has {}", context, model.max_seq);
  nn::KvCacheConfig config = model.cache_config(options.users, context);
  config.block_size = options.block_size;
  config.page_seed = options.page_seed;
  config.poison = options.poison_cache;
  return config;
}

Tensor last_row(const Tensor& hidden) {
  const Shape& shape = hidden.logical_shape();
  const std::array<std::int64_t, 4> begin{0, 0, shape[2] - 1, 0}, end{1, 1, shape[2], shape[3]};
  return slice(hidden, begin, end);
}

}  // namespace

Generator::Generator(const nn::CausalLm& model, const GeneratorOptions& options)
    : model_(model), options_(options), cache_(model.device(), cache_config(model, options)) {
  check(options.prefill_chunk == 0 || (options.block_size > 0 && options.prefill_chunk > 0 &&
                                       options.prefill_chunk % options.block_size == 0),
        "prefill chunk {}: a multiple of the page size {} expected", options.prefill_chunk,
        options.block_size);
}

void Generator::check_prompt(std::span<const std::int32_t> prompt) const {
  check(!prompt.empty(), "prompt: no tokens: give some text");
  check(static_cast<int>(prompt.size()) <= context(),
        "prompt: {} tokens do not fit into a context of {}: shorten it or raise --context", prompt.size(),
        context());
  for (const auto id : prompt) {
    check(id >= 0 && id < model_.config.vocab_size, "prompt: token {} is outside the vocabulary of {}", id,
          model_.config.vocab_size);
  }
}

Tensor Generator::prefill(std::span<const std::int32_t> prompt, int user, std::size_t start) {
  check_prompt(prompt);
  check(start < prompt.size(), "prefill from position {}: the prompt has {} tokens: leave one to run", start,
        prompt.size());
  cache_.reserve(user, static_cast<std::int64_t>(prompt.size()));
  check_interrupt();
  if (start == 0) {
    // A row of its own: the trace's logits are overwritten by the next prompt.
    if (TracedPrefill* traced = traced_prefill(prompt.size())) return last_row(traced->run(prompt, user));
  }
  const std::size_t chunk =
      options_.prefill_chunk > 0 ? static_cast<std::size_t>(options_.prefill_chunk) : prompt.size();
  Tensor hidden;
  for (; start < prompt.size(); start += chunk) {
    check_interrupt();
    const std::size_t n = std::min(chunk, prompt.size() - start);
    hidden = model_.prefill(prompt.subspan(start, n), cache_, user, static_cast<std::int64_t>(start));
  }
  return model_.logits(last_row(hidden));
}

Tensor Generator::prefill_hidden(std::span<const std::int32_t> prompt, int user) {
  check_prompt(prompt);
  cache_.reserve(user, static_cast<std::int64_t>(prompt.size()));
  return model_.prefill(prompt, cache_, user);
}

Tensor Generator::prefill_by_decode(std::span<const std::int32_t> prompt, int user) {
  check_prompt(prompt);
  Tensor logits;
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(user) + 1, 0), positions(tokens.size(), -1);
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    tokens.back() = prompt[i];
    positions.back() = static_cast<std::int32_t>(i);
    logits = decode(tokens, positions);
  }
  const std::array<std::int64_t, 4> begin{0, 0, user, 0}, end{1, 1, user + 1, logits.logical_shape()[3]};
  return slice(logits, begin, end);
}

Tensor Generator::decode(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions) {
  check_interrupt();
  check(tokens.size() == positions.size() && !tokens.empty() && static_cast<int>(tokens.size()) <= users(),
        "decode: {} tokens at {} positions for {} users: one a user expected", tokens.size(),
        positions.size(), users());
  if (is_traced()) {
    begin_step(tokens, positions);
    return traced_.front().second.logits();
  }
  reserve(positions);
  const auto n = static_cast<std::int64_t>(tokens.size());
  const Tensor ids = to_device(model_.device(), tokens, {Shape{1, n}, DataType::INT32, Layout::ROW_MAJOR});
  const Tensor at = to_device(model_.device(), positions, {Shape{n}, DataType::INT32, Layout::ROW_MAJOR});
  return model_.decode(ids, at, cache_);
}

void Generator::begin_step(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions) {
  reserve(positions);
  TracedStep& step = traced_step(static_cast<int>(positions.size()));
  if (tokens.empty()) return step.run_on(positions);
  step.run(tokens, positions);
}

void Generator::reserve(std::span<const std::int32_t> positions) {
  for (std::size_t u = 0; u < positions.size(); ++u) {
    if (positions[u] >= 0) cache_.reserve(static_cast<int>(u), positions[u] + 1);
  }
}

bool Generator::is_traced() const {
  return options_.trace && model_.device().engine() == Engine::Fast && !is_observed();
}

TracedStep& Generator::traced_step(int rows) {
  // A server's batch changes all the time; each capture keeps its logits and activations.
  constexpr std::size_t kMostTraces = 8;
  const auto found = std::ranges::find(traced_, rows, &std::pair<int, TracedStep>::first);
  if (found != traced_.end()) {
    traced_.splice(traced_.begin(), traced_, found);
  } else {
    if (traced_.size() == kMostTraces) traced_.pop_back();
    traced_.emplace_front(std::piecewise_construct, std::forward_as_tuple(rows),
                          std::forward_as_tuple(model_, cache_, rows));
  }
  return traced_.front().second;
}

// nullptr: this prompt is to be run eagerly. The first of a length is, as a card compiles its kernels before
// a capture; and a prompt that is alone would not use its trace again. So is one that would be padded by more
// than a sixteenth: smollm2-135m takes 39 ms for 33 tokens padded to 64, and 25 ms for the 33.
TracedPrefill* Generator::traced_prefill(std::size_t tokens) {
  constexpr std::size_t kMostTraces = 8, kTile = kTileSize;
  const int rows = static_cast<int>((tokens + kTile - 1) / kTile * kTile);
  const bool near = static_cast<std::size_t>(rows) - tokens <= tokens / 16;
  const bool whole =
      options_.prefill_chunk == 0 || tokens <= static_cast<std::size_t>(options_.prefill_chunk);
  if (!is_traced() || !whole || !near || options_.block_size <= 0 || options_.block_size % kTileSize != 0 ||
      rows > context() || rows > model_.max_seq) {
    return nullptr;
  }
  const auto found = std::ranges::find(traced_prefills_, rows, &std::pair<int, TracedPrefill>::first);
  if (found != traced_prefills_.end()) {
    traced_prefills_.splice(traced_prefills_.begin(), traced_prefills_, found);
  } else {
    if (prefilled_.insert(rows).second) return nullptr;
    if (traced_prefills_.size() == kMostTraces) traced_prefills_.pop_back();
    traced_prefills_.emplace_front(std::piecewise_construct, std::forward_as_tuple(rows),
                                   std::forward_as_tuple(model_, cache_, rows));
  }
  return &traced_prefills_.front().second;
}

std::vector<std::int32_t> Generator::sample(const Tensor& logits, std::span<const SamplingParams> params,
                                            std::span<const std::int64_t> steps) {
  if (std::ranges::all_of(params, [](const SamplingParams& p) { return p.temperature <= 0; })) {
    if (traced_.empty() || !logits.shares_memory_with(traced_.front().second.logits()))
      return argmax(logits).to_int_vector();
    TracedStep& step = traced_.front().second;
    std::vector<std::int32_t> next = step.next().to_int_vector();
    step.know_next(next);
    return next;
  }
  // Each user's own k, or a user without one would draw from as many as its company asks for.
  std::vector<SamplingParams> bounded(params.begin(), params.end());
  int k = 1;
  for (SamplingParams& p : bounded) {
    if (p.top_k == 0) p.top_k = kDefaultTopK;
    k = std::max(k, p.temperature <= 0 ? 1 : p.top_k);
  }
  k = std::min(k, static_cast<int>(logits.logical_shape()[-1]));
  const auto [values, indices] = topk(logits, k);
  return sampling(values, indices, bounded, steps).to_int_vector();
}

}  // namespace tessera::generate
