#pragma once
// NumPy's .npy files, versions 1 to 3 (numpy/lib/format.py), C order: how people look at tensors.
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "tensor/host_tensor.hpp"

namespace tessera {

/// Reads <f4, <f8, <i4, <u4, <i8 (values must fit 32 bits) and <u2 as bfloat16 bits ("V2" too): a ROW_MAJOR
/// tensor. Throws UserError for anything malformed or in Fortran order; `file` names the bytes in it.
HostTensor read_npy(const std::filesystem::path& path);
HostTensor parse_npy(std::span<const std::byte> bytes, std::string_view file);

/// Writes float32 (every float dtype, exactly) or int32/uint32.
void write_npy(const std::filesystem::path& path, const HostTensor& tensor);

}  // namespace tessera
