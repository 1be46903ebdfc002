// A hostile process cannot make the state grow without end.
#include "tests/unit/supervisor/state/state_fixture.h"

#include <malloc.h>

namespace undercoat::state {
namespace {

Options small() {
    Options o;
    o.read_proc = false;
    o.limits.threads = 100;
    o.limits.threads_per_process = 10;
    o.limits.fds_per_process = 20;
    o.limits.fds = 50;
    return o;
}

void run(State& s, const std::string& json) {
    event::Event e;
    ASSERT_TRUE(event::parse_json(json, e));
    s.apply(e);
    s.finish();
}

std::string number(int n) { return std::to_string(n); }

TEST(Bounds, Threads) {
    State s(small());
    for (int i = 1; i <= 1000; ++i) run(s, R"({"type":"getuid","pid":)" + number(i) + "}");
    EXPECT_LE(s.thread_count(), 100u);
    EXPECT_GE(s.counters().purged_threads, 900u);
    EXPECT_NE(s.thread(1000), nullptr);
    EXPECT_EQ(s.thread(1), nullptr);
}

TEST(Bounds, ThreadsOfOneProcess) {
    State s(small());
    run(s, R"({"type":"getuid","pid":1})");
    run(s, R"({"type":"getuid","pid":2000})");
    for (int i = 2; i <= 100; ++i) run(s, R"({"type":"getuid","pid":1,"tid":)" + number(i) + "}");
    EXPECT_LE(s.thread_count(), 12u);
    EXPECT_EQ(s.counters().refused_threads, 90u);
    EXPECT_NE(s.thread(2000), nullptr);
}

TEST(Bounds, AChildCostsTheSameHoweverManyThereAre) {
    Options o = small();
    o.limits.threads = 20000;
    State s(o);
    run(s, R"({"type":"getuid","pid":1})");
    const auto bytes_of_children = [&](int first, int n) {
        const size_t before = mallinfo2().uordblks;
        for (int i = first; i < first + n; ++i) run(s, R"({"type":"vfork","pid":1,"params":{"res":)" + number(i) + "}}");
        return mallinfo2().uordblks - before;
    };
    const size_t early = bytes_of_children(2, 1000);
    bytes_of_children(1002, 8000);
    EXPECT_EQ(s.thread_count(), 9001u);
    EXPECT_LE(bytes_of_children(9002, 1000), 2 * early + 1000 * 100);
}

TEST(Bounds, DescriptorsOfOneProcessAndOfAll) {
    State s(small());
    for (int p = 1; p <= 5; ++p)
        for (int i = 0; i < 100; ++i)
            run(s, R"({"type":"open","pid":)" + number(p) + R"(,"params":{"fd":)" + number(i) + R"(,"name":"/x","flags":1}})");
    EXPECT_EQ(s.thread(1)->fd_count(), 20u);
    size_t all = 0;
    s.each_thread([&](const Thread& t) { all += t.fd_count(); });
    EXPECT_EQ(all, 50u);
    EXPECT_EQ(s.counters().refused_fds, 450u);
    // Room that became free can be used again.
    run(s, R"({"type":"close","pid":1,"params":{"res":0,"fd":3}})");
    run(s, R"({"type":"open","pid":1,"params":{"fd":3,"name":"/y","flags":1}})");
    EXPECT_EQ(s.thread(1)->fd(3)->name, "/y");
}

TEST(Bounds, ARefusedDescriptorIsStillThereForItsEvent) {
    State s(small());
    for (int i = 0; i < 20; ++i) run(s, R"({"type":"open","pid":1,"params":{"fd":)" + number(i) + R"(,"name":"/x","flags":1}})");
    event::Event e;
    ASSERT_TRUE(event::parse_json(R"({"type":"open","pid":1,"params":{"fd":99,"name":"/etc/shadow","flags":1}})", e));
    s.apply(e);
    EXPECT_EQ(s.context().fd->name, "/etc/shadow");
}

TEST(Bounds, AnExecutionsVectorsAreCut) {
    State s(small());
    std::string list = "\"" + std::string(6000, 'a') + "\"";
    run(s, R"({"type":"execve","pid":1,"params":{"res":0,"filename":"/x","args":{"list":[)" + list + "]}}}");
    EXPECT_LE(s.thread(1)->args_text().size(), 4096u);
}

}  // namespace
}  // namespace undercoat::state
