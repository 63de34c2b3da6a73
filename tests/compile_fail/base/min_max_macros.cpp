// expect: raptr: min and max
#include <bits/stdc++.h>
#define min(a, b) bad
#define max(a, b) bad
#include <raptr/raptr.hpp>
