// SPDX-License-Identifier: Apache-2.0
// Standard output for people: on a terminal, one line that is overwritten in place; otherwise plain lines. Control characters
// are written to terminals only.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace program {

class live_line {
 public:
  live_line() = default;
  live_line(const live_line&) = delete;
  live_line& operator=(const live_line&) = delete;
  ~live_line() {
    if (showing_) std::fputs("\n", stdout), std::fflush(stdout);
  }

  /// Whether the output is a terminal, for which show() may be called.
  bool live() const { return live_; }
  /// Overwrites the line shown before.
  void show(std::string line) {
    winsize window{};
    const std::size_t width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1U : 79U;
    if (line.size() > width) line.resize(width);
    std::printf("\r%s\x1b[K", line.c_str());
    std::fflush(stdout);
    showing_ = true;
  }
  /// A line that stays.
  void say(const std::string& line) {
    if (showing_) std::fputs("\r\x1b[K", stdout);
    showing_ = false;
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

 private:
  static bool is_terminal() {
    const char* const kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind && std::string_view(kind) != "dumb" && *kind;
  }

  bool live_ = is_terminal(), showing_ = false;
};

}  // namespace program
