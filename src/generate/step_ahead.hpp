#pragma once
// Greedy steps on an asynchronous device, one ahead: the device feeds itself and runs the next step while the
// host looks at the tokens of the last one.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "generate/generator.hpp"

namespace tessera::generate {

class StepAhead {
 public:
  /// Steps of `rows` users of a traced generator.
  StepAhead(Generator& generator, int rows);
  /// Waits: commands under way write into this object.
  ~StepAhead();
  StepAhead(const StepAhead&) = delete;
  StepAhead& operator=(const StepAhead&) = delete;

  /// The greedy tokens behind `tokens` at `positions` (-1: idle), one a row. Calls are a chain: each is given
  /// the tokens that the one before returned, at positions one further, or -1 for a user who has finished.
  /// `more`: every user who is not idle has room for another position; the step there is begun already.
  std::vector<std::int32_t> next(std::span<const std::int32_t> tokens,
                                 std::span<const std::int32_t> positions, bool more);

 private:
  void read_next(std::size_t slot);

  Generator& generator_;
  std::array<std::vector<std::int32_t>, 2> read_;  // by turns: a step's tokens
  std::array<Event, 2> reached_;
  std::size_t turn_ = 0;
  bool ahead_ = false;  // the step of turn_ is under way
};

}  // namespace tessera::generate
