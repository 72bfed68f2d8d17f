#include "tessera-vectors/vector_cases.hpp"

#include <cstring>
#include <vector>

#include "tensor/spec.hpp"
#include "util/error.hpp"
#include "wormhole/eltwise.hpp"
#include "wormhole/matmul.hpp"
#include "wormhole/matmul_fast.hpp"
#include "wormhole/pack.hpp"
#include "wormhole/sfpu.hpp"
#include "wormhole/unpack.hpp"

namespace tessera::vectors {
namespace {

using wormhole::DestFormat;
using wormhole::SrcFormat;
using wormhole::Tile;

std::size_t bytes_of(DataType dtype) {
  return static_cast<std::size_t>(tile_bytes(dtype));
}

std::uint32_t load(Bytes bytes, std::size_t size, std::size_t i) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + size * i, size);
  return word;
}

// fp16 in memory has its 5-bit exponent at bit 10, a register word at bit 23.
std::uint32_t from_half(DestFormat format, std::uint32_t half) {
  return format == DestFormat::Fp16 ? (half & 0x8000u) << 16 | (half & 0x7FFFu) << 13 : half << 16;
}
std::uint32_t to_half(DestFormat format, std::uint32_t word) {
  return format == DestFormat::Fp16 ? (word >> 16 & 0x8000u) | (word >> 13 & 0x7FFFu) : word >> 16;
}

std::size_t dest_word(DestFormat format) {
  return format == DestFormat::Fp32 ? 4 : 2;
}

Tile read_dest(DestFormat format, Bytes bytes) {
  Tile tile;
  for (std::size_t i = 0; i < tile.size(); ++i) {
    const std::uint32_t word = load(bytes, dest_word(format), i);
    tile[i] = format == DestFormat::Fp32 ? word : from_half(format, word);
  }
  return tile;
}

class Runner {
 public:
  explicit Runner(const Complain& complain) : complain_(complain) {}

  void matmul(const VectorCase& c);
  void unpack(const VectorCase& c);
  void pack(const VectorCase& c);
  void pack_l1acc(const VectorCase& c);
  void eltwise(const VectorCase& c);
  void fma(const VectorCase& c);

  Tally tally;

 private:
  void compare(const VectorCase& c, std::string_view what, std::size_t values, const auto& got,
               const auto& expected);
  void compare_dest(const VectorCase& c, std::string_view what, DestFormat format, const Tile& dest);
  void compare_packed(const VectorCase& c, std::string_view key, DataType dtype, Bytes got);
  void compare_outputs(const VectorCase& c, DestFormat format, const Tile& dest);

  const Complain& complain_;
};

// got(i) and expected(i): everything that decides value i, as a number.
void Runner::compare(const VectorCase& c, std::string_view what, std::size_t values, const auto& got,
                     const auto& expected) {
  std::int64_t wrong = 0;
  std::string first;
  for (std::size_t i = 0; i < values; ++i) {
    if (got(i) == expected(i)) continue;
    if (wrong++ == 0) first = fmt::format("value {} is {:#x}, not {:#x}", i, got(i), expected(i));
  }
  tally.values += static_cast<std::int64_t>(values);
  tally.wrong += wrong;
  if (wrong != 0)
    complain_(fmt::format("{}: {}: {} of {} wrong: {}", c.describe(), what, wrong, values, first));
}

void Runner::compare_dest(const VectorCase& c, std::string_view what, DestFormat format, const Tile& dest) {
  const std::size_t size = dest_word(format);
  const Bytes expected = c.required("dest_out", 1024 * size);
  compare(
      c, what, 1024,
      [&](std::size_t i) { return format == DestFormat::Fp32 ? dest[i] : to_half(format, dest[i]); },
      [&](std::size_t i) { return load(expected, size, i); });
}

void Runner::compare_packed(const VectorCase& c, std::string_view key, DataType dtype, Bytes got) {
  const Bytes expected = c.required(key, bytes_of(dtype));
  const auto value = [&](Bytes tile, std::size_t i) -> std::uint32_t {
    switch (dtype) {
      case DataType::FLOAT32:
        return load(tile, 4, i);
      case DataType::BFLOAT16:
        return load(tile, 2, i);
      case DataType::BFLOAT8_B:
        return load(tile, 1, i >> 4) << 8 | load(tile, 1, 64 + i);
      default:
        return load(tile, 1, i >> 4) << 8 | (load(tile, 1, 64 + i / 2) >> (i % 2 * 4) & 0xFu);
    }
  };
  compare(
      c, key, 1024, [&](std::size_t i) { return value(got, i); },
      [&](std::size_t i) { return value(expected, i); });
}

// Every field out_FORMAT and out_FORMAT_precise.
void Runner::compare_outputs(const VectorCase& c, DestFormat format, const Tile& dest) {
  constexpr std::string_view kPrefix = "out_", kPrecise = "_precise";
  for (const auto& [key, value] : c.fields().items()) {
    if (!key.starts_with(kPrefix) || value.is_null()) continue;
    const bool precise = key.ends_with(kPrecise);
    const auto name = std::string_view(key).substr(4, key.size() - 4 - (precise ? kPrecise.size() : 0));
    const auto dtype = parse_format(name);
    check(dtype.has_value(), "{}: {}: format \"{}\" unknown: bf16, bfp8_b, bfp4_b or fp32", c.name(), key,
          name);
    std::vector<std::byte> packed(bytes_of(*dtype));
    wormhole::pack_tile(format, dest, *dtype, packed, {.precise = precise});
    compare_packed(c, key, *dtype, packed);
  }
}

