// SPDX-License-Identifier: Apache-2.0
// What happens to weights, moments and step counts that no gradient reaches: choices with a name.
#pragma once

namespace raptr {

/// What a dropped part does in a step: nothing at all, and its own step count stands still (frozen); an ordinary step
/// with a gradient of zero (zero_gradient); weight decay alone (decay_only).
enum class dropped_update { frozen, zero_gradient, decay_only };

/// What the optimizer knows of a block that was copied: all that it knew of the source, or nothing. Moments and step counts
/// go together either way, because bias correction divides the moments by what their count says is missing: zero moments
/// with an old count would be taken for gradients that were zero all along, old moments with a count of zero would be
/// made far too large by a correction for steps that they have had.
enum class grown_state { copied, reset };

/// Moments and step counts at the border of two stages: kept, or as before the first step.
enum class border_state { kept, reset };

struct update_options {
  dropped_update dropped = dropped_update::frozen;
  border_state at_borders = border_state::kept;
  grown_state grown = grown_state::copied;  // of blocks that a schedule copies
};

}  // namespace raptr
