#pragma once
// One op with its inputs as a file: what bisect leaves as a reproduction and `tessera replay` runs. A
// safetensors file: metadata format "tessera-replay", version "1", call (JSON: path, mode, op, attributes,
// options, inputs); the inputs as the reference had them: input.<i>, F32 or I32.
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "verify/op_case.hpp"

namespace tessera::verify {

/// Whole or not at all. Throws UserError for an op that describe_call does not know, SystemError when the
/// file cannot be written.
void write_replay(const std::filesystem::path& path, const OpCase& op_case);

/// Throws UserError for a file that is no replay file, is incomplete, or contradicts itself. That the op
/// takes these shapes is told when it is run.
OpCase read_replay(const std::filesystem::path& path);
OpCase parse_replay(std::span<const std::byte> bytes, const std::string& file);

}  // namespace tessera::verify
