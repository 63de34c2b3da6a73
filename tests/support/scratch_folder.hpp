// SPDX-License-Identifier: Apache-2.0
// For tests of files: a folder that goes away, the sentence of an error, and code run in a process that may die.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <raptr/base/error.hpp>

/// In memory where there is such a file system and TMPDIR names no other place: flushing to a busy disk takes its time.
class scratch_folder {
 public:
  scratch_folder() {
    const bool memory = std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string name = ((memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) / "raptr-test-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch folder");
    path_ = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// What the error of `call` says; "nothing was thrown" if there was none. Other exceptions pass through.
template <class Kind = raptr::file_error, class Call> std::string sentence_of(Call&& call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Writes a file without flushing it, for tests that damage one thousands of times.
inline void overwrite(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// Runs `call` in a child process, which ends without destructors. Returns its exit code: 0 if call() returned true.
template <class Call> int in_child(Call&& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      code = call() ? 0 : 1;
    } catch (...) {
      code = 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
