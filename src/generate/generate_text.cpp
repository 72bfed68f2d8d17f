#include "generate/generate_text.hpp"

#include <algorithm>
#include <optional>

#include "generate/step_ahead.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace tessera::generate {
namespace {

// One user on its way.
struct Run {
  const Request* request;
  Result result;
  std::int32_t position = -1;  // of the next token to feed; -1: finished
  std::int32_t token = 0;      // the next token to feed

  // Takes a sampled token; position becomes -1 when the user is done.
  void accept(std::int32_t sampled, int user, int context, const OnToken& on_token) {
    if (std::ranges::find(request->stop_ids, sampled) != request->stop_ids.end()) return finish("stop");
    result.tokens.push_back(sampled);
    const bool more = !on_token || on_token(user, sampled);
    if (!more) return finish("stop");
    token = sampled;
    position = static_cast<std::int32_t>(request->prompt.size() + result.tokens.size() - 1);
    if (static_cast<int>(result.tokens.size()) >= request->max_new_tokens || position >= context)
      finish("length");
  }

  void finish(const char* reason) {
    result.finish_reason = reason;
    position = -1;
  }
};

// Whether the step after this one is wanted of every user, as far as lengths tell.
bool all_go_on(const std::vector<Run>& runs, int context) {
  return std::ranges::all_of(runs, [&](const Run& run) {
    return run.position < 0 || (run.position + 1 < context &&
                                static_cast<int>(run.result.tokens.size()) + 1 < run.request->max_new_tokens);
  });
}

}  // namespace

std::vector<Result> generate(Generator& generator, std::span<const Request> requests, const OnToken& on_token,
                             Timings* timings) {
  check(!requests.empty() && static_cast<int>(requests.size()) <= generator.users(),
        "generate: {} requests for {} users", requests.size(), generator.users());
  const std::size_t n = requests.size();
  std::vector<Run> runs;
  Timings measured;
  Stopwatch clock;
  std::size_t prompt_tokens = 0;
  for (std::size_t u = 0; u < n; ++u) {
    const Request& request = requests[u];
    runs.push_back({&request, {}, -1, 0});
    const int user = static_cast<int>(u);
    if (request.cached == 0) generator.release(user);
    const Tensor logits = generator.prefill(request.prompt, user, request.cached);
    const std::int64_t step = 0;
    const auto first = generator.sample(logits, std::span(&request.sampling, 1), std::span(&step, 1))[0];
    if (u == 0) measured.ttft_ms = clock.milliseconds();
    prompt_tokens += request.prompt.size() - request.cached;
    if (request.max_new_tokens <= 0) {
      runs[u].finish("length");
    } else {
      runs[u].accept(first, user, generator.context(), on_token);
    }
  }
  measured.prefill_tok_s = static_cast<double>(prompt_tokens) / clock.seconds();

  clock.reset();
  std::size_t decoded = 0;
  std::vector<std::int32_t> tokens(n), positions(n);
  std::vector<SamplingParams> params(n);
  std::vector<std::int64_t> steps(n);
  // Greedy tokens need no host between two steps.
  std::optional<StepAhead> ahead;
  if (generator.runs_ahead() && std::ranges::all_of(requests, [](const Request& request) {
        return request.sampling.temperature <= 0;
      })) {
    ahead.emplace(generator, static_cast<int>(n));
  }
  while (std::ranges::any_of(runs, [](const Run& run) { return run.position >= 0; })) {
    for (std::size_t u = 0; u < n; ++u) {
      tokens[u] = runs[u].token;
      positions[u] = runs[u].position;
      params[u] = requests[u].sampling;
      steps[u] = static_cast<std::int64_t>(runs[u].result.tokens.size());
    }
    const auto sampled = ahead ? ahead->next(tokens, positions, all_go_on(runs, generator.context()))
                               : generator.sample(generator.decode(tokens, positions), params, steps);
    for (std::size_t u = 0; u < n; ++u) {
      if (positions[u] < 0) continue;
      ++decoded;
      runs[u].accept(sampled[u], static_cast<int>(u), generator.context(), on_token);
    }
  }
  measured.decode_tok_s = decoded == 0 ? 0 : static_cast<double>(decoded) / clock.seconds();
  if (timings != nullptr) *timings = measured;

  std::vector<Result> results;
  results.reserve(runs.size());
  for (Run& run : runs) results.push_back(std::move(run.result));
  return results;
}

std::vector<std::int32_t> encode_prompt(const text::Tokenizer& tokenizer, const io::TokenizerFiles& files,
                                        const std::string& prompt, bool raw) {
  if (raw || files.chat_template.empty()) return tokenizer.encode(prompt);
  const text::ChatTemplate chat(files.chat_template, files.bos_token, files.eos_token);
  const text::Message message{"user", prompt};
  // The template writes the special tokens itself.
  return tokenizer.encode(chat.render(std::span(&message, 1)), false);
}

}  // namespace tessera::generate
