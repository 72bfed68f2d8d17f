#pragma once
// The architectures that this program can build. One line each in registry.cpp.
#include <span>
#include <string>
#include <string_view>

#include "models/family.hpp"

namespace tessera::models {

std::span<const Architecture* const> architectures();

/// Throws UserError that lists the known ones.
const Architecture& find_architecture(std::string_view name);
/// The same, and what else the configuration asks for (its keys).
const Architecture& find_architecture(std::string_view name, std::span<const std::string> asks_for);

/// Throws UserError with the config key when a model cannot be built from this configuration: an unknown
/// architecture, impossible sizes, keys that may change the arithmetic and that the family does not know.
void check_config(const io::ModelConfig& config);

/// What the files of all of them mean, for whatever opens one.
io::FamilyFormats family_formats();

}  // namespace tessera::models
