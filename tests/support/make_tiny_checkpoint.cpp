// make_tiny_checkpoint FOLDER [--gguf] [--odd]: the tiny model for tests that are scripts. With --gguf FOLDER
// holds tiny.gguf alone; --odd takes odd_options().
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include "support/tiny_checkpoint.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto has = [&](std::string_view flag) { return std::ranges::count(arguments, flag) == 1; };
  const auto flags = static_cast<std::size_t>(has("--gguf") + has("--odd"));
  if (arguments.size() != 1 + flags || arguments[0].starts_with("-")) {
    fmt::print(stderr, "usage: make_tiny_checkpoint FOLDER [--gguf] [--odd]\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = arguments[0];
    const auto options = has("--odd") ? tessera::test::odd_options() : tessera::test::TinyOptions{};
    std::filesystem::create_directories(folder);
    if (has("--gguf")) {
      tessera::test::write_tiny_gguf(folder / "tiny.gguf", options);
    } else {
      tessera::test::write_tiny_folder(folder, options);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "make_tiny_checkpoint: {}\n", error.what());
    return 1;
  }
}
