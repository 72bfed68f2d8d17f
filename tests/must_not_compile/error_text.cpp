// The text of an error is checked against its values when it is compiled, not when it is shown.
#include "util/error.hpp"

void refuse(int rows) {
#ifdef WRONG
  tessera::fail_user("{} rows and {} columns", rows);
#else
  tessera::fail_user("{} rows", rows);
#endif
}
