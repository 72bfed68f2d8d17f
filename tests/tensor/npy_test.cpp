#include "tensor/npy.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

#include "io/temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  for (std::size_t i = 0; i < (version == 1 ? 2u : 4u); ++i)
    file += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return file + header + data;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

HostTensor parse(const std::string& file) {
  return parse_npy(std::as_bytes(std::span(file)), "x.npy");
}

void expect_refused(const std::string& file, const std::string& text) {
  try {
    parse(file);
    ADD_FAILURE() << "not refused: " << text;
  } catch (const UserError& error) {
    const std::string what = error.what();
    EXPECT_TRUE(what.starts_with("x.npy: ")) << what;
    EXPECT_NE(what.find(text), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

const std::string kTwo = bytes_of<float>({1.5f, -2.0f});

TEST(Npy, EveryVersionAndElementType) {
  for (const int version : {1, 2, 3}) {
    const HostTensor tensor = parse(npy(header("<f4", "(2, 1)"), kTwo, version));
    EXPECT_EQ(tensor.spec(), (TensorSpec{{2, 1}, DataType::FLOAT32, Layout::ROW_MAJOR}));
    EXPECT_EQ(tensor.to_vector(), (std::vector<float>{1.5f, -2}));
  }
  EXPECT_EQ(parse(npy(header("<f8", "(2,)"), bytes_of<double>({0.1, -3}))).to_vector(),
            (std::vector<float>{0.1f, -3}));
  EXPECT_EQ(parse(npy(header("<i4", "(1,)"), bytes_of<std::int32_t>({-7}))).to_int_vector()[0], -7);
  EXPECT_EQ(parse(npy(header("<i8", "(1,)"), bytes_of<std::int64_t>({-7}))).to_int_vector()[0], -7);
  const HostTensor unsigned_one = parse(npy(header("<u4", "(1,)"), bytes_of<std::uint32_t>({0xFFFFFFFFu})));
  EXPECT_EQ(unsigned_one.spec().dtype, DataType::UINT32);
  EXPECT_EQ(unsigned_one.to_vector()[0], 4294967295.0f);
  for (const char* descr : {"<u2", "|V2", "<V2"}) {
    const HostTensor half = parse(npy(header(descr, "(2,)"), bytes_of<std::uint16_t>({0x3F80, 0xC040})));
    EXPECT_EQ(half.spec().dtype, DataType::BFLOAT16);
    EXPECT_EQ(half.to_vector(), (std::vector<float>{1, -3}));
  }
}

TEST(Npy, ScalarsAndEmpties) {
  EXPECT_EQ(parse(npy(header("<f4", "()"), kTwo)).to_vector(), std::vector<float>{1.5f});
  EXPECT_TRUE(parse(npy(header("<f4", "(3, 0)"), "")).to_vector().empty());
}

TEST(Npy, Damaged) {
  const std::string good = npy(header("<f4", "(2,)"), kTwo);
  for (std::size_t n = 0; n < good.size(); ++n) expect_refused(good.substr(0, n), "");
  expect_refused("PK\x03\x04 is a zip, as .npz is", "not a .npy file");
  expect_refused(npy(header("<f4", "(2,)"), kTwo, 4), "version 4");
  expect_refused(npy(header("<f4", "(2, 2)"), kTwo), "4 values but 8 bytes");
  expect_refused(npy(header("<f4", "[2]"), kTwo), "not a tuple");
  expect_refused(npy(header("<f4", "(2,"), kTwo), "shape");
  expect_refused(npy(header("<f4", "(-2,)"), kTwo), "shape");
  expect_refused(npy(header("<f4", "(2x1,)"), kTwo), "shape");
  expect_refused(npy("{'descr': '<f4', 'fortran_order': False}", kTwo), "no 'shape'");
  expect_refused(npy("{'shape': (2,), 'fortran_order': False, 'descr'", kTwo), "'descr'");
}

TEST(Npy, AbsurdShapes) {
  EXPECT_THROW(parse(npy(header("<f4", "(9223372036854775807, 2)"), kTwo)), UserError);
  expect_refused(npy(header("<f4", "(4611686018427387904,)"), kTwo), "truncated");
  expect_refused(npy(header("<f4", "(99999999999999999999,)"), kTwo), "too large");
  EXPECT_THROW(parse(npy(header("<f4", "(1,1,1,1,1,1,1,1,1)"), kTwo)), UserError);
}

TEST(Npy, WhatItDoesNotRead) {
  expect_refused(npy(header("<f4", "(2,)", "True"), kTwo), "numpy.ascontiguousarray");
  expect_refused(npy(header(">f4", "(2,)"), kTwo), "save as float32");
  expect_refused(npy(header("<f2", "(2,)"), kTwo), "save as float32");
  expect_refused(npy(header("<c8", "(1,)"), kTwo), "save as float32");
  expect_refused(npy(header("<i8", "(1,)"), bytes_of<std::int64_t>({std::int64_t{1} << 31})),
                 "does not fit int32");
}

TEST(Npy, WritesWhatNumpyReads) {
  const io::test::TempFolder folder;
  const auto path = folder.path() / "x.npy";
  write_npy(path, HostTensor::from_vector(std::vector<float>{1.5f, -2},
                                          {{1, 2}, DataType::BFLOAT16, Layout::TILE}));
  const std::string file = read_text_file(path);
  EXPECT_EQ(file.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(file.size() % 64, 8u);  // the data begins at a multiple of 64
  EXPECT_EQ(file.substr(10, 59), "{'descr': '<f4', 'fortran_order': False, 'shape': (1,2,), }");
  EXPECT_EQ(file[file.size() - 9], '\n');
  EXPECT_EQ(file.substr(file.size() - 8), kTwo);
}

TEST(Npy, ReadsWhatItWrites) {
  const io::test::TempFolder folder;
  const auto path = folder.path() / "x.npy";
  const std::vector<float> values{0.1f, std::numeric_limits<float>::infinity(), -0.0f, 1e-45f, 3, 4};
  for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{1, 6, 1}}) {
    write_npy(path, HostTensor::from_vector(values, {shape, DataType::FLOAT32, Layout::TILE}));
    EXPECT_EQ(read_npy(path).spec().logical_shape, shape);
    EXPECT_EQ(read_npy(path).to_vector(), values);
  }
  for (const DataType dtype : {DataType::INT32, DataType::UINT32}) {
    const std::vector<std::int32_t> ints{-1, 5};
    write_npy(path, HostTensor::from_vector(ints, {{2}, dtype, Layout::ROW_MAJOR}));
    EXPECT_EQ(read_npy(path).spec().dtype, dtype);
    EXPECT_EQ(read_npy(path).to_int_vector(), ints);
  }
  EXPECT_THROW(read_npy(folder.path() / "absent.npy"), UserError);
  const auto bad = folder.write("bad.npy", "not at all");
  try {
    read_npy(bad);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.what(), bad.string() + ": no NUMPY magic: not a .npy file");
  }
}

}  // namespace
}  // namespace tessera::test
