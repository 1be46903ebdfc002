// What an operator chooses of guard.h.
#pragma once

namespace undercoat::instrument {

// What is done about calls that are aimed at us, and about io_uring, whose work nobody sees.
struct Protection {
    bool deny = true;         // false: they are told only
    bool deny_uring = false;  // true: there is none
};

}  // namespace undercoat::instrument
