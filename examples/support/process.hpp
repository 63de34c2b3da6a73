// SPDX-License-Identifier: Apache-2.0
// Shared by all programs: exit codes, one-line error messages, file names for a shell, and safe standard streams.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include <raptr/base/error.hpp>
#include <raptr/base/number_text.hpp>
#include <raptr/base/utf8.hpp>

#include "lost_pages.hpp"
#include "memory.hpp"

namespace program {

using namespace raptr;

enum exit_code { done = 0, unexpected = 1, bad_input = 2, file_trouble = 3, diverged = 4 };  // stopped by a signal: 128 + its number

inline constexpr std::string_view exit_codes_text =
    "Exit codes: 0 done; 2 an option or an input is not valid; 3 a file could not be\n"
    "read or written; 4 training diverged; 129, 130, 143 stopped by SIGHUP, SIGINT,\n"
    "SIGTERM after saving; 1 anything else. An error is one line on stderr: raptr:...\n";

/// The text as one line: control characters, and the spaces after them, become one space.
inline std::string one_line(std::string_view text) {
  std::string line;
  bool broken = false;
  for (const char c : text) {
    broken = broken || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (broken && (c == ' ' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) continue;
    if (broken && !line.ends_with(' ')) line += ' ';
    broken = false;
    line += c;
  }
  return line;
}
/// A file name, quoted for a shell.
inline std::string shell_word(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+@%") == text.npos) return text;
  bool printable = true;
  for (const char c : text) printable = printable && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  std::string word = printable ? "'" : "$'";
  for (const char c : text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (!printable && (byte < 0x20 || byte == 0x7f))
      word += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else if (c == '\'')
      word += printable ? "'\\''" : "\\'";
    else if (c == '\\' && !printable)
      word += "\\\\";
    else
      word += c;
  }
  return word + "'";
}

/// A file name with a ~ at its beginning, which a shell leaves alone after --out= and a file always, replaced by the home folder.
inline std::string at_home(const std::string& name) {
  if (name != "~" && !name.starts_with("~/")) return name;
  const char* const home = std::getenv("HOME");
  if (!home || !*home) raptr::fail(raptr::shown(name) + " begins with ~, but the variable HOME is not set: give the whole path");
  return home + name.substr(1);
}

inline void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}
inline void say_error(std::string_view sentence) {
  const std::string line = (sentence.starts_with("raptr: ") ? "" : "raptr: ") + one_line(sentence) + "\n";
  std::fflush(stdout);
  std::fputs(line.c_str(), stderr);
}

/// Opens closed standard streams, whose descriptors the next opened file would get. Ignores SIGXFSZ and SIGPIPE, so that a
/// file size limit and a closed pipe are write errors instead of the end of the process; SIGBUS names the mapped file.
inline void prepare_process() {
  for (int descriptor = 0; descriptor < 3; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) == -1) (void)::open("/dev/null", O_RDWR);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  name_the_file_of_lost_pages();
}

/// Runs `body`, which returns an exit code, and converts exceptions to a one-line message and a code.
template <class Body> int guarded(Body&& body) {
  prepare_process();
  try {
    const int code = body();
    std::fflush(stdout);
    if (std::ferror(stdout) && code == done) raptr::fail<raptr::file_error>("the standard output could not be written, so a part of it is lost");
    return code;
  } catch (const raptr::training_error& e) {
    say_error(e.what());
    return diverged;
  } catch (const raptr::file_error& e) {
    say_error(e.what());
    return file_trouble;
  } catch (const raptr::error& e) {
    say_error(e.what());
    return bad_input;
  } catch (const std::bad_alloc&) {
    say_error("out of memory: this process may use " + bytes_text(memory_limit()) + "; reduce the model, the batch or the text");
  } catch (const std::exception& e) {
    say_error(e.what());
  }
  return unexpected;
}

}  // namespace program
