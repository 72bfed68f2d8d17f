#pragma once
// Files: read-only mappings, and writes that are either whole or absent.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// A read-only memory mapping of a whole file; shared by every view into it. Throws UserError when the file
/// is missing or not a regular file, SystemError when it cannot be mapped.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Bytes from `offset` on by a read, not through the mapping, so that no page becomes this process's: for a
  /// few rows here and there, around each of which the kernel would map 64 KiB to 2 MiB. Throws SystemError
  /// when the file was cut short meanwhile.
  void read(std::size_t offset, std::span<std::byte> out) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, int fd, const std::byte* data, std::size_t size);
  std::filesystem::path path_;
  int fd_;
  const std::byte* data_;
  std::size_t size_;
};

/// Writes to a temporary file beside `path` and renames it into place on commit(); without commit() the
/// temporary is removed, so a full disk or a crash leaves no half-written file.
/// Bytes go out 2 MiB at a time: the page cache of Linux then keeps the file in pages as large, and who maps
/// it reads faster (two cores of a Zen 4 34 GB/s in place of 30).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws SystemError (disk full, ...) when not everything could be written; the last bytes are on their
  /// way only with commit(), which throws the same.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  std::uint64_t position() const { return position_; }
  void commit();

 private:
  static constexpr std::size_t kChunk = 2 << 20;
  void flush();
  void write_now(std::span<const std::byte> bytes);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::vector<std::byte> pending_;  // less than a chunk
  int fd_ = -1;
  int slot_ = -1;  // where the signal handler finds temporary_
  std::uint64_t position_ = 0;
};

/// Removes the temporary files of every AtomicFile under way: for a signal handler that is about to end the
/// process. Async-signal-safe.
void remove_unfinished_files() noexcept;

/// Reading a mapped file that was cut short meanwhile raises SIGBUS. From now on that removes unfinished
/// files and ends the process with one line on stderr and exit code 2.
void install_truncation_handler();

/// The whole file as text. Throws UserError when it cannot be opened, SystemError when reading fails.
std::string read_text_file(const std::filesystem::path& path);

/// AtomicFile in one call.
void write_text_file(const std::filesystem::path& path, std::string_view text);

/// Makes the folder (and its parents) and checks that files can be written there; UserError otherwise.
void make_output_folder(const std::filesystem::path& path);

/// $XDG_CACHE_HOME/tessera, else ~/.cache/tessera.
std::filesystem::path cache_folder();

}  // namespace tessera
