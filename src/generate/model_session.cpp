#include "generate/model_session.hpp"

#include "io/catalogue.hpp"
#include "models/load_model.hpp"
#include "util/error.hpp"

namespace tessera::generate {
namespace {

std::string default_precision(Engine engine) {
  return engine == Engine::Ref ? "fp32" : "accuracy";
}

}  // namespace

ModelSession::ModelSession(const ModelChoice& choice) {
  const Engine engine = parse_engine(choice.engine);
  check(engine != Engine::Meta, "engine meta: it computes shapes only: use fast, exact or ref");
  device_ = Device::open(choice.device, engine);
  precision_ = choice.precision.empty() ? default_precision(engine) : choice.precision;
  models::parse_precision(precision_);  // a wrong name is told before a model is fetched
  checkpoint_ = io::Checkpoint::open(io::resolve_model(choice.model));
  files_ = checkpoint_->tokenizer();
  tokenizer_ = std::make_unique<text::Tokenizer>(files_);
}

void ModelSession::load(int context) {
  model_ = models::load_model(*device_, *checkpoint_,
                              {.precision = models::parse_precision(precision_), .max_seq = context});
}

std::vector<std::int32_t> ModelSession::stop_ids() const {
  const auto& ids = config().eos_token_ids;
  return {ids.begin(), ids.end()};
}

}  // namespace tessera::generate
