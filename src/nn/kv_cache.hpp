#pragma once
// Keys and values of all layers, paged or not, and which user owns which page.
#include <cstdint>
#include <vector>

#include "device/tensor.hpp"

namespace tessera::nn {

struct KvCacheConfig {
  int layers = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int max_users = 1;
  int max_seq = 0;      // positions a user
  int block_size = 32;  // positions a page; 0: not paged
  DataType dtype = DataType::BFLOAT16;
  /// Shuffles the order in which free pages are handed out (tests: any order must do). 0: in order.
  std::uint64_t page_seed = 0;
  /// Fills the cache with NaN at first, so that a read of an unwritten row shows (tests).
  bool poison = false;
};

class KvCache {
 public:
  KvCache(Device& device, const KvCacheConfig& config);

  const KvCacheConfig& config() const { return config_; }
  bool is_paged() const { return config_.block_size > 0; }
  std::int64_t bytes() const;

  /// [max_num_blocks, kv_heads, block_size, head_dim], or [max_users, kv_heads, max_seq, head_dim].
  const Tensor& k(int layer) const { return k_[static_cast<std::size_t>(layer)]; }
  const Tensor& v(int layer) const { return v_[static_cast<std::size_t>(layer)]; }

  /// Makes room for positions 0..positions-1 of a user. UserError beyond max_seq or when no page is free.
  void reserve(int user, std::int64_t positions);
  /// Gives the user's pages back.
  void release(int user);

  /// int32 [max_users, blocks]; on the device. A step of fewer users takes its first rows.
  const Tensor& page_table() const { return page_table_; }
  /// int32 [1, blocks of positions first..first+count-1] of one user; first must begin a page.
  Tensor pages_of(int user, std::int64_t first, std::int64_t count) const;

  /// Writes the page table anew: `pages[user]` as given. For tests of faults.
  void set_pages(int user, const std::vector<std::int32_t>& pages);

 private:
  std::int64_t blocks_per_user() const;
  void upload();
  void check_room(const Device& device, const TensorSpec& spec) const;

  KvCacheConfig config_;
  std::vector<Tensor> k_, v_;
  std::vector<std::int32_t> free_;                // stack of free pages
  std::vector<std::vector<std::int32_t>> pages_;  // by user
  Tensor page_table_;
};

}  // namespace tessera::nn
