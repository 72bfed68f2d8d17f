#include <nlohmann/json.hpp>

#include "text/rust_result.hpp"
#include "text/tokenizer.hpp"
#include "util/utf8.hpp"

namespace tessera::text {

namespace {

constexpr std::string_view kWhat = "chat template";

std::string checked_text(std::string text, std::string_view what) {
  check(is_utf8(text), "chat template: {} is not UTF-8: give valid text", what);
  return text;
}

}  // namespace

ChatTemplate::ChatTemplate(std::string source, std::string bos_token, std::string eos_token)
    : source_(std::move(source)),
      bos_token_(checked_text(std::move(bos_token), "the BOS token")),
      eos_token_(checked_text(std::move(eos_token), "the EOS token")) {
  check_rust(tessera_rust_template_check(source_.data(), source_.size()), kWhat,
             "correct the checkpoint's chat_template, or use --raw");
}

std::string ChatTemplate::render(std::span<const Message> messages, bool add_generation_prompt) const {
  check(!source_.empty(), "chat template: the checkpoint has none: use --raw to continue plain text");
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Message& message : messages) {
    list.push_back({{"role", checked_text(message.role, "a role")},
                    {"content", checked_text(message.content, "a message")}});
  }
  // Hugging Face passes tools and documents always; templates test them for none.
  const nlohmann::ordered_json variables = {
      {"messages", std::move(list)}, {"tools", nullptr},
      {"documents", nullptr},        {"add_generation_prompt", add_generation_prompt},
      {"bos_token", bos_token_},     {"eos_token", eos_token_}};
  const std::string json = variables.dump();
  RustString text;
  check_rust(tessera_rust_template_render(source_.data(), source_.size(), json.data(), json.size(),
                                          &text.data, &text.size),
             kWhat, "change the messages, or use --raw");
  return text.str();
}

}  // namespace tessera::text
