// SPDX-License-Identifier: Apache-2.0
// Every error of the library is an exception made by a named factory, with the numbers involved. The factories of a
// floor live in its own error.hpp and end in fail<Kind>() below. No factory is constexpr, on purpose: inside a constant
// expression the compiler prints the name of the factory, so one text serves run time and compile time.
#pragma once

#include <stdexcept>
#include <string>

#include <raptr/base/config.hpp>

namespace raptr {

/// The base of all: catch it to catch everything that the library throws on purpose. what() begins with "raptr: ".
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// What the caller asked for cannot be: a schedule, a shape, an option.
struct input_error : error {
  using error::error;
};
/// A file is missing, damaged, of another kind, or could not be written.
struct file_error : error {
  using error::error;
};
/// Training cannot go on: too many non-finite steps in a row.
struct training_error : error {
  using error::error;
};

/// Throws Kind with the library's name before the sentence.
template <class Kind = input_error> [[noreturn]] void fail(const std::string& sentence) { throw Kind("raptr: " + sentence); }
/// The sentence again, for an error that says more about where it comes from.
inline std::string bare_sentence(const error& e) { return std::string(e.what()).substr(std::string("raptr: ").size()); }

}  // namespace raptr