// Float32 operands: Tf32 registers with an fp32 Dest, Float16 with an fp16 one.
Tile read_source(const VectorCase& c, std::string_view key, DataType dtype, DestFormat dest, Bytes bytes) {
  check(dest != DestFormat::Fp16 || dtype == DataType::FLOAT32, "{} {}: fp16 Dest: only with fp32 operands",
        c.name(), key);
  return wormhole::unpack_to_source(
      dtype, wormhole::source_format(dtype, dest == DestFormat::Fp32, dest == DestFormat::Fp16), bytes);
}

Tile initial_dest(const VectorCase& c, DestFormat format) {
  const auto init = c.buffer("init", 1024 * dest_word(format));
  return init ? read_dest(format, *init) : Tile{};
}

void Runner::matmul(const VectorCase& c) {
  const DestFormat format = c.dest();
  const auto tiles = static_cast<std::size_t>(c.integer("kt"));
  const DataType dtype0 = c.dtype("in0_fmt"), dtype1 = c.dtype("in1_fmt");
  const std::size_t size0 = bytes_of(dtype0), size1 = bytes_of(dtype1);
  const Bytes in0 = c.required("in0", tiles * size0), in1 = c.required("in1", tiles * size1);
  Tile dest = initial_dest(c, format), fast = dest;
  for (std::size_t k = 0; k < tiles; ++k) {
    const Tile b = read_source(c, "in0", dtype0, format, in0.subspan(k * size0, size0));
    const Tile a = read_source(c, "in1", dtype1, format, in1.subspan(k * size1, size1));
    wormhole::matmul_tile(c.fidelity(), format, b, a, dest);
    wormhole::matmul_tile_fast(c.fidelity(), format, b, a, fast);
  }
  compare_dest(c, "dest_out", format, dest);
  compare_dest(c, "dest_out (vectorised)", format, fast);
  compare_outputs(c, format, dest);
}

void Runner::unpack(const VectorCase& c) {
  const std::string reg = c.text("reg");
  const SrcFormat format = reg == "tf32"   ? SrcFormat::Tf32
                           : reg == "fp16" ? SrcFormat::Float16
                                           : SrcFormat::Float16b;
  const DataType dtype = c.dtype("fmt");
  const Tile tile = wormhole::unpack_to_source(dtype, format, c.required("src", bytes_of(dtype)));
  const Bytes expected = c.required("srca", 4096);
  compare(
      c, "srca", 1024, [&](std::size_t i) { return tile[i]; },
      [&](std::size_t i) { return load(expected, 4, i); });
}

void Runner::pack(const VectorCase& c) {
  const DestFormat format = c.dest();
  compare_outputs(c, format, read_dest(format, c.required("dest_in", 1024 * dest_word(format))));
}

void Runner::pack_l1acc(const VectorCase& c) {
  const DestFormat format = c.dest();
  const DataType dtype = c.dtype("out");
  const Bytes before = c.required("l1_in", bytes_of(dtype));
  std::vector<std::byte> l1(before.begin(), before.end());
  wormhole::pack_tile_accumulate(format, read_dest(format, c.required("dest_in", 1024 * dest_word(format))),
                                 dtype, l1);
  compare_packed(c, "l1_out", dtype, l1);
}

void Runner::eltwise(const VectorCase& c) {
  using wormhole::EltwiseOp;
  const std::string op = c.text("op");
  check(op == "add" || op == "sub" || op == "mul", "{} op: \"{}\": add, sub or mul", c.name(), op);
  const DestFormat format = c.dest();
  const DataType dtype0 = c.dtype("in0_fmt"), dtype1 = c.dtype("in1_fmt");
  const Tile a = read_source(c, "in0", dtype0, format, c.required("in0", bytes_of(dtype0)));
  const Tile b = read_source(c, "in1", dtype1, format, c.required("in1", bytes_of(dtype1)));
  Tile dest = initial_dest(c, format);
  wormhole::eltwise_tile(op == "add"   ? EltwiseOp::Add
                         : op == "sub" ? EltwiseOp::Subtract
                                       : EltwiseOp::Multiply,
                         c.fields().contains("fidelity") ? c.fidelity() : MathFidelity::LoFi, format, a, b,
                         c.flag("accumulate"), dest);
  compare_dest(c, "dest_out", format, dest);
  compare_outputs(c, format, dest);
}

void Runner::fma(const VectorCase& c) {
  constexpr std::size_t kLanes = 2048;
  const Bytes x = c.required("x", 4 * kLanes), y = c.required("y", 4 * kLanes),
              z = c.required("z", 4 * kLanes);
  const Bytes expected = c.required("out", 4 * kLanes);
  compare(
      c, "out", kLanes,
      [&](std::size_t i) { return wormhole::sfpmad(load(x, 4, i), load(y, 4, i), load(z, 4, i)); },
      [&](std::size_t i) { return load(expected, 4, i); });
}

}  // namespace

Tally run_vectors(const VectorFolder& folder, const Complain& complain) {
  using Run = void (Runner::*)(const VectorCase&);
  constexpr std::pair<std::string_view, Run> kLists[] = {
      {"matmul", &Runner::matmul},         {"unpack", &Runner::unpack},   {"pack", &Runner::pack},
      {"pack_l1acc", &Runner::pack_l1acc}, {"eltwise", &Runner::eltwise}, {"fma", &Runner::fma}};
  Runner runner(complain);
  for (const auto& [list, cases] : folder.index().items()) {
    if (!cases.is_array()) continue;  // remarks beside the lists
    const auto known = std::ranges::find(kLists, list, &std::pair<std::string_view, Run>::first);
    check(known != std::end(kLists),
          "{}: list \"{}\": unknown: matmul, unpack, pack, pack_l1acc, eltwise and fma are known",
          folder.file(), list);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      (runner.*known->second)(VectorCase(folder, list, i));
      ++runner.tally.cases;
    }
  }
  return runner.tally;
}

}  // namespace tessera::vectors
