// Every op that a file can hold comes back as it was; what is no such file is told in one line.
#include "verify/replay_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "io/safetensors.hpp"
#include "ops/eltwise/eltwise_op.hpp"
#include "ops/rms_norm/rms_norm_op.hpp"
#include "ops/sdpa/sdpa_op.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::verify {
namespace {

using Json = nlohmann::json;

CaseInput floats(const Shape& shape, DataType dtype = DataType::BFLOAT16) {
  CaseInput input;
  input.present = true;
  input.spec = {shape, dtype, Layout::TILE};
  Rng rng(3);
  for (std::int64_t i = 0; i < shape.volume(); ++i) input.values.push_back(rng.normal());
  return input;
}

CaseInput integers(std::vector<std::int32_t> values, const Shape& shape) {
  CaseInput input;
  input.present = true;
  input.spec = {shape, DataType::INT32, Layout::ROW_MAJOR};
  input.integers = std::move(values);
  return input;
}

class ReplayFile : public testing::Test {
 protected:
  ~ReplayFile() override { std::filesystem::remove(path_); }

  OpCase written(const OpCase& op_case) const {
    write_replay(path_, op_case);
    return read_replay(path_);
  }

  // A whole file of a norm but for what `change` does to its call.
  template <class Change>
  std::string complaint(Change change, const std::string& version = "1") const {
    Json call =
        Json::parse(R"({"path": "p", "mode": "decode", "op": "rms_norm", "attributes": {"epsilon": 1e-5},
      "options": {}, "inputs": [{"dtype": "bfloat16", "layout": "tile", "width_sharded": false, "constant": false},
      null, null]})");
    change(call);
    const std::vector<float> values(32, 1.0f);
    io::SafetensorsWriter out;
    out.add("input.0", {1, 32}, values);
    out.metadata("format", "tessera-replay");
    out.metadata("version", version);
    out.metadata("call", call.dump());
    out.write(path_);
    try {
      const auto device = Device::open("cpu", Engine::Exact);
      measure(read_replay(path_), *device);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("tessera_replay_" + std::to_string(getpid()));
};

TEST_F(ReplayFile, AttentionComesBack) {
  OpOptions options;
  options.compute_kernel_config = ComputeKernelConfig{MathFidelity::HiFi3, false, true, false};
  options.k_chunk_size = 64;
  options.exp_approx_mode = false;
  const std::vector<float> slopes{0.5f, 0.25f};
  OpCase op_case{
      "layers.0.self_attn",
      "decode",
      std::make_shared<Sdpa>(Sdpa::Kind::PagedDecode, 1.0f / std::sqrt(80.0f), options, slopes, 20, 0.0f),
      {floats({1, 1, 2, 32}), floats({2, 1, 32, 32}, DataType::BFLOAT8_B),
       floats({2, 1, 32, 32}, DataType::BFLOAT8_B), integers({1, 0}, {1, 2}), integers({40}, {1})}};
  const OpCase again = written(op_case);
  const auto call = describe_call(*again.op), before = describe_call(*op_case.op);
  EXPECT_EQ(call->name, before->name);
  EXPECT_EQ(call->attributes, before->attributes);
  EXPECT_EQ(call->options.k_chunk_size, 64);
  EXPECT_EQ(call->options.exp_approx_mode, false);
  EXPECT_EQ(describe(*config_of(again)), "HiFi3, fp32 Dest");
  const auto device = Device::open("cpu", Engine::Exact);
  const auto one = measure(op_case, *device), two = measure(again, *device);
  EXPECT_EQ(one->total.pcc, two->total.pcc);
  EXPECT_GT(one->total.pcc, 0.999);
}

TEST_F(ReplayFile, ElementWiseComesBack) {
  const OpCase op_case{"m",
                       "prefill",
                       std::make_shared<Binary>(Binary::Kind::Multiply, Activation::Silu, OpOptions{}),
                       {floats({1, 40}), floats({1, 40}, DataType::FLOAT32)}};
  EXPECT_EQ(written(op_case).inputs[1].values, op_case.inputs[1].values);
  const OpCase scaled{"m",
                      "prefill",
                      std::make_shared<Binary>(Binary::Kind::Multiply, Activation::None, OpOptions{}, 0.1f),
                      {floats({1, 40})}};
  EXPECT_EQ(describe_call(*written(scaled).op)->attributes, describe_call(*scaled.op)->attributes);
}

TEST_F(ReplayFile, BadFilesAreToldInOneLine) {
  EXPECT_EQ(complaint([](Json&) {}), "");
  const auto expect = [&](auto change, const std::string& part) {
    const std::string got = complaint(change);
    EXPECT_NE(got.find(part), std::string::npos) << got << " lacks " << part;
    EXPECT_EQ(got.find('\n'), std::string::npos);
  };
  expect([](Json& j) { j["op"] = "reboot"; }, "\"reboot\"");
  expect([](Json& j) { j.erase("mode"); }, "'mode' is missing");
  expect([](Json& j) { j["extra"] = 1; }, "unknown key \"extra\"");
  expect([](Json& j) { j["attributes"].clear(); }, "no attribute epsilon");
  expect([](Json& j) { j["attributes"]["epsilon"] = true; }, "another kind");
  expect([](Json& j) { j["attributes"]["epsilon"] = -1; }, "epsilon");
  expect([](Json& j) { j["attributes"]["axis"] = 1; }, "unknown attribute axis");
  expect([](Json& j) { j["attributes"]["epsilon"] = Json::object(); }, "a list of numbers expected");
  expect([](Json& j) { j["inputs"].erase(2); }, "2 inputs: 3 expected");
  expect([](Json& j) { j["inputs"][0] = nullptr; }, "input.0");
  expect([](Json& j) { j["inputs"][1] = j["inputs"][0]; }, "input.1");
  expect([](Json& j) { j["inputs"][0]["dtype"] = "bfloat4_b"; }, "bfloat4_b");
  expect([](Json& j) { j["inputs"][0]["dtype"] = "int32"; }, "I32");
  expect([](Json& j) { j["inputs"][0]["layout"] = "round"; }, "tile or row_major");
  expect([](Json& j) { j["options"]["compute_kernel_config"] = {{"math_fidelity", "HiFi9"}}; }, "HiFi9");
  expect([](Json& j) { j["options"]["in0_block_w"] = 0; }, "in0_block_w");
  expect([](Json& j) { j["path"] = 5; }, "path");
  EXPECT_NE(complaint([](Json&) {}, "2").find("version \"2\""), std::string::npos);
}

TEST_F(ReplayFile, NoFileAndAnotherKindOfFile) {
  EXPECT_THROW(read_replay(path_), UserError);
  std::ofstream(path_) << "GIF89a";
  EXPECT_THROW(read_replay(path_), UserError);
}

}  // namespace
}  // namespace tessera::verify
