// Stores that several collectors share. Their client libraries exist as shared libraries only, so that they are in a program of its
// own, `collector-shared`, beside the static `collector`.
//
// Must stay true: both programs are the same but for this, and a person starts `collector` only.
#pragma once

#include "collector/backend.h"

#include <functional>
#include <memory>
#include <string>

namespace undercoat::collector {

struct SharedSettings {
    std::string store;     // postgresql://…; empty: the directory
    std::string password;  // of the store, from a file
    std::string nats;      // nats://…; empty: no backbone
    std::string stream = "undercoat", credentials, token, ca_file;
    int replicas = 1;
    bool any() const { return !store.empty() || !nats.empty(); }
};

// In `collector`: becomes `collector-shared`, with the same arguments; returns only what went wrong. There: nothing is wrong.
Status be_the_shared_program(char** arguments);
Result<std::unique_ptr<Backend>> open_shared_backend(const SharedSettings& shared, const StoreSettings& settings,
                                                     std::function<void(const std::string&)> log);
Result<std::unique_ptr<Backbone>> open_shared_backbone(const SharedSettings& shared, std::function<void(const std::string&)> log);

}  // namespace undercoat::collector
