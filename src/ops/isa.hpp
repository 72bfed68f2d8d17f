#pragma once
// Run-time choice of the instruction set, one for the process.
#include <string_view>
#include <vector>

namespace tessera {

/// The instruction sets that this build holds and this machine runs, best last: "scalar", "avx2",
/// "avx512", "avx512vnni".
std::vector<std::string_view> available_isas();

/// The one in use. TESSERA_ISA forces one at start; a name that the machine cannot run is a UserError.
std::string_view current_isa();

/// For tests: forces one from now on. Not while ops are running.
void force_isa(std::string_view name);

}  // namespace tessera
