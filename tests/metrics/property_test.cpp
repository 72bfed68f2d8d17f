#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metrics/compare.hpp"
#include "metrics/logits.hpp"
#include "metrics/similarity.hpp"
#include "util/rng.hpp"

namespace tessera::metrics {
namespace {

using Values = std::vector<float>;

Values normal(std::size_t n) {
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  Values values(n);
  for (float& value : values) value = rng.normal();
  return values;
}

std::size_t some_size() {
  return static_cast<std::size_t>(*rc::gen::inRange(8, 200));
}

RC_GTEST_PROP(CompareProperty, PccIgnoresAScaleAndTheScaleSaysIt, ()) {
  const Values r = normal(some_size());
  const auto factor = static_cast<float>(*rc::gen::inRange(1, 1000)) / 64.0f;
  Values d = r;
  for (float& value : d) value *= factor;
  const Comparison c = compare(r, d);
  RC_ASSERT(std::abs(c.pcc - 1) < 1e-9);
  if (!c.equal) RC_ASSERT(std::abs(c.scale - factor) < 1e-4 * factor);
  RC_ASSERT(passes(c, 0.999) == (std::abs(factor - 1) <= 0.05));
}

RC_GTEST_PROP(CompareProperty, OrderOfTheValuesDoesNotMatter, ()) {
  const std::size_t n = some_size();
  const Values r = normal(n), d = normal(n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  Values r2, d2;
  for (const std::size_t i : order) {
    r2.push_back(r[i]);
    d2.push_back(d[i]);
  }
  const Comparison a = compare(r, d), b = compare(r2, d2);
  RC_ASSERT(std::abs(a.pcc - b.pcc) < 1e-12);
  RC_ASSERT(std::abs(a.rel_l2 - b.rel_l2) < 1e-12);
  RC_ASSERT(a.max_abs == b.max_abs);
}

RC_GTEST_PROP(CompareProperty, PccIsSymmetricAndBounded, ()) {
  const std::size_t n = some_size();
  const Values r = normal(n), d = normal(n);
  const double pcc = compare(r, d).pcc;
  RC_ASSERT(pcc >= -1 && pcc <= 1);
  RC_ASSERT(std::abs(pcc - compare(d, r).pcc) < 1e-12);
}

RC_GTEST_PROP(CompareProperty, EqualMeansPerfect, ()) {
  const Values r = normal(some_size());
  const Comparison c = compare(r, r);
  RC_ASSERT(c.equal && c.pcc == 1 && c.max_abs == 0 && c.rel_l2 == 0 && passes(c, 1));
}

RC_GTEST_PROP(LogitsProperty, KlIsNotNegativeAndZeroOnItself, ()) {
  const std::size_t n = some_size();
  const Values r = normal(n), d = normal(n);
  RC_ASSERT(softmax_kl(r, d) >= 0);
  RC_ASSERT(softmax_kl(r, r) < 1e-14);
}

RC_GTEST_PROP(LogitsProperty, TopkStartsWithTheArgmaxAndDescends, ()) {
  const Values logits = normal(some_size());
  const auto best = topk(logits, 5);
  RC_ASSERT(best.front() == argmax(logits));
  RC_ASSERT(std::ranges::is_sorted(best, std::greater{},
                                   [&](auto i) { return logits[static_cast<std::size_t>(i)]; }));
}

RC_GTEST_PROP(SimilarityProperty, IsSymmetricAndOneOnlyForEqualTexts,
              (const std::string& a, const std::string& b)) {
  const double s = text_similarity(a, b);
  RC_ASSERT(s == text_similarity(b, a));
  RC_ASSERT(s >= 0 && s <= 1);
  RC_ASSERT((s == 1) == (a == b));
}

}  // namespace
}  // namespace tessera::metrics
