// The writer: bounded in bytes, and nothing that a store does ends its thread.
#include "collector/ingest/writer.h"

#include <gtest/gtest.h>

#include <future>

namespace undercoat::collector {
namespace {

struct Refusing : Committer {
    std::promise<void> asked;
    std::atomic<bool> refuses{true}, told{false};
    Result<Stored> commit(const std::vector<Incoming>& incoming) override {
        if (!told.exchange(true)) asked.set_value();
        if (refuses) throw std::runtime_error("disk I/O error");
        Stored s;
        s.each.resize(incoming.size());
        return s;
    }
    void tidy() override { throw std::runtime_error("disk I/O error"); }
};

Incoming large() {
    Incoming in;
    in.alerts.resize(64);
    for (remote::Alert& a : in.alerts) a.message.assign(64 * 1024, 'x');
    return in;
}

TEST(Writer, CountsBytesAndOutlivesAStoreThatThrows) {
    Refusing store;
    size_t stored = 0, waited = 0;
    std::vector<std::string> said;
    {
        Writer writer(store, [](const std::vector<Incoming>&, Stored&&) {}, [] {}, [&](const std::string& text) { said.push_back(text); });
        bool go_on = true;
        for (int i = 0; i < 64 && !writer.full(); ++i) {
            go_on = writer.submit(large(), [&] { ++stored; }, [] {});
            ++waited;
        }
        EXPECT_FALSE(go_on);
        EXPECT_LT(writer.waiting(), 20'000U) << "few alerts, but large";
        EXPECT_TRUE(writer.full());
        ASSERT_EQ(store.asked.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
        store.refuses = false;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (writer.waiting_bytes() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        EXPECT_EQ(writer.waiting_bytes(), 0U);
    }
    EXPECT_EQ(stored, waited);
    ASSERT_FALSE(said.empty());
    EXPECT_NE(said[0].find("disk I/O error"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::collector
