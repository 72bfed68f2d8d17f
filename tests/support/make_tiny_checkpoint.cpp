// make_tiny_checkpoint FOLDER [--gguf] [--odd] [--seed N] [--without TENSOR]: the tiny model for tests that
// are scripts. With --gguf FOLDER holds tiny.gguf alone; --odd takes odd_options(); TENSOR is a name of
// Hugging Face's.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "support/tiny_checkpoint.hpp"

namespace {

struct Arguments {
  std::filesystem::path folder;
  bool gguf = false, odd = false;
  std::uint64_t seed = 1;
  std::string without;
};

void write(const Arguments& a) {
  using namespace tessera::test;
  TinyOptions options = a.odd ? odd_options() : TinyOptions{};
  options.seed = a.seed;
  auto weights = tiny_weights(options);
  std::erase_if(weights, [&](const TinyTensor& tensor) { return tensor.name == a.without; });
  std::filesystem::create_directories(a.folder);
  if (a.gguf) {
    write_tiny_gguf(a.folder / "tiny.gguf", options, weights);
  } else {
    write_tiny_folder(a.folder, options, weights);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a tiny random Llama.", "make_tiny_checkpoint");
  Arguments a;
  app.add_option("FOLDER", a.folder)->required();
  app.add_flag("--gguf", a.gguf, "A GGUF file in place of Hugging Face's");
  app.add_flag("--odd", a.odd, "The shapes that are easily got wrong");
  app.add_option("--seed", a.seed, "Of the weights");
  app.add_option("--without", a.without, "A tensor to leave out");
  CLI11_PARSE(app, argc, argv);
  try {
    write(a);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_tiny_checkpoint: %s\n", error.what());
    return 1;
  }
}
