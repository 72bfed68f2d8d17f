#include "ops/matmul/matmul.hpp"

#include <algorithm>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/matmul/matmul_op.hpp"

namespace tessera {

std::string Matmul::attributes() const {
  return fmt::format("{}{}{}", transpose_a ? "transpose_a=true" : "", transpose_a && transpose_b ? " " : "",
                     transpose_b ? "transpose_b=true" : "");
}

void Matmul::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_float_rows(name(), in[1]);
  check_output(name(), options);
  const Shape& a = in[0].logical_shape();
  const Shape& b = in[1].logical_shape();
  const std::string shapes = fmt::format("{}{} and {}{}", to_string(in[0].spec()), transpose_a ? "^T" : "",
                                         to_string(in[1].spec()), transpose_b ? "^T" : "");
  check(a.rank() >= 2 && b.rank() >= 2, "[matmul] {}: two dimensions or more expected", shapes);
  check(a[transpose_a ? -2 : -1] == b[transpose_b ? -1 : -2],
        "[matmul] {}: the inner dimensions differ: they must be equal", shapes);
  const auto lead_a = a.dims().first(static_cast<std::size_t>(a.rank() - 2));
  const auto lead_b = b.dims().first(static_cast<std::size_t>(b.rank() - 2));
  const bool none = std::ranges::all_of(lead_b, [](std::int64_t n) { return n == 1; });
  check(none || std::ranges::equal(lead_a, lead_b),
        "[matmul] {}: the leading dimensions differ: they must be equal, or the second has none", shapes);
}

MatmulShape matmul_shape(const Matmul& op, Inputs in) {
  const Shape& a = in[0].logical_shape();
  const Shape& b = in[1].logical_shape();
  std::int64_t count = 1;
  for (int i = 0; i < a.rank() - 2; ++i) count *= a[i];
  return {count, a[op.transpose_a ? -1 : -2], a[op.transpose_a ? -2 : -1], b[op.transpose_b ? -2 : -1],
          b.volume() == b[-1] * b[-2]};
}

std::vector<OutputSpec> Matmul::output_specs(Inputs in) const {
  const MatmulShape s = matmul_shape(*this, in);
  Shape shape = in[0].logical_shape();
  shape[-2] = s.m;
  shape[-1] = s.n;
  return {like(in[0], shape, options)};
}

double Matmul::flops(Inputs in, Outputs) const {
  const MatmulShape s = matmul_shape(*this, in);
  return 2.0 * static_cast<double>(s.count * s.m) * static_cast<double>(s.k) * static_cast<double>(s.n);
}

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
              const OpOptions& options) {
  return dispatch(Matmul(transpose_a, transpose_b, options), {a, b})[0];
}

}  // namespace tessera
