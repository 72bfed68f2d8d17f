#pragma once
// A tiny checkpoint on disk with caches of its own, gone at the end of the test.
#include "io/temp_folder.hpp"
#include "models/load_model.hpp"
#include "support/tiny_checkpoint.hpp"

namespace tessera::test {

class TinyFolder {
 public:
  explicit TinyFolder(const TinyOptions& options = {}) { write_tiny_folder(path(), options); }

  std::filesystem::path path() const { return temp_.path() / "tiny"; }
  const std::filesystem::path& root() const { return temp_.path(); }
  std::unique_ptr<io::Checkpoint> open() const { return models::open_checkpoint(path()); }

  /// The same weights as a GGUF file beside the folder.
  std::filesystem::path write_gguf(const TinyOptions& options = {}) const {
    write_tiny_gguf(root() / "tiny.gguf", options);
    return root() / "tiny.gguf";
  }

 private:
  io::test::TempFolder temp_;
  io::test::ScopedEnvironment cache_{"XDG_CACHE_HOME", temp_.path() / "cache"};
  io::test::ScopedEnvironment weights_{"TESSERA_WEIGHT_CACHE", nullptr};
};

}  // namespace tessera::test
