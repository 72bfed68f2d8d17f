#pragma once
// What `tessera advise` varies: a dtype and a fidelity for each of TT-Transformers' groups.
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/precision.hpp"

namespace tessera::verify {

enum class Group : std::uint8_t { Ff1Ff3, Ff2, Wqkv, Wo, KvCache, Sdpa, Activation, LmHead };
inline constexpr std::size_t kGroups = 8;
/// The groups with weights in every layer.
inline constexpr std::array kLayerGroups{Group::Ff1Ff3, Group::Ff2, Group::Wqkv, Group::Wo};
/// Those of which the card's memory and speed depend on the setting, and TT-Transformers reads one.
inline constexpr std::array kSteppedGroups{Group::Ff1Ff3, Group::Ff2,     Group::Wqkv,
                                           Group::Wo,     Group::KvCache, Group::Sdpa};

/// TT-Transformers' names: "FF1_FF3"; "SDPA" and "LM_HEAD" are ours.
std::string_view to_string(Group group);

/// "LoFi", "HiFi2", "HiFi3", "HiFi4"
std::string_view fidelity_name(MathFidelity fidelity);

/// Of one group. SDPA has no dtype; KV_CACHE and ACTIVATION have no fidelity.
struct Setting {
  std::optional<DataType> dtype = {};
  std::string fidelity = {};  // "HIFI2_FP16"

  bool operator==(const Setting&) const = default;
};

/// "BFP8 HIFI2_FP16"
std::string describe(const Setting& setting);

/// One group of one layer.
struct Cell {
  Group group = Group::Ff1Ff3;
  int layer = 0;

  auto operator<=>(const Cell&) const = default;
};

struct Configuration {
  std::array<Setting, kGroups> settings;
  std::map<Cell, Setting> exceptions = {};  // of kLayerGroups, what single layers have instead

  Setting& operator[](Group group) { return settings[static_cast<std::size_t>(group)]; }
  const Setting& operator[](Group group) const { return settings[static_cast<std::size_t>(group)]; }
  Configuration with(Group group, const Setting& setting) const;
  bool operator==(const Configuration&) const = default;
};

/// "BFP8 HIFI2; BFP4 LOFI in 3 layers": of one group with its exceptions.
std::string describe(const Configuration& configuration, Group group);

/// bfloat16 at HIFI4, the LM head as TT-Transformers has it for every model (BFP8, HIFI2_FP16).
Configuration most_precise_configuration();

/// What a group can be brought down to from there, the most precise first; the first entry is that itself.
std::vector<Setting> ladder(Group group);

/// The last of the ladder for weights: bfloat4_b at LOFI.
Setting smallest(Group group);

/// Settings beside the ladder that tell what a loss comes from: a fidelity or dtype that no preset has.
std::vector<Setting> probes(Group group);

models::Precision to_precision(const Configuration& configuration);

/// The setting of one group, of all layers or of one layer alone.
void apply(models::Precision& precision, Group group, const Setting& setting);
void apply_to_layer(models::Precision& precision, int layer, Group group, const Setting& setting);

/// A precision as a configuration with TT-Transformers' fidelities for its dtypes.
Configuration preset_configuration(const models::Precision& precision);

/// The JSON that TT-Transformers reads, every layer and group named. The LM head has no place in it.
std::string precision_file(const Configuration& configuration, int layers);

}  // namespace tessera::verify
