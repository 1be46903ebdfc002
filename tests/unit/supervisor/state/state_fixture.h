// A state without /proc, fed with events in their JSON form.
#pragma once

#include "supervisor/event/json.h"
#include "supervisor/state/state.h"

#include <gtest/gtest.h>

namespace undercoat::state {

class StateTest : public ::testing::Test {
protected:
    static Options options() {
        Options o;
        o.read_proc = false;
        return o;
    }
    State state{options()};
    event::Event event;

    void SetUp() override {
        auto image = std::make_shared<Image>();
        image->exe = image->exepath = "/sbin/init";
        Thread init;
        init.tid = init.pid = init.vtid = init.vpid = 1;
        init.ppid = 0;
        init.comm = "init";
        init.uid = init.gid = 0;
        init.cwd = "/root";
        init.image = image;
        state.add(init);
    }
    // Applies and leaves the context standing.
    const Context& apply(const std::string& json) {
        const Status s = event::parse_json(json, event);
        EXPECT_TRUE(s) << s.error();
        state.apply(event);
        return state.context();
    }
    // A whole event.
    void run(const std::string& json) {
        apply(json);
        state.finish();
    }
    // A child of `parent`, told by its parent.
    void fork(int parent, int child, const std::string& more = "") {
        run(R"({"type":"clone","pid":)" + std::to_string(parent) + R"(,"params":{"res":)" + std::to_string(child) + more + "}}");
    }
    void exec(int pid, const std::string& path, const std::string& more = "") {
        run(R"({"type":"execve","pid":)" + std::to_string(pid) + R"(,"params":{"res":0,"filename":")" + path + R"(","exe":")" +
            path + "\"" + more + "}}");
    }
    const Thread& thread(int tid) {
        const Thread* t = state.thread(tid);
        EXPECT_NE(t, nullptr) << tid;
        return *t;
    }
};

}  // namespace undercoat::state
