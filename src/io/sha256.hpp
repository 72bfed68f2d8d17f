#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct tessera_rust_sha256;

namespace tessera::io {

/// Streaming SHA-256.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// 64 lower-case hex digits; begins anew.
  std::string finish();

 private:
  struct Free {
    void operator()(tessera_rust_sha256* hash) const;
  };
  std::unique_ptr<tessera_rust_sha256, Free> hash_;
};

}  // namespace tessera::io
