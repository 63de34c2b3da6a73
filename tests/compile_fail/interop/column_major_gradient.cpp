// expect: raptr: a view is a Map of a row-major matrix of const numbers: keep it as auto
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/interop/eigen.hpp>
#include <raptr/models/gpt2.hpp>

using model = raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu>;
#ifdef RIGHT
using rows = Eigen::Map<const raptr::row_major_matrix<float>>;
#else
using rows = Eigen::Map<const Eigen::MatrixXf>;
#endif
float sum(const rows& gradient) { return gradient.sum(); }
float look(const raptr::inspection<model>& step) { return sum(raptr::gradient_view(step, "tokens").rows); }
