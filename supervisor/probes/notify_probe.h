// Tries a seccomp listener on a child of one's own: the `notify` back end needs nothing else.
//
// Must stay true: it tries the thing itself and asks for no kernel version; it ends within four seconds.
#pragma once

namespace undercoat::probes {

// `flags`: SECCOMP_FILTER_FLAG_* beside NEW_LISTENER. 0: a call was held and let go on; else the errno of the step that failed.
int try_notify(unsigned flags);

}  // namespace undercoat::probes
