#pragma once
// exp and 1/x, which the other vector programs build on (section 10). Not rounded to bfloat16.
#include "wormhole/lane.hpp"

namespace tessera::wormhole {

/// exp_21f (Moroz et al. 2022): 2^(x / ln 2) with a quadratic for the fraction. For a 16-bit Dest.
Lane exp_21f(Lane x);
/// Cody-Waite reduction and a Taylor polynomial of degree 7. For an fp32 Dest.
Lane exp_accurate(Lane x);
/// Integer trick with a 3-bit fraction, about 5% off.
Lane exp_approximate(Lane x);

/// Quadratic first guess on [1, 2), then `newton_steps` (1 or 2). 1/0 = inf, 1/inf = 0.
Lane reciprocal(Lane x, int newton_steps);

}  // namespace tessera::wormhole
