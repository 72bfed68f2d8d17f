#pragma once
// A golden file from the ref engine: the same parts, texts and sizes as python/tessera_golden takes from
// Hugging Face.
#include <functional>
#include <string>

#include "generate/model_session.hpp"
#include "io/golden.hpp"

namespace tessera::verify {

struct GoldenOptions {
  int forced_tokens = 400;  // of the forced text, at most what it has and what the context holds
  int greedy_tokens = 64;   // of each of five prompts
  int hidden_tokens = 16;   // of the forced text, whose hidden states are kept
  int topk = 64;            // best logits kept of each position; the vocabulary bounds it
};

/// Runs the model of a session that has no weights loaded yet; its engine must be ref. `on_part` is told
/// before each part. Throws UserError when the context is too short for the greedy texts; Interrupted.
io::Golden make_golden(generate::ModelSession& session, const std::string& name, const GoldenOptions& options,
                       const std::function<void(const std::string& part)>& on_part = {});

/// Written by make_golden, of any version: the same engine that it would be held against.
bool is_own_golden(const io::Golden& golden);

/// "dir/smollm2-135m.gguf" -> "smollm2-135m.golden.safetensors"
std::string golden_file_name(const std::string& model);

}  // namespace tessera::verify
