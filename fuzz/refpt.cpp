// Any bytes as a .refpt file, and, since no fuzzer finds a zip by chance, the same bytes as the pickle of an
// archive with two storages.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/refpt.hpp"
#include "util/error.hpp"

namespace {

std::string little_endian(std::size_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

/// A zip of entries that are stored, without times and checksums, which the reader does not look at.
class Archive {
 public:
  void add(std::string_view name, std::string_view data) {
    const std::string sizes = little_endian(data.size(), 4) + little_endian(data.size(), 4);
    const std::string name_size = little_endian(name.size(), 2);
    directory_ += "PK\x01\x02" + std::string(16, '\0') + sizes + name_size + std::string(12, '\0') +
                  little_endian(bytes_.size(), 4);
    directory_ += name;
    bytes_ += "PK\x03\x04" + std::string(14, '\0') + sizes + name_size + std::string(2, '\0');
    bytes_ += name;
    bytes_ += data;
    ++entries_;
  }
  std::string bytes() const {
    return bytes_ + directory_ + "PK\x05\x06" + std::string(6, '\0') + little_endian(entries_, 2) +
           little_endian(directory_.size(), 4) + little_endian(bytes_.size(), 4) + std::string(2, '\0');
  }

 private:
  std::string bytes_, directory_;
  std::size_t entries_ = 0;
};

void attempt(std::string_view bytes) {
  try {
    tessera::io::parse_refpt(std::as_bytes(std::span(bytes)), "fuzz.refpt");
  } catch (const tessera::UserError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  attempt(input);
  Archive archive;
  archive.add("archive/data.pkl", input);
  archive.add("archive/data/0", std::string(40 * 8, '\0'));
  archive.add("archive/data/1", std::string(8 * 8, '\0'));
  attempt(archive.bytes());
  return 0;
}
