// The soak, short enough for every run.
#include "soak.hpp"

namespace tessera::generate {
namespace {

TEST(Soak, TwoHundredSteps) {
  test::soak(200, false);
}

TEST(Soak, TwoHundredAsynchronousSteps) {
  test::soak(200, true);
}

}  // namespace
}  // namespace tessera::generate
