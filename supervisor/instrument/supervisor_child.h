// The supervisor as a child process: started, watched, started again.
//
// Must stay true: a dead supervisor is replaced at once (after five deaths in a row with growing pauses, for ever); the new
// one is handed the registry, the trap ring, the listener and every ring, and goes on where the tails stand. One that was told
// to stop and is killed before it has emptied the rings is replaced too, at once and at most three times.
#pragma once

#include <string>
#include <vector>

#include "supervisor/instrument/held_place.h"
#include "supervisor/instrument/registrar.h"
#include "supervisor/instrument/shared.h"

namespace undercoat::instrument {

class SupervisorChild {
public:
    SupervisorChild(Shared& shared, Registrar& registrar, std::string path, std::vector<std::string> arguments, HandOver& hand_over)
        : shared_(shared), registrar_(registrar), path_(std::move(path)), arguments_(std::move(arguments)), hand_over_(hand_over) {}

    // Ends the supervisor of a trap process that has died: two must not read at once. Before the first start.
    void retire_left();

    // Starts it when it does not run and its pause is over. True: started just now.
    bool start_if_due(uint64_t now);
    // Milliseconds until start_if_due has something to do; -1: nothing to wait for.
    int wait_ms(uint64_t now) const;
    void set_listener(int fd);
    // Asks it to empty the rings and end; one that takes its place is asked again.
    void tell_stop();
    // Nothing more is to come of it: it was told to stop, and ended of itself or died too often.
    bool finished() const { return finished_ || !present(); }
    // Handles what its socket or its death say. Call when either descriptor is readable. True: it became ready.
    bool attend(uint64_t now);
    bool running() const { return pid_ > 0; }
    bool present() const { return !path_.empty(); }
    int socket() const { return socket_.get(); }
    int pidfd() const { return pidfd_.get(); }
    void kill();

private:
    void died(uint64_t now);
    void note_pid();
    [[noreturn]] void become_supervisor(int socket);
    Shared& shared_;
    Registrar& registrar_;
    std::string path_;
    std::vector<std::string> arguments_;
    HandOver& hand_over_;
    UniqueFd socket_, pidfd_;
    pid_t pid_ = -1;
    int listener_ = -1;
    bool stopping_ = false, stop_told_ = false, finished_ = false;
    uint64_t started_ = 0, due_ = 0;
    unsigned deaths_ = 0, final_deaths_ = 0;
};

}  // namespace undercoat::instrument
