// What the platform's metadata endpoint tells of the container: on ECS the task metadata endpoint, version 4; on Cloud Run
// the metadata server.
//
// Must stay true: the endpoint is asked by a thread of its own, so nobody waits for it; each answer is bounded in size and time, there
// are a few attempts and then never again; what it says is text of unknown origin; the environment, where it names the same, wins.
// Sources: the pages "Amazon ECS task metadata endpoint version 4" and "Container runtime contract" of the two platforms.
#pragma once

#include "supervisor/state/container.h"

#include <chrono>
#include <memory>
#include <string>

namespace undercoat::state {

class Metadata {
public:
    using Environment = const char* (*)(const char*);
    // Starts to ask where the environment names an endpoint. pause: before the second attempt, ever longer before the next ones.
    explicit Metadata(Environment env, std::chrono::milliseconds pause = std::chrono::milliseconds(200));
    // Ends the thread within a tenth of a second, whatever the endpoint does.
    ~Metadata();

    // Whether an answer has come since the last call; it is put into c. Never blocks.
    bool take(Container& c);

    struct Asker;

private:
    std::unique_ptr<Asker> asker_;  // null where there is no endpoint
};

// Parts, for tests. Each returns false and leaves c alone if the text is no such answer.
bool take_ecs_container(std::string_view json, Container& c);
bool take_ecs_task(std::string_view json, Container& c);

}  // namespace undercoat::state
