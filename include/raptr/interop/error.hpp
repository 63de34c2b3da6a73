// SPDX-License-Identifier: Apache-2.0
// The errors of views and copies for other libraries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/base/error.hpp>
#include <raptr/base/nearest_name.hpp>
#include <raptr/base/utf8.hpp>

namespace raptr::errors {

/// what: "weight", "moment", "tensor". names: those that exist.
[[noreturn]] inline void name_does_not_exist(const std::string& what, std::string_view given, const std::vector<std::string>& names) {
  fail("there is no " + what + " \"" + shown(given) + "\"" +
       (names.empty() ? "" : ": the nearest is \"" + std::string(nearest_name(given, {names.begin(), names.end()})) + "\""));
}
[[noreturn]] inline void gradient_does_not_exist(const std::string& name) {
  fail("\"" + name + "\" has no gradient now: gradients exist in the hook of trainer.inspect(), or after model.begin(plan), until an evaluation");
}
[[noreturn]] inline void matrix_has_another_shape(const std::string& name, std::int64_t rows, std::int64_t columns, std::int64_t given_rows,
                                                  std::int64_t given_columns) {
  const auto shape = [](std::int64_t r, std::int64_t c) { return "(" + std::to_string(r) + ", " + std::to_string(c) + ")"; };
  fail("\"" + name + "\" has the shape " + shape(rows, columns) + ", and the matrix " + shape(given_rows, given_columns) +
       (rows == given_columns && columns == given_rows ? ": transpose it" : ""));
}
[[noreturn]] inline void numbers_are_not_logits(std::size_t numbers, int vocab) {
  fail(std::to_string(numbers) + " numbers are not rows of " + std::to_string(vocab) + " logits: give what predict() of this model returned");
}
[[noreturn]] inline void id_is_outside_the_vocabulary(const std::string& id, std::int64_t row, std::int64_t column, int size) {
  fail("the id " + id + " in row " + std::to_string(row) + ", column " + std::to_string(column) + " is not in a vocabulary of " +
       std::to_string(size) + ": ids are 0 to " + std::to_string(size - 1));
}

}  // namespace raptr::errors
