#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "util/error.hpp"

namespace tessera::cli {

void flush_out() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  if (errno == EPIPE) throw OutputClosed();
  fail_system("cannot write to standard output: {}: free some space or write elsewhere", errno_text());
}

void write_out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  flush_out();
}

void write_json(const nlohmann::ordered_json& json) {
  write_out(json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace tessera::cli
