// SPDX-License-Identifier: Apache-2.0
// One half of the two translation units. The system headers come first on purpose: they define B0, CR0, major, ... as macros.
#include <ctype.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <raptr_everything.hpp>

const void* version_in_one() { return &raptr::library_version; }
