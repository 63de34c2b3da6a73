// SPDX-License-Identifier: Apache-2.0
// Everything except the backends and what reads files. The device is chosen by including <raptr/backend/cpu.hpp>;
// checkpoints come with <raptr/train/checkpoint.hpp> and the CMake component raptr::io.
#pragma once
