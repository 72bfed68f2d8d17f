#include "verify/equivalence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "generate/generate_text.hpp"
#include "metrics/compare.hpp"
#include "util/clock.hpp"

namespace tessera::verify {
namespace {

constexpr int kUser = 1;  // of two: user 0 would hide a confusion of users

struct Outcome {
  std::vector<float> logits, keys, values;
  double ms = 0;  // of the prompt
};

// The first n positions of a user, all layers, [layer][kv_head][position][head_dim].
void append_rows(std::vector<float>& to, const nn::KvCache& cache, const Tensor& tensor, std::size_t n) {
  const auto heads = static_cast<std::size_t>(cache.config().kv_heads);
  const auto dim = static_cast<std::size_t>(cache.config().head_dim);
  const auto block =
      static_cast<std::size_t>(cache.is_paged() ? cache.config().block_size : cache.config().max_seq);
  const std::vector<float> all = tensor.to_vector();
  std::vector<std::int32_t> pages;
  if (cache.is_paged()) pages = cache.pages_of(kUser, 0, static_cast<std::int64_t>(n)).to_int_vector();
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t p = 0; p < n; ++p) {
      const std::size_t page = cache.is_paged() ? static_cast<std::size_t>(pages[p / block]) : kUser;
      const std::size_t row = (page * heads + head) * block + p % block;
      to.insert(to.end(), all.begin() + static_cast<std::ptrdiff_t>(row * dim),
                all.begin() + static_cast<std::ptrdiff_t>((row + 1) * dim));
    }
  }
}

Outcome run(const nn::CausalLm& model, generate::GeneratorOptions options, bool by_decode,
            std::span<const std::int32_t> ids) {
  options.users = 2;
  options.poison_cache = true;
  generate::Generator generator(model, options);
  Outcome outcome;
  const Stopwatch clock;
  outcome.logits =
      (by_decode ? generator.prefill_by_decode(ids, kUser) : generator.prefill(ids, kUser)).to_vector();
  outcome.ms = clock.milliseconds();
  for (int layer = 0; layer < model.config.num_hidden_layers; ++layer) {
    append_rows(outcome.keys, generator.cache(), generator.cache().k(layer), ids.size());
    append_rows(outcome.values, generator.cache(), generator.cache().v(layer), ids.size());
  }
  return outcome;
}

report::Equivalence compare(const std::string& name, const std::string& what, std::span<const float> a,
                            std::span<const float> b, double ms, double threshold) {
  const metrics::Comparison c = metrics::compare(a, b);
  return {name, what, c.pcc, c.max_abs, c.rel_l2, c.equal, c.equal || metrics::passes(c, threshold), ms};
}

}  // namespace

std::vector<report::Equivalence> check_equivalence(const nn::CausalLm& model, int context,
                                                   std::span<const std::int32_t> ids, double threshold) {
  struct Way {
    std::string name;
    generate::GeneratorOptions options;
    bool by_decode;
  };
  const std::vector<Way> ways{
      {"prefill into an unpaged cache", {.context = context, .block_size = 0}, false},
      {"prefill, pages shuffled", {.context = context, .page_seed = 5}, false},
      {"prefill in chunks of 32, pages shuffled",
       {.context = context, .prefill_chunk = 32, .page_seed = 6},
       false},
      {"prefill in chunks of 64", {.context = context, .prefill_chunk = 64}, false},
      {"decode into an unpaged cache", {.context = context, .block_size = 0}, true},
      {"decode, pages shuffled", {.context = context, .page_seed = 7}, true},
  };
  const Outcome base = run(model, {.context = context}, false, ids);
  std::vector<report::Equivalence> rows;
  for (const Way& way : ways) {
    const Outcome other = run(model, way.options, way.by_decode, ids);
    rows.push_back(compare(way.name, "logits", base.logits, other.logits, other.ms, threshold));
    rows.push_back(compare(way.name, "keys", base.keys, other.keys, other.ms, threshold));
    rows.push_back(compare(way.name, "values", base.values, other.values, other.ms, threshold));
  }
  return rows;
}

report::Equivalence check_batch(const nn::CausalLm& model, int context, std::span<const std::int32_t> text,
                                int users, int tokens) {
  std::vector<generate::Request> requests;
  for (int u = 0; u < users; ++u) {
    const auto begin = static_cast<std::size_t>(u) % text.size();
    const std::size_t length = std::min(text.size() - begin, static_cast<std::size_t>(2 + u));
    generate::Request request;
    request.prompt.assign(text.begin() + static_cast<std::ptrdiff_t>(begin),
                          text.begin() + static_cast<std::ptrdiff_t>(begin + length));
    request.max_new_tokens = tokens;
    requests.push_back(request);
  }
  generate::Generator together(model,
                               {.users = users, .context = context, .page_seed = 8, .poison_cache = true});
  const Stopwatch clock;
  const auto batch = generate::generate(together, requests);
  const double ms = clock.milliseconds();
  generate::Generator alone(model, {.users = 1, .context = context, .poison_cache = true});
  int equal = 0;
  for (std::size_t u = 0; u < requests.size(); ++u) {
    equal += generate::generate(alone, std::span(&requests[u], 1))[0].tokens == batch[u].tokens ? 1 : 0;
  }
  report::Equivalence result;
  result.ms = ms;
  result.name =
      fmt::format("{} users of different lengths = each alone ({} of {} equal)", users, equal, users);
  result.what = "tokens";
  result.equal = result.pass = equal == users;
  result.pcc = static_cast<double>(equal) / users;
  return result;
}

}  // namespace tessera::verify
