#pragma once
// GGUF metadata to a ModelConfig and to tokenizer files.
#include "io/checkpoint.hpp"
#include "io/family_format.hpp"
#include "io/gguf.hpp"

namespace tessera::io {

/// The keys of gguf.md under the prefix of general.architecture. `architecture` is Hugging Face's
/// ("LlamaForCausalLM" for "llama") where a format is known, else the file's own. Throws UserError naming a
/// missing key or an impossible value; an unknown architecture's missing keys stay 0.
ModelConfig read_gguf_config(const Gguf& gguf, FamilyFormats formats = {});

/// The vocabulary under tokenizer.ggml. Throws UserError when there is none or its parts disagree.
TokenizerFiles read_gguf_tokenizer(const Gguf& gguf);

}  // namespace tessera::io
