// What a file already holds is found again, each occurrence once.
#include "supervisor/outputs/resume.h"

#include "base/unique_fd.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

UniqueFd file_with(const std::string& text) {
    char name[] = "/tmp/undercoat-resume-XXXXXX";
    UniqueFd fd(::mkstemp(name));
    ::unlink(name);
    EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return fd;
}

TEST(Resume, EventsByIdAndTime) {
    const UniqueFd fd = file_with("{\"id\":\"1:5\",\"num\":1,\"ts\":77,\"x\":1}\nrubbish\n{\"id\":\"2:5\",\"ts\":78}\n");
    WrittenLines w = WrittenLines::read(fd.get(), 1 << 20, event_line_key);
    EXPECT_FALSE(w.take(event_key("1:5", 78)));
    EXPECT_TRUE(w.take(event_key("1:5", 77)));
    EXPECT_FALSE(w.take(event_key("1:5", 77)));
    EXPECT_TRUE(w.take(event_key("2:5", 78)));
    EXPECT_TRUE(w.empty());
}

TEST(Resume, EqualAlertsAreCounted) {
    const std::string line = R"({"rule":"R","time":"T"})" "\n";
    const UniqueFd fd = file_with(line + line);
    WrittenLines w = WrittenLines::read(fd.get(), 1 << 20, json_alert_key);
    EXPECT_TRUE(w.take(alert_key("R", "T")));
    EXPECT_TRUE(w.take(alert_key("R", "T")));
    EXPECT_FALSE(w.take(alert_key("R", "T")));
}

TEST(Resume, OnlyTheEndIsRead) {
    const UniqueFd fd = file_with("first\nsecond\nthird\n");
    WrittenLines w = WrittenLines::read(fd.get(), 10, text_alert_key);
    EXPECT_FALSE(w.take("first"));
    EXPECT_FALSE(w.take("second"));
    EXPECT_TRUE(w.take("third"));
}

}  // namespace
}  // namespace undercoat::outputs
