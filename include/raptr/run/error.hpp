// SPDX-License-Identifier: Apache-2.0
// Errors of the folder of a run. Programs that have options check first, and name the option to change.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/io/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void run_exists(const std::filesystem::path& run) { fail(shown(run) + " exists already: name another folder for a new run"); }
[[noreturn]] inline void run_in_use(const std::filesystem::path& run) { fail(shown(run) + " is in use by another process: stop that one first"); }
[[noreturn]] inline void no_run(const std::filesystem::path& run) {
  fail<file_error>(shown(run) + " is not the folder of a run: it has no config.json");
}
[[noreturn]] inline void run_of_another_program(const std::filesystem::path& run, const std::string& stored, const std::string& here) {
  fail(shown(run) + " holds a run of " + stored + ", which " + here + " does not continue: name another folder");
}
[[noreturn]] inline void run_differs(const std::filesystem::path& run, const std::string& name, const std::string& stored, const std::string& given) {
  fail(name + " is " + given + ", but the run in " + shown(run) + " was started with " + stored +
       ": give that to continue it, or name another folder");
}
[[noreturn]] inline void end_is_not_saved(std::int64_t newest, const std::string& how_to_continue) {
  fail<file_error>("the last checkpoint or the log could not be written: the newest good checkpoint is of step " + std::to_string(newest) +
                   "; free disk space and " + how_to_continue);
}

}  // namespace raptr::errors
