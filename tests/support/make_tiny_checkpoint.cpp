// make_tiny_checkpoint FOLDER [--gguf]: the tiny model for tests that are scripts. With --gguf FOLDER holds
// tiny.gguf alone.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "support/tiny_checkpoint.hpp"

int main(int argc, char** argv) {
  const bool gguf = argc == 3 && std::string_view(argv[2]) == "--gguf";
  if (argc != 2 && !gguf) {
    fmt::print(stderr, "usage: make_tiny_checkpoint FOLDER [--gguf]\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    gguf ? tessera::test::write_tiny_gguf(folder / "tiny.gguf") : tessera::test::write_tiny_folder(folder);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "make_tiny_checkpoint: {}\n", error.what());
    return 1;
  }
}
