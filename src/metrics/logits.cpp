#include "metrics/logits.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "util/error.hpp"

namespace tessera::metrics {
namespace {

bool is_broken(float logit) {
  return std::isnan(logit) || logit == HUGE_VALF;
}

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best] || std::isnan(logits[best])) best = i;
  }
  return static_cast<std::int32_t>(best);
}

std::vector<std::int32_t> topk(std::span<const float> logits, std::size_t k) {
  k = std::min(k, logits.size());
  std::vector<std::int32_t> indices(logits.size());
  std::iota(indices.begin(), indices.end(), 0);
  const auto larger = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
    return x > y || (!(y > x) && a < b);
  };
  std::partial_sort(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(k), indices.end(), larger);
  indices.resize(k);
  return indices;
}

double logsumexp(std::span<const float> logits) {
  const double largest = *std::ranges::max_element(logits);
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  return largest + std::log(sum);
}

double softmax_kl(std::span<const float> reference, std::span<const float> device) {
  check(reference.size() == device.size() && !reference.empty(), "kl: {} logits against {}", reference.size(),
        device.size());
  if (std::ranges::any_of(reference, is_broken) || std::ranges::any_of(device, is_broken)) return HUGE_VAL;
  const double norm_r = logsumexp(reference), norm_d = logsumexp(device);
  if (!std::isfinite(norm_r) || !std::isfinite(norm_d)) return HUGE_VAL;  // everything masked
  double kl = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double log_r = reference[i] - norm_r;
    const double p = std::exp(log_r);
    if (p > 0) kl += p * (log_r - (device[i] - norm_d));
  }
  return std::max(0.0, kl);
}

TokenAgreement agree(std::span<const float> reference, std::span<const float> device) {
  TokenAgreement a;
  a.reference = argmax(reference);
  a.device = argmax(device);
  a.kl = softmax_kl(reference, device);
  if (std::ranges::any_of(device, is_broken)) {
    a.margin = HUGE_VAL;
    return a;
  }
  a.top1 = a.reference == a.device;
  const auto best = topk(reference, 5);
  a.top5 = std::ranges::find(best, a.device) != best.end();
  a.margin = static_cast<double>(reference[static_cast<std::size_t>(a.reference)]) -
             reference[static_cast<std::size_t>(a.device)];
  return a;
}

}  // namespace tessera::metrics
