// Attention as TT-NN's flash kernels chain the engine's instructions: keys in chunks, a running maximum and
// sum, every intermediate packed to bfloat16, also with an fp32 Dest. Modelled: docs/wormhole.md.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/exact_norm.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "tensor/bfloat16.hpp"
#include "tensor/tile.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"
#include "wormhole/lane.hpp"
#include "wormhole/matmul_fast.hpp"
#include "wormhole/reduce.hpp"

namespace tessera {
namespace {

using wormhole::EltwiseOp;
using wormhole::Tile;

constexpr std::uint32_t kMinusInfinity = 0xFF800000u;

std::int64_t chunk_of(const Sdpa& op, std::int64_t keys) {
  const bool decode = op.kind == Sdpa::Kind::Decode || op.kind == Sdpa::Kind::PagedDecode;
  const std::int64_t chunk = op.options.k_chunk_size.value_or(decode ? 128 : keys < 2048 ? 64 : 256);
  check(chunk > 0 && chunk % kTileSize == 0, "[{}] k_chunk_size {}: give a multiple of 32", op.name(), chunk);
  return chunk;
}

// Queries that are rows of one tile: they share a kv head and a user.
struct Queries {
  std::int64_t user, kv_head;
  std::vector<std::int64_t> rows;     // of q and the output
  std::vector<std::int64_t> visible;  // keys each sees: from `from` to this
  std::vector<std::int64_t> from;
  std::vector<std::int64_t> index;  // of the mask's row
  std::vector<float> slopes;        // of ALiBi
};

// Results of one exponential. Differences of bfloat16 scores have few bits, so most come again: a thread
// keeps what it computed last for each place that a word may have.
class Exponentials {
 public:
  void use(const wormhole::KernelConfig& config, float scale) {
    if (config == config_ && scale == scale_) return;
    config_ = config;
    scale_ = scale;
    entries_.assign(kEntries, {0, 0, false});
  }
  template <class Compute>
  std::uint32_t of(std::uint32_t word, Compute compute) {
    // A word's low 12 bits are mostly 0.
    Entry& entry = entries_[(word >> 12 ^ word) % kEntries];
    if (!entry.known || entry.word != word) entry = {word, compute(), true};
    return entry.result;
  }

 private:
  static constexpr std::size_t kEntries = 16384;
  struct Entry {
    std::uint32_t word, result;
    bool known;
  };
  wormhole::KernelConfig config_;
  float scale_ = std::numeric_limits<float>::quiet_NaN();  // equals none: the first use() makes the entries
  std::vector<Entry> entries_;
};

class ExactAttention {
 public:
  ExactAttention(const Sdpa& op, const SdpaShape& shape, Inputs in, Tensor& out, const Tensor& mask)
      : s_(shape),
        config_(kernel_config(op.options, {MathFidelity::HiFi2, true, false, false})),
        kernel_({config_.math_fidelity, config_.math_approx_mode, config_.fp32_dest_acc_en, false}),
        exponent_({config_.math_fidelity, op.options.exp_approx_mode.value_or(true), config_.fp32_dest_acc_en,
                   false}),
        chunk_(chunk_of(op, shape.keys)),
        q_(in[0]),
        k_(in[1]),
        v_(in[2]),
        mask_(mask),
        out_(out),
        scaled_first_(mask.is_allocated() || shape.softcap > 0 || shape.alibi_slopes != nullptr) {}

  void run(const Queries& queries) const {
    State state(queries.rows.size(), padded_columns(s_.head_dim));
    std::vector<wormhole::ActivationOperand> q = load_queries(queries);
    const std::int64_t keys = *std::ranges::max_element(queries.visible);
    const std::int64_t begin = *std::ranges::min_element(queries.from) / chunk_ * chunk_;
    for (std::int64_t first = begin; first < keys; first += chunk_) step(queries, q, first, keys, state);
    for (std::size_t r = 0; r < queries.rows.size(); ++r) finish(queries, r, state);
  }

