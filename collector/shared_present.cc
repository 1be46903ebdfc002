// The part of shared.h in `collector-shared`.
#include "collector/shared.h"
#include "collector/store/postgres_backend.h"

namespace undercoat::collector {

Status be_the_shared_program(char**) { return Unit{}; }

Result<std::unique_ptr<Backend>> open_shared_backend(const SharedSettings& shared, const StoreSettings& settings,
                                                     std::function<void(const std::string&)> log) {
    return open_postgres_backend({shared.store, shared.password}, settings, std::move(log));
}

}  // namespace undercoat::collector
