#pragma once
// config.json, generation_config.json and tokenizer_config.json of a Hugging Face folder.
#include <string>
#include <string_view>

#include "io/checkpoint.hpp"
#include "io/family_format.hpp"

namespace tessera::io {

/// Throws UserError naming a missing or mistyped key. Of an architecture that no format is for, missing sizes
/// stay 0 and the models room refuses it. `file` names the text.
ModelConfig parse_hf_config(std::string_view text, const std::string& file, FamilyFormats formats = {});

/// The end-of-text ids of generation_config.json win over config.json's.
void apply_generation_config(ModelConfig& config, std::string_view text, const std::string& file);

/// bos_token, eos_token (texts or objects), add_bos_token and chat_template (text or list of named
/// templates).
void apply_tokenizer_config(TokenizerFiles& files, std::string_view text, const std::string& file);

}  // namespace tessera::io
