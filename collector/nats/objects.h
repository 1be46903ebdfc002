// nats.c as objects, as far as the backbone needs it.
#pragma once

#include <nats/nats.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace undercoat::collector {

struct NatsError : std::runtime_error {
    NatsError(const std::string& what, natsStatus s) : std::runtime_error(what + ": " + natsStatus_GetText(s)), status(s) {}
    natsStatus status;
};

inline void check(natsStatus s, const char* what) {
    if (s != NATS_OK) throw NatsError(what, s);
}

template <auto Destroy>
struct NatsDelete {
    template <class T>
    void operator()(T* p) const {
        Destroy(p);
    }
};
using NatsOptions = std::unique_ptr<natsOptions, NatsDelete<natsOptions_Destroy>>;
using NatsConnection = std::unique_ptr<natsConnection, NatsDelete<natsConnection_Destroy>>;
using NatsContext = std::unique_ptr<jsCtx, NatsDelete<jsCtx_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, NatsDelete<natsSubscription_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, NatsDelete<natsMsg_Destroy>>;

}  // namespace undercoat::collector
