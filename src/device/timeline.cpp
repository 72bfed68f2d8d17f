#include "device/timeline.hpp"

#include "device/device.hpp"

namespace tessera {

TimelineScope::TimelineScope(Device& device, Timeline& timeline) : device_(device) {
  device.set_timeline(&timeline);
}

TimelineScope::~TimelineScope() {
  try {
    device_.synchronize();
  } catch (...) {  // whoever waits for the device inside the scope hears of a failure
  }
  device_.set_timeline(nullptr);
}

}  // namespace tessera
