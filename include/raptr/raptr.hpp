// SPDX-License-Identifier: Apache-2.0
// Everything except the backends and what reads files. The device is chosen by including <raptr/backend/cpu.hpp>; what
// reads and writes files comes header by header, with the CMake component raptr::io.
#pragma once

#include <raptr/backend/counting.hpp>
#include <raptr/base/version.hpp>
#include <raptr/nn/published.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/optim/rates.hpp>
#include <raptr/subnet/library_rules.hpp>
#include <raptr/subnet/named_rule.hpp>
#include <raptr/subnet/schedule/any_schedule.hpp>
#include <raptr/subnet/schedule/continuous.hpp>
#include <raptr/subnet/schedule/cost.hpp>
#include <raptr/subnet/schedule/est.hpp>
#include <raptr/subnet/schedule/growth.hpp>
#include <raptr/subnet/schedule/in_turn.hpp>
#include <raptr/subnet/schedule/power.hpp>
#include <raptr/subnet/schedule/profile.hpp>
#include <raptr/subnet/schedule/progressive.hpp>
#include <raptr/subnet/schedule/scanner.hpp>
#include <raptr/subnet/schedule/solve.hpp>
#include <raptr/subnet/schedule/stacking.hpp>
#include <raptr/subnet/schedule/stage_table.hpp>
#include <raptr/subnet/schedule/text.hpp>
#include <raptr/subnet/schedule/together.hpp>
#include <raptr/subnet/schedule/types.hpp>
#include <raptr/text/byte_tokenizer.hpp>
#include <raptr/text/pair_table.hpp>
#include <raptr/text/special_tokens.hpp>
#include <raptr/text/token_index.hpp>
#include <raptr/text/tokenizer.hpp>
#include <raptr/train/trainer.hpp>
