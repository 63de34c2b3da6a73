// SPDX-License-Identifier: Apache-2.0
// Progress of reading texts: a live line on a terminal; otherwise a plain line at every tenth of the bytes and at least twice
// a minute.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <raptr/run/number_text.hpp>

#include "../support/live_line.hpp"

namespace program {

using namespace raptr;

class progress {
 public:
  /// bytes: of all texts; 0: not known.
  explicit progress(double bytes) : bytes_(bytes) {}

  void add(std::size_t bytes, std::size_t tokens) {
    done_ += static_cast<double>(bytes);
    tokens_ += static_cast<std::int64_t>(tokens);
    const auto now = clock::now();
    const auto tenth = bytes_ > 0 ? static_cast<int>(10 * done_ / bytes_) : 0;
    if (screen_.live() ? now - shown_ < std::chrono::milliseconds(100) : tenth <= tenth_ && now - shown_ < std::chrono::seconds(30)) return;
    shown_ = now;
    tenth_ = tenth;
    const double seconds = std::chrono::duration<double>(now - begin_).count(), speed = done_ / seconds;
    std::string line = bytes_text(done_);
    if (bytes_ > 0) line += " of " + bytes_text(bytes_) + ", " + percent_text(done_ / bytes_, 0);
    line += ", " + count_text(tokens_) + " tokens, " + scaled_text(speed) + "B/s";
    if (bytes_ > done_) line += ", " + duration_text((bytes_ - done_) / speed) + " left";
    screen_.live() ? screen_.show(line) : screen_.say(line);
  }
  void say(const std::string& line) { screen_.say(line); }
  double seconds() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

 private:
  using clock = std::chrono::steady_clock;

  double bytes_, done_ = 0;
  std::int64_t tokens_ = 0;
  int tenth_ = 0;
  clock::time_point begin_ = clock::now(), shown_ = begin_;
  live_line screen_;
};

}  // namespace program
