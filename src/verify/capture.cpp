#include "verify/capture.hpp"

#include "verify/lockstep.hpp"

namespace tessera::verify {

void LayerCapture::before(const OpEvent& event) {
  if (event.path == "embed_tokens" && event.op.name() == "embedding") flush();
}

void LayerCapture::after(const OpEvent& event) {
  ms_[layer_of(event.path)] += event.seconds * 1e3;
  if (event.path == "embed_tokens") {
    pending_[kEmbedding] = event.outputs[0].to_vector();
  } else if (event.path == "norm") {
    pending_[kFinalNorm] = event.outputs[0].to_vector();
  } else if (event.path.starts_with("layers.") && event.path.find('.', 7) == std::string::npos) {
    // An op of the layer itself (a residual add): its last one is the layer's output.
    pending_[layer_of(event.path)] = event.outputs[0].to_vector();
  }
}

void LayerCapture::flush() {
  for (auto& [layer, values] : pending_) {
    auto& all = layers_[layer];
    all.insert(all.end(), values.begin(), values.end());
  }
  pending_.clear();
}

const std::vector<float>& LayerCapture::layer(int i) {
  flush();
  return layers_[i];
}

double LayerCapture::ms(int i) const {
  const auto it = ms_.find(i);
  return it == ms_.end() ? 0 : it->second;
}

}  // namespace tessera::verify
