// Tensors keep their device alive: it is opened, and shared, never made in place.
#include "device/device.hpp"

void use() {
#ifdef WRONG
  tessera::Device device(tessera::find_sheet("cpu"), tessera::Engine::Ref);
#else
  const std::shared_ptr<tessera::Device> device = tessera::Device::open("cpu", tessera::Engine::Ref);
#endif
  (void)device;
}
