#include "tests/local/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "tests/links/tsan_rocksdb.h"

extern "C" char** environ;

namespace echoloop::local {
namespace {

std::map<std::string, int (*)(const std::filesystem::path&)>& roles() {
  static std::map<std::string, int (*)(const std::filesystem::path&)> all;
  return all;
}

}  // namespace

Role::Role(std::string name, int (*play)(const std::filesystem::path& folder)) { roles()[std::move(name)] = play; }

Child::Child(const std::string& role, const std::filesystem::path& folder, const std::string& crash_at) {
  int in[2], out[2];
  EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  std::string variable = "ECHOLOOP_CRASH_AT=" + crash_at;
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "ECHOLOOP_CRASH_AT=", 18) != 0) environment.push_back(*entry);
  }
  environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string self = "/proc/self/exe", flag = "--role", name = role, where = folder.string();
  char* arguments[] = {self.data(), flag.data(), name.data(), where.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
  EXPECT_EQ(posix_spawn(&id_, self.c_str(), &files, nullptr, arguments, environment.data()), 0);
  posix_spawn_file_actions_destroy(&files);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Child::~Child() {
  end_input();
  if (!waited_) (void)wait();
  close(output_);
}

std::string Child::line() {
  for (;;) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string found = read_.substr(0, end);
      read_.erase(0, end + 1);
      return found;
    }
    char bytes[4096];
    const ssize_t got = read(output_, bytes, sizeof bytes);
    if (got <= 0) return {};
    read_.append(bytes, static_cast<std::size_t>(got));
  }
}

void Child::end_input() {
  if (input_ >= 0) close(input_);
  input_ = -1;
}

int Child::wait() {
  int status = 0;
  EXPECT_EQ(waitpid(id_, &status, 0), id_);
  waited_ = true;
  return status;
}

}  // namespace echoloop::local

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view{argv[1]} == "--role") return echoloop::local::roles().at(argv[2])(argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
