#include "verify/compare_goldens.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "metrics/similarity.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace {

using Ids = std::vector<std::int32_t>;

// The common length of two inputs, which must agree as far as both go.
std::size_t common_rows(const std::string& part, const Ids& a, const Ids& b) {
  const std::size_t n = std::min(a.size(), b.size());
  const int at = metrics::first_divergence(std::span(a).first(n), std::span(b).first(n));
  check(at < 0,
        "cannot compare the golden files: {} differ at token {}: they are of two texts or two tokenizers",
        part, at);
  return n;
}

class Comparer {
 public:
  void floats(const std::string& name, std::vector<std::int64_t> shape, std::span<const float> a,
              std::span<const float> b) {
    std::size_t values = 1;
    for (const std::int64_t size : shape) values *= static_cast<std::size_t>(size);
    result.tensors.push_back(
        compare_tensors(name, shape, a.first(values), b.first(values), DataType::FLOAT32));
  }

  void topk(const std::string& name, std::size_t rows, const io::GoldenTopK& a, const io::GoldenTopK& b) {
    const std::int64_t k = std::min(a.k, b.k);
    check(k > 0, "cannot compare the golden files: {} has no best logits: write it anew", name);
    floats(name + "topk_logits", {static_cast<std::int64_t>(rows), k}, first_columns(a, rows, k),
           first_columns(b, rows, k));
    TokenComparison best{name + "top1", static_cast<std::int64_t>(rows)};
    for (std::size_t row = 0; row < rows; ++row) {
      const auto at = [&](const io::GoldenTopK& t, std::int64_t column) {
        return row * static_cast<std::size_t>(t.k) + static_cast<std::size_t>(column);
      };
      const auto margin = [&](const io::GoldenTopK& t) {
        return t.k < 2 ? 0 : t.logits[at(t, 0)] - t.logits[at(t, 1)];
      };
      count(best, row, a.ids[at(a, 0)] == b.ids[at(b, 0)], std::min(margin(a), margin(b)));
    }
    result.tokens.push_back(best);
  }

  // Texts that part ways stay apart: only the first difference says something.
  void greedy(const std::string& name, const io::GoldenGreedy& a, const io::GoldenGreedy& b) {
    const std::size_t n = std::min(a.ids.size(), b.ids.size());
    TokenComparison text{name, static_cast<std::int64_t>(n)};
    const int first = metrics::first_divergence(std::span(a.ids).first(n), std::span(b.ids).first(n));
    text.same = first < 0 ? text.tokens : first;
    text.first_difference = first;
    if (first >= 0) {
      const auto at = static_cast<std::size_t>(first);
      text.unexplained = std::min(a.margins[at], b.margins[at]) > kExplainedMargin ? 1 : 0;
    }
    result.tokens.push_back(text);
  }

  FileComparison result;

 private:
  static std::vector<float> first_columns(const io::GoldenTopK& t, std::size_t rows, std::int64_t k) {
    std::vector<float> values;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto begin = t.logits.begin() + static_cast<std::ptrdiff_t>(row) * t.k;
      values.insert(values.end(), begin, begin + k);
    }
    return values;
  }

  static void count(TokenComparison& tokens, std::size_t row, bool same, float margin) {
    if (same) {
      ++tokens.same;
      return;
    }
    if (tokens.first_difference < 0) tokens.first_difference = static_cast<std::int64_t>(row);
    tokens.unexplained += margin > kExplainedMargin ? 1 : 0;
  }
};

void compare_hidden(const io::GoldenHidden& a, const io::GoldenHidden& b, Comparer& out) {
  check(a.hidden_size == b.hidden_size && a.layers.size() == b.layers.size(),
        "cannot compare the golden files: hidden size {} and {}, {} and {} layers: they are of two models",
        a.hidden_size, b.hidden_size, a.layers.size() - 1, b.layers.size() - 1);
  const std::size_t rows = common_rows("the short prompts", a.ids, b.ids);
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(rows), a.hidden_size};
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    out.floats(fmt::format("hidden.{}", i), shape, a.layers[i], b.layers[i]);
  }
  out.floats("hidden.final_norm", shape, a.final_norm, b.final_norm);
  out.topk("hidden.", rows, a.topk, b.topk);
}

}  // namespace

FileComparison compare_goldens(const io::Golden& a, const io::Golden& b) {
  Comparer out;
  if (!a.hidden.ids.empty() && !b.hidden.ids.empty()) compare_hidden(a.hidden, b.hidden, out);
  if (!a.forced.ids.empty() && !b.forced.ids.empty()) {
    const std::size_t rows = common_rows("the forced texts", a.forced.ids, b.forced.ids);
    out.topk("forced.", rows, a.forced.topk, b.forced.topk);
    out.floats("forced.logsumexp", {static_cast<std::int64_t>(rows)}, a.forced.logsumexp, b.forced.logsumexp);
  }
  for (std::size_t p = 0; p < std::min(a.greedy.size(), b.greedy.size()); ++p) {
    const std::string name = fmt::format("greedy.{}", p);
    check(
        a.greedy[p].prompt_ids == b.greedy[p].prompt_ids,
        "cannot compare the golden files: the prompts of {} differ: they are of two texts or two tokenizers",
        name);
    out.greedy(name, a.greedy[p], b.greedy[p]);
  }
  check(
      !out.result.tensors.empty() || !out.result.tokens.empty(),
      "cannot compare the golden files: they have no part in common: write them anew with `tessera golden`");
  return out.result;
}

FileComparison compare_golden_refpt(const io::Golden& golden, const io::ReferenceTokens& reference) {
  check(!golden.forced.ids.empty() && golden.forced.topk.k > 0,
        "cannot compare: the golden file has no forced text: write it anew");
  const std::size_t n =
      std::min(common_rows("the forced texts", golden.forced.ids, reference.tokens), reference.top5.size());
  TokenComparison tokens{"forced.top1", static_cast<std::int64_t>(n)};
  tokens.in_top5 = 0;
  for (std::size_t row = 0; row < n; ++row) {
    const std::int32_t best = golden.forced.topk.ids[row * static_cast<std::size_t>(golden.forced.topk.k)];
    const auto& five = reference.top5[row];
    tokens.in_top5 += std::ranges::find(five, best) != five.end() ? 1 : 0;
    if (best == five[0]) {
      ++tokens.same;
    } else if (tokens.first_difference < 0) {
      tokens.first_difference = static_cast<std::int64_t>(row);
    }
  }
  return {{}, {tokens}};
}

}  // namespace tessera::verify
