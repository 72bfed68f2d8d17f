#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "generate/generate_text.hpp"
#include "io/catalogue.hpp"
#include "models/load_model.hpp"
#include "util/error.hpp"

namespace tessera::cli {
namespace {

struct Options {
  std::string model, prompt, engine = "fast", device = "cpu", precision;
  int tokens = 128, context = 0;
  bool raw = false, json = false;
  SamplingParams sampling;
};

void write_out(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail_system("cannot write to standard output: {}", errno_text());
  }
}

void run(const Options& o) {
  check(!o.prompt.empty(), "generate: the prompt is empty: give some text with -p");
  const auto checkpoint = io::Checkpoint::open(io::resolve_model(o.model));
  const io::TokenizerFiles files = checkpoint->tokenizer();
  const text::Tokenizer tokenizer(files);
  generate::Request request;
  request.prompt = generate::encode_prompt(tokenizer, files, o.prompt, o.raw);
  request.max_new_tokens = o.tokens;
  request.sampling = o.sampling;
  const auto& stop = checkpoint->config().eos_token_ids;
  request.stop_ids.assign(stop.begin(), stop.end());

  const auto engine = parse_engine(o.engine);
  const auto device = Device::open(o.device, engine);
  const std::string precision = !o.precision.empty()    ? o.precision
                                : engine == Engine::Ref ? "fp32"
                                                        : "accuracy";
  // Room for this text, in whole pages; the model's own limit bounds it.
  const int wanted = (static_cast<int>(request.prompt.size()) + o.tokens + 31) / 32 * 32;
  const auto model = models::load_model(
      *device, *checkpoint,
      {.precision = models::parse_precision(precision), .max_seq = o.context > 0 ? o.context : wanted});
  generate::Generator generator(*model, {.users = 1});
  text::StreamDecoder decoder(tokenizer);
  generate::Timings timings;
  std::string text;
  const auto on_token = [&](int, std::int32_t id) {
    const std::string piece = decoder.push(id);
    text += piece;
    if (!o.json) write_out(piece);
    return true;
  };
  const auto result = generate::generate(generator, std::span(&request, 1), on_token, &timings)[0];
  const std::string rest = decoder.finish();
  text += rest;
  if (!o.json) return write_out(rest + "\n");
  const nlohmann::ordered_json json{
      {"prompt", o.prompt},
      {"text", text},
      {"tokens", result.tokens},
      {"prompt_tokens", request.prompt.size()},
      {"finish_reason", result.finish_reason},
      {"timings", {{"ttft_ms", timings.ttft_ms}, {"decode_tok_s", timings.decode_tok_s}}}};
  write_out(json.dump(1) + "\n");
}

}  // namespace

void add_generate(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Continue a prompt, streamed");
  command->footer(
      "Examples:\n  tessera generate smollm2-135m -p \"Hello, how are you?\"\n"
      "  tessera generate smollm2-135m -p \"Once upon a time\" --raw -n 64 --json");
  auto o = std::make_shared<Options>();
  command->add_option("MODEL", o->model, "A catalogue name, a Hugging Face folder, a hub id or a .gguf file")
      ->required();
  command->add_option("-p,--prompt", o->prompt, "The prompt")->required();
  command->add_option("-n", o->tokens, "New tokens at most")->capture_default_str();
  command->add_option("--engine", o->engine, "fast or ref")->capture_default_str();
  command->add_option("--device", o->device, "The device's spec sheet")->capture_default_str();
  command->add_option("--precision", o->precision, "accuracy, performance, bf16, fp32 or a .json file");
  command->add_option("--context", o->context, "Positions; default: what the text needs");
  command->add_option("--temperature", o->sampling.temperature, "0 is greedy")->capture_default_str();
  command->add_option("--top-k", o->sampling.top_k, "0: no limit")->capture_default_str();
  command->add_option("--top-p", o->sampling.top_p, "Nucleus")->capture_default_str();
  command->add_option("--seed", o->sampling.seed, "Of the sampler")->capture_default_str();
  command->add_flag("--raw", o->raw, "Continue the text without a chat template");
  command->add_flag("--json", o->json, "Print one JSON document");
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
