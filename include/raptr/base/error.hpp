// SPDX-License-Identifier: Apache-2.0
// Every error of the library is an exception thrown by a named factory, with the numbers involved. The factories of a
// folder are in its error.hpp and call fail<Kind>() below. No factory is constexpr, on purpose: in a constant expression
// the compiler prints the name of the factory, so one text serves run time and compile time.
#pragma once

#include <stdexcept>
#include <string>

#include <raptr/base/config.hpp>

namespace raptr {

/// The base class of everything that the library throws on purpose. what() begins with "raptr: ".
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// An argument is invalid: a schedule, a shape, an option.
struct input_error : error {
  using error::error;
};
/// A file is missing, damaged, of another kind, or could not be written.
struct file_error : error {
  using error::error;
};
/// Training cannot continue: too many non-finite steps in a row.
struct training_error : error {
  using error::error;
};

/// Throws Kind with the prefix "raptr: " before the sentence.
template <class Kind = input_error> [[noreturn]] void fail(const std::string& sentence) { throw Kind("raptr: " + sentence); }
/// The message without its prefix, to be thrown again with more context.
inline std::string bare_sentence(const error& e) { return std::string(e.what()).substr(std::string("raptr: ").size()); }

}  // namespace raptr
