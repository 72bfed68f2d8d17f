#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.hpp"
#include "generate/data_parallel.hpp"
#include "generate/generator.hpp"
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
  std::vector<std::string> prompts;
  int tokens = 128, context = 0;
  bool raw = false, json = false;
  std::string timeline;
  SamplingParams sampling;
};

// Records what the chip's device does during `body`, when a file was asked for.
void with_timeline(const Options& o, Device& device, const std::function<void()>& body) {
  if (o.timeline.empty()) return body();
  Timeline timeline;
  {
    const TimelineScope scope(device, timeline);
    body();
  }
  write_text_file(o.timeline, report::trace_event_json(verify::timeline_entries(timeline)));
}

nlohmann::ordered_json result_json(const std::string& prompt, const std::string& text,
                                   const generate::Request& request, const generate::Result& result) {
  return {{"prompt", prompt},
          {"text", text},
          {"tokens", result.tokens},
          {"prompt_tokens", request.prompt.size()},
          {"finish_reason", result.finish_reason}};
}

nlohmann::ordered_json timings_json(const generate::Timings& timings) {
  return {{"ttft_ms", timings.ttft_ms}, {"decode_tok_s", timings.decode_tok_s}};
}

// One prompt: streamed.
void answer(const Options& o, const generate::ModelSession& session, const generate::Request& request,
            const generate::Replica& replica) {
  generate::Generator generator(replica.model, {.users = 1, .trace = o.choice.trace});
  text::StreamDecoder decoder(session.tokenizer());
  generate::Timings timings;
  std::string text;
  const auto on_token = [&](int, std::int32_t id) {
    const std::string piece = decoder.push(id);
    text += piece;
    if (!o.json) write_out(piece);
    return true;
  };
  generate::Result result;
  with_timeline(o, replica.device, [&] {
    result = generate::generate(generator, std::span(&request, 1), on_token, &timings)[0];
  });
  const std::string rest = decoder.finish();
  text += rest;
  if (!o.json) return write_out(rest + "\n");
  nlohmann::ordered_json json = result_json(o.prompts[0], text, request, result);
  json["timings"] = timings_json(timings);
  write_json(json);
}

// Several: all of them side by side, told when all are done.
void answer_all(const Options& o, const generate::ModelSession& session,
                std::span<const generate::Request> requests, const generate::Replica& replica) {
  generate::Timings timings;
  std::vector<generate::Result> results;
  with_timeline(o, replica.device,
                [&] { results = generate::generate_on_copies(replica, requests, o.choice.trace, &timings); });
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string text = session.tokenizer().decode(results[i].tokens);
    if (!o.json) write_out(fmt::format("{}[{}] {}\n", i == 0 ? "" : "\n", i + 1, text));
    list.push_back(result_json(o.prompts[i], text, requests[i], results[i]));
  }
  if (o.json) write_json({{"results", list}, {"timings", timings_json(timings)}});
}

void run(const Options& o) {
  for (const std::string& prompt : o.prompts)
    check(!prompt.empty(), "generate: the prompt is empty: give some text with -p");
  generate::ModelSession session(o.choice);
  std::vector<generate::Request> requests;
  requests.reserve(o.prompts.size());
  std::size_t longest = 0;
  for (const std::string& prompt : o.prompts) {
    generate::Request& request = requests.emplace_back();
    request.prompt = generate::encode_prompt(session.tokenizer(), session.files(), prompt, o.raw);
    request.max_new_tokens = o.tokens;
    request.sampling = o.sampling;
    request.stop_ids = session.stop_ids();
    longest = std::max(longest, request.prompt.size());
  }
  generate::share_of(requests, 0, o.choice.data_parallel);  // refused before anything is loaded

  // Room for this text, in whole pages; the model's own limit bounds it.
  const auto wanted = (static_cast<std::int64_t>(longest) + o.tokens + 31) / 32 * 32;
  const int context = o.context > 0 ? o.context : static_cast<int>(std::min(wanted, kMostPositions));
  session.run(context, [&](const generate::Replica& replica) {
    const bool one = requests.size() == 1;
    if (replica.speaks())
      return one ? answer(o, session, requests[0], replica) : answer_all(o, session, requests, replica);
    if (!one) {
      generate::generate_on_copies(replica, requests, o.choice.trace);
      return;
    }
    generate::Generator generator(replica.model, {.users = 1, .trace = o.choice.trace});
    generate::generate(generator, requests);
  });
}

}  // namespace

void add_generate(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Continue a prompt, streamed");
  command->footer(
      "Examples:\n  tessera generate smollm2-135m -p \"Hello, how are you?\"\n"
      "  tessera generate smollm2-135m -p \"Once upon a time\" --raw -n 64 --json\n"
      "  tessera generate smollm2-135m --mesh 1x4 --data-parallel 2 -p \"Red is\" -p \"Blue is\" --raw");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_run_switches(*command, o->choice);
  add_sharing_options(*command, o->choice);
  command
      ->add_option("-p,--prompt", o->prompts,
                   "The prompt; several, each with its own -p, are answered side by side")
      ->required()
      ->allow_extra_args(false);
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
