// SPDX-License-Identifier: Apache-2.0
// Masked language modelling: some tokens are hidden and predicted from both sides. What is chosen, how it is shown and the frame
// around a window are those of BERT's own preparation of data, with named alternatives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/base/random.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/nn/error.hpp>

namespace raptr {

/// How masked positions are chosen. bert: exactly k = min(max_predictions, max(1, rint(rate n))) of a sequence of n rows, the frame
/// included [bert]. whole_words: words in random order, each hidden as a whole; one that would exceed k is skipped [bert].
/// independent: each token with probability `rate`, so that a window may have none [hf].
enum class masking { bert, whole_words, independent };

/// What stands around the tokens of a window. cls_sep: [CLS] A [SEP], as BERT was trained, so that A has two tokens fewer than the
/// context. automatic: cls_sep if the tokenizer has both tokens, as a WordPiece of BERT does, and none otherwise.
enum class framing { automatic, cls_sep, none };

/// Some tokens are hidden and predicted from both sides: of those chosen, 80% become the mask, 10% a random token of the
/// tokenizer, 10% stay, each by a draw of its own. Special tokens are never chosen. Masks are redrawn for every sample.
struct masked_lm {
  static constexpr bool looks_back_only = false;
  static constexpr std::string_view name = "masked_lm";
  static constexpr double hidden = 0.8, replaced = 0.1, kept = 0.1;

  double rate = 0.15;
  raptr::masking masking = raptr::masking::bert;
  int max_predictions = 0;  // in a sequence, at most; 0: no bound
  framing frame = framing::automatic;
  std::vector<bool> inside_word{};  // by id, for whole_words: wordpiece_tokenizer::inside_word()

  /// Tokens of a window without a frame.
  static constexpr int window(int context) { return context; }
  /// Tokens of a window for this tokenizer: the frame takes two of the `context` rows.
  template <class Vocabulary> int window(int context, const Vocabulary& tokens) const { return framed(tokens) ? context - 2 : context; }

  /// Throws input_error if an option is out of range or does not fit the tokenizer.
  template <class Vocabulary> void check(const Vocabulary& tokens) const {
    if (!(rate > 0 && rate <= 1)) errors::mask_rate_is_out_of_range(rate);
    if (max_predictions < 0) errors::max_predictions_is_out_of_range(max_predictions);
    if (max_predictions > 0 && masking == raptr::masking::independent) errors::independent_masks_have_no_bound(max_predictions);
    if (tokens.mask < 0) errors::tokenizer_has_no_mask(tokens.size);
    if (frame == framing::cls_sep && !tokens.has_frame()) errors::tokenizer_has_no_frame(tokens.size);
    if (masking == raptr::masking::whole_words && std::ssize(inside_word) != tokens.size)
      errors::words_are_not_known(std::ssize(inside_word), tokens.size);
  }
  /// For the record of a run: name and numbers.
  std::string settings() const {
    constexpr const char* masks[] = {"bert", "whole_words", "independent"};
    constexpr const char* frames[] = {"automatic", "cls_sep", "none"};
    return "rate " + decimal_text(rate) + ", masking " + masks[int(masking)] + ", max_predictions " + std::to_string(max_predictions) + ", frame " +
           frames[int(frame)];
  }
  /// The probability that a chosen token `id` is shown as the token `shown`.
  template <class Vocabulary> static double shown_as(int shown, int id, const Vocabulary& tokens) {
    return hidden * (shown == tokens.mask) + kept * (shown == id) + replaced / tokens.size;
  }

  /// tokens: window(context, vocabulary) of them, or fewer.
  template <class Vocabulary>
  void add(batch& to, std::span<const std::int32_t> tokens, const Vocabulary& vocabulary, std::uint64_t seed, std::int64_t sample) const {
    const bool framed_here = framed(vocabulary);
    const int first = static_cast<int>(to.ids.size()), length = static_cast<int>(tokens.size()) + 2 * framed_here;
    to.add_segment(length, length);
    if (framed_here) to.ids.push_back(vocabulary.cls);
    to.ids.insert(to.ids.end(), tokens.begin(), tokens.end());
    if (framed_here) to.ids.push_back(vocabulary.sep);

    const std::span<int> shown = std::span(to.ids).subspan(static_cast<std::size_t>(first));
    const random_stream choose = random_key{seed}.stream("masking", static_cast<std::uint64_t>(sample));
    const random_stream replace = random_key{seed}.stream("replacing", static_cast<std::uint64_t>(sample));
    const auto hide = [&](int i) {
      int& id = shown[static_cast<std::size_t>(i)];
      to.targets.push_back({first + i, id, 1.0f});
      const double what = replace.uniform(static_cast<std::uint64_t>(2 * i));
      if (what < hidden)
        id = vocabulary.mask;
      else if (what < hidden + replaced)
        id = static_cast<int>(replace.below(static_cast<std::uint64_t>(vocabulary.size), static_cast<std::uint64_t>(2 * i + 1)));
    };
    if (masking == raptr::masking::whole_words) return hide_words(shown, vocabulary, choose, hide);

    int left = 0;  // tokens that may still be chosen
    for (const int id : shown) left += !vocabulary.is_special(id);
    int wanted = std::min(left, predictions(length));
    for (int i = 0; i < length; ++i) {
      if (vocabulary.is_special(shown[static_cast<std::size_t>(i)])) continue;
      const double u = choose.uniform(static_cast<std::uint64_t>(i));
      if (masking == raptr::masking::bert ? u * left-- >= wanted : u >= rate) continue;
      --wanted;
      hide(i);
    }
  }

 private:
  template <class Vocabulary> bool framed(const Vocabulary& tokens) const { return frame != framing::none && tokens.has_frame(); }
  /// k of a sequence of n rows.
  int predictions(int n) const {
    const int k = std::max(1, static_cast<int>(std::nearbyint(rate * n)));
    return max_predictions > 0 ? std::min(k, max_predictions) : k;
  }
  /// hide(row) for the rows of the chosen words, ascending.
  template <class Vocabulary, class Hide>
  void hide_words(std::span<const int> ids, const Vocabulary& vocabulary, const random_stream& choose, const Hide& hide) const {
    struct word {
      int first, size;
    };
    std::vector<word> words;
    bool open = false;  // whether the row before belongs to a word
    for (int i = 0; i < static_cast<int>(ids.size()); ++i) {
      const auto id = static_cast<std::size_t>(ids[static_cast<std::size_t>(i)]);
      const bool special = vocabulary.is_special(static_cast<std::int64_t>(id));
      if (!special && open && id < inside_word.size() && inside_word[id])
        ++words.back().size;
      else if (!special)
        words.push_back({i, 1});  // the window may begin inside a word: its tokens there are one word
      open = !special;
    }
    for (std::size_t n = words.size(); n > 1; --n) std::swap(words[n - 1], words[choose.below(n, n)]);
    int left = predictions(static_cast<int>(ids.size()));
    std::vector<int> rows;
    for (const word& w : words) {
      if (w.size > left) continue;
      left -= w.size;
      for (int k = 0; k < w.size; ++k) rows.push_back(w.first + k);
    }
    std::ranges::sort(rows);
    for (const int row : rows) hide(row);
  }
};

}  // namespace raptr
