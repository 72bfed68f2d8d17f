// Files: whole or absent, whatever happens while they are written.
#include "util/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "io/temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
using io::test::ScopedEnvironment;
using io::test::TempFolder;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// No file may grow beyond `bytes`: what a full disk looks like to write().
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, signal_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*signal_)(int);
};

TEST(AtomicFile, AppearsAtCommit) {
  const TempFolder folder;
  const fs::path path = folder.path() / "x";
  {
    AtomicFile file(path);
    file.write("hello ");
    file.write(std::as_bytes(std::span("world", 5)));
    EXPECT_EQ(file.position(), 11u);
    EXPECT_FALSE(fs::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_text_file(path), "hello world");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

// Writes that end before, at and behind the 2 MiB at which bytes go out.
TEST(AtomicFile, ManySizesAreOneFile) {
  constexpr std::size_t kChunk = 2 << 20;
  const TempFolder folder;
  const fs::path path = folder.path() / "x";
  std::string all;
  AtomicFile file(path);
  for (const std::size_t size :
       {std::size_t{1}, kChunk - 1, kChunk, 2 * kChunk + 7, std::size_t{0}, kChunk - 7, std::size_t{5}}) {
    const std::string part(size, static_cast<char>('a' + all.size() % 23));
    file.write(part);
    all += part;
    EXPECT_EQ(file.position(), all.size());
  }
  file.commit();
  EXPECT_TRUE(read_text_file(path) == all);
}

TEST(AtomicFile, WithoutCommitNothingIsLeft) {
  const TempFolder folder;
  const fs::path path = folder.write("x", "old");
  {
    AtomicFile(path).write("new");
  }
  EXPECT_EQ(read_text_file(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  const TempFolder folder;
  const fs::path path = folder.write("x", "old");
  std::string what;
  {
    const FileSizeLimit limit(4096);
    try {
      write_text_file(path, std::string(10000, 'x'));
    } catch (const SystemError& error) {
      what = error.what();
    }
  }
  EXPECT_NE(what.find("cannot write " + path.string()), std::string::npos) << what;
  EXPECT_NE(what.find("free some space"), std::string::npos) << what;
  EXPECT_EQ(read_text_file(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, AFolderThatCannotBeWritten) {
  // /proc takes no files, not even from root.
  EXPECT_THROW(AtomicFile("/proc/tessera"), UserError);
  EXPECT_THROW(AtomicFile("/nonexistent/tessera"), UserError);
  const TempFolder folder;
  folder.write("file", "");
  EXPECT_THROW(AtomicFile(folder.path() / "file" / "x"), UserError);
}

TEST(AtomicFile, AFailedCommitRemovesTheTemporary) {
  const TempFolder folder;
  const fs::path path = folder.path() / "x";
  fs::create_directories(path / "full");  // rename cannot replace a folder
  AtomicFile file(path);
  file.write("new");
  EXPECT_THROW(file.commit(), SystemError);
  EXPECT_EQ(files_in(folder.path()), 1u);
  EXPECT_TRUE(fs::is_directory(path / "full"));
}

TEST(MappedFile, ShowsTheBytesAndOutlivesTheName) {
  const TempFolder folder;
  const fs::path path = folder.write("x", "abc");
  const auto file = MappedFile::open(path);
  fs::remove(path);
  ASSERT_EQ(file->bytes().size(), 3u);
  EXPECT_EQ(std::memcmp(file->bytes().data(), "abc", 3), 0);
  EXPECT_EQ(file->path(), path);
  EXPECT_TRUE(MappedFile::open(folder.write("empty", ""))->bytes().empty());
}

TEST(MappedFile, Refusals) {
  const TempFolder folder;
  EXPECT_THROW(MappedFile::open(folder.path() / "absent"), UserError);
  EXPECT_THROW(MappedFile::open(folder.path()), UserError);
  EXPECT_THROW(MappedFile::open("/dev/zero"), UserError);
  // Nobody writes to this pipe: opening it must not wait.
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(MappedFile::open(pipe), UserError);
}

TEST(ReadTextFile, Refusals) {
  const TempFolder folder;
  for (const fs::path& path : {folder.path() / "absent", folder.path()}) {
    try {
      read_text_file(path);
      ADD_FAILURE() << path;
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).find("Success"), std::string::npos) << error.what();
    }
  }
}

TEST(ReadTextFile, FailsWhenReadingDoes) {
  // Opens, and reading its first byte is an I/O error: no process has memory at 0.
  EXPECT_THROW(read_text_file("/proc/self/mem"), SystemError);
}

TEST(MappedFileDeathTest, AFileThatIsCutShortEndsTheProcessWithALine) {
  const TempFolder folder;
  const auto file = MappedFile::open(folder.write("x", std::string(1 << 16, 'x')));
  EXPECT_EXIT(
      {
        install_truncation_handler();
        const AtomicFile unfinished(folder.path() / "y");
        fs::resize_file(file->path(), 10);
        std::_Exit(std::to_integer<int>(file->bytes()[1 << 15]));
      },
      testing::ExitedWithCode(2), "^tessera: a file was cut short while it was read: get it again\n$");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(OutputFolder, IsMadeOrRefused) {
  const TempFolder folder;
  make_output_folder(folder.path() / "a" / "b");
  EXPECT_TRUE(fs::is_directory(folder.path() / "a" / "b"));
  make_output_folder(folder.path() / "a");
  folder.write("file", "");
  EXPECT_THROW(make_output_folder(folder.path() / "file"), UserError);
  EXPECT_THROW(make_output_folder(folder.path() / "file" / "x"), UserError);
  EXPECT_THROW(make_output_folder("/proc/tessera"), UserError);
}

TEST(CacheFolder, FollowsXdg) {
  const ScopedEnvironment home("HOME", "/home/someone");
  {
    const ScopedEnvironment xdg("XDG_CACHE_HOME", "/tmp/xdg");
    EXPECT_EQ(cache_folder(), "/tmp/xdg/tessera");
  }
  {
    const ScopedEnvironment relative("XDG_CACHE_HOME", "relative");  // the standard says: ignore
    EXPECT_EQ(cache_folder(), "/home/someone/.cache/tessera");
  }
  const ScopedEnvironment none("XDG_CACHE_HOME", nullptr);
  const ScopedEnvironment homeless("HOME", nullptr);
  EXPECT_EQ(cache_folder(), "/tmp/.cache/tessera");
}

}  // namespace
}  // namespace tessera::test
