#pragma once
// The generation loop: prompts in, text out, streamed.
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generate/generator.hpp"
#include "text/tokenizer.hpp"

namespace tessera::generate {

struct Request {
  std::vector<std::int32_t> prompt;
  int max_new_tokens = 128;
  SamplingParams sampling{};
  std::vector<std::int32_t> stop_ids{};  // generation ends at any of them; it is not part of the result
  std::size_t cached = 0;  // tokens of the prompt that the user's cache holds (Generator::prefill)
};

struct Result {
  std::vector<std::int32_t> tokens;
  std::string finish_reason;  // "stop" (a stop id) or "length" (max_new_tokens, or the context is full)
};

struct Timings {
  double ttft_ms = 0;        // start of prefill to the first sampled token, of the first user
  double prefill_tok_s = 0;  // prompt tokens a second, all users
  double decode_tok_s = 0;   // tokens a second after the first, all users together
};

/// Called with each new token; return false to stop that user.
using OnToken = std::function<bool(int user, std::int32_t token)>;

/// Runs up to `generator.users()` requests together: each prompt is prefilled, then all decode in step, each
/// at its own position. A request gives the same tokens alone and in any company. Throws Interrupted after
/// Ctrl-C.
std::vector<Result> generate(Generator& generator, std::span<const Request> requests,
                             const OnToken& on_token = {}, Timings* timings = nullptr);

/// Token ids of a prompt: as a chat with one user message when there is a template and not `raw`, else as
/// plain text.
std::vector<std::int32_t> encode_prompt(const text::Tokenizer& tokenizer, const io::TokenizerFiles& files,
                                        const std::string& prompt, bool raw);

}  // namespace tessera::generate
