#include "verify/advise/configuration.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace tessera::verify {
namespace {

using enum DataType;

// In the order of Group.
constexpr std::array<std::string_view, kGroups> kNames{"FF1_FF3",  "FF2",  "WQKV",       "WO",
                                                       "KV_CACHE", "SDPA", "ACTIVATION", "LM_HEAD"};

std::string_view short_name(DataType dtype) {
  switch (dtype) {
    case BFLOAT4_B:
      return "BFP4";
    case BFLOAT8_B:
      return "BFP8";
    case BFLOAT16:
      return "BF16";
    default:
      return to_string(dtype);
  }
}

bool is_mlp(Group group) {
  return group == Group::Ff1Ff3 || group == Group::Ff2;
}

// TT-Transformers' fidelity for weights of a dtype: its presets know these pairs and no others.
std::string usual_fidelity(Group group, DataType weight) {
  if (weight == BFLOAT16) return "HIFI4";
  if (weight == BFLOAT4_B) return "LOFI";
  return is_mlp(group) || group == Group::LmHead ? "HIFI2_FP16" : "HIFI2";
}

Setting weights(Group group, DataType dtype) {
  return {dtype, usual_fidelity(group, dtype)};
}

void set_weights(models::DecoderPrecision& decoder, Group group, const Setting& setting) {
  const nn::Fidelity how = models::parse_fidelity(setting.fidelity, to_string(group));
  nn::AttentionFidelity& attention = decoder.fidelity.attention;
  switch (group) {
    case Group::Ff1Ff3:
      decoder.ff1_ff3 = *setting.dtype;
      decoder.fidelity.mlp.ff1_ff3 = how;
      break;
    case Group::Ff2:
      decoder.ff2 = *setting.dtype;
      decoder.fidelity.mlp.ff2 = how;
      break;
    case Group::Wqkv:
      decoder.wqkv = *setting.dtype;
      attention.qkv_decode = attention.qkv_prefill = how;
      break;
    case Group::Wo:
      decoder.wo = *setting.dtype;
      attention.o_decode = attention.o_prefill = how;
      break;
    default:
      break;
  }
}

}  // namespace

std::string_view to_string(Group group) {
  return kNames[static_cast<std::size_t>(group)];
}

std::string_view fidelity_name(MathFidelity fidelity) {
  constexpr std::array<std::string_view, 4> kFidelities{"LoFi", "HiFi2", "HiFi3", "HiFi4"};
  return kFidelities[static_cast<std::size_t>(fidelity_phases(fidelity) - 1)];
}

std::string describe(const Setting& s) {
  if (!s.dtype) return s.fidelity;
  if (s.fidelity.empty()) return std::string(short_name(*s.dtype));
  return fmt::format("{} {}", short_name(*s.dtype), s.fidelity);
}

std::string describe(const Configuration& c, Group group) {
  std::map<std::string, int> others;
  for (const auto& [cell, setting] : c.exceptions) {
    if (cell.group == group) ++others[describe(setting)];
  }
  std::string text = describe(c[group]);
  for (const auto& [setting, layers] : others)
    text += fmt::format("; {} in {} layer{}", setting, layers, layers == 1 ? "" : "s");
  return text;
}

Configuration Configuration::with(Group group, const Setting& setting) const {
  Configuration changed = *this;
  changed[group] = setting;
  return changed;
}

Configuration most_precise_configuration() {
  Configuration c;
  for (const Group group : kLayerGroups) c[group] = weights(group, BFLOAT16);
  c[Group::KvCache] = {BFLOAT16, ""};
  c[Group::Sdpa] = {{}, "HIFI4"};
  c[Group::Activation] = {BFLOAT16, ""};
  c[Group::LmHead] = weights(Group::LmHead, BFLOAT8_B);
  return c;
}

