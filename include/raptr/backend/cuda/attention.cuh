// SPDX-License-Identifier: Apache-2.0
// Attention on the GPU, host side: selects the kernel for the head width, padded with zeros to the next of 16, 32, 64, 128,
// 256, and launches it on all segments at once. The host copy of the segments is read for the grid only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cuda/attention_backward.cuh>
#include <raptr/backend/cuda/attention_forward.cuh>
#include <raptr/backend/cuda/error.hpp>

namespace raptr::cuda_backend {

/// Calls f with the smallest width, as a constant, that has kernels and is not below `width`.
template <class F> void with_padded_width(int width, const F& f) {
  if (width > 256) errors::head_is_too_wide(width);
  if (width <= 16)
    f(std::integral_constant<int, 16>{});
  else if (width <= 32)
    f(std::integral_constant<int, 32>{});
  else if (width <= 64)
    f(std::integral_constant<int, 64>{});
  else if (width <= 128)
    f(std::integral_constant<int, 128>{});
  else
    f(std::integral_constant<int, 256>{});
}

template <class Real, class Master, int Width, class Context>
void start_attention(Context& ctx, Real* mixed, Master* lse, const Real* qkv, head_shape heads, segment_list list, score_offsets<const Real> offsets,
                     const probability_dropout& dropout) {
  using plan = largest_plan<forward_plan, wide<Real>, Width>;
  const bool by_16_bytes = is_aligned<Real>(heads.width, mixed, qkv), drops = dropout.limit() > 0;
  over_segments(list, plan::rows, std::int64_t(heads.groups) * heads.queries, [&](const segment* segments, int tiles, unsigned blocks) {
    ctx.launch("attention", drops ? attention_forward<Real, Master, Width, true> : attention_forward<Real, Master, Width, false>, dim3(blocks),
               attention_threads, plan::bytes, mixed, lse, qkv, heads, segments, tiles, by_16_bytes, offsets, dropout);
  });
}
template <class Real, class Master, int Width, class Context>
void start_attention_backward(Context& ctx, Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape heads,
                              segment_list list, score_offsets<const Real> offsets, Master* doffsets, const probability_dropout& dropout) {
  using plan = largest_plan<backward_plan, wide<Real>, Width>;
  const bool by_16_bytes = is_aligned<Real>(heads.width, dqkv, dmixed, qkv), drops = dropout.limit() > 0;
  const std::int64_t all_heads = std::int64_t(heads.groups) * heads.queries;
  std::int64_t rows = 0;
  for (int s = 0; s < list.count; ++s) {
    const std::int64_t end = std::int64_t(list.host[s].first) + list.host[s].length;
    rows = rows < end ? end : rows;
  }
  wide<Real>* const delta = ctx.template scratch<wide<Real>>(std::size_t(rows * all_heads));
  over_segments(list, plan::rows, all_heads, [&](const segment* segments, int tiles, unsigned blocks) {
    ctx.launch("attention backward, queries",
               drops ? attention_backward_queries<Real, Master, Width, true> : attention_backward_queries<Real, Master, Width, false>, dim3(blocks),
               attention_threads, plan::bytes, dqkv, delta, dmixed, mixed, lse, qkv, heads, segments, tiles, by_16_bytes, offsets, dropout);
  });
  over_segments(list, plan::rows, heads.groups, [&](const segment* segments, int tiles, unsigned blocks) {
    ctx.launch("attention backward, keys",
               drops ? attention_backward_keys<Real, Master, Width, true> : attention_backward_keys<Real, Master, Width, false>, dim3(blocks),
               attention_threads, plan::bytes, dqkv, delta, dmixed, lse, qkv, heads, segments, tiles, by_16_bytes, offsets, dropout);
  });
  if (!doffsets) return;
  ctx.launch("attention backward, offsets",
             drops ? attention_backward_offsets<Real, Master, Width, true> : attention_backward_offsets<Real, Master, Width, false>,
             dim3(unsigned(list.count * all_heads)), attention_threads, plan::bytes, doffsets, delta, dmixed, lse, qkv, heads, list.device,
             by_16_bytes, offsets, dropout);
}

/// The operations of the same names in ops.hpp. `ctx` launches kernels and has scratch memory on the device.
template <class Real, class Master, class Context>
void attention(Context& ctx, Real* mixed, Master* lse, const Real* qkv, head_shape heads, segment_list list, score_offsets<const Real> offsets,
               const probability_dropout& dropout) {
  with_padded_width(heads.width,
                    [&](auto width) { start_attention<Real, Master, decltype(width)::value>(ctx, mixed, lse, qkv, heads, list, offsets, dropout); });
}
template <class Real, class Master, class Context>
void attention_backward(Context& ctx, Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape heads,
                        segment_list list, score_offsets<const Real> offsets, Master* doffsets, const probability_dropout& dropout) {
  with_padded_width(heads.width, [&](auto width) {
    start_attention_backward<Real, Master, decltype(width)::value>(ctx, dqkv, dmixed, mixed, lse, qkv, heads, list, offsets, doffsets, dropout);
  });
}

}  // namespace raptr::cuda_backend
