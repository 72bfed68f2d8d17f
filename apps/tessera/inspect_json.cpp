#include <nlohmann/json.hpp>

#include "inspect_output.hpp"
#include "models/registry.hpp"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

Json shape_json(const Shape& shape) {
  const auto dims = shape.dims();
  return std::vector<std::int64_t>(dims.begin(), dims.end());
}

Json specs_json(const std::vector<TensorSpec>& specs) {
  Json list = Json::array();
  for (const TensorSpec& spec : specs) {
    list.push_back({{"shape", shape_json(spec.logical_shape)}, {"dtype", to_string(spec.dtype)}});
  }
  return list;
}

Json calls_json(const std::vector<models::OperatorCall>& calls) {
  Json list = Json::array();
  for (const models::OperatorCall& call : calls) {
    list.push_back({{"path", call.path},
                    {"op", call.op},
                    {"ttnn", call.ttnn},
                    {"attributes", call.attributes},
                    {"inputs", specs_json(call.inputs)},
                    {"outputs", specs_json(call.outputs)}});
  }
  return list;
}

Json config_json(const io::ModelConfig& c) {
  return {{"architecture", c.architecture},
          {"model_type", c.model_type},
          {"vocab_size", c.vocab_size},
          {"hidden_size", c.hidden_size},
          {"intermediate_size", c.intermediate_size},
          {"num_hidden_layers", c.num_hidden_layers},
          {"num_attention_heads", c.num_attention_heads},
          {"num_key_value_heads", c.num_key_value_heads},
          {"head_dim", c.head_dim},
          {"max_position_embeddings", c.max_position_embeddings},
          {"rms_norm_eps", c.rms_norm_eps},
          {"rope_theta", c.rope_theta},
          {"rope_scaling", c.rope_scaling.type},
          {"hidden_act", c.hidden_act},
          {"tie_word_embeddings", c.tie_word_embeddings}};
}

Json checkpoint_json(const models::CheckpointFacts& facts) {
  Json types = Json::object();
  for (const auto& [name, count] : facts.types) {
    types[name] = {{"tensors", count.tensors}, {"bytes", count.bytes}};
  }
  return {{"format", facts.format},
          {"types", types},
          {"tokenizer", facts.tokenizer},
          {"has_tokenizer", facts.has_tokenizer},
          {"chat_template", facts.has_chat_template},
          {"content_hash", facts.content_hash}};
}

Json tensors_json(const std::vector<io::CheckpointTensor>& tensors) {
  Json list = Json::array();
  for (const io::CheckpointTensor& tensor : tensors) {
    list.push_back(
        {{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
  }
  return list;
}

}  // namespace

Json inspection_json(const std::string& model, const models::Inspection& inspection) {
  Json known = Json::array();
  for (const auto& architecture : models::architectures()) known.push_back(architecture->name());
  Json modules = Json::array();
  for (const models::ModuleInfo& module : inspection.modules) {
    modules.push_back({{"path", module.path},
                       {"shape", shape_json(module.spec.logical_shape)},
                       {"dtype", to_string(module.spec.dtype)},
                       {"parameters", module.parameters},
                       {"tensors", module.parts}});
  }
  return {{"model", model},
          {"supported", inspection.is_supported()},
          {"unsupported", inspection.unsupported},
          {"known_architectures", known},
          {"config", config_json(inspection.config)},
          {"checkpoint", checkpoint_json(inspection.checkpoint)},
          {"parameters", inspection.parameters},
          {"modules", modules},
          {"operators",
           {{"decode", calls_json(inspection.operators.decode)},
            {"prefill", calls_json(inspection.operators.prefill)}}},
          {"tensors", tensors_json(inspection.tensors)}};
}

}  // namespace tessera::cli
