// SPDX-License-Identifier: Apache-2.0
// What can go wrong between a model and its batch.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/base/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void token_is_outside_the_vocabulary(int id, int row, int vocab) {
  fail("token " + std::to_string(id) + " in row " + std::to_string(row) + " is not in a vocabulary of " + std::to_string(vocab) + ": ids are 0 to " + std::to_string(vocab - 1));
}
[[noreturn]] inline void position_is_outside_the_context(int position, int context) {
  fail("position " + std::to_string(position) + " is outside a context of " + std::to_string(context) + ": shorten the sequence or raise model_shape::context");
}
[[noreturn]] inline void batch_is_inconsistent(std::size_t ids, std::size_t positions, std::size_t rows) {
  fail("a batch has " + std::to_string(ids) + " ids, " + std::to_string(positions) + " positions and segments of " + std::to_string(rows) + " rows: they must agree");
}
[[noreturn]] inline void weights_are_not_initialised() {
  fail("this model has no weights yet: call initialise(seed), or load a checkpoint");
}
[[noreturn]] inline void weights_have_the_wrong_size(std::size_t given, std::int64_t expected) {
  fail("an arena of " + std::to_string(given) + " weights was given to a model of " + std::to_string(expected));
}

}  // namespace raptr::errors
