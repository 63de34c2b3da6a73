// SPDX-License-Identifier: Apache-2.0
// Named choices for weights, moments and step counts that receive no gradient.
#pragma once

namespace raptr {

/// The update of a dropped part in a step: none, and its step count does not advance (frozen); an ordinary update with a
/// gradient of zero (zero_gradient); weight decay alone (decay_only).
enum class dropped_update { frozen, zero_gradient, decay_only };

/// The optimizer state of a copied block: that of its source, or none. Moments and step counts are always copied or reset
/// together, because the bias correction of the moments depends on the count: zero moments with an old count would act as if
/// all gradients had been zero, and old moments with a count of zero would be scaled up far too much.
enum class grown_state { copied, reset };

/// Moments and step counts at a stage boundary: kept, or reset to their state before the first step.
enum class border_state { kept, reset };

struct update_options {
  dropped_update dropped = dropped_update::frozen;
  border_state at_borders = border_state::kept;
  grown_state grown = grown_state::copied;  // of blocks that a schedule copies
  bool sharded = false;                     // several ranks divide the moments, each updates its part (ZeRO stage 1 [zero])
};

}  // namespace raptr