std::vector<Setting> ladder(Group group) {
  switch (group) {
    case Group::KvCache:
      return {{BFLOAT16, ""}, {BFLOAT8_B, ""}};
    case Group::Sdpa:
      return {{{}, "HIFI4"}, {{}, "HIFI2"}};
    case Group::Activation:
      return {{BFLOAT16, ""}};
    case Group::LmHead:
      return {weights(group, BFLOAT8_B), weights(group, BFLOAT4_B)};
    default:
      return {weights(group, BFLOAT16), weights(group, BFLOAT8_B), weights(group, BFLOAT4_B)};
  }
}

Setting smallest(Group group) {
  return ladder(group).back();
}

std::vector<Setting> probes(Group group) {
  switch (group) {
    case Group::KvCache:
    case Group::Activation:
      return {};
    case Group::Sdpa:
      return {{{}, "LOFI"}};
    case Group::LmHead:
      return {weights(group, BFLOAT16)};
    default:
      return {{BFLOAT8_B, "LOFI"}};
  }
}

void apply(models::Precision& p, Group group, const Setting& setting) {
  switch (group) {
    case Group::KvCache:
      p.kv_cache = *setting.dtype;
      break;
    case Group::Activation:
      p.activation = *setting.dtype;
      break;
    case Group::LmHead:
      p.lm_head = *setting.dtype;
      p.lm_head_fidelity = models::parse_fidelity(setting.fidelity, to_string(group));
      break;
    case Group::Sdpa: {
      nn::AttentionFidelity& attention = p.decoder.fidelity.attention;
      attention.sdpa_decode = attention.sdpa_prefill =
          models::parse_fidelity(setting.fidelity, to_string(group));
      break;
    }
    default:
      set_weights(p.decoder, group, setting);
  }
}

void apply_to_layer(models::Precision& p, int layer, Group group, const Setting& setting) {
  set_weights(p.overrides.emplace(layer, p.decoder).first->second, group, setting);
}

models::Precision to_precision(const Configuration& configuration) {
  models::Precision p;
  p.name = "advised";
  for (std::size_t i = 0; i < kGroups; ++i) apply(p, static_cast<Group>(i), configuration.settings[i]);
  for (const auto& [cell, setting] : configuration.exceptions)
    apply_to_layer(p, cell.layer, cell.group, setting);
  return p;
}

Configuration preset_configuration(const models::Precision& p) {
  Configuration c = most_precise_configuration();
  c[Group::Ff1Ff3] = weights(Group::Ff1Ff3, p.decoder.ff1_ff3);
  c[Group::Ff2] = weights(Group::Ff2, p.decoder.ff2);
  c[Group::Wqkv] = weights(Group::Wqkv, p.decoder.wqkv);
  c[Group::Wo] = weights(Group::Wo, p.decoder.wo);
  c[Group::KvCache].dtype = p.kv_cache;
  return c;
}

std::string precision_file(const Configuration& c, int layers) {
  using Json = nlohmann::ordered_json;
  Json decoders;
  for (int i = 0; i < layers; ++i) {
    const auto setting = [&](Group group) {
      const auto other = c.exceptions.find({group, i});
      return other == c.exceptions.end() ? c[group] : other->second;
    };
    Json dtypes, fidelities;
    for (const Group group :
         {Group::Ff1Ff3, Group::Ff2, Group::Wqkv, Group::Wo, Group::KvCache, Group::Activation})
      dtypes[std::string(to_string(group))] = short_name(*setting(group).dtype);
    for (const auto& [key, group] :
         {std::pair{"LI_FF1_FF3", Group::Ff1Ff3}, std::pair{"LI_FF2", Group::Ff2},
          std::pair{"LI_QKV_DECODE", Group::Wqkv}, std::pair{"LI_QKV_PREFILL", Group::Wqkv},
          std::pair{"LI_O_DECODE", Group::Wo}, std::pair{"LI_O_PREFILL", Group::Wo},
          std::pair{"SDPA_DECODE", Group::Sdpa}, std::pair{"SDPA_PREFILL", Group::Sdpa}})
      fidelities[key] = setting(group).fidelity;
    decoders[std::to_string(i)] = {{"precision_cfg", dtypes}, {"fidelity_cfg", fidelities}};
  }
  return Json{{"decoders", decoders}}.dump(2) + "\n";
}

}  // namespace tessera::verify
