// expect: raptr: -ffast-math and -Ofast
// flags: -ffast-math
#include <raptr/base/error.hpp>
