// SPDX-License-Identifier: Apache-2.0
#pragma once

struct outcome {
  double loss, product;
  long threads;
  bool operator==(const outcome&) const = default;
};
outcome eigen_before();
outcome eigen_after();
