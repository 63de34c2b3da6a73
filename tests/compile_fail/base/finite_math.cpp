// expect: raptr: -ffast-math and -Ofast
// flags: -O3 -ffinite-math-only
#include <raptr/raptr.hpp>
