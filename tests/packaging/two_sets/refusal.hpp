// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The sentence by which raptr::eigen refuses to be used in this file, or nothing.
static std::string refusal() {
  try {
    const raptr::backend_of<raptr::eigen>::ops<float, float> ops({.threads = 1});
    return "";
  } catch (const raptr::input_error& error) {
    return error.what();
  }
}
