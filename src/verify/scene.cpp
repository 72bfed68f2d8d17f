#include "verify/scene.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "generate/generator.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace {

constexpr int kPositions = 64;

void fill(const Tensor& cache, const std::vector<float>& values) {
  Tensor target = cache;
  copy_to_device(std::span<const float>(values), target);
}

nn::KvCache empty_cache(const nn::CausalLm& model, nn::KvCacheConfig config, int users) {
  config.dtype = model.kv_dtype;
  nn::KvCache cache(model.device(), config);
  for (int user = 0; user < users; ++user) cache.reserve(user, config.max_seq);
  return cache;
}

}  // namespace

int step_positions(const Session& session) {
  return std::min(kPositions, session.context);
}

nn::KvCache DecodeScene::make_cache(const nn::CausalLm& model) const {
  nn::KvCache result = empty_cache(model, cache, static_cast<int>(tokens.size()));
  for (int layer = 0; layer < cache.layers; ++layer) {
    fill(result.k(layer), keys[static_cast<std::size_t>(layer)]);
    fill(result.v(layer), values[static_cast<std::size_t>(layer)]);
  }
  return result;
}

Tensor DecodeScene::ids(Device& device) const {
  return to_device(device, std::span<const std::int32_t>(tokens),
                   {Shape{1, static_cast<std::int64_t>(tokens.size())}, DataType::INT32, Layout::ROW_MAJOR});
}

Tensor DecodeScene::at(Device& device) const {
  return to_device(device, std::span<const std::int32_t>(positions),
                   {Shape{static_cast<std::int64_t>(positions.size())}, DataType::INT32, Layout::ROW_MAJOR});
}

DecodeScene record_scene(Session& session) {
  const nn::CausalLm& model = *session.reference;
  const std::vector<std::int32_t> text = session.forced_tokens(kPositions);  // at most the context
  check(text.size() >= 4, "bring-up: the forced text has {} tokens here: the tokenizer is not usable",
        text.size());
  const int users = std::min(generate::kMaxUsers, static_cast<int>(text.size()) / 2);

  DecodeScene scene;
  scene.cache = model.cache_config(users, step_positions(session));
  nn::KvCache cache = empty_cache(model, scene.cache, users);
  const std::vector<float> zeros(static_cast<std::size_t>(cache.k(0).logical_shape().volume()), 0.0f);
  for (int layer = 0; layer < scene.cache.layers; ++layer) {
    fill(cache.k(layer), zeros);
    fill(cache.v(layer), zeros);
  }
  for (int user = 0; user < users; ++user) {
    const auto begin = static_cast<std::size_t>(user), length = begin + 1;
    model.prefill(std::span(text).subspan(begin, length), cache, user);
    scene.tokens.push_back(text[begin + length]);
    scene.positions.push_back(static_cast<std::int32_t>(length));
  }
  for (int layer = 0; layer < scene.cache.layers; ++layer) {
    scene.keys.push_back(cache.k(layer).to_vector());
    scene.values.push_back(cache.v(layer).to_vector());
  }
  const Tensor ids = scene.ids(model.device());
  const Tensor at = scene.at(model.device());
  scene.recording = record([&] { scene.logits = model.decode(ids, at, cache).to_vector(); });
  return scene;
}

const DecodeScene& scene_of(Session& session) {
  if (session.scene == nullptr) session.scene = std::make_shared<const DecodeScene>(record_scene(session));
  return *session.scene;
}

const OpRecord& find_record(const Recording& recording, const std::string& path, const std::string& op,
                            bool last) {
  const OpRecord* found = nullptr;
  for (const OpRecord& entry : recording) {
    if (entry.path != path || entry.name != op) continue;
    found = &entry;
    if (!last) break;
  }
  check(found != nullptr, "bring-up: the reference ran no {} in {}", op, path);
  return *found;
}

void zero_cache(generate::Generator& generator) {
  for (int layer = 0; layer < generator.cache().config().layers; ++layer) {
    for (const Tensor* cache : {&generator.cache().k(layer), &generator.cache().v(layer)})
      std::ranges::fill(cache->bytes(), std::byte{0});
  }
}

Tensor activation_rows(const nn::CausalLm& model, const std::vector<float>& values, std::int64_t width) {
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / width;
  return to_device(model.device(), std::span<const float>(values),
                   {Shape{1, 1, rows, width}, model.embed_tokens.activation, Layout::TILE});
}

}  // namespace tessera::verify