 private:
  // Packed intermediates of each query, as source words.
  struct State {
    State(std::size_t rows, std::size_t dim)
        : largest(rows, kMinusInfinity), sum(rows, 0), out(rows, Words(dim, 0u)) {}
    std::vector<std::uint32_t> largest, sum;
    std::vector<Words> out;
    bool first = true;
  };

  std::int64_t dim_tiles() const {
    return static_cast<std::int64_t>(padded_columns(s_.head_dim)) / kTileSize;
  }

  std::vector<wormhole::ActivationOperand> load_queries(const Queries& queries) const {
    std::vector<Words> rows;
    for (const auto row : queries.rows) {
      rows.emplace_back(padded_columns(s_.head_dim));
      load_source_row(q_, row, config_.fp32_dest_acc_en, rows.back());
    }
    return operands(rows, dim_tiles());
  }

  // Rows of words as in0 tiles.
  static std::vector<wormhole::ActivationOperand> operands(const std::vector<Words>& rows,
                                                           std::int64_t tiles) {
    std::vector<wormhole::ActivationOperand> result(static_cast<std::size_t>(tiles));
    for (std::int64_t t = 0; t < tiles; ++t) {
      Tile tile;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::int64_t c = 0; c < kTileSize; ++c) {
          tile[index_in_tile(static_cast<std::int64_t>(r), c)] =
              rows[r][static_cast<std::size_t>(t * kTileSize + c)];
        }
      }
      wormhole::prepare_activations(tile, static_cast<int>(rows.size()), result[static_cast<std::size_t>(t)]);
    }
    return result;
  }

  // 32 rows of k or v from `position` on; zeros from `keys` on, and where no query looks: a window's past may
  // be on no page.
  std::vector<Words> load_keys(const Tensor& cache, const Queries& queries, std::int64_t position,
                               std::int64_t keys) const {
    std::vector<Words> rows(kTileSize, Words(padded_columns(s_.head_dim), 0u));
    const std::int64_t seen = *std::ranges::min_element(queries.from);
    for (std::int64_t j = std::max<std::int64_t>(0, seen - position); j < kTileSize && position + j < keys;
         ++j) {
      load_source_row(cache, s_.kv_row(queries.user, queries.kv_head, position + j), config_.fp32_dest_acc_en,
                      rows[static_cast<std::size_t>(j)]);
    }
    return rows;
  }

