// The soak at length, and by the heap's own account.
#include "soak.hpp"

#include <malloc.h>

namespace tessera::generate {
namespace {

std::int64_t heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

std::int64_t growth_in_ten_thousand_steps(bool async) {
  std::vector<std::int64_t> heap;
  test::soak(10000, async, [&] { heap.push_back(heap_bytes()); });
  return heap.size() == 2 ? heap[1] - heap[0] : INT64_MAX;
}

TEST(LongSoak, TenThousandSteps) {
  // 16 bytes a step that are never given back would be 144 kB.
  EXPECT_LT(growth_in_ten_thousand_steps(false), 128 << 10);
}

TEST(LongSoak, TenThousandAsynchronousSteps) {
  // The pool keeps as many blocks as were ever in flight, which is a matter of chance: 24 MB after any number
  // of steps, 18 MB after the first thousand.
  EXPECT_LT(growth_in_ten_thousand_steps(true), 8 << 20);
}

}  // namespace
}  // namespace tessera::generate
