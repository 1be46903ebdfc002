// Command line and variables.
#include "supervisor/instrument/options.h"

#include <gtest/gtest.h>
#include <map>

namespace undercoat::instrument {
namespace {

using Words = std::vector<std::string>;

Result<Options> parse(Words words, std::map<std::string, std::string> env = {}) {
    std::vector<const char*> argv{"instrument"};
    for (const std::string& w : words) argv.push_back(w.c_str());
    return parse_options(static_cast<int>(argv.size()), argv.data(), [&](const char* name) -> const char* {
        const auto it = env.find(name);
        return it == env.end() ? nullptr : it->second.c_str();
    });
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(Options, TakesTheCommandWithItsOwnOptions) {
    auto o = parse({"ls", "--mode", "-l"});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->command, (Words{"ls", "--mode", "-l"}));
    EXPECT_EQ(o->mode, Mode::automatic);
    o = parse({"--mode=trap", "--", "--odd", "name"});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->mode, Mode::trap);
    EXPECT_EQ(o->command, (Words{"--odd", "name"}));
}

TEST(Options, ProtectsAndReportsUnlessToldOtherwise) {
    auto o = parse({"x"});
    ASSERT_TRUE(o);
    EXPECT_TRUE(o->protection.deny);
    EXPECT_FALSE(o->protection.deny_uring);
    o = parse({"--protect", "report", "x"}, {{"UNDERCOAT_PROTECT", "deny"}, {"UNDERCOAT_IO_URING", "deny"}});
    ASSERT_TRUE(o);
    EXPECT_FALSE(o->protection.deny) << "the flag wins";
    EXPECT_TRUE(o->protection.deny_uring);
    o = parse({"--io-uring=never", "x"});
    EXPECT_FALSE(o);
    EXPECT_TRUE(says(o.error(), "report, deny"));
}

TEST(Options, PassesTheSupervisorsOptionsOn) {
    auto o = parse({"--rules", "a", "--json", "--rules=b", "--log", "debug", "--alerts", "stdout", "x"});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->supervisor, (Words{"--rules", "a", "--json", "--rules", "b", "--log", "debug", "--alerts", "stdout"}));
    EXPECT_EQ(o->log, LogLevel::debug);
    EXPECT_EQ(o->command, Words{"x"});
}

TEST(Options, NeedsNoCommandBesideAnApplication) {
    auto o = parse({"--beside", "7"}, {{"UNDERCOAT_FORMAT", "json"}});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->beside, 7);
    EXPECT_EQ(o->supervisor, (Words{"--format", "json"}));
    EXPECT_FALSE(parse({"--beside", "x"}));
    EXPECT_FALSE(parse({"--beside", "-1"}));
    EXPECT_EQ(parse({"--json", "x"}, {{"UNDERCOAT_FORMAT", "text"}})->supervisor, Words{"--json"});
    EXPECT_EQ(parse({"x"}, {{"UNDERCOAT_FORMAT", "xml"}})->env_errors.size(), 1u);
}

TEST(Options, NamesWhatIsWrongAndWhatIsAllowed) {
    auto o = parse({"--mode", "fast", "x"});
    ASSERT_FALSE(o);
    EXPECT_TRUE(says(o.error(), "'fast'") && says(o.error(), "auto, full, preload, trap")) << o.error();
    o = parse({"--trap", "gdb", "x"});
    ASSERT_FALSE(o);
    EXPECT_TRUE(says(o.error(), "'gdb'") && says(o.error(), "auto, notify, ptrace, ptrace-all")) << o.error();
    EXPECT_EQ(parse({"--trap", "ptrace", "x"})->trap, TrapKind::ptrace);
    EXPECT_EQ(parse({"--trap", "ptrace-all", "x"})->trap, TrapKind::ptrace_all);
    EXPECT_FALSE(parse({"--unheard", "x"}));
    EXPECT_FALSE(parse({"-z", "x"}));
    EXPECT_FALSE(parse({"--json=yes", "x"}));
    EXPECT_FALSE(parse({"--rules"}));
    EXPECT_FALSE(parse({}));
    EXPECT_FALSE(parse({"--json"}));
    EXPECT_FALSE(parse({"--no-filter", "--mode", "full", "x"}));
    EXPECT_TRUE(parse({"--help"}));
}

TEST(Options, ReadsVariablesUnlessAFlagIsGiven) {
    auto o = parse({"x"}, {{"UNDERCOAT_MODE", "preload"}, {"UNDERCOAT_RULES", "a:b:"}, {"UNDERCOAT_ALERTS", "stderr"},
                           {"UNDERCOAT_EVENTS", "e"}, {"UNDERCOAT_LOGGING", "error"}, {"UNDERCOAT_PRIORITY", "security"}});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->mode, Mode::preload);
    EXPECT_TRUE(o->hold_until_ready);
    EXPECT_EQ(o->log, LogLevel::error);
    EXPECT_EQ(o->supervisor,
              (Words{"--log", "error", "--rules", "a", "--rules", "b", "--alerts", "stderr", "--events", "e"}));
    o = parse({"--mode", "trap", "--rules", "c", "x"}, {{"UNDERCOAT_MODE", "preload"}, {"UNDERCOAT_RULES", "a"}});
    ASSERT_TRUE(o);
    EXPECT_EQ(o->mode, Mode::trap);
    EXPECT_EQ(o->supervisor, (Words{"--rules", "c"}));
}

TEST(Options, ReportsBadVariablesWithoutFailing) {
    auto o = parse({"x"}, {{"UNDERCOAT_MODE", "quick"}, {"UNDERCOAT_LOGGING", "loud"}, {"UNDERCOAT_PRIORITY", "both"}});
    ASSERT_TRUE(o);
    ASSERT_EQ(o->env_errors.size(), 3u);
    EXPECT_TRUE(says(o->env_errors[0], "UNDERCOAT_PRIORITY") && says(o->env_errors[0], "availability, security"));
    EXPECT_TRUE(says(o->env_errors[1], "UNDERCOAT_MODE") && says(o->env_errors[1], "'quick'"));
    EXPECT_TRUE(says(o->env_errors[2], "'loud'") && says(o->env_errors[2], "silent"));
    EXPECT_EQ(o->mode, Mode::automatic);
    EXPECT_TRUE(o->supervisor.empty());
}

}  // namespace
}  // namespace undercoat::instrument
