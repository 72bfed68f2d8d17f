#include "io/sha256.hpp"

#include "tessera_rust.h"
#include "util/error.hpp"

namespace tessera::io {

Sha256::Sha256() : hash_(tessera_rust_sha256_new()) {}

void Sha256::Free::operator()(tessera_rust_sha256* hash) const {
  tessera_rust_sha256_free(hash);
}

void Sha256::update(std::span<const std::byte> bytes) {
  tessera_rust_sha256_update(hash_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::finish() {
  char* hex = nullptr;
  std::size_t size = 0;
  if (char* error = tessera_rust_sha256_finish(hash_.get(), &hex, &size)) {
    const std::string text = error;
    tessera_rust_free_string(error);
    fail_system("cannot hash: {}", text);
  }
  std::string result(hex, size);
  tessera_rust_free_string(hex);
  return result;
}

}  // namespace tessera::io
