// SPDX-License-Identifier: Apache-2.0
// Embeddings of tokens, learned positions and the token types of BERT, as row kernels. The backward pass processes each
// distinct id once and adds its rows in order: no atomics, the same bits for any number of threads.
#pragma once

#include <raptr/nn/step_table.hpp>

namespace raptr {

struct embedding_role {};

/// A policy of a block. Types > 0: the embedding also has a row for each token type; model_shape::token_types replaces the number.
/// Batches have no types: every token is of type 0, as in Hugging Face's models when none are given, and the other rows have a
/// gradient of 0 [hf].
template <int Types> struct token_types {
  static_assert(Types >= 0, "raptr: token_types counts the types of tokens: 0 for none, 2 for those of BERT");
  using role = embedding_role;
  static constexpr int types = Types;
};
/// The rows of the embedding of token types in a model of this block.
template <class Block> constexpr int token_types_of(const model_shape& shape) {
  return shape.token_types > 0 ? shape.token_types : Block::embedding::types;
}

/// x (rows, C) = tokens[ids[r]] + places[positions[r]].
template <class T> struct embed {
  static constexpr int sums = 0;
  T* x;
  const T *tokens, *places;
  const int *ids, *positions;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const T *const a = tokens + std::int64_t{ids[r]} * width, *const b = places + std::int64_t{positions[r]} * width;
    const auto add = [](int, T& out, const T& token, const T& place) { out = token + place; };
    team.each(width, add, x + r * width, a, b);
  }
};

/// Each row of x += one row, the same for all.
template <class T> struct add_to_rows {
  static constexpr int sums = 0;
  T* x;
  const T* one;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto add = [](int, T& out, const T& in) { out += in; };
    team.each(width, add, x + r * width, one);
  }
};
/// g (C) += all rows of dx.
template <class T, class S> struct add_to_rows_backward {
  static constexpr int sums = 1;
  const T* dx;
  S* g;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto add = [&team](int i, const T& d) { team.add(0, i, d); };
    team.each(width, add, dx + r * width);
  }
  RAPTR_BOTH S* sum(int, int i) const { return g + i; }
};

/// Row values[u] of g += the rows of dx that read it; one row of the kernel for every distinct value.
template <class T, class S> struct embed_backward {
  static constexpr int sums = 0;
  S* g;
  const T* dx;
  const int *values, *starts, *order;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t u) const {
    S* const to = g + std::int64_t{values[u]} * width;
    const auto add = [](int, S& sum, const T& d) { sum += S(d); };
    for (int j = starts[u]; j < starts[u + 1]; ++j) {
      const T* const from = dx + std::int64_t{order[j]} * width;
      team.each(width, add, to, from);
    }
  }
};
template <class T, class S>
embed_backward<T, S> gather_into(S* g, const T* dx, const device_batch& batch, const step_table::sorted_rows& by, int width) {
  return {g, dx, batch.words + by.values, batch.words + by.starts, batch.words + by.order, width};
}

}  // namespace raptr
