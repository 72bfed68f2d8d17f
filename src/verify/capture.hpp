#pragma once
// What passes between modules during a run, taken from dispatch.
#include <map>
#include <string>
#include <vector>

#include "ops/dispatch.hpp"

namespace tessera::verify {

/// The output of every decoder layer ("layers.<i>"), rows appended over steps: [rows][hidden] by layer. The
/// embedding's output is layer -1, the final norm's kFinalNorm.
class LayerCapture final : public OpObserver {
 public:
  static constexpr int kEmbedding = -1;
  static constexpr int kFinalNorm = 1 << 20;

  void before(const OpEvent& event) override;
  void after(const OpEvent& event) override;
  /// Ends a step: the last output seen of each layer is appended. Called by itself when the next step begins.
  void flush();

  const std::vector<float>& layer(int i);
  /// Milliseconds in the ops of a layer, all steps.
  double ms(int i) const;

 private:
  std::map<int, std::vector<float>> pending_, layers_;
  std::map<int, double> ms_;
};

}  // namespace tessera::verify
