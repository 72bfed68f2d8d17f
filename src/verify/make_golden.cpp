#include "verify/make_golden.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "generate/generator.hpp"
#include "metrics/logits.hpp"
#include "text/tokenizer.hpp"
#include "util/error.hpp"
#include "verify/forced.hpp"
#include "verify/session.hpp"

namespace tessera::verify {
namespace {

// The exporter's (python/tessera_golden/prompts.py); the second one goes through the chat template.
constexpr std::array<const char*, 5> kPrompts{
    "Hello, how are you?",
    "Explain in two sentences why the sky is blue.",
    "def fibonacci(n: int) -> int:\n    \"\"\"Returns the n-th Fibonacci number.\"\"\"\n",
    "The café in Zürich has a menu in three languages: « thé à la menthe », 緑茶 (りょくちゃ), зелёный чай "
    "☕",
    "Three things to pack for 2 days in the mountains:\n1. A map at 1:25,000\n2.",
};
constexpr std::size_t kChatPrompt = 1;

constexpr std::string_view kOwnSource = "tessera ";

std::vector<std::string> make_prompts(const io::TokenizerFiles& files) {
  std::vector<std::string> prompts(kPrompts.begin(), kPrompts.end());
  if (files.chat_template.empty()) return prompts;
  const text::Message message{"user", prompts[kChatPrompt]};
  prompts[kChatPrompt] = text::ChatTemplate(files.chat_template, files.bos_token, files.eos_token)
                             .render(std::span(&message, 1));
  return prompts;
}

// A text that begins with BOS (a rendered template) gets no second one.
std::vector<std::int32_t> encode(const generate::ModelSession& session, std::string_view text) {
  const std::string& bos = session.files().bos_token;
  const bool begins = !bos.empty() && text.starts_with(bos);
  const auto ids = session.tokenizer().encode(text, !begins);
  return {ids.begin(), ids.end()};
}

void add_row(io::GoldenTopK& topk, std::span<const float> logits) {
  for (const std::int32_t id : metrics::topk(logits, static_cast<std::size_t>(topk.k))) {
    topk.ids.push_back(id);
    topk.logits.push_back(logits[static_cast<std::size_t>(id)]);
  }
}

io::GoldenTopK best_of(const ForcedRun& run, int k) {
  io::GoldenTopK topk;
  topk.k = std::min<std::int64_t>(k, static_cast<std::int64_t>(run.vocab));
  for (std::size_t row = 0; row < run.ids.size(); ++row) add_row(topk, run.row(row));
  return topk;
}

io::GoldenForced make_forced(const nn::CausalLm& model, std::vector<std::int32_t> ids, int k) {
  const ForcedRun run = forced_prefill(model, std::move(ids), model.max_seq);
  io::GoldenForced part{run.ids, best_of(run, k), {}};
  for (std::size_t row = 0; row < run.ids.size(); ++row)
    part.logsumexp.push_back(static_cast<float>(metrics::logsumexp(run.row(row))));
  return part;
}

io::GoldenHidden make_hidden(const nn::CausalLm& model, std::vector<std::int32_t> ids, int k) {
  const ForcedRun run = forced_prefill(model, std::move(ids), model.max_seq);
  io::GoldenHidden part;
  part.ids = run.ids;
  part.hidden_size = model.config.hidden_size;
  part.layers.push_back(run.embedding);
  part.layers.insert(part.layers.end(), run.layers.begin(), run.layers.end());
  part.final_norm = run.final_norm;
  part.topk = best_of(run, k);
  return part;
}

// Going on behind an end token, as the exporter does: every list has its whole length.
std::vector<io::GoldenGreedy> make_greedy(const nn::CausalLm& model,
                                          const std::vector<std::vector<std::int32_t>>& prompts, int tokens) {
  const auto users = static_cast<int>(prompts.size());
  const auto vocab = static_cast<std::size_t>(model.config.vocab_size);
  generate::Generator generator(model, {.users = users});
  std::vector<io::GoldenGreedy> parts(prompts.size());
  std::vector<std::int32_t> next(prompts.size()), positions(prompts.size());
  const auto accept = [&](std::size_t user, std::span<const float> logits) {
    const auto best = metrics::topk(logits, 2);
    const float second = best.size() < 2 ? logits[static_cast<std::size_t>(best[0])]
                                         : logits[static_cast<std::size_t>(best[1])];
    parts[user].ids.push_back(best[0]);
    parts[user].margins.push_back(logits[static_cast<std::size_t>(best[0])] - second);
    next[user] = best[0];
  };
  for (std::size_t u = 0; u < prompts.size(); ++u) {
    parts[u].prompt_ids = prompts[u];
    positions[u] = static_cast<std::int32_t>(prompts[u].size());
    accept(u, generator.prefill(prompts[u], static_cast<int>(u)).to_vector());
  }
  for (int step = 1; step < tokens; ++step) {
    const std::vector<float> rows = generator.decode(next, positions).to_vector();
    for (std::size_t u = 0; u < prompts.size(); ++u) {
      accept(u, std::span(rows).subspan(u * vocab, vocab));
      ++positions[u];
    }
  }
  return parts;
}

}  // namespace

io::Golden make_golden(generate::ModelSession& session, const std::string& name, const GoldenOptions& options,
                       const std::function<void(const std::string&)>& on_part) {
  check(session.device().engine() == Engine::Ref, "golden: the {} engine rounds: use ref",
        to_string(session.device().engine()));
  check(
      options.forced_tokens > 0 && options.greedy_tokens > 0 && options.hidden_tokens > 0 && options.topk > 0,
      "golden: {} forced, {} greedy, {} hidden tokens, best {}: all must be positive", options.forced_tokens,
      options.greedy_tokens, options.hidden_tokens, options.topk);
  const auto say = [&](const char* part) {
    if (on_part) on_part(part);
  };
  io::Golden golden;
  golden.model = name;
  golden.source = std::string(kOwnSource) + TESSERA_VERSION ", ref engine";
  golden.content_hash = session.checkpoint().content_hash();
  golden.prompts = make_prompts(session.files());

  std::vector<std::vector<std::int32_t>> prompts;
  std::size_t context = 0;
  for (const std::string& prompt : golden.prompts) {
    prompts.push_back(encode(session, prompt));
    context = std::max(context, prompts.back().size() + static_cast<std::size_t>(options.greedy_tokens));
  }
  const int limit = session.config().max_position_embeddings;
  check(
      limit <= 0 || context <= static_cast<std::size_t>(limit),
      "golden: the longest prompt and --greedy-tokens {} need {} positions, the model has {}: ask for fewer",
      options.greedy_tokens, context, limit);
  std::vector<std::int32_t> forced = encode(session, forced_text());
  forced.resize(std::min(forced.size(), static_cast<std::size_t>(options.forced_tokens)));
  if (limit > 0) forced.resize(std::min(forced.size(), static_cast<std::size_t>(limit)));
  context = std::max(context, forced.size());

  say("loading");
  session.load(static_cast<int>(context));
  const nn::CausalLm& model = session.model();
  std::vector<std::int32_t> start = forced;
  start.resize(std::min(start.size(), static_cast<std::size_t>(options.hidden_tokens)));
  say("hidden states");
  golden.hidden = make_hidden(model, std::move(start), options.topk);
  say("forced text");
  golden.forced = make_forced(model, std::move(forced), options.topk);
  say("greedy texts");
  golden.greedy = make_greedy(model, prompts, options.greedy_tokens);
  return golden;
}

bool is_own_golden(const io::Golden& golden) {
  return golden.source.starts_with(kOwnSource);
}

std::string golden_file_name(const std::string& model) {
  std::string name = model;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  if (std::filesystem::exists(name)) name = std::filesystem::path(name).filename().string();
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  // A hub id: "org/name" -> "org--name".
  for (auto at = name.find('/'); at != std::string::npos; at = name.find('/')) name.replace(at, 1, "--");
  return name + ".golden.safetensors";
}

}  // namespace tessera::verify
