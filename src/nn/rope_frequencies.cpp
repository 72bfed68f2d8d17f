#include "nn/rope_frequencies.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include "util/error.hpp"

namespace tessera::nn {
namespace {

constexpr std::array<std::string_view, 7> kTypes{"none", "default",  "linear", "dynamic",
                                                 "yarn", "longrope", "llama3"};

// Llama 3: long wavelengths are divided by `factor`, short ones stay, those between are blended.
float llama3_frequency(float frequency, const io::RopeScaling& s) {
  const float original = static_cast<float>(s.original_max_position_embeddings);
  const float wavelength = 2.0f * std::numbers::pi_v<float> / frequency;
  if (wavelength < original / s.high_freq_factor) return frequency;
  if (wavelength > original / s.low_freq_factor) return frequency / s.factor;
  const float smooth = (original / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - smooth) * frequency / s.factor + smooth * frequency;
}

// YaRN (Peng et al. 2023): how much of pair i keeps its own frequency: 1 below the pair that turns beta_fast
// times over the original context, 0 above the one that turns beta_slow times.
class YarnRamp {
 public:
  YarnRamp(const io::RopeScaling& s, float theta, int dim) {
    const auto pair_of = [&](double turns) {
      return dim * std::log(s.original_max_position_embeddings / (turns * 2 * std::numbers::pi)) /
             (2 * std::log(static_cast<double>(theta)));
    };
    low_ = pair_of(static_cast<double>(s.beta_fast));
    high_ = pair_of(static_cast<double>(s.beta_slow));
    if (s.truncate) {
      low_ = std::floor(low_);
      high_ = std::ceil(high_);
    }
    low_ = std::max(low_, 0.0);
    high_ = std::min(high_, dim - 1.0);
    if (low_ == high_) high_ += 0.001;
  }
  float own(int pair) const {
    return static_cast<float>(1 - std::clamp((pair - low_) / (high_ - low_), 0.0, 1.0));
  }

 private:
  double low_, high_;
};

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

float attention_factor(const io::RopeScaling& s, int max_positions) {
  if (s.attention_factor > 0) return s.attention_factor;
  if (s.type == "yarn") {
    const double factor = static_cast<double>(s.factor);
    if (s.mscale > 0 && s.mscale_all_dim > 0)
      return static_cast<float>(yarn_mscale(factor, static_cast<double>(s.mscale)) /
                                yarn_mscale(factor, static_cast<double>(s.mscale_all_dim)));
    return static_cast<float>(yarn_mscale(factor, 1.0));
  }
  if (s.type == "longrope") {
    const double original = s.original_max_position_embeddings;
    const double factor = s.factor > 0 ? static_cast<double>(s.factor) : max_positions / original;
    return factor <= 1 ? 1.0f : static_cast<float>(std::sqrt(1 + std::log(factor) / std::log(original)));
  }
  return 1.0f;
}

// NTK-aware scaling: a larger base for a longer run.
float dynamic_theta(const io::RopeParameters& parameters, int dim, int max_seq) {
  const io::RopeScaling& s = parameters.scaling;
  const double original = s.original_max_position_embeddings, factor = static_cast<double>(s.factor);
  const double length = std::max<double>(max_seq, original);
  return static_cast<float>(static_cast<double>(parameters.theta) *
                            std::pow(factor * length / original - (factor - 1), dim / (dim - 2.0)));
}

void check_parameters(const io::ModelConfig& config, const io::RopeParameters& parameters) {
  const io::RopeScaling& s = parameters.scaling;
  check(std::ranges::find(kTypes, s.type) != kTypes.end(),
        "config: rope_scaling.rope_type \"{}\": {} are supported", s.type,
        fmt::join(kTypes.begin() + 1, kTypes.end(), ", "));
  const auto pairs = static_cast<std::size_t>(config.rotary_dim() / 2);
  for (const auto* table : {&s.frequency_divisors, &s.short_factor, &s.long_factor}) {
    check(table->empty() || table->size() == pairs,
          "config: {} rope frequencies for a head of {}: {} expected", table->size(), config.rotary_dim(),
          pairs);
  }
  check(s.type != "longrope" || !s.short_factor.empty(),
        "config: longrope without its factors: a table expected");
  const bool by_length = s.type == "dynamic" || s.type == "yarn" || s.type == "longrope";
  check(!by_length || s.original_max_position_embeddings > 0,
        "config: rope_scaling without original_max_position_embeddings: a length expected");
}

}  // namespace

RopeFrequencies rope_frequencies(const io::ModelConfig& config, const io::RopeParameters& parameters,
                                 int max_seq) {
  const io::RopeScaling& s = parameters.scaling;
  const int dim = config.rotary_dim();
  const float theta = s.type == "dynamic" ? dynamic_theta(parameters, dim, max_seq) : parameters.theta;
  const YarnRamp yarn(s, theta, dim);
  const bool is_long = max_seq > s.original_max_position_embeddings;
  RopeFrequencies result;
  for (int i = 0; i < dim / 2; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const float power = static_cast<float>(2 * i) / static_cast<float>(dim);
    float frequency = 1.0f / std::pow(theta, power);
    if (!s.frequency_divisors.empty()) {
      frequency /= s.frequency_divisors[at];
    } else if (s.type == "linear") {
      frequency /= s.factor;
    } else if (s.type == "llama3") {
      frequency = llama3_frequency(frequency, s);
    } else if (s.type == "longrope") {
      frequency /= is_long ? s.long_factor[at] : s.short_factor[at];
    } else if (s.type == "yarn") {
      frequency = frequency / s.factor * (1 - yarn.own(i)) + frequency * yarn.own(i);
    }
    result.inverse.push_back(frequency);
  }
  result.attention_factor = attention_factor(s, config.max_position_embeddings);
  return result;
}

void check_rope(const io::ModelConfig& config) {
  check(config.rotary_dim() > 0 && config.rotary_dim() % 2 == 0 && config.rotary_dim() <= config.head_dim,
        "config: partial_rotary_factor {} of a head of {}: an even number of channels expected",
        config.partial_rotary_factor, config.head_dim);
  check_parameters(config, {config.rope_theta, config.rope_scaling});
  if (config.sliding_rope) check_parameters(config, *config.sliding_rope);
}

}  // namespace tessera::nn
