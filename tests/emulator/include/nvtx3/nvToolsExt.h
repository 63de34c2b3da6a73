// SPDX-License-Identifier: Apache-2.0
// Ranges for a profiler: the emulator only knows how deep they are nested, which tells whether each one that was opened is closed.
#pragma once

/// Both give the level, 0 for the outermost; a pop without a push gives a negative number.
int nvtxRangePushA(const char* message);
int nvtxRangePop();
