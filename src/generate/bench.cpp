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
  Bench(const Replica& replica, const BenchOptions& options, int batch, bool trace)
      : replica_(replica),
        options_(options),
        batch_(batch),
        generator_(replica.model, {.users = batch, .trace = trace}),
        users_(static_cast<std::size_t>(batch)),
        greedy_(users_),
        steps_(users_, 0),
        first_(users_) {
    Rng rng(kPromptSeed);
    for (std::size_t u = 0; u < users_; ++u) {
      auto& prompt = prompts_.emplace_back();
      for (int i = 0; i < options.prompt; ++i) {
        prompt.push_back(static_cast<std::int32_t>(
            rng.below(static_cast<std::uint64_t>(replica.model.config.vocab_size))));
      }
    }
  }

  // All users' prompts, one after the other.
  void fill() {
    for (std::size_t u = 0; u < users_; ++u) fill(u);
  }

  BenchResult prefill() {
    std::vector<double> ms;
    const int repeats = batch_ == 1 ? options_.repeats : 1;
    for (int i = 0; i < repeats; ++i) {
      together();
      const Stopwatch clock;
      fill();
      ms.push_back(clock.milliseconds());
    }
    const int users = batch_ * replica_.count;
    BenchResult result =
        make_result("prefill", users, static_cast<double>(options_.prompt) * users, slowest(std::move(ms)));
    result.prompt = result.context = options_.prompt;
    return result;
  }

  // Each repeat writes over the positions of the one before: the work is the same.
  BenchResult decode() {
    std::vector<double> ms;
    for (int i = 0; i < options_.repeats; ++i) {
      std::vector<std::int32_t> tokens = first_;
      std::vector<std::int32_t> positions(users_, options_.prompt);
      together();
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
    const int users = batch_ * replica_.count;
    BenchResult result = make_result("decode", users, users, slowest(std::move(ms)));
    result.prompt = options_.prompt;
    result.context = options_.prompt + options_.gen;
    return result;
  }

  // One prompt, and one step of all users, op by op.
  void add_roofline(Roofline& roofline) {
    const int context = options_.prompt + 1;
    if (options_.prefill && batch_ == 1)
      roofline.steps.push_back({"prefill", 1, options_.prompt, fastest([&] { fill(0); })});
    if (!options_.decode) return;
    const std::vector<std::int32_t> positions(users_, options_.prompt);
    roofline.steps.push_back({"decode", batch_, context, fastest([&] {
                                generator_.sample(generator_.decode(first_, positions), greedy_, steps_);
                              })});
  }

  std::int64_t kv_bytes() { return generator_.cache().bytes(); }

 private:
  void fill(std::size_t u) {
    const int user = static_cast<int>(u);
    generator_.release(user);
    first_[u] = generator_.sample(generator_.prefill(prompts_[u], user), std::span(greedy_).first(1),
                                  std::span(steps_).first(1))[0];
  }

  // Of the repeats.
  template <class Step>
  std::vector<OpClass> fastest(const Step& step) {
    std::vector<OpClass> best;
    double least = 0;
    for (int i = 0; i < options_.repeats; ++i) {
      RooflineObserver observer;
      {
        const ObserverScope scope(observer);
        step();
      }
      std::vector<OpClass> classes = observer.classes();
      const double seconds = total_seconds(classes);
      if (i == 0 || seconds < least) best = std::move(classes);
      least = i == 0 ? seconds : std::min(least, seconds);
    }
    return best;
  }

  void together() {
    if (replica_.mesh) replica_.mesh->barrier();
  }

  std::vector<double> slowest(std::vector<double> ms) {
    if (!replica_.mesh) return ms;
    std::vector<double> all(ms.size() * static_cast<std::size_t>(replica_.mesh->size()));
    replica_.mesh->all_gather(std::span<const double>(ms), std::span(all));
    for (std::size_t i = 0; i < all.size(); ++i) ms[i % ms.size()] = std::max(ms[i % ms.size()], all[i]);
    return ms;
  }

  const Replica& replica_;
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
  check(o.prefill || o.decode, "bench: nothing to measure: name prefill or decode with --measure");
  check(!o.batches.empty(), "bench: no --batch: give one, such as 1,32");
  for (const int batch : o.batches) {
    check(batch >= 1 && batch <= kMaxUsers, "bench: --batch {}: 1 to {} users are supported", batch,
          kMaxUsers);
  }
}

// Every chip measures; the one that speaks reports.
void measure(const Replica& replica, const BenchOptions& options, bool trace,
             const std::function<void(const std::string&)>& say, BenchReport* report) {
  for (const int batch : options.batches) {
    Bench bench(replica, options, batch, trace);
    const int users = batch * replica.count;
    if (report != nullptr) say(fmt::format("prefill, batch {}", users));
    if (options.prefill) {
      BenchResult prefill = bench.prefill();
      if (report != nullptr && (report->ttft_ms == 0 || batch == 1))
        report->ttft_ms = prefill.ms.median / batch;
      if (report != nullptr) report->results.push_back(std::move(prefill));
    } else {
      bench.fill();
    }
    if (options.decode) {
      if (report != nullptr) say(fmt::format("decode, batch {}", users));
      BenchResult decode = bench.decode();
      if (report != nullptr) report->results.push_back(std::move(decode));
    }
    if (report == nullptr) continue;
    report->kv_bytes = std::max(report->kv_bytes, bench.kv_bytes());
    if (!report->roofline) continue;
    say(fmt::format("roofline, batch {}", users));
    bench.add_roofline(*report->roofline);
  }
}

}  // namespace

BenchReport run_bench(const ModelChoice& choice, const BenchOptions& options,
                      const std::function<void(const std::string&)>& on_step) {
  check_options(options);
  ModelSession session(choice);
  check(!options.roofline || (session.mesh() == nullptr && session.device().engine() == Engine::Fast),
        "bench: --roofline with engine {} on device {}: it is of the fast engine on one chip", choice.engine,
        choice.device);
  const std::int64_t context = std::int64_t{options.prompt} + options.gen;
  const int limit = session.config().max_position_embeddings;
  check(limit <= 0 || context <= limit, "bench: {} + {} positions, the model has {}: lower --prompt or --gen",
        options.prompt, options.gen, limit);
  const auto say = [&](const std::string& text) {
    if (on_step) on_step(text);
  };
  say("loading");
  const Stopwatch clock;
  BenchReport report;
  report.model = choice.model;
  report.adapter = choice.adapter;
  report.device = choice.device;
  report.engine = choice.engine;
  report.precision = session.precision();
  report.async = choice.async;
  report.trace = choice.trace;
  report.isa = current_isa();
  report.threads = num_threads();
  if (session.mesh() != nullptr) report.mesh = comm::to_string(session.mesh()->shape());
  report.copies = choice.data_parallel;
  if (options.roofline) report.roofline.emplace();
  session.run(static_cast<int>(context), [&](const Replica& replica) {
    if (!replica.speaks()) {
      measure(replica, options, choice.trace, {}, nullptr);
      return;
    }
    report.load_s = clock.seconds();
    report.weights_bytes = replica.device.allocated_bytes();
    measure(replica, options, choice.trace, say, &report);
    report.peak_bytes = replica.device.peak_bytes();
  });
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  report.host_peak_bytes = usage.ru_maxrss * 1024L;
  // After the process has been measured: it takes a large buffer.
  if (report.roofline) {
    say("machine");
    report.roofline->peaks = measure_peaks();
  }
  return report;
}

}  // namespace tessera::generate
