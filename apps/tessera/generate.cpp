#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "generate/generate_text.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report/trace_events.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "verify/timeline_entries.hpp"

namespace tessera::cli {
namespace {

constexpr std::int64_t kMostPositions = std::numeric_limits<int>::max();

struct Options {
  generate::ModelChoice choice;
  std::string prompt;
  int tokens = 128, context = 0;
  bool raw = false, json = false;
  std::string timeline;
  SamplingParams sampling;
};

void answer(const Options& o, const generate::ModelSession& session, const generate::Request& request,
            generate::Generator& generator) {
  text::StreamDecoder decoder(session.tokenizer());
  generate::Timings timings;
  std::string text;
  const auto on_token = [&](int, std::int32_t id) {
    const std::string piece = decoder.push(id);
    text += piece;
    if (!o.json) write_out(piece);
    return true;
  };
  Timeline timeline;
  generate::Result result;
  {
    std::optional<TimelineScope> scope;
    if (!o.timeline.empty()) scope.emplace(generator.model().device(), timeline);
    result = generate::generate(generator, std::span(&request, 1), on_token, &timings)[0];
  }
  if (!o.timeline.empty())
    write_text_file(o.timeline, report::trace_event_json(verify::timeline_entries(timeline)));
  const std::string rest = decoder.finish();
  text += rest;
  if (!o.json) return write_out(rest + "\n");
  write_json({{"prompt", o.prompt},
              {"text", text},
              {"tokens", result.tokens},
              {"prompt_tokens", request.prompt.size()},
              {"finish_reason", result.finish_reason},
              {"timings", {{"ttft_ms", timings.ttft_ms}, {"decode_tok_s", timings.decode_tok_s}}}});
}

void run(const Options& o) {
  check(!o.prompt.empty(), "generate: the prompt is empty: give some text with -p");
  generate::ModelSession session(o.choice);
  generate::Request request;
  request.prompt = generate::encode_prompt(session.tokenizer(), session.files(), o.prompt, o.raw);
  request.max_new_tokens = o.tokens;
  request.sampling = o.sampling;
  request.stop_ids = session.stop_ids();

  // Room for this text, in whole pages; the model's own limit bounds it.
  const auto wanted = (static_cast<std::int64_t>(request.prompt.size()) + o.tokens + 31) / 32 * 32;
  const int context = o.context > 0 ? o.context : static_cast<int>(std::min(wanted, kMostPositions));
  session.run(context, [&](const generate::Replica& replica) {
    generate::Generator generator(replica.model, {.users = 1, .trace = o.choice.trace});
    if (replica.speaks()) return answer(o, session, request, generator);
    generate::generate(generator, std::span(&request, 1));
  });
}

}  // namespace

void add_generate(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Continue a prompt, streamed");
  command->footer(
      "Examples:\n  tessera generate smollm2-135m -p \"Hello, how are you?\"\n"
      "  tessera generate smollm2-135m -p \"Once upon a time\" --raw -n 64 --json");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_run_switches(*command, o->choice);
  add_mesh_option(*command, o->choice.mesh);
  command->add_option("-p,--prompt", o->prompt, "The prompt")->required();
  command->add_option("-n,--tokens", o->tokens, "New tokens at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--context", o->context, "Positions; default: what the text needs")
      ->check(CLI::PositiveNumber);
  add_sampling_options(*command, o->sampling);
  command->add_flag("--raw", o->raw, "Continue the text without a chat template");
  command->add_option("--timeline", o->timeline,
                      "Write when each command ran to this file, for ui.perfetto.dev");
  add_json_flag(*command, o->json);
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
