// The back end over SECCOMP_RET_USER_NOTIF: one listener descriptor, answers by id.
#pragma once

#include <linux/seccomp.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/trap_backend.h"

namespace undercoat::instrument {

class NotifyBackend final : public TrapBackend {
public:
    explicit NotifyBackend(UniqueFd listener);
    Next next(Trap& trap) override;
    Next next_kept(Trap& trap, HeldPlace& place) override;
    bool pending(int milliseconds) override;
    bool proceed(uint64_t id) override;
    bool fail(uint64_t id, int error) override;
    bool succeed(uint64_t id, int64_t value) override;
    bool give_fd(uint64_t id, int fd) override;
    bool valid(uint64_t id) override;
    wire::Origin origin() const override { return wire::Origin::notify; }
    int end_fd() const override { return listener_.get(); }
    int listener() const { return listener_.get(); }

private:
    Next receive(seccomp_notif& n, Trap& trap);
    bool answer(uint64_t id, int64_t value, int error, uint32_t flags);
    UniqueFd listener_;
};

}  // namespace undercoat::instrument
