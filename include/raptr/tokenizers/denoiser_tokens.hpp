// SPDX-License-Identifier: Apache-2.0
// Appends the tokens that denoising objectives need to a tokenizer that lacks them: mode tokens, then sentinels in the order of T5, so
// that <extra_id_0> has the last id. They are special tokens of the tokenizer, so its files have them and its name differs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

namespace raptr {

/// What is appended to a tokenizer.
struct denoiser_tokens {
  int sentinels = 0;
  bool modes = false;
};

namespace detail {

/// The names of what is not there yet.
inline std::vector<std::string> names_to_append(const vocabulary& ids, const denoiser_tokens& wanted) {
  if (wanted.sentinels > 0 && ids.sentinels() > 0 && ids.sentinels() != wanted.sentinels)
    errors::tokenizer_has_other_sentinels(ids.sentinels(), wanted.sentinels);
  std::vector<std::string> names;
  for (const auto& [id, name] : {std::pair{ids.nlu, nlu_names[0]}, {ids.nlg, nlg_names[0]}, {ids.s2s, s2s_names[0]}})
    if (wanted.modes && id < 0) names.emplace_back(name);
  if (ids.sentinels() == 0)
    for (int k = wanted.sentinels; k-- > 0;) names.push_back(sentinel_name(k));
  return names;
}
inline any_tokenizer appended(const bpe_tokenizer& tokenizer, const std::vector<std::string>& names) {
  bpe_model model = tokenizer.model();
  model.tokens.insert(model.tokens.end(), names.begin(), names.end());
  bpe_tokenizer longer(std::move(model));
  longer.assign_roles(tokenizer.vocabulary());
  return longer;
}
inline any_tokenizer appended(const byte_tokenizer&, const std::vector<std::string>& names) { return appended(bytes_as_bpe(), names); }
inline wordpiece_options options_of(const wordpiece_tokenizer& tokenizer) {
  return {
      .unknown = tokenizer.unknown(), .longest_word = tokenizer.longest_word(), .specials = tokenizer.specials(), .roles = tokenizer.vocabulary()};
}
inline any_tokenizer appended(const wordpiece_tokenizer& tokenizer, const std::vector<std::string>& names) {
  std::vector<std::string> tokens = tokenizer.tokens();
  wordpiece_options options = options_of(tokenizer);
  for (const std::string& name : names) options.specials.push_back(static_cast<std::int32_t>(tokens.size())), tokens.push_back(name);
  return wordpiece_tokenizer(std::move(tokens), tokenizer.splitting(), options);
}
inline any_tokenizer shortened(const byte_tokenizer& tokenizer, std::size_t) { return tokenizer; }
inline any_tokenizer shortened(const bpe_tokenizer& tokenizer, std::size_t size) {
  bpe_model model = tokenizer.model();
  model.tokens.resize(size);
  bpe_tokenizer shorter(std::move(model));
  shorter.assign_roles(tokenizer.vocabulary());
  return bytes_or(std::move(shorter));
}
inline any_tokenizer shortened(const wordpiece_tokenizer& tokenizer, std::size_t size) {
  std::vector<std::string> tokens = tokenizer.tokens();
  tokens.resize(size);
  wordpiece_options options = options_of(tokenizer);
  std::erase_if(options.specials, [&](std::int32_t id) { return static_cast<std::size_t>(id) >= size; });
  return wordpiece_tokenizer(std::move(tokens), tokenizer.splitting(), options);
}

}  // namespace detail

/// The tokenizer with what it lacks behind its own ids; itself if it lacks nothing. The bytes become a BPE with the same ids. Throws
/// input_error if it has another number of sentinels, or a plain token of such a name.
inline any_tokenizer with_denoiser_tokens(any_tokenizer tokenizer, const denoiser_tokens& wanted) {
  const auto names = std::visit([&](const auto& t) { return detail::names_to_append(t.vocabulary(), wanted); }, tokenizer);
  return names.empty() ? std::move(tokenizer) : std::visit([&](const auto& t) { return detail::appended(t, names); }, tokenizer);
}

/// The tokenizer without such tokens at the end of its ids, so the one that with_denoiser_tokens() was given.
inline any_tokenizer without_denoiser_tokens(const any_tokenizer& tokenizer) {
  return std::visit(
      [](const auto& t) {
        const vocabulary ids = t.vocabulary();
        int size = ids.size;
        while (size > 0 && ids.is_denoiser_token(size - 1)) --size;
        return size < ids.size ? detail::shortened(t, static_cast<std::size_t>(size)) : any_tokenizer(t);
      },
      tokenizer);
}

}  // namespace raptr
