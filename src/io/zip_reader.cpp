#include "io/zip_reader.hpp"

#include <algorithm>

#include "io/byte_reader.hpp"

namespace tessera::io {
namespace {

constexpr std::uint32_t kEndRecord = 0x06054B50;    // "PK\5\6"
constexpr std::uint32_t kEntryRecord = 0x02014B50;  // "PK\1\2"
constexpr std::uint32_t kLocalRecord = 0x04034B50;  // "PK\3\4"
constexpr std::size_t kEndBytes = 22;

struct Directory {
  std::uint16_t entries;
  std::uint32_t bytes, offset;
};

/// The end record stands at the end, before a comment of up to 65535 bytes.
Directory find_directory(std::span<const std::byte> bytes, std::string_view file) {
  const std::size_t earliest = bytes.size() > kEndBytes + 65535 ? bytes.size() - kEndBytes - 65535 : 0;
  for (std::size_t at = bytes.size() < kEndBytes ? 0 : bytes.size() - kEndBytes + 1; at-- > earliest;) {
    ByteReader in(bytes.subspan(at), file);
    if (in.read<std::uint32_t>("the zip end record") != kEndRecord) continue;
    in.take(6, "the zip end record");
    Directory directory{};
    directory.entries = in.read<std::uint16_t>("the zip end record");
    directory.bytes = in.read<std::uint32_t>("the zip end record");
    directory.offset = in.read<std::uint32_t>("the zip end record");
    return directory;
  }
  fail_user("{} is not a zip archive or is cut short: no end record in {} bytes: get the file again", file,
            bytes.size());
}

/// Skips the local header, whose extra field may differ from the directory's.
std::span<const std::byte> entry_data(std::span<const std::byte> bytes, std::string_view file,
                                      std::uint32_t offset, std::uint32_t size) {
  ByteReader in(bytes, file);
  in.take(offset, "a zip entry");
  if (in.read<std::uint32_t>("a zip entry") != kLocalRecord) {
    fail_user("{} is damaged: no zip entry at offset {}: get the file again", file, offset);
  }
  in.take(22, "a zip entry");
  const auto name = in.read<std::uint16_t>("a zip entry");
  const auto extra = in.read<std::uint16_t>("a zip entry");
  in.take(std::uint64_t{name} + extra, "a zip entry");
  return in.take(size, "a zip entry's data");
}

}  // namespace

std::map<std::string_view, std::span<const std::byte>> read_stored_zip(std::span<const std::byte> bytes,
                                                                       std::string_view file) {
  const Directory directory = find_directory(bytes, file);
  ByteReader in(bytes, file);
  in.take(directory.offset, "the zip directory");
  std::map<std::string_view, std::span<const std::byte>> entries;
  for (int i = 0; i < directory.entries; ++i) {
    if (in.read<std::uint32_t>("the zip directory") != kEntryRecord) {
      fail_user("{} is damaged: zip entry {} of {} is not one: get the file again", file, i,
                directory.entries);
    }
    in.take(4, "the zip directory");  // versions
    const auto flags = in.read<std::uint16_t>("the zip directory");
    const auto method = in.read<std::uint16_t>("the zip directory");
    in.take(8, "the zip directory");  // time, date, crc
    const auto stored = in.read<std::uint32_t>("the zip directory");
    const auto size = in.read<std::uint32_t>("the zip directory");
    const auto name_bytes = in.read<std::uint16_t>("the zip directory");
    const auto extra_bytes = in.read<std::uint16_t>("the zip directory");
    const auto comment_bytes = in.read<std::uint16_t>("the zip directory");
    in.take(8, "the zip directory");  // disk, attributes
    const auto offset = in.read<std::uint32_t>("the zip directory");
    const auto name = in.take_text(name_bytes, "a zip entry's name");
    in.take(std::uint64_t{extra_bytes} + comment_bytes, "the zip directory");
    if (method != 0 || stored != size || (flags & 1) != 0 || size == 0xFFFFFFFF || offset == 0xFFFFFFFF) {
      fail_user(
          "{} cannot be read: zip entry '{}' has method {} and flags {:#x}: write it stored, unencrypted, "
          "under 4 GB",
          file, printable(name), method, flags);
    }
    if (!entries.emplace(name, entry_data(bytes, file, offset, size)).second) {
      fail_user("{} is damaged: zip entry '{}' stands twice: get the file again", file, printable(name));
    }
  }
  return entries;
}

}  // namespace tessera::io
