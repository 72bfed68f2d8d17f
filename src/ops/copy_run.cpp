#include "ops/copy_run.hpp"

#include <cstring>

#include "tensor/bfloat16.hpp"

namespace tessera {
namespace {

std::int64_t value_bytes(Form form) {
  return form == Form::RowsBf16 ? 2 : 4;
}

void convert(const float* from, bf16* to) {
  *to = float_to_bf16(*from);
}
void convert(const bf16* from, float* to) {
  *to = bf16_to_float(*from);
}
template <class T>
void convert(const T* from, T* to) {
  *to = *from;
}

template <class From, class To>
void copy_strided(const std::byte* from, std::int64_t from_step, std::byte* to, std::int64_t to_step,
                  std::int64_t n) {
  const auto* in = reinterpret_cast<const From*>(from);
  auto* out = reinterpret_cast<To*>(to);
  for (std::int64_t i = 0; i < n; ++i) convert(in + i * from_step, out + i * to_step);
}

}  // namespace

RunCopier::RunCopier(const Tensor& from, const Tensor& to)
    : RunCopier(from.data<const std::byte>(), from.form(), to) {}

RunCopier::RunCopier(const std::byte* from, Form form, const Tensor& to)
    : from_(from), to_(to.data<std::byte>()), from_form_(form), to_form_(to.form()) {}

void RunCopier::operator()(std::int64_t from, std::int64_t to, std::int64_t n) const {
  if (from_form_ != to_form_) return strided(from, 1, to, 1, n);
  const std::int64_t size = value_bytes(from_form_);
  std::memcpy(to_ + to * size, from_ + from * size, static_cast<std::size_t>(n * size));
}

void RunCopier::zero(std::int64_t to, std::int64_t n) const {
  const std::int64_t size = value_bytes(to_form_);
  std::memset(to_ + to * size, 0, static_cast<std::size_t>(n * size));
}

void RunCopier::strided(std::int64_t from, std::int64_t from_step, std::int64_t to, std::int64_t to_step,
                        std::int64_t n) const {
  const std::byte* in = from_ + from * value_bytes(from_form_);
  std::byte* out = to_ + to * value_bytes(to_form_);
  if (from_form_ == to_form_) {
    if (value_bytes(from_form_) == 2) {
      copy_strided<bf16, bf16>(in, from_step, out, to_step, n);
    } else {
      copy_strided<std::int32_t, std::int32_t>(in, from_step, out, to_step, n);
    }
  } else if (from_form_ == Form::RowsF32) {
    copy_strided<float, bf16>(in, from_step, out, to_step, n);
  } else {
    copy_strided<bf16, float>(in, from_step, out, to_step, n);
  }
}

}  // namespace tessera
