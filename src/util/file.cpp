#include "util/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "util/error.hpp"

namespace tessera {
namespace fs = std::filesystem;
namespace {

// Names of temporary files for remove_unfinished_files(). More at once than there are slots lose only that.
std::array<std::atomic<const char*>, 16> g_unfinished{};

int remember(const char* name) {
  for (std::size_t i = 0; i < g_unfinished.size(); ++i) {
    const char* free = nullptr;
    if (g_unfinished[i].compare_exchange_strong(free, name)) return static_cast<int>(i);
  }
  return -1;
}

void forget(int& slot) {
  if (slot >= 0) g_unfinished[static_cast<std::size_t>(slot)] = nullptr;
  slot = -1;
}

}  // namespace

void remove_unfinished_files() noexcept {
  for (const auto& name : g_unfinished) {
    if (const char* path = name.load()) ::unlink(path);
  }
}

void install_truncation_handler() {
  std::signal(SIGBUS, [](int) {
    // One write, and no lock that the thread may hold already.
    constexpr std::string_view kText = "tessera: a file was cut short while it was read: get it again\n";
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
    remove_unfinished_files();
    _exit(2);
  });
}

MappedFile::MappedFile(fs::path path, int fd, const std::byte* data, std::size_t size)
    : path_(std::move(path)), fd_(fd), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (size_ != 0) munmap(const_cast<std::byte*>(data_), size_);
  ::close(fd_);
}

void MappedFile::read(std::size_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_system("cannot read {}: {}", path_.string(), errno_text());
    if (n == 0) fail_system("{} was cut short while it was read: get it again", path_.string());
    out = out.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
}

std::shared_ptr<const MappedFile> MappedFile::open(const fs::path& path) {
  // A pipe would make open() wait for a writer; for a regular file O_NONBLOCK means nothing.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail_user("cannot open {}: {}: check the path", path.string(), errno_text());
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    fail_user("cannot open {}: not a regular file: give the path of a file", path.string());
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  if (size != 0) data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) {
    const std::string reason = errno_text();
    ::close(fd);
    fail_system("cannot map {} ({} bytes): {}", path.string(), size, reason);
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, fd, static_cast<const std::byte*>(data), size));
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  temporary_ = path_.string() + ".tmp" + std::to_string(getpid());
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    fail_user("cannot write {}: {}: choose another folder or its permissions", path_.string(), errno_text());
  }
  slot_ = remember(temporary_.c_str());
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
  forget(slot_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  while (!bytes.empty()) {
    if (pending_.empty() && bytes.size() >= kChunk) {
      const std::size_t whole = bytes.size() / kChunk * kChunk;
      write_now(bytes.first(whole));
      bytes = bytes.subspan(whole);
      continue;
    }
    const auto part = bytes.first(std::min(bytes.size(), kChunk - pending_.size()));
    pending_.insert(pending_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (pending_.size() == kChunk) flush();
  }
}

void AtomicFile::flush() {
  write_now(pending_);
  pending_.clear();
}

void AtomicFile::write_now(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      fail_system("cannot write {}: {}: free some space and try again", path_.string(), errno_text());
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::commit() {
  flush();
  const int fd = std::exchange(fd_, -1);
  // fsync() and close() report what a full disk or a network file system refused to take.
  std::string reason;
  if (::fsync(fd) != 0) reason = errno_text();
  if (::close(fd) != 0 && reason.empty()) reason = errno_text();
  if (reason.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) reason = errno_text();
  if (!reason.empty()) ::unlink(temporary_.c_str());
  forget(slot_);
  if (!reason.empty())
    fail_system("cannot write {}: {}: free some space and try again", path_.string(), reason);
}

std::string read_text_file(const fs::path& path) {
  std::error_code ignored;
  check(!fs::is_directory(path, ignored), "cannot read {}: it is a folder: give the path of a file",
        path.string());
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_user("cannot read {}: {}: check the path", path.string(), errno_text());
  std::string text;
  ssize_t n;
  do {
    std::array<char, 1 << 16> buffer;
    n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  } while (n > 0 || (n < 0 && errno == EINTR));
  const std::string reason = n < 0 ? errno_text() : "";
  ::close(fd);
  if (n < 0)
    fail_system("cannot read {}: {} after {} bytes: check the disk", path.string(), reason, text.size());
  return text;
}

void write_text_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void make_output_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || access(path.c_str(), W_OK | X_OK) != 0) {
    fail_user("cannot write to {}: {}: choose another folder with --out", path.string(),
              error ? error.message() : errno_text());
  }
}

fs::path cache_folder() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/') {
    return fs::path(xdg) / "tessera";
  }
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr && *home != '\0' ? home : "/tmp") / ".cache" / "tessera";
}

}  // namespace tessera
