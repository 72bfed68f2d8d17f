#include "nn/kv_cache.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::nn {

KvCache::KvCache(Device& device, const KvCacheConfig& config) : config_(config) {
  check(config.layers > 0 && config.kv_heads > 0 && config.head_dim > 0 && config.max_users > 0 &&
            config.max_seq > 0,
        "kv cache: {} layers, {} heads of {}, {} users, {} positions: all must be positive", config.layers,
        config.kv_heads, config.head_dim, config.max_users, config.max_seq);
  const std::int64_t blocks = blocks_per_user() * config.max_users;
  const Shape shape = is_paged() ? Shape{blocks, config.kv_heads, config.block_size, config.head_dim}
                                 : Shape{config.max_users, config.kv_heads, config.max_seq, config.head_dim};
  const TensorSpec spec{shape, config.dtype, Layout::TILE};
  const MemoryScope scope(MemoryKind::KvCache);
  check_room(device, spec);
  for (int layer = 0; layer < config.layers; ++layer) {
    for (auto* tensors : {&k_, &v_}) {
      tensors->push_back(allocate_tensor_on_device(device, spec));
      if (config.poison && device.engine() != Engine::Meta) {
        // All bits set: NaN in float32 and bfloat16, the largest magnitudes in bfloat8_b.
        std::ranges::fill(tensors->back().bytes(), std::byte{0xFF});
      }
    }
  }
  if (!is_paged()) return;
  free_.resize(static_cast<std::size_t>(blocks));
  std::iota(free_.rbegin(), free_.rend(), 0);
  if (config.page_seed != 0) {
    Rng rng(config.page_seed);
    for (std::size_t i = free_.size(); i > 1; --i) std::swap(free_[i - 1], free_[rng.below(i)]);
  }
  pages_.resize(static_cast<std::size_t>(config.max_users));
  page_table_ = allocate_tensor_on_device(
      device, {Shape{config.max_users, blocks_per_user()}, DataType::INT32, Layout::ROW_MAJOR});
  upload();
}

// Says before anything is allocated what would fit: the error of the last layer's tensor could not.
void KvCache::check_room(const Device& device, const TensorSpec& spec) const {
  const MemoryAccount& memory = device.memory();
  const std::int64_t bytes = 2 * config_.layers * memory.bytes_of(spec, {});
  const std::int64_t unused = memory.capacity() - memory.allocated();
  if (bytes <= unused) return;
  const double part = static_cast<double>(unused) / static_cast<double>(bytes);
  const auto context = static_cast<std::int64_t>(part * config_.max_seq) / 32 * 32;
  const auto users = static_cast<int>(part * config_.max_users);
  std::string advice = context > 0 ? fmt::format("a context of {} fits", context) : "no context fits";
  if (users > 0) advice += fmt::format(", or a batch of {}", users);
  fail_user(
      "{}: out of memory: a KV cache of {} users x {} positions in {} takes {} bytes: {} of {} free, weights "
      "hold {}: "
      "{}; or use a block-float precision or a larger device",
      device.sheet().name, config_.max_users, config_.max_seq, to_string(config_.dtype), bytes, unused,
      memory.capacity(), memory.allocated(MemoryKind::Weights), advice);
}

std::int64_t KvCache::blocks_per_user() const {
  return is_paged() ? (config_.max_seq + config_.block_size - 1) / config_.block_size : 1;
}

std::int64_t KvCache::bytes() const {
  return 2 * static_cast<std::int64_t>(k_.size()) * k_.front().spec().packed_bytes();
}

void KvCache::reserve(int user, std::int64_t positions) {
  check(user >= 0 && user < config_.max_users, "kv cache: user {} of {}: use a larger batch", user,
        config_.max_users);
  check(positions <= config_.max_seq,
        "context: {} tokens do not fit into {}: shorten the prompt or raise the context", positions,
        config_.max_seq);
  if (!is_paged()) return;
  auto& pages = pages_[static_cast<std::size_t>(user)];
  bool changed = false;
  while (static_cast<std::int64_t>(pages.size()) * config_.block_size < positions) {
    check(!free_.empty(), "kv cache: no free page for user {}: use a smaller batch or context", user);
    pages.push_back(free_.back());
    free_.pop_back();
    changed = true;
  }
  if (changed) upload();
}

void KvCache::release(int user) {
  if (!is_paged()) return;
  auto& pages = pages_[static_cast<std::size_t>(user)];
  free_.insert(free_.end(), pages.rbegin(), pages.rend());
  pages.clear();
  upload();
}

Tensor KvCache::pages_of(int user, std::int64_t first, std::int64_t count) const {
  check(first % config_.block_size == 0, "kv cache: a chunk at position {}: must begin a page of {}", first,
        config_.block_size);
  const auto& pages = pages_[static_cast<std::size_t>(user)];
  const auto begin = static_cast<std::size_t>(first / config_.block_size);
  const auto end = static_cast<std::size_t>((first + count + config_.block_size - 1) / config_.block_size);
  check(end <= pages.size(), "kv cache: user {} has {} pages, {} are needed: reserve them first", user,
        pages.size(), end);
  const std::span<const std::int32_t> part(pages.data() + begin, end - begin);
  return to_device(page_table_.device(), part,
                   {Shape{1, static_cast<std::int64_t>(part.size())}, DataType::INT32, Layout::ROW_MAJOR});
}

void KvCache::set_pages(int user, const std::vector<std::int32_t>& pages) {
  pages_[static_cast<std::size_t>(user)] = pages;
  upload();
}

void KvCache::upload() {
  const auto columns = static_cast<std::size_t>(blocks_per_user());
  // A user's unused entries point outside the cache, so that a read of one is an error and not another user's
  // text.
  std::vector<std::int32_t> table(pages_.size() * columns, std::numeric_limits<std::int32_t>::max());
  for (std::size_t user = 0; user < pages_.size(); ++user) {
    std::ranges::copy(pages_[user], table.begin() + static_cast<std::ptrdiff_t>(user * columns));
  }
  copy_to_device(table, page_table_);
}

}  // namespace tessera::nn
