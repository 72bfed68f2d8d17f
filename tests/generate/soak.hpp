#pragma once
// Traced decode steps with users that come and go at random.
#include <cstdint>
#include <functional>
#include <optional>

#include "generate_fixture.hpp"

namespace tessera::generate::test {

/// Up to 12 users with a few prompts between them, each checked token by token against the text that it gives
/// alone and eagerly. More numbers of users than traces are kept: captures come and go as well.
class Soak {
 public:
  Soak(const nn::CausalLm& model, std::uint64_t seed)
      : generator_(model, {.users = kUsers, .page_seed = seed}), rng_(seed) {
    Generator alone(model, {.users = 1, .trace = false});
    for (std::size_t i = 0; i < kPrompts; ++i) {
      const Request request{.prompt = prompt_of(1 + rng_.below(70), i), .max_new_tokens = kTokens};
      requests_.push_back(request);
      texts_.push_back(generate(alone, std::span(&request, 1))[0].tokens);
    }
  }

  std::int64_t tokens() const { return checked_; }

  /// So many decode steps; false when a token was not the expected one.
  bool run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (!step()) return false;
    }
    return true;
  }

  /// Everybody leaves, and the traces that are held are always the same ones: from here, memory is
  /// comparable. Each pass is waited for, as a step waits for its tokens: passes that the host has run ahead
  /// with keep their blocks, and the pool those of the most that ever were in flight.
  void settle() {
    Device& device = generator_.model().device();
    for (std::size_t u = 0; u < kUsers; ++u) end(u);
    for (const Request& request : requests_) {
      for (int twice = 0; twice < 2; ++twice) {
        generator_.prefill(request.prompt, 0);
        generator_.release(0);
        device.synchronize();
      }
    }
    for (std::size_t rows = 1; rows <= 8; ++rows) {
      generator_.decode(std::vector<std::int32_t>(rows, 0), std::vector<std::int32_t>(rows, -1));
      device.synchronize();
    }
  }

 private:
  static constexpr int kUsers = 12, kTokens = 40;
  static constexpr std::size_t kPrompts = 16;

  struct User {
    std::size_t text = 0, at = 0;  // which, and how many of its tokens are there
  };

  bool step() {
    // Somebody new about every fourth step, so that the number of users wanders.
    const std::size_t slot = rng_.below(kUsers);
    if (!users_[slot] && rng_.below(4) != 0 && !begin(slot)) return false;
    std::size_t rows = 0;
    for (std::size_t u = 0; u < kUsers; ++u) {
      if (users_[u]) rows = u + 1;
    }
    if (rows == 0) return true;
    std::vector<std::int32_t> tokens(rows, 0), positions(rows, -1);
    for (std::size_t u = 0; u < rows; ++u) {
      if (!users_[u]) continue;
      const auto& [text, at] = *users_[u];
      tokens[u] = texts_[text][at - 1];
      positions[u] = static_cast<std::int32_t>(requests_[text].prompt.size() + at - 1);
    }
    const std::vector<SamplingParams> greedy(rows);
    const std::vector<std::int64_t> drawn(rows, 0);
    const auto next = generator_.sample(generator_.decode(tokens, positions), greedy, drawn);
    for (std::size_t u = 0; u < rows; ++u) {
      if (!users_[u]) continue;
      if (next[u] != texts_[users_[u]->text][users_[u]->at]) return false;
      ++checked_;
      if (++users_[u]->at == texts_[users_[u]->text].size() || rng_.below(60) == 0) end(u);
    }
    return true;
  }

  bool begin(std::size_t slot) {
    const std::size_t text = rng_.below(kPrompts);
    const SamplingParams greedy;
    const std::int64_t none = 0;
    const Tensor logits = generator_.prefill(requests_[text].prompt, static_cast<int>(slot));
    users_[slot] = User{text, 1};
    return generator_.sample(logits, std::span(&greedy, 1), std::span(&none, 1))[0] == texts_[text][0];
  }

  void end(std::size_t slot) {
    generator_.release(static_cast<int>(slot));
    users_[slot].reset();
  }

  Generator generator_;
  Rng rng_;
  std::vector<Request> requests_;
  std::vector<std::vector<std::int32_t>> texts_;
  std::array<std::optional<User>, kUsers> users_;
  std::int64_t checked_ = 0;
};

/// `steps` of a tiny model: equal texts, and a device that holds afterwards what it held after a tenth of
/// them. `watch` is called at both places.
inline void soak(int steps, bool async, const std::function<void()>& watch = [] {}) {
  tessera::test::TinyOptions options;
  options.max_positions = 128;
  const tessera::test::TinyFolder files(options);
  const tessera::test::TinyModel tiny = tessera::test::load_tiny(*files.open(), Engine::Fast, "accuracy");
  tiny.device->set_async(async);
  const std::int64_t empty = tiny.device->allocated_bytes();
  {
    Soak soak(*tiny.model, 3);
    ASSERT_TRUE(soak.run(steps / 10)) << "after " << soak.tokens() << " tokens";
    soak.settle();
    const std::int64_t early = tiny.device->allocated_bytes();
    watch();
    ASSERT_TRUE(soak.run(steps - steps / 10)) << "after " << soak.tokens() << " tokens";
    soak.settle();
    EXPECT_EQ(tiny.device->allocated_bytes(), early);
    watch();
    EXPECT_GT(soak.tokens(), 2 * steps);
  }
  EXPECT_EQ(tiny.device->allocated_bytes(), empty);
}

}  // namespace tessera::generate::test
