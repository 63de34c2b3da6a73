// SPDX-License-Identifier: Apache-2.0
// Leads to every public header, except the CPU and CUDA backends, MPI and NCCL, what reads files, what needs tables of characters, and run/. The
// device is chosen by including <raptr/backend/cpu.hpp>; headers that read and write files are included one by one, with the
// CMake component raptr::io.
#pragma once

#include <raptr/backend/counting.hpp>
#include <raptr/base/nearest_name.hpp>
#include <raptr/base/number_text.hpp>
#include <raptr/base/text_table.hpp>
#include <raptr/base/version.hpp>
#include <raptr/comm/any_communicator.hpp>
#include <raptr/comm/thread_ranks.hpp>
#include <raptr/comm/traced.hpp>
#include <raptr/data/unigram_loss.hpp>
#include <raptr/models/families.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/learning_rate.hpp>
#include <raptr/optim/sgd.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/grammar/solve.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/recipes/decreasing.hpp>
#include <raptr/schedule/recipes/est.hpp>
#include <raptr/schedule/recipes/pld.hpp>
#include <raptr/schedule/recipes/power_stages.hpp>
#include <raptr/schedule/recipes/ramp.hpp>
#include <raptr/schedule/recipes/stacking.hpp>
#include <raptr/schedule/stage_table.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/schedule/with.hpp>
#include <raptr/subnet/rules/named_rule.hpp>
#include <raptr/tokenizers/byte.hpp>
#include <raptr/tokenizers/special_tokens.hpp>
#include <raptr/tokenizers/unknown_tally.hpp>
#include <raptr/train/trainer.hpp>
