#pragma once
// What `tessera inspect` prints.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/inspect.hpp"

namespace tessera::cli {

/// Keys: model, supported, unsupported, known_architectures, config, checkpoint, parameters, modules,
/// operators {decode, prefill}, tensors.
nlohmann::ordered_json inspection_json(const std::string& model, const models::Inspection& inspection);

/// For people: layers that are alike stand there once.
std::string inspection_text(const std::string& model, const models::Inspection& inspection);

}  // namespace tessera::cli
