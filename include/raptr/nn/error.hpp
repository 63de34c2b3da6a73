// SPDX-License-Identifier: Apache-2.0
// The errors of models, plans and batches.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void token_is_outside_the_vocabulary(int id, int row, int vocab) {
  fail("token " + std::to_string(id) + " in row " + std::to_string(row) + " is not in a vocabulary of " + std::to_string(vocab) + ": ids are 0 to " +
       std::to_string(vocab - 1));
}
[[noreturn]] inline void position_is_outside_the_context(int position, int context) {
  fail("position " + std::to_string(position) + " is outside a context of " + std::to_string(context) +
       ": shorten the sequence or raise model_shape::context");
}
[[noreturn]] inline void batch_is_inconsistent(std::size_t ids, std::size_t positions, std::size_t rows) {
  fail("a batch has " + std::to_string(ids) + " ids, " + std::to_string(positions) + " positions and segments of " + std::to_string(rows) +
       " rows: they must agree");
}
[[noreturn]] inline void segment_is_out_of_place(std::size_t segment, int first, int length, int prefix, std::int64_t expected) {
  fail("segment " + std::to_string(segment) + " of a batch begins in row " + std::to_string(first) + ", has " + std::to_string(length) +
       " rows and a prefix of " + std::to_string(prefix) + ": segments follow each other, so it begins in row " + std::to_string(expected) +
       ", and a prefix is at most the length");
}
[[noreturn]] inline void segments_are_of_no_sequence(std::size_t segments, std::size_t numbers) {
  fail("a batch has " + std::to_string(segments) + " segments and " + std::to_string(numbers) +
       " numbers of sequences: give one for each segment, in ascending order, or none");
}
[[noreturn]] inline void target_is_out_of_place(int row, std::int64_t before, std::size_t rows) {
  fail("a target of a batch is in row " + std::to_string(row) + " after one in row " + std::to_string(before) +
       ": rows of targets ascend and lie in 0 to " + std::to_string(static_cast<std::int64_t>(rows) - 1));
}
[[noreturn]] inline void normaliser_is_not_positive(double given) {
  fail("the normaliser of a batch is " + decimal_text(given) + ": give the sum of the target weights of all micro-batches, above 0");
}
[[noreturn]] inline void plan_is_of_another_network() { fail("a plan was made for another network: make it from plan_layout() of this model"); }
[[noreturn]] inline void sequences_are_outside_the_plan(int first, int last, int sequences) {
  fail("a batch holds the sequences " + std::to_string(first) + " to " + std::to_string(last) + " of a step, and the plan chose from " +
       std::to_string(sequences) + ": set batch::first_sequence, or make the plan from plan_layout(sequences of all micro-batches)");
}
[[noreturn]] inline void copied_block_is_out_of_range(int from, int to, int blocks) {
  fail("block " + std::to_string(from) + " cannot be copied over block " + std::to_string(to) + ": blocks are 0 to " + std::to_string(blocks - 1));
}
[[noreturn]] inline void block_is_written_twice(int to, int first, int second) {
  fail("blocks " + std::to_string(first) + " and " + std::to_string(second) + " are both to be copied over block " + std::to_string(to) +
       ": copy one of them");
}
[[noreturn]] inline void tokenizer_has_no_mask(int size) {
  fail("masked_lm hides tokens behind a mask, but this tokenizer of " + std::to_string(size) + " ids has none: use one that has, or causal_lm");
}
[[noreturn]] inline void mask_rate_is_out_of_range(double rate) {
  fail("masked_lm::rate is " + decimal_text(rate) + ": give a share of the tokens, above 0 and at most 1");
}
[[noreturn]] inline void max_predictions_is_out_of_range(int given) {
  fail("masked_lm::max_predictions is " + std::to_string(given) + ": give the largest number of predictions in a sequence, or 0 for no bound");
}
[[noreturn]] inline void independent_masks_have_no_bound(int given) {
  fail("masked_lm::max_predictions is " + std::to_string(given) +
       ", but masking::independent draws for each token alone: use masking::bert or whole_words, or leave the bound 0");
}
[[noreturn]] inline void tokenizer_has_no_frame(int size) {
  fail("the frame of masked_lm is cls_sep, but this tokenizer of " + std::to_string(size) +
       " ids has no [CLS] or no [SEP]: use one that has both, or framing::none");
}
[[noreturn]] inline void frame_does_not_fit(int context) {
  fail("a context of " + std::to_string(context) + " has no room for a token between [CLS] and [SEP]: give 3 or more, or framing::none");
}
[[noreturn]] inline void words_are_not_known(std::int64_t given, int ids) {
  fail("masking::whole_words joins tokens to words, but masked_lm::inside_word has " + std::to_string(given) + " entries for a tokenizer of " +
       std::to_string(ids) + " ids: give wordpiece_tokenizer::inside_word(), or use masking::bert");
}
[[noreturn]] inline void norm_has_no_epsilon(double given) {
  fail("model_shape::norm_eps is " + decimal_text(given) + ", but the norm of this block takes no epsilon: leave it 0");
}
[[noreturn]] inline void rotary_head_width_is_odd(int width, int heads) {
  fail("rotary positions turn pairs of numbers, but " + std::to_string(heads) + " heads of a width of " + std::to_string(width) + " have " +
       std::to_string(width / heads) + " each: take a width and heads that give an even number");
}
[[noreturn]] inline void positions_are_not_rotary(const char* name, double given) {
  fail("model_shape::" + std::string(name) + " is " + decimal_text(given) +
       ", but the positions of this block are not rotary: leave it out, or add raptr::rotary<raptr::half> to the block");
}
[[noreturn]] inline void weights_are_not_initialised() { fail("this model has no weights yet: call initialise(seed), or load a checkpoint"); }
[[noreturn]] inline void weights_have_the_wrong_size(std::size_t given, std::int64_t expected) {
  fail("an arena of " + std::to_string(given) + " weights was given to a model of " + std::to_string(expected));
}

}  // namespace raptr::errors
