// load_once FOLDER: loads a model on the fast engine and leaves. A process of its own for tests of the weight
// cache.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "models/load_model.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const auto checkpoint = tessera::models::open_checkpoint(argv[1]);
    const auto device = tessera::Device::open("cpu", tessera::Engine::Fast);
    const auto model = tessera::models::load_model(
        *device, *checkpoint, {.precision = tessera::models::parse_precision("accuracy")});
    return model->layers.empty() ? 1 : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "load_once: {}\n", error.what());
    return 1;
  }
}
