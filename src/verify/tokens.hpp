#pragma once
// Runs of tokens through one or both models.
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generate/generator.hpp"
#include "metrics/compare.hpp"
#include "report/bringup_report.hpp"
#include "verify/session.hpp"

namespace tessera::verify {

/// Greedy continuation of a prompt on one model, n tokens or until a stop id; prefilled by decode steps when
/// `by_decode`.
std::vector<std::int32_t> greedy(const nn::CausalLm& model, int context, std::span<const std::int32_t> prompt,
                                 int n, std::span<const int> stop_ids, bool by_decode);

/// Both models' greedy texts of a prompt, compared.
report::Generation compare_texts(const Session& session, const std::string& prompt, bool chat, int n,
                                 bool by_decode);

/// Completes a text of which prompt and tokens of both sides are known: the texts and how far they agree.
report::Generation compared(const Session& session, report::Generation text);

/// What the repetition and garbage check finds in the device's text. The same kind of defect in the
/// reference's text excuses it: that is the model's own way of talking. Empty when there is nothing.
std::string garbage_of(const report::Generation& text);

/// "equal to the reference's" or "unlike the reference's from token 12 on, similarity 0.81".
std::string describe_agreement(const report::Generation& text);

/// Logits of each position, row by row: reference and device. Collects agreement, KL and the PCC over all of
/// them.
class LogitsComparison {
 public:
  LogitsComparison(const Session& session, std::string text) : session_(session) {
    accuracy_.text = std::move(text);
  }
  void add(std::span<const float> reference, std::span<const float> device);
  /// What was collected, held against the session's thresholds; `ms` is what the device took.
  report::Accuracy finish(double ms) const;

 private:
  const Session& session_;
  report::Accuracy accuracy_;
  std::vector<float> reference_, device_;
};

/// "Top-1 97.0 %, top-5 100.0 % over 100 generated tokens, KL 0.0036, logits PCC 0.99970".
std::string describe(const report::Accuracy& accuracy);

/// Why logits do not pass: "logits PCC 0.912000, needs 0.99; scale 1.500: every value is off by that factor".
std::string describe_logits(const report::Accuracy& accuracy, double threshold);
std::string describe_logits(const metrics::Comparison& logits, double threshold);

}  // namespace tessera::verify
