// The guide's first unit test in C++: RMSNorm at a model's dimensions, against a reference written from its
// definition. Prints the PCC; exit status 0 when the test passes.
#include <cmath>
#include <cstdio>
#include <vector>

#include "device/tensor.hpp"
#include "metrics/compare.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "util/rng.hpp"

namespace {

using namespace tessera;

constexpr int kBatch = 32, kSeqLen = 1, kHidden = 4096;  // decode: one token a user
constexpr float kEpsilon = 1e-6f;
constexpr double kPcc = 0.999;

std::vector<float> randn(Rng& rng, int n) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = rng.normal();
  return values;
}

std::vector<float> reference_rms_norm(const std::vector<float>& x, const std::vector<float>& weight) {
  std::vector<float> y(x.size());
  for (std::size_t row = 0; row < x.size(); row += kHidden) {
    double sum = 0;
    for (std::size_t i = 0; i < kHidden; ++i) sum += static_cast<double>(x[row + i]) * x[row + i];
    const double scale = 1 / std::sqrt(sum / kHidden + kEpsilon);
    for (std::size_t i = 0; i < kHidden; ++i) y[row + i] = static_cast<float>(x[row + i] * scale * weight[i]);
  }
  return y;
}

int test_rms_norm() {
  Rng rng(0);
  const std::vector<float> input = randn(rng, kBatch * kSeqLen * kHidden);
  const std::vector<float> weight = randn(rng, kHidden);

  // A row of a decode tensor is a user: [1, 1, 32, 4096] fills its tiles, [32, 1, 4096] would pad each to 32.
  const auto device = Device::open("n150", Engine::Fast);
  const Tensor x =
      to_device(*device, input, {Shape{1, kSeqLen, kBatch, kHidden}, DataType::BFLOAT16, Layout::TILE});
  const Tensor w = to_device(*device, weight, {Shape{kHidden}, DataType::BFLOAT16, Layout::ROW_MAJOR});
  const Tensor output = rms_norm(x, kEpsilon, w);

  const auto result = metrics::compare(reference_rms_norm(input, weight), output.to_vector());
  std::printf("rms_norm: PCC %.6f (needs %g), max abs %.4f %s\n", result.pcc, kPcc, result.max_abs,
              result.remark().c_str());
  return metrics::passes(result, kPcc) ? 0 : 1;
}

}  // namespace

int main() {
  return test_rms_norm();
}
