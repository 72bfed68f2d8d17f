#include "ops/slice/slice.hpp"

#include <fmt/ranges.h>

#include "ops/checks.hpp"
#include "ops/copy_run.hpp"
#include "ops/dispatch.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

struct Slice final : MovingOperation {
  std::vector<std::int64_t> starts, ends;

  Slice(std::span<const std::int64_t> first, std::span<const std::int64_t> last)
      : starts(first.begin(), first.end()), ends(last.begin(), last.end()) {}
  std::string_view name() const override { return "slice"; }
  std::string attributes() const override {
    return fmt::format("starts=[{}] ends=[{}]", fmt::join(starts, ", "), fmt::join(ends, ", "));
  }

  void validate(Inputs in) const override {
    check_rows(name(), in[0]);
    const Shape& shape = in[0].logical_shape();
    const auto rank = static_cast<std::size_t>(shape.rank());
    check(starts.size() == rank && ends.size() == rank, "[slice] {} of {}: give {} starts and ends",
          attributes(), to_string(in[0].spec()), rank);
    for (std::size_t i = 0; i < rank; ++i) {
      check(starts[i] >= 0 && starts[i] < ends[i] && ends[i] <= shape[static_cast<int>(i)],
            "[slice] {} of {}: dimension {} needs 0 <= start < end <= {}", attributes(),
            to_string(in[0].spec()), i, shape[static_cast<int>(i)]);
    }
  }

  std::vector<OutputSpec> output_specs(Inputs in) const override {
    Shape shape = in[0].logical_shape();
    for (std::size_t i = 0; i < starts.size(); ++i) shape[static_cast<int>(i)] = ends[i] - starts[i];
    return {like(in[0], shape, {})};
  }

  void run_ref(Inputs in, Outputs out) const override {
    const Shape& from = in[0].logical_shape();
    const Shape& to = out[0].logical_shape();
    const std::int64_t n = to[-1];
    const RunCopier copy(in[0], out[0]);
    parallel_for(to.rows(), row_grain(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t rest = row, first = starts.back(), stride = from[-1];
        for (int i = to.rank() - 2; i >= 0; --i) {
          first += (rest % to[i] + starts[static_cast<std::size_t>(i)]) * stride;
          rest /= to[i];
          stride *= from[i];
        }
        copy(first, row * n, n);
      }
    });
  }
  void run_fast(Inputs in, Outputs out) const override { run_ref(in, out); }
};

}  // namespace

Tensor slice(const Tensor& x, std::span<const std::int64_t> starts, std::span<const std::int64_t> ends) {
  return dispatch(Slice(starts, ends), {x})[0];
}

}  // namespace tessera
