#include "generate/bench.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include "generate/generator.hpp"
#include "generate/step_ahead.hpp"
#include "ops/isa.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"
#include "util/rng.hpp"

namespace tessera::generate {
namespace {

constexpr std::uint64_t kPromptSeed = 1;

Spread spread(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  const double median = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  return {median, values.front(), values.back()};
}

// tok_s from ms: both spreads are of the same repeats.
BenchResult make_result(std::string kind, int batch, double tokens, const std::vector<double>& ms) {
  BenchResult result;
  result.kind = std::move(kind);
  result.batch = batch;
  result.ms = spread(ms);
  std::vector<double> rates;
  rates.reserve(ms.size());
  for (const double value : ms) rates.push_back(tokens / value * 1e3);
  result.tok_s = spread(std::move(rates));
  result.repeats = static_cast<int>(ms.size());
  return result;
}

class Bench {
 public:
  Bench(const nn::CausalLm& model, const BenchOptions& options, int batch, bool trace)
      : options_(options),
        batch_(batch),
        generator_(model, {.users = batch, .trace = trace}),
        users_(static_cast<std::size_t>(batch)),
        greedy_(users_),
        steps_(users_, 0),
        first_(users_) {
    Rng rng(kPromptSeed);
    for (std::size_t u = 0; u < users_; ++u) {
      auto& prompt = prompts_.emplace_back();
      for (int i = 0; i < options.prompt; ++i) {
        prompt.push_back(
            static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(model.config.vocab_size))));
      }
    }
  }

  BenchResult prefill() {
    std::vector<double> ms;
    const int repeats = batch_ == 1 ? options_.repeats : 1;
    for (int i = 0; i < repeats; ++i) {
      const Stopwatch clock;
      for (std::size_t u = 0; u < users_; ++u) {
        const int user = static_cast<int>(u);
        generator_.release(user);
        first_[u] = generator_.sample(generator_.prefill(prompts_[u], user), std::span(greedy_).first(1),
                                      std::span(steps_).first(1))[0];
      }
      ms.push_back(clock.milliseconds());
    }
    BenchResult result = make_result("prefill", batch_, static_cast<double>(options_.prompt) * batch_, ms);
    result.prompt = result.context = options_.prompt;
    return result;
  }

  // Each repeat writes over the positions of the one before: the work is the same.
  BenchResult decode() {
    std::vector<double> ms;
    for (int i = 0; i < options_.repeats; ++i) {
      std::vector<std::int32_t> tokens = first_;
      std::vector<std::int32_t> positions(users_, options_.prompt);
      const Stopwatch clock;
      std::optional<StepAhead> ahead;
      if (generator_.runs_ahead()) ahead.emplace(generator_, batch_);
      for (int step = 0; step < options_.gen; ++step) {
        tokens = ahead ? ahead->next(tokens, positions, step + 1 < options_.gen)
                       : generator_.sample(generator_.decode(tokens, positions), greedy_, steps_);
        for (auto& position : positions) ++position;
      }
      ms.push_back(clock.milliseconds() / options_.gen);
    }
    BenchResult result = make_result("decode", batch_, batch_, ms);
    result.prompt = options_.prompt;
    result.context = options_.prompt + options_.gen;
    return result;
  }

  std::int64_t kv_bytes() { return generator_.cache().bytes(); }

 private:
  const BenchOptions& options_;
  int batch_;
  Generator generator_;
  std::size_t users_;
  std::vector<SamplingParams> greedy_;
  std::vector<std::int64_t> steps_;
  std::vector<std::int32_t> first_;  // each user's token after its prompt
  std::vector<std::vector<std::int32_t>> prompts_;
};

void check_options(const BenchOptions& o) {
  check(o.prompt > 0 && o.gen > 0 && o.repeats > 0,
        "bench: --prompt {} --gen {} --repeats {}: all must be positive", o.prompt, o.gen, o.repeats);
  check(!o.batches.empty(), "bench: no --batch: give one, such as 1,32");
  for (const int batch : o.batches) {
    check(batch >= 1 && batch <= kMaxUsers, "bench: --batch {}: 1 to {} users are supported", batch,
          kMaxUsers);
  }
}

}  // namespace

BenchReport run_bench(const ModelChoice& choice, const BenchOptions& options,
                      const std::function<void(const std::string&)>& on_step) {
  check_options(options);
  ModelSession session(choice);
  const std::int64_t context = std::int64_t{options.prompt} + options.gen;
  const int limit = session.config().max_position_embeddings;
  check(limit <= 0 || context <= limit, "bench: {} + {} positions, the model has {}: lower --prompt or --gen",
        options.prompt, options.gen, limit);
  const auto say = [&](const std::string& text) {
    if (on_step) on_step(text);
  };
  say("loading");
  const Stopwatch clock;
  session.load(static_cast<int>(context));
  BenchReport report;
  report.model = choice.model;
  report.device = choice.device;
  report.engine = choice.engine;
  report.precision = session.precision();
  report.async = choice.async;
  report.trace = choice.trace;
  report.isa = current_isa();
  report.load_s = clock.seconds();
  report.threads = num_threads();
  report.weights_bytes = session.device().allocated_bytes();
  for (const int batch : options.batches) {
    Bench bench(session.model(), options, batch, choice.trace);
    say(fmt::format("prefill, batch {}", batch));
    report.results.push_back(bench.prefill());
    const double per_user = report.results.back().ms.median / batch;
    if (report.ttft_ms == 0 || batch == 1) report.ttft_ms = per_user;
    say(fmt::format("decode, batch {}", batch));
    report.results.push_back(bench.decode());
    report.kv_bytes = std::max(report.kv_bytes, bench.kv_bytes());
  }
  report.peak_bytes = session.device().peak_bytes();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  report.host_peak_bytes = usage.ru_maxrss * 1024L;
  return report;
}

}  // namespace tessera::generate
