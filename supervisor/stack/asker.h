// Has call stacks put into words by a program of its own, `unwinder`: files and stacks are hostile, and what reads them may not
// hold up or end the supervisor.
//
// Must stay true: an answer is waited for at most kPatience; a program that does not answer is killed and, after a while, started
// again; nothing is started before the first question. Not thread-safe.
#pragma once

#include "base/unique_fd.h"
#include "supervisor/event/event.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace undercoat::stack {

// A question on the socket: this, the bytes of the stack (wire::StackHead first), those of the code ranges. The answer is the text.
struct Question {
    int64_t pid;
    uint32_t vpid;
    uint32_t stack, code;  // bytes
};
inline constexpr size_t kMostAnswer = 32 * 1024;

class Asker {
public:
    static constexpr int kPatience = 300;                   // ms; reading a big file for the first time takes 40
    static constexpr uint64_t kPause = 5'000'000'000;       // ns between two starts
    // `program`: its path; empty: beside this one.
    explicit Asker(std::string program = "") : program_(std::move(program)) {}
    ~Asker() { stop(); }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    // thread.stack of the event, "" where there is none. `vpid`: its process' number in its own name space. Asked once for each event.
    const std::string& text(const event::Event& e, int64_t vpid);
    uint64_t failures() const { return failures_; }

private:
    bool start();
    void stop();
    bool ask(const event::Event& e, int64_t vpid);

    std::string program_;
    UniqueFd socket_;
    pid_t pid_ = -1;
    uint64_t may_start_ = 0, failures_ = 0;
    event::EventId last_id_;
    uint64_t last_ts_ = 0;
    std::string last_;
};

}  // namespace undercoat::stack
