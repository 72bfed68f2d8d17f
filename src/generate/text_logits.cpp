#include "generate/text_logits.hpp"

#include <algorithm>
#include <span>

#include "generate/generate_text.hpp"
#include "generate/generator.hpp"
#include "tensor/npy.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::generate {

std::vector<std::int32_t> write_text_logits(const ModelChoice& choice, const TextLogitsOptions& options) {
  ModelSession session(choice);
  std::vector<std::int32_t> ids = encode_prompt(session.tokenizer(), session.files(), options.text, true);
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(std::max(1, options.tokens))));
  check(!ids.empty(), "logits: the text has no tokens: give another with --text");
  // Asked before the model runs, so that no run is lost.
  {
    const AtomicFile writable(options.out);
  }
  session.run(static_cast<int>(ids.size()), [&](const Replica& replica) {
    Generator generator(replica.model, {.users = 1});
    const Tensor logits = replica.model.logits(generator.prefill_hidden(ids, 0));
    if (!replica.speaks()) return;
    const Shape shape{logits.logical_shape()[-2], logits.logical_shape()[-1]};
    const std::vector<float> values = logits.to_vector();
    write_npy(options.out, HostTensor::from_vector(std::span<const float>(values),
                                                   {shape, DataType::FLOAT32, Layout::ROW_MAJOR}));
  });
  return ids;
}

}  // namespace tessera::generate
