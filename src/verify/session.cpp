#include "verify/session.hpp"

#include <algorithm>

#include "models/load_model.hpp"

namespace tessera::verify {

std::vector<std::int32_t> forced_tokens(const text::Tokenizer& tokenizer, std::size_t n) {
  std::vector<std::int32_t> ids = tokenizer.encode(forced_text());
  ids.resize(std::min(ids.size(), n));
  return ids;
}

std::vector<std::int32_t> Session::forced_tokens(std::size_t n) const {
  return verify::forced_tokens(*tokenizer, std::min(n, static_cast<std::size_t>(context)));
}

Session begin_session(std::unique_ptr<io::Checkpoint> checkpoint, const SessionOptions& options) {
  Session s;
  s.checkpoint = std::move(checkpoint);
  s.files = s.checkpoint->tokenizer();
  s.tokenizer = std::make_unique<text::Tokenizer>(s.files);
  s.reference_device = Device::open("cpu", Engine::Ref);
  s.device = Device::open(options.device, options.engine, {.num_command_queues = kMaxCommandQueues});
  return s;
}

void load_models(Session& s, const SessionOptions& options) {
  const int limit = s.config().max_position_embeddings;
  s.context = limit > 0 ? std::min(options.context, limit) : options.context;
  s.reference = models::load_model(*s.reference_device, *s.checkpoint,
                                   {.precision = models::parse_precision("fp32"), .max_seq = s.context});
  s.model =
      models::load_model(*s.device, *s.checkpoint, {.precision = options.precision, .max_seq = s.context});
}

Session open_session(std::unique_ptr<io::Checkpoint> checkpoint, const SessionOptions& options) {
  Session s = begin_session(std::move(checkpoint), options);
  load_models(s, options);
  return s;
}

}  // namespace tessera::verify
