// SPDX-License-Identifier: Apache-2.0
// What both devices offer, without either of them: the file that includes this compiles fast and needs no nvcc.
#pragma once

#include <string>

#include <raptr/base/device.hpp>

// [declaration]
/// The loss of the full network after a short training.
template <raptr::device Device> double train(const std::string& text);
extern template double train<raptr::cpu>(const std::string& text);
extern template double train<raptr::cuda>(const std::string& text);
// [/declaration]
