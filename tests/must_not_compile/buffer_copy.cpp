// A buffer owns its memory and its charge on the device's account: a copy would give both back twice.
#include "device/buffer.hpp"

std::shared_ptr<tessera::Buffer> share(const std::shared_ptr<tessera::Buffer>& buffer) {
#ifdef WRONG
  return std::make_shared<tessera::Buffer>(*buffer);
#else
  return buffer;
#endif
}
