#pragma once
// What comes back over the C ABI of rust/, owned.
#include <fmt/format.h>
#include <tessera_rust.h>

#include <memory>
#include <string>
#include <string_view>

#include "util/error.hpp"
#include "util/printable.hpp"

namespace tessera::text {

struct FreeRustString {
  void operator()(char* data) const { tessera_rust_free_string(data); }
};

/// A string that Rust allocated; copied out with str().
struct RustString {
  char* data = nullptr;
  std::size_t size = 0;

  std::string str() const {
    const std::unique_ptr<char, FreeRustString> owner(data);
    return {data, size};
  }
};

/// Throws UserError "<what>: <error>: <advice>" unless `error` is null; frees it.
inline void check_rust(char* error, std::string_view what, std::string_view advice) {
  if (error == nullptr) return;
  const std::unique_ptr<char, FreeRustString> owner(error);
  // The texts of the libraries quote the file; a template's own message may take a few lines.
  constexpr std::size_t kLongest = 500;
  fail_user("{}: {}: {}", what, one_line(error, kLongest), advice);
}

}  // namespace tessera::text
