// llama.cpp's logits after each of the given tokens, float32 [tokens, vocabulary] to stdout.
//   llamacpp_logits MODEL.gguf THREADS < ids
// Built by divergence.py with the libraries of the peer's build.
#include <llama.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::vector<llama_token> ids{std::istream_iterator<llama_token>(std::cin), {}};
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_backend_init();
  llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
  if (model == nullptr || ids.empty()) return 1;
  llama_context_params params = llama_context_default_params();
  const auto n = static_cast<std::uint32_t>(ids.size());
  params.n_ctx = params.n_batch = n;
  params.n_threads = params.n_threads_batch = std::atoi(argv[2]);
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr) return 1;
  llama_batch batch = llama_batch_init(static_cast<std::int32_t>(n), 0, 1);
  for (std::uint32_t i = 0; i < n; ++i) {
    batch.token[i] = ids[i];
    batch.pos[i] = static_cast<llama_pos>(i);
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = 1;
  }
  batch.n_tokens = static_cast<std::int32_t>(n);
  if (llama_decode(context, batch) != 0) return 1;
  const auto vocabulary = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model)));
  for (std::uint32_t i = 0; i < n; ++i) {
    const float* row = llama_get_logits_ith(context, static_cast<std::int32_t>(i));
    if (std::fwrite(row, sizeof(float), vocabulary, stdout) != vocabulary) return 1;
  }
  return 0;
}
