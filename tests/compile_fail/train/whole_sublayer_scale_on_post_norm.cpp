// expect: raptr: this schedule scales whole blocks (raptr::inverse)
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/bert.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

#ifdef RIGHT
using scaled = constant<sublayer_drop<keep<18>, inverse_per_branch>>;
#else
using scaled = constant<sublayer_drop<keep<18>, inverse>>;
#endif
trainer t(transformer<bert_block, masked_lm, cpu>({}), scaled{}, adamw{});