  // One chunk of keys: scores, their exponentials, and what they add to sum and output.
  void step(const Queries& queries, const std::vector<wormhole::ActivationOperand>& q, std::int64_t first,
            std::int64_t keys, State& state) const {
    const std::size_t rows = queries.rows.size();
    const std::int64_t end = std::min(first + chunk_, keys),
                       tiles = (end - first + kTileSize - 1) / kTileSize;
    std::vector<Words> scores(rows, Words(static_cast<std::size_t>(tiles * kTileSize)));
    for (std::int64_t t = 0; t < tiles; ++t) score_tile(queries, q, first + t * kTileSize, keys, t, scores);
    std::vector<std::uint32_t> previous = state.largest;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::uint32_t most = wormhole::reduce_max(scores[r]);
      state.largest[r] = wormhole::greater(wormhole::Lane(most), wormhole::Lane(previous[r])).bits;
      exponentials(scores[r], state.largest[r]);
    }
    const std::vector<Words> out = weighted_values(queries, scores, first, keys);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::uint32_t sum = kernel_.pass(kernel_.sum(scores[r], 1.0f));
      if (state.first) {
        state.sum[r] = sum;
        state.out[r] = out[r];
        continue;
      }
      Words fade{previous[r]};
      exponentials(fade, state.largest[r]);
      add_faded(std::span(&state.sum[r], 1), fade[0], std::span(&sum, 1));
      add_faded(state.out[r], fade[0], out[r]);
    }
    state.first = false;
  }

  // exp((score - largest) * scale) of each.
  void exponentials(Words& scores, std::uint32_t largest) const {
    kernel_.binary(EltwiseOp::Subtract, scores, Words(scores.size(), largest), scores);
    const float scale = scaled_first_ ? 1.0f : s_.scale;
    thread_local Exponentials known;
    known.use(exponent_.config(), scale);
    for (auto& word : scores)
      word = known.of(word, [&] { return kernel_.pass(exponent_.scaled_exp(word, scale)); });
  }

  void add_faded(std::span<std::uint32_t> old, std::uint32_t fade,
                 std::span<const std::uint32_t> fresh) const {
    kernel_.binary(EltwiseOp::Multiply, old, Words(old.size(), fade), old);
    kernel_.pass(old);
    kernel_.binary(EltwiseOp::Add, old, fresh, old);
    kernel_.pass(old);
  }

  void score_tile(const Queries& queries, const std::vector<wormhole::ActivationOperand>& q,
                  std::int64_t position, std::int64_t keys, std::int64_t t,
                  std::vector<Words>& scores) const {
    const std::vector<Words> rows = load_keys(k_, queries, position, keys);
    wormhole::DestRows dest{};
    wormhole::WeightOperand weights;
    for (std::int64_t d = 0; d < dim_tiles(); ++d) {
      Tile tile;
      for (std::int64_t c = 0; c < kTileSize; ++c) {
        for (std::int64_t key = 0; key < kTileSize; ++key) {
          tile[index_in_tile(c, key)] =
              rows[static_cast<std::size_t>(key)][static_cast<std::size_t>(d * kTileSize + c)];
        }
      }
      wormhole::prepare_weights(kernel_.dest(), tile, weights);
      wormhole::matmul_tile_fast(config_.math_fidelity, kernel_.dest(), static_cast<int>(scores.size()),
                                 q[static_cast<std::size_t>(d)], weights, dest);
    }
    Words mask(mask_.is_allocated() ? static_cast<std::size_t>(s_.keys) : 0);
    for (std::size_t r = 0; r < scores.size(); ++r) {
      if (!mask.empty()) load_source_row(mask_, queries.index[r], config_.fp32_dest_acc_en, mask);
      for (std::int64_t i = 0; i < kTileSize; ++i) {
        const std::int64_t key = position + i;
        const bool seen = key >= queries.from[r] && key < queries.visible[r];
        const std::uint32_t word = kernel_.pass(dest[r * 32 + static_cast<std::size_t>(i)]);
        scores[r][static_cast<std::size_t>(t * kTileSize + i)] = !seen ? kMinusInfinity
                                                                 : scaled_first_
                                                                     ? adjusted(queries, r, key, word, mask)
                                                                     : word;
      }
    }
  }

  // Scaled and capped on the vector unit; the mask or the bias is added by the matrix engine. Otherwise the
  // scale goes into the exponential.
  std::uint32_t adjusted(const Queries& queries, std::size_t r, std::int64_t key, std::uint32_t score,
                         const Words& mask) const {
    using wormhole::Lane;
    Lane x = Lane(wormhole::sfpu_load(kernel_.dest(), score)) * s_.scale;
    if (s_.softcap > 0) {
      const wormhole::VectorMode mode{config_.fp32_dest_acc_en, false};
      x = Lane(wormhole::vector_op(wormhole::VectorOp::Tanh, mode, (x * (1.0f / s_.softcap)).bits)) *
          s_.softcap;
    }
    std::uint32_t word = kernel_.pass(wormhole::sfpu_store(kernel_.dest(), x.bits));
    const auto add = [&](std::uint32_t offset) {
      word = kernel_.pass(kernel_.binary(EltwiseOp::Add, word, offset));
    };
    if (!mask.empty()) add(mask[static_cast<std::size_t>(key)]);
    if (s_.alibi_slopes != nullptr) {
      const float bias = alibi_bias(queries.slopes[r], key, queries.visible[r]);
      add(static_cast<std::uint32_t>(float_to_bf16(bias)) << 16);
    }
    return word;
  }

  std::vector<Words> weighted_values(const Queries& queries, const std::vector<Words>& weights,
                                     std::int64_t first, std::int64_t keys) const {
    const auto tiles = static_cast<std::int64_t>(weights[0].size()) / kTileSize;
    const auto in0 = operands(weights, tiles);
    std::vector<wormhole::DestRows> dest(static_cast<std::size_t>(dim_tiles()), wormhole::DestRows{});
    wormhole::WeightOperand in1;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::vector<Words> rows = load_keys(v_, queries, first + t * kTileSize, keys);
      for (std::int64_t d = 0; d < dim_tiles(); ++d) {
        Tile tile;
        for (std::int64_t key = 0; key < kTileSize; ++key) {
          for (std::int64_t c = 0; c < kTileSize; ++c) {
            tile[index_in_tile(key, c)] =
                rows[static_cast<std::size_t>(key)][static_cast<std::size_t>(d * kTileSize + c)];
          }
        }
        wormhole::prepare_weights(kernel_.dest(), tile, in1);
        wormhole::matmul_tile_fast(config_.math_fidelity, kernel_.dest(), static_cast<int>(weights.size()),
                                   in0[static_cast<std::size_t>(t)], in1, dest[static_cast<std::size_t>(d)]);
      }
    }
    std::vector<Words> out(weights.size(), Words(padded_columns(s_.head_dim)));
    for (std::size_t r = 0; r < out.size(); ++r) {
      for (std::size_t c = 0; c < out[r].size(); ++c) out[r][c] = kernel_.pass(dest[c / 32][r * 32 + c % 32]);
    }
    return out;
  }

  void finish(const Queries& queries, std::size_t r, const State& state) const {
    Words dest(static_cast<std::size_t>(s_.head_dim));
    // No key: a skipped user, or a row that the mask hides entirely.
    if (queries.visible[r] > 0 && state.largest[r] != kMinusInfinity) {
      const std::uint32_t factor = kernel_.pass(kernel_.vector(wormhole::VectorOp::Reciprocal, state.sum[r]));
      for (std::size_t c = 0; c < dest.size(); ++c) {
        dest[c] = kernel_.binary(EltwiseOp::Multiply, state.out[r][c], factor);
      }
    }
    store_row(kernel_.dest(), dest, out_, queries.rows[r]);
  }

  const SdpaShape& s_;
  ComputeKernelConfig config_;
  wormhole::RowKernel kernel_, exponent_;  // differ in the approximate mode
  std::int64_t chunk_;
  const Tensor &q_, &k_, &v_, &mask_;
  Tensor& out_;
  bool scaled_first_;
};

