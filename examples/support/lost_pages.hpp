// SPDX-License-Identifier: Apache-2.0
// A mapped file that another process cuts ends a program with SIGBUS at the next access. Here it ends with one line that names the
// file, which /proc/self/maps has for every address, so that nothing keeps a list of maps; and with the exit code of file errors.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace program {

/// Only what a signal handler may do: no memory, no locks, no streams.
namespace lost_pages {

struct mapped_place {
  char path[4096 + 16] = "";  // as in /proc/self/maps: a line end is \012; empty: no file is mapped there
  std::uint64_t byte = 0;     // of the file
};

/// The file and the byte behind an address. A line is ADDRESS-ADDRESS FLAGS OFFSET DEVICE INODE PATH, in hexadecimal numbers.
inline void find(std::uintptr_t address, mapped_place& place) {
  static char line[sizeof place.path], block[4096];
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return;
  const auto parse = [&] {
    const char* at = line;
    const auto number = [&] {
      std::uint64_t value = 0;
      for (;; ++at) {
        const int digit = *at >= '0' && *at <= '9' ? *at - '0' : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10 : -1;
        if (digit < 0) return value;
        value = value << 4 | static_cast<unsigned>(digit);
      }
    };
    const auto next_word = [&] {
      while (*at && *at != ' ') ++at;
      while (*at == ' ') ++at;
    };
    const std::uint64_t first = number(), end = (++at, number());
    if (address < first || address >= end) return false;
    next_word(), next_word();
    place.byte = number() + (address - first);
    next_word(), next_word(), next_word();
    const std::size_t letters = *at == '/' ? std::strlen(at) : 0;
    std::memcpy(place.path, at, letters), place.path[letters] = '\0';
    return true;
  };
  std::size_t length = 0;
  for (ssize_t got; (got = ::read(maps, block, sizeof block)) > 0;)
    for (ssize_t i = 0; i < got; ++i) {
      if (block[i] != '\n') {
        if (length < sizeof line - 1) line[length++] = block[i];
        continue;
      }
      line[length] = '\0', length = 0;
      if (parse()) {
        ::close(maps);
        return;
      }
    }
  ::close(maps);
}

class message {
 public:
  message& operator<<(const char* more) {
    for (; *more && length_ < sizeof text_ - 1; ++more) text_[length_++] = static_cast<unsigned char>(*more) < 0x20 ? '?' : *more;
    return *this;
  }
  message& operator<<(std::uint64_t number) {
    char digits[24];
    std::size_t at = sizeof digits - 1;
    for (digits[at] = '\0'; at == sizeof digits - 1 || number; number /= 10) digits[--at] = static_cast<char>('0' + number % 10);
    return *this << digits + at;
  }
  void write() {
    text_[length_++] = '\n';
    (void)!::write(STDERR_FILENO, text_, length_);
  }

 private:
  char text_[sizeof(mapped_place) + 256];
  std::size_t length_ = 0;
};

inline void handle(int signal, siginfo_t* info, void*) {
  static std::atomic_flag told;
  static mapped_place place;
  static message line;
  if (told.test_and_set()) ::pause();  // another thread is about to end the process
  // si_addr is of an access only if the kernel says so, not another process.
  if (info->si_code > 0) find(reinterpret_cast<std::uintptr_t>(info->si_addr), place);
  if (!place.path[0]) {
    std::signal(signal, SIG_DFL);
    ::raise(signal);
    return;  // the access is tried again, or the signal is delivered
  }
  struct stat status {};
  const bool is_cut = ::stat(place.path, &status) == 0 && static_cast<std::uint64_t>(status.st_size) <= place.byte;
  line << "raptr: " << place.path;
  if (is_cut)
    line << " became shorter while it was read: byte " << place.byte << " is missing, it ends after " << static_cast<std::uint64_t>(status.st_size);
  else
    line << ": byte " << place.byte << " could not be read";
  line << ": restore the file and start again";
  line.write();
  ::_exit(3);
}

}  // namespace lost_pages

inline void name_the_file_of_lost_pages() {
  struct sigaction action {};
  action.sa_sigaction = lost_pages::handle;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace program
