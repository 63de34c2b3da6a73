// SPDX-License-Identifier: Apache-2.0
// What a trainer needs of a model to say so in its own words.
#pragma once

#include <raptr/nn/batch.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

template <class M>
concept trainable_model = requires {
  typename M::block;
  typename M::objective_type;
  typename M::ops_type;
  typename M::master;
}
&&requires(M& model, const step_plan& plan, const batch& data) {
  model.begin(plan);
  model.accumulate(plan, data);
  model.results();
};

}  // namespace raptr
