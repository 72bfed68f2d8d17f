#include <vector>

#include "ops/copy_run.hpp"
#include "ops/embedding/embedding_op.hpp"
#include "ops/rows.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

// Rows of a table to rows of the output. Those of a file are read from it: see MappedFile::read().
class TableRows {
 public:
  TableRows(const Tensor& table, const Tensor& out)
      : table_(table),
        dim_(table.logical_shape()[-1]),
        bytes_(form_bytes(table.form(), Shape{1, dim_})),
        direct_(table, out),
        row_(row_buffer(bytes_)),
        from_row_(row_, table.form(), out) {}

  void copy(std::int64_t id, std::int64_t to) {
    const MappedFile* file = table_.file();
    if (file == nullptr) return direct_(id * dim_, to * dim_, dim_);
    const auto begin = static_cast<std::size_t>(table_.data<std::byte>() - file->bytes().data());
    file->read(begin + static_cast<std::size_t>(id * bytes_), {row_, static_cast<std::size_t>(bytes_)});
    from_row_(0, to * dim_, dim_);
  }
  void zero(std::int64_t to) { direct_.zero(to * dim_, dim_); }

 private:
  static std::byte* row_buffer(std::int64_t bytes) {
    static thread_local std::vector<std::byte> buffer;
    return grown(buffer, bytes);
  }

  const Tensor& table_;
  std::int64_t dim_, bytes_;
  RunCopier direct_;
  std::byte* row_;
  RunCopier from_row_;
};

}  // namespace

void Embedding::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape().volume();
  const std::int64_t vocab = in[1].logical_shape()[-2];
  const std::int64_t dim = in[1].logical_shape()[-1];
  const std::int32_t* ids = in[0].data<std::int32_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    check((ids[i] >= 0 && ids[i] < vocab) || ids[i] == pad_token,
          "[embedding] id {} at position {}: the table has rows 0 to {}: check the tokenizer", ids[i], i,
          vocab - 1);
  }
  parallel_for(n, row_grain(dim), [&](std::int64_t begin, std::int64_t end) {
    TableRows rows(in[1], out[0]);
    for (std::int64_t i = begin; i < end; ++i) {
      if (ids[i] == pad_token) {
        rows.zero(i);
      } else {
        rows.copy(ids[i], i);
      }
    }
  });
}

}  // namespace tessera
