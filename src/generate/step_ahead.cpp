#include "generate/step_ahead.hpp"

#include "util/interrupt.hpp"

namespace tessera::generate {

StepAhead::StepAhead(Generator& generator, int rows) : generator_(generator) {
  for (auto& tokens : read_) tokens.resize(static_cast<std::size_t>(rows));
}

StepAhead::~StepAhead() {
  try {
    generator_.model().device().synchronize();
  } catch (...) {  // next() has thrown it
  }
}

std::vector<std::int32_t> StepAhead::next(std::span<const std::int32_t> tokens,
                                          std::span<const std::int32_t> positions, bool more) {
  check_interrupt();
  if (!ahead_) {
    generator_.begin_step(tokens, positions);
    read_next(turn_);
  }
  ahead_ = more;
  if (more) {
    std::vector<std::int32_t> following(positions.begin(), positions.end());
    for (std::int32_t& position : following) position += position >= 0 ? 1 : 0;
    generator_.begin_step({}, following);
    read_next(1 - turn_);
  }
  event_synchronize(reached_[turn_]);
  std::vector<std::int32_t> result = read_[turn_];
  if (more) turn_ = 1 - turn_;
  return result;
}

void StepAhead::read_next(std::size_t slot) {
  Device& device = generator_.model().device();
  copy_to_host(generator_.traced_step(static_cast<int>(read_[slot].size())).next(), read_[slot]);
  reached_[slot] = record_event(device, current_queue());
}

}  // namespace tessera::generate
