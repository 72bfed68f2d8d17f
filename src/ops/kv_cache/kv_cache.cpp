#include "ops/kv_cache/kv_cache.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/kv_cache/kv_cache_op.hpp"

namespace tessera {

std::string_view CacheWrite::name() const {
  switch (kind) {
    case Kind::Fill:
      return "fill_cache";
    case Kind::Update:
      return "paged_update_cache";
    case Kind::PagedFill:
      break;
  }
  return "paged_fill_cache";
}

std::string CacheWrite::attributes() const {
  return kind == Kind::Update ? "" : fmt::format("batch_idx={}", batch_idx);
}

namespace {

// Users whose caches or page table rows a write may touch.
void check_user(std::string_view op, int user, std::int64_t users) {
  check(user >= 0 && user < users, "[{}] batch_idx {}: users 0 to {} exist", op, user, users - 1);
}

void check_update(std::string_view op, Inputs in) {
  const std::int64_t users = in[1].logical_shape()[1];
  check_integers(op, "update_idxs", in[2]);
  check(in[2].logical_shape().volume() == users, "[{}] update_idxs {} for input {}: one a user expected", op,
        to_string(in[2].spec()), to_string(in[1].spec()));
  if (!in[3].is_allocated()) {
    check(users <= in[0].logical_shape()[0], "[{}] {} users for cache {}: give a cache with a row a user", op,
          users, to_string(in[0].spec()));
    return;
  }
  check_integers(op, "page_table", in[3]);
  check_rank(op, "page_table", in[3], 2);
  check(in[3].logical_shape()[0] == users, "[{}] page_table {} for input {}: one row a user expected", op,
        to_string(in[3].spec()), to_string(in[1].spec()));
}

}  // namespace

void CacheWrite::validate(Inputs in) const {
  const Tensor& cache = in[0];
  check_rank(name(), "cache", cache, 4);
  check(!is_integer(cache.dtype()) && cache.dtype() != DataType::BFLOAT4_B && !is_strips(cache.form()),
        "[{}] cache {}: float32, bfloat16 or bfloat8_b, interleaved, expected", name(),
        to_string(cache.spec()));
  // TT-Transformers casts a prompt's keys and values to the cache's dtype before it fills, not before an
  // update.
  const bool is_cast = kind != Kind::Update && in[1].is_allocated() && in[1].dtype() == cache.dtype() &&
                       in[1].form() == cache.form();
  if (!is_cast) check_float_rows(name(), in[1]);
  check_rank(name(), "input", in[1], 4);
  const Shape& shape = cache.logical_shape();
  const Shape& x = in[1].logical_shape();
  const std::int64_t heads = kind == Kind::Update ? x[2] : x[1];
  check(x[0] == 1 && heads == shape[1] && x[3] == shape[3],
        "[{}] input {} for cache {}: [1, {}] with the cache's heads and head_dim expected", name(),
        to_string(in[1].spec()), to_string(cache.spec()),
        kind == Kind::Update ? "batch, kv_heads, head_dim" : "kv_heads, seq, head_dim");
  check(shape[2] > 0, "[{}] cache {}: room for at least one position expected", name(),
        to_string(cache.spec()));
  if (kind == Kind::Update) return check_update(name(), in);
  if (kind == Kind::Fill) {
    check_user(name(), batch_idx, shape[0]);
    check(x[2] <= shape[2], "[{}] {} tokens for a cache of {} positions: use a longer cache", name(), x[2],
          shape[2]);
    return;
  }
  check_integers(name(), "page_table", in[2]);
  check_rank(name(), "page_table", in[2], 2);
  check_user(name(), batch_idx, in[2].logical_shape()[0]);
  const std::int64_t room = in[2].logical_shape()[1] * shape[2];
  check(x[2] <= room, "[{}] {} tokens for pages that hold {}: give the user more pages", name(), x[2], room);
}

std::vector<OutputSpec> CacheWrite::output_specs(Inputs in) const {
  return {{in[0].spec(), in[0].memory_config()}};
}

Tensor fill_cache(Tensor cache, const Tensor& x, int batch_idx) {
  return dispatch(CacheWrite(CacheWrite::Kind::Fill, batch_idx), {std::move(cache), x})[0];
}

namespace experimental {

Tensor paged_update_cache(Tensor cache, const Tensor& x, const Tensor& update_idxs,
                          const std::optional<Tensor>& page_table) {
  return dispatch(CacheWrite(CacheWrite::Kind::Update, 0),
                  {std::move(cache), x, update_idxs, page_table.value_or(Tensor{})})[0];
}

Tensor paged_fill_cache(Tensor cache, const Tensor& x, const Tensor& page_table, int batch_idx) {
  return dispatch(CacheWrite(CacheWrite::Kind::PagedFill, batch_idx), {std::move(cache), x, page_table})[0];
}

}  // namespace experimental
}  // namespace tessera
