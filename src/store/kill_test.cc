// A real process appends and says over a pipe what it was promised; it is killed with SIGKILL; everything it said must
// be readable.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "store/data_folder.h"
#include "store/log.h"
#include "store/log_reader.h"

namespace remit::store {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Task<> append_and_tell(Log* log, int pipe) {
  for (;;) {
    const auto sequence = co_await log->append_durable("a record that was promised to be kept");
    if (!sequence) co_return;
    const std::uint64_t number = *sequence;
    if (::write(pipe, &number, sizeof number) != sizeof number) co_return;
  }
}

[[noreturn]] void child(const std::string& path, int pipe) {
  PosixFileSystem files;
  SystemRng rng;
  auto log = Log::open(files, path, rng);
  if (!log) ::_exit(1);
  asio::io_context shard;
  for (int i = 0; i < 16; ++i) asio::co_spawn(shard, append_and_tell(log->get(), pipe), asio::detached);
  shard.run();
  ::_exit(2);
}

// Runs a child for about `micros` and returns the highest sequence it was promised.
std::uint64_t run_and_kill(const std::string& path, unsigned micros) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) child(path, write_end.get());
  write_end.reset();
  std::uint64_t highest = 0, number = 0;
  EXPECT_EQ(::read(read_end.get(), &number, sizeof number), ssize_t(sizeof number));
  highest = number;
  ::usleep(micros);
  ::kill(pid, SIGKILL);
  while (::read(read_end.get(), &number, sizeof number) == ssize_t(sizeof number)) highest = std::max(highest, number);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  return highest;
}

TEST(LogKill, EverythingPromisedIsReadableAfterSigkill) {
  Folder folder;
  const std::string path = folder.path() + "/log";
  SeededRng rng(42);
  std::uint64_t before = 0;
  for (int life = 0; life < 12; ++life) {
    const std::uint64_t promised = run_and_kill(path, unsigned(rng.below(20'000)));
    EXPECT_GT(promised, before);
    PosixFileSystem files;
    auto reader = LogReader::open(files, path);
    ASSERT_TRUE(reader) << reader.error().to_string();
    for (;;) {
      auto record = reader->next();
      ASSERT_TRUE(record) << record.error().to_string();
      if (!*record) break;
    }
    ASSERT_GE(reader->last_sequence(), promised);
    before = reader->last_sequence();
  }
}

TEST(LogKill, ALogOnAFullFileSystemFailsClearly) {
  // The kernel's own always-full device: a real ENOSPC through the real file system.
  PosixFileSystem files;
  auto file = files.open("/dev/full", OpenMode::kReadWrite);
  if (!file) GTEST_SKIP() << "no /dev/full here";
  const auto written = write_fully(**file, 0, "bytes");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kResourceExhausted);
}

TEST(DataFolderLock, DiesWithItsHolder) {
  Folder folder;
  auto data = DataFolder::open(folder.path() + "/data");
  ASSERT_TRUE(data);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto lock = data->lock_daemon();
    (void)!::write(write_end.get(), lock ? "y" : "n", 1);
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(read_end.get(), &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_EQ(data->daemon_pid().value(), pid);
  const auto second = data->lock_daemon();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(second.error().message().find(fmt::format("process {}", pid)), std::string::npos)
      << second.error().message();
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(data->daemon_pid().value(), std::nullopt);
  EXPECT_TRUE(data->lock_daemon());
}

}  // namespace
}  // namespace remit::store
