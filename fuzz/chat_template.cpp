// A chat template, and behind a NUL the text of a message: rendered, or a UserError.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.hpp"
#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const std::string content(end == input.npos ? "Hello" : input.substr(end + 1));
  try {
    const tessera::text::ChatTemplate chat(std::string(input.substr(0, end)), "<s>", "</s>");
    const std::vector<tessera::text::Message> messages = {{"system", "Be brief."}, {"user", content}};
    chat.render(messages);
  } catch (const tessera::UserError&) {
  }
  return 0;
}