// Decode: the heads of a group; prefill: 32 tokens of a head.
std::vector<Queries> tiles_of_queries(const SdpaShape& s) {
  std::vector<Queries> all;
  const std::int64_t rows = s.queries == 1 ? s.group() : s.queries;
  const std::int64_t heads = s.queries == 1 ? s.kv_heads : s.heads;
  for (std::int64_t u = 0; u < s.users; ++u) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t first = 0; first < rows; first += kTileSize) {
        Queries& tile = all.emplace_back();
        tile.user = u;
        tile.kv_head = s.queries == 1 ? h : h / s.group();
        for (std::int64_t i = first; i < std::min(first + kTileSize, rows); ++i) {
          const std::int64_t head = s.queries == 1 ? h * s.group() + i : h, query = s.queries == 1 ? 0 : i;
          tile.rows.push_back(s.q_row(u, head, query));
          tile.visible.push_back(s.visible(u, query));
          tile.from.push_back(s.first_visible(u, query));
          tile.index.push_back(query);
          tile.slopes.push_back(s.alibi_slope(head));
        }
      }
    }
  }
  return all;
}

}  // namespace

void Sdpa::run_exact(Inputs in, Outputs out) const {
  const SdpaShape s = sdpa_shape(*this, in);
  const Tensor none;
  const ExactAttention attention(*this, s, in, out[0], kind == Kind::Prefill ? in[3] : none);
  const std::vector<Queries> tiles = tiles_of_queries(s);
  parallel_for(static_cast<std::int64_t>(tiles.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) attention.run(tiles[static_cast<std::size_t>(i)]);
  });
}

}  // namespace tessera
