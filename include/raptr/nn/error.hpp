// SPDX-License-Identifier: Apache-2.0
// The errors of models, plans and batches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>
#include <raptr/base/utf8.hpp>
#include <raptr/subnet/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void token_is_outside_the_vocabulary(int id, int row, int vocab) {
  fail("token " + std::to_string(id) + " in row " + std::to_string(row) + " is not in a vocabulary of " + std::to_string(vocab) + ": ids are 0 to " +
       std::to_string(vocab - 1));
}
[[noreturn]] inline void target_is_outside_the_outputs(int id, int row, int outputs) {
  fail("the target of row " + std::to_string(row) + " is " + std::to_string(id) + ", but the head has " + std::to_string(outputs) +
       " outputs: targets are 0 to " + std::to_string(outputs - 1));
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
[[noreturn]] inline void target_group_is_out_of_range(int group, int row, std::size_t groups) {
  fail("the target in row " + std::to_string(row) + " is in group " + std::to_string(group) + ", and the objective names " + std::to_string(groups) +
       " groups: their numbers are 0 to " + std::to_string(groups - 1));
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
  fail("at most " + std::to_string(given) +
       " tokens of a sequence are to be hidden, but independent masking draws for each token alone: choose the masking of bert or whole words, or no "
       "bound");
}
[[noreturn]] inline void tokenizer_has_no_frame(int size) {
  fail("the frame of masked_lm is cls_sep, but this tokenizer of " + std::to_string(size) +
       " ids has no [CLS] or no [SEP]: use one that has both, or no frame");
}
[[noreturn]] inline void frame_does_not_fit(int context) {
  fail("a context of " + std::to_string(context) + " has no room for a token between [CLS] and [SEP]: give 3 or more, or no frame");
}
[[noreturn]] inline void words_are_not_known(std::int64_t given, int ids) {
  fail("masking::whole_words joins tokens to words, but masked_lm::inside_word has " + std::to_string(given) + " entries for a tokenizer of " +
       std::to_string(ids) + " ids: give wordpiece_tokenizer::inside_word(), or use masking::bert");
}
[[noreturn]] inline void density_is_out_of_range(double given) {
  fail("the span density is " + decimal_text(given) + ": give a share of the tokens, above 0 and below 1");
}
[[noreturn]] inline void mean_span_is_out_of_range(double given) {
  fail("the mean span is " + decimal_text(given) + ": give a number of tokens, 1 to 1048576");
}
[[noreturn]] inline void spans_do_not_fit(int context, int least) {
  fail("a context of " + std::to_string(context) + " has no room for a window with a hidden span, which needs " + std::to_string(least) +
       " rows or more: raise the context");
}
[[noreturn]] inline void too_few_sentinels(const std::string& objective, int tokens, int spans, int sentinels) {
  fail(objective + " hides " + std::to_string(spans) + " spans in a window of " + std::to_string(tokens) + " tokens, but the tokenizer has " +
       std::to_string(sentinels) + " sentinels, so ordinary ids would mark " + std::to_string(spans - sentinels) + " of them: append " +
       std::to_string(spans) + " (with_denoiser_tokens(), --sentinels), or choose longer spans, a lower density or a shorter context");
}
[[noreturn]] inline void tokenizer_has_no_sentinels(int size) {
  fail("span corruption marks hidden spans by sentinels, but this tokenizer of " + std::to_string(size) +
       " ids has no special token <extra_id_0>: append some (with_denoiser_tokens(), --sentinels)");
}
[[noreturn]] inline void tokenizer_has_no_end_of_text(int size) {
  fail("span corruption ends inputs and targets by the end of a text, but this tokenizer of " + std::to_string(size) + " ids has none");
}
[[noreturn]] inline void tokenizer_has_no_mode_token(const char* token, int size) {
  fail("the mode token " + std::string(token) + " is to stand before the inputs, but this tokenizer of " + std::to_string(size) +
       " ids has none: append it (with_denoiser_tokens(), --mode-tokens), or leave mode tokens out");
}
[[noreturn]] inline void begin_id_is_out_of_range(int given, int size) {
  fail("begin_id is " + std::to_string(given) + ", but ids are 0 to " + std::to_string(size - 1) + ": give one of them, or -1 for none");
}
[[noreturn]] inline void prefix_is_the_whole_window(int context, int tokens) {
  fail("a context of " + std::to_string(context) + " has room for a window of " + std::to_string(tokens) +
       " tokens, of which a prefix leaves none to predict: raise the context");
}
[[noreturn]] inline void mixture_is_empty() { fail("a mixture of denoisers has none: give at least one"); }
[[noreturn]] inline void rate_of_denoiser_is_out_of_range(const std::string& denoiser, double rate) {
  fail("the rate of the denoiser " + denoiser + " is " + decimal_text(rate) + ": give a finite number above 0, or leave the denoiser out");
}
[[noreturn]] inline void denoiser_is_there_twice(const std::string& denoiser) {
  fail("a mixture has the denoiser " + denoiser + " twice: give one with the sum of the rates");
}
[[noreturn]] inline void bad_mixture_text(std::string_view text, std::size_t position, const std::string& expected, const std::string& found) {
  fail("mixture \"" + shown(text) + "\": expected " + expected + " at position " + std::to_string(position) + ", found " + found);
}
[[noreturn]] inline void norm_has_no_epsilon(double given) {
  fail_member("model_shape::norm_eps", " is " + decimal_text(given) + ", but the norm of this block takes no epsilon: leave it 0");
}
[[noreturn]] inline void attention_has_no_dropout(double given) {
  fail_member(
      "dropout_rates::attention",
      " is " + decimal_text(given) +
          ", but the attention of this block drops no probabilities: leave it 0, or give that part drops_probabilities = true once it follows "
          "part_call::attention_dropout");
}
[[noreturn]] inline void rotary_head_width_is_odd(int width, int heads) {
  fail("rotary positions turn pairs of numbers, but " + std::to_string(heads) + " heads of a width of " + std::to_string(width) + " have " +
       std::to_string(width / heads) + " each: take a width and heads that give an even number");
}
[[noreturn]] inline void positions_are_not_rotary(const char* name, double given) {
  fail_member("model_shape::" + std::string(name),
              " is " + decimal_text(given) +
                  ", but the positions of this block are not rotary: leave it out, or use a block whose positions are, as of a Llama");
}
[[noreturn]] inline void weights_are_not_initialised() { fail("this model has no weights yet: call initialise(seed), or load a checkpoint"); }
[[noreturn]] inline void weights_have_the_wrong_size(std::size_t given, std::int64_t expected) {
  fail("an arena of " + std::to_string(given) + " weights was given to a model of " + std::to_string(expected));
}

}  // namespace raptr::errors
