// tokenize_lines FILE(.gguf|tokenizer.json) [--special]: each line of stdin is a JSON string; each line of
// stdout is
// {"ids": [...], "text": decoded, "streamed": by StreamDecoder}. "--special" applies the tokenizer's
// template.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "io/gguf.hpp"
#include "io/gguf_config.hpp"
#include "text/tokenizer.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace {

using tessera::text::StreamDecoder;
using tessera::text::Tokenizer;

tessera::io::TokenizerFiles read_files(const std::string& path) {
  const auto file = tessera::MappedFile::open(path);
  if (path.ends_with(".gguf"))
    return tessera::io::read_gguf_tokenizer(tessera::io::Gguf::parse(file->bytes(), path));
  tessera::io::TokenizerFiles files;
  files.tokenizer_json.assign(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  return files;
}

std::string streamed(const Tokenizer& tokenizer, std::span<const int> ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const int id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

void run(std::span<char*> args) {
  const auto files = read_files(args[1]);
  const bool special = args.size() > 2 && std::string(args[2]) == "--special";
  const auto start = std::chrono::steady_clock::now();
  const Tokenizer tokenizer(files);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "{} tokens, built in {:.1f} ms\n", tokenizer.vocab_size(), took.count());
  for (std::string line; std::getline(std::cin, line);) {
    const auto ids = tokenizer.encode(nlohmann::json::parse(line).get<std::string>(), special);
    const nlohmann::json out = {{"ids", ids},
                                {"text", tokenizer.decode(ids, false)},
                                {"streamed", streamed(tokenizer, ids)},
                                {"visible", tokenizer.decode(ids)}};
    std::cout << out.dump() << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: tokenize_lines FILE(.gguf|tokenizer.json) [--special] < JSON strings\n");
    return 2;
  }
  try {
    run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    fmt::print(stderr, "tokenize_lines: {}\n", error.what());
    return 2;
  }
}
