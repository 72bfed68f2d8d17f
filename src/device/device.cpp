#include "device/device.hpp"

#include "util/error.hpp"

namespace tessera {

std::string_view to_string(Engine engine) {
  switch (engine) {
    case Engine::Ref:
      return "ref";
    case Engine::Fast:
      return "fast";
    case Engine::Exact:
      return "exact";
    case Engine::Meta:
      return "meta";
  }
  return "?";
}

Engine parse_engine(std::string_view name) {
  for (const Engine engine : {Engine::Ref, Engine::Fast, Engine::Exact, Engine::Meta}) {
    if (to_string(engine) == name) return engine;
  }
  fail_user("unknown engine: \"{}\": use ref, fast or exact", name);
}

std::shared_ptr<Device> Device::open(std::string_view sheet, Engine engine) {
  return std::shared_ptr<Device>(new Device(find_sheet(sheet), engine));
}

void Device::charge(std::int64_t bytes) {
  const std::int64_t now = allocated_.fetch_add(bytes) + bytes;
  const std::int64_t capacity = sheet_.dram_bytes * sheet_.chips;
  if (bytes > 0 && now > capacity && engine_ != Engine::Meta) {
    allocated_.fetch_sub(bytes);
    fail_user(
        "{}: out of memory: {} bytes more on top of {} of {}: use a smaller batch or context, a block-float "
        "precision, or a larger device",
        sheet_.name, bytes, now - bytes, capacity);
  }
  std::int64_t peak = peak_.load();
  while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
  }
}

}  // namespace tessera
