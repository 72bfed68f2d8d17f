// What Highway's library holds of run-time dispatch, for a build with one instruction set and no such
// library.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace hwy {

std::int64_t SupportedTargets() {
  return HWY_STATIC_TARGET;
}

void SetSupportedTargetsForTest(std::int64_t /*targets*/) {}

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

}  // namespace hwy
