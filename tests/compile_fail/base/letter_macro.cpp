// expect: raptr: one of A B D F G H K M N O P R S T V is a macro here
#define N 100
#include <raptr/raptr.hpp>
