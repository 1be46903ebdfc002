// Which calls the state must see.
#include "supervisor/state/state.h"

namespace undercoat::state {

using wire::Call;

std::bitset<wire::kCallCount> calls_needed(const std::bitset<wire::kCallCount>& used) {
    const auto at = [](Call c) { return static_cast<size_t>(c); };
    std::bitset<wire::kCallCount> out;
    // Who a process is and where it stands: rare calls, always needed.
    for (Call c : {Call::execve, Call::execveat, Call::clone, Call::clone3, Call::fork, Call::vfork, Call::chdir, Call::fchdir,
                   Call::chroot, Call::setuid, Call::setgid, Call::setreuid, Call::setregid, Call::setresuid,
                   Call::setresgid, Call::setsid, Call::setpgid, Call::capset, Call::prctl, Call::unshare, Call::setns})
        out.set(at(c));
    // A socket's kind and its ends are known from the calls that made it.
    bool network = false;
    for (Call c : {Call::socket, Call::bind, Call::connect, Call::listen, Call::accept, Call::accept4, Call::sendto,
                   Call::sendmsg, Call::recvfrom, Call::recvmsg, Call::dup, Call::dup2, Call::dup3})
        network = network || used[at(c)];
    if (network)
        for (Call c : {Call::socket, Call::bind, Call::connect, Call::accept, Call::accept4}) out.set(at(c));
    return out;
}

}  // namespace undercoat::state
