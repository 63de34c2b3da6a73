// expect: raptr: a view is a Map of a row-major matrix of const numbers: keep it as auto
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/interop/eigen.hpp>
#include <raptr/models/gpt2.hpp>

raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model({.layers = 2});
#ifdef RIGHT
using matrix = raptr::row_major_matrix<float>;
#else
using matrix = Eigen::MatrixXf;
#endif
void read() { Eigen::Map<const matrix> view = raptr::weight_view(model, "tokens"); }
