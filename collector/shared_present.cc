// The part of shared.h in `collector-shared`.
#include "collector/nats/backbone.h"
#include "collector/shared.h"
#include "collector/store/postgres_backend.h"

namespace undercoat::collector {

Status be_the_shared_program(char**) { return Unit{}; }

Result<std::unique_ptr<Backend>> open_shared_backend(const SharedSettings& shared, const StoreSettings& settings,
                                                     std::function<void(const std::string&)> log) {
    return open_postgres_backend({shared.store, shared.password}, settings, std::move(log));
}

Result<std::unique_ptr<Backbone>> open_shared_backbone(const SharedSettings& s, std::function<void(const std::string&)> log) {
    return open_nats_backbone({s.nats, s.stream, s.credentials, s.token, s.ca_file, s.replicas}, std::move(log));
}

}  // namespace undercoat::collector
