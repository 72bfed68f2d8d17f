#include "io/gguf_checkpoint.hpp"

#include <utility>

#include "io/content_hash.hpp"
#include "io/gguf.hpp"
#include "io/gguf_config.hpp"
#include "io/gguf_dequant.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

class GgufCheckpoint final : public Checkpoint {
 public:
  GgufCheckpoint(std::shared_ptr<const MappedFile> mapping, Gguf gguf, FamilyFormats formats)
      : mapping_(std::move(mapping)), gguf_(std::move(gguf)) {
    config_ = read_gguf_config(gguf_, formats);
    const FamilyFormat* known = find_format(formats, config_.architecture);
    for (const GgufTensor& tensor : gguf_.tensors()) {
      if (known != nullptr && tensor.name.starts_with("rope_f")) continue;  // in config().rope_scaling
      CheckpointTensor entry;
      entry.name = known != nullptr ? hugging_face_name(known->gguf, tensor.name) : std::string(tensor.name);
      entry.dtype = std::string(ggml_type_info(tensor.type).name);
      entry.shape.assign(tensor.dims.rbegin(), tensor.dims.rend());
      add(std::move(entry), tensor);
    }
  }

  void read(std::string_view name, std::span<float> out) const override {
    const Source& source = sources_[index_of(name, out.size())];
    dequantize(source.type, source.data, out);
  }

  void read_rows(std::string_view name, std::int64_t first, std::span<float> out) const override {
    // A row is a whole number of blocks.
    const RowRange rows = rows_of(name, first, out.size());
    const Source& source = sources_[rows.index];
    dequantize(source.type, source.data.subspan(rows.offset, rows.bytes), out);
  }

  TokenizerFiles tokenizer() const override { return read_gguf_tokenizer(gguf_); }

  std::string content_hash() const override {
    check(mapping_ != nullptr, "{} has no content hash: it is not a file", gguf_.file());
    return file_sha256(mapping_->path());
  }

 private:
  struct Source {
    GgmlType type;
    std::span<const std::byte> data;
  };

  /// A stack of matrices (a '*' in the name) becomes a tensor each.
  void add(CheckpointTensor entry, const GgufTensor& tensor) {
    const std::size_t star = entry.name.find('*');
    if (star == std::string::npos) return add_part(std::move(entry), {tensor.type, tensor.data});
    const std::int64_t count = entry.shape.empty() ? 0 : entry.shape.front();
    if (entry.shape.size() != 3 || count < 1 || tensor.data.size() % static_cast<std::size_t>(count) != 0)
      fail_user("{} cannot be used: {} is no stack of matrices: convert the model again", gguf_.file(),
                tensor.name);
    entry.shape.erase(entry.shape.begin());
    const std::size_t bytes = tensor.data.size() / static_cast<std::size_t>(count);
    for (std::int64_t i = 0; i < count; ++i) {
      CheckpointTensor part = entry;
      part.name.replace(star, 1, std::to_string(i));
      add_part(std::move(part),
               {tensor.type, tensor.data.subspan(static_cast<std::size_t>(i) * bytes, bytes)});
    }
  }

  void add_part(CheckpointTensor entry, const Source& source) {
    entry.bytes = source.data.size();
    add_tensor(std::move(entry), gguf_.file());
    sources_.push_back(source);
  }

  std::shared_ptr<const MappedFile> mapping_;  // null: the caller keeps the bytes
  Gguf gguf_;
  std::vector<Source> sources_;  // as tensors()
};

}  // namespace

std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path, FamilyFormats formats) {
  auto mapping = MappedFile::open(path);
  Gguf gguf = Gguf::parse(mapping->bytes(), path.string());
  return std::make_unique<GgufCheckpoint>(std::move(mapping), std::move(gguf), formats);
}

std::unique_ptr<Checkpoint> parse_gguf_checkpoint(std::span<const std::byte> bytes, std::string file,
                                                  FamilyFormats formats) {
  return std::make_unique<GgufCheckpoint>(nullptr, Gguf::parse(bytes, std::move(file)), formats);
}

}  // namespace tessera::io
