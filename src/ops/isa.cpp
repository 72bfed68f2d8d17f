#include "ops/isa.hpp"

#include <hwy/highway.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <string>

#include "util/error.hpp"

namespace tessera {
namespace {

struct Isa {
  std::string_view name;
  std::int64_t targets;
};

#if HWY_ARCH_X86
// Only linear is compiled for HWY_AVX3_DL: "avx512vnni" is AVX-512 for the rest.
constexpr std::array<Isa, 4> kIsas{{{"scalar", HWY_STATIC_TARGET},
                                    {"avx2", HWY_AVX2},
                                    {"avx512", HWY_AVX3},
                                    {"avx512vnni", HWY_AVX3_DL | HWY_AVX3}}};
#else
constexpr std::array<Isa, 1> kIsas{{{"native", HWY_STATIC_TARGET}}};
#endif

bool runs_here(const Isa& isa) {
  // Asked once, before anything is forced.
  static const std::int64_t supported = hwy::SupportedTargets();
  return isa.targets == HWY_STATIC_TARGET || (supported & isa.targets) == isa.targets;
}

// The name in use; empty until the first question.
std::string_view g_chosen;
std::once_flag g_once;

void choose(std::string_view name) {
  for (const Isa& isa : kIsas) {
    if (isa.name != name || !runs_here(isa)) continue;
    const bool best = isa.name == available_isas().back();
    hwy::SetSupportedTargetsForTest(best ? 0 : isa.targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    g_chosen = isa.name;
    return;
  }
  std::string known;
  for (const auto isa : available_isas()) known += fmt::format(" {}", isa);
  fail_user("instruction set \"{}\": this machine runs{}: choose one of them", name, known);
}

}  // namespace

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : kIsas) {
    if (runs_here(isa)) names.push_back(isa.name);
  }
  return names;
}

std::string_view current_isa() {
  std::call_once(g_once, [] {
    const char* name = std::getenv("TESSERA_ISA");
    choose(name != nullptr && *name != '\0' ? std::string_view(name) : available_isas().back());
  });
  return g_chosen;
}

void force_isa(std::string_view name) {
  current_isa();
  choose(name);
}

}  // namespace tessera
