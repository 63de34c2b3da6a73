// expect: raptr: ids are whole numbers: give a matrix of int or std::int64_t
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/interop/eigen.hpp>
#include <raptr/models/gpt2.hpp>

raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model({.layers = 2});
#ifdef RIGHT
using ids = Eigen::MatrixXi;
#else
using ids = Eigen::MatrixXf;
#endif
raptr::batch data() { return raptr::batch_of(model, ids::Zero(2, 5), {.size = 11}); }
