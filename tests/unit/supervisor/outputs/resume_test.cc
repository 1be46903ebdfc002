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

TEST(Resume, EventsByIdAndSecond) {
    const UniqueFd fd = file_with("{\"id\":\"1:5\",\"num\":1,\"ts\":5300000000,\"x\":1}\nrubbish\n{\"id\":\"2:5\",\"ts\":5999999990}\n");
    WrittenLines w = WrittenLines::read(fd.get(), 1 << 20, event_line_key);
    EXPECT_FALSE(take_event(w, "1:5", 7300000000)) << "an event of another run";
    EXPECT_FALSE(take_event(w, "1:6", 5300000000));
    EXPECT_TRUE(take_event(w, "1:5", 5300000019)) << "the same, read by another clock";
    EXPECT_FALSE(take_event(w, "1:5", 5300000019));
    EXPECT_TRUE(take_event(w, "2:5", 6000000009)) << "across the border of a second";
    EXPECT_TRUE(w.empty());
}

TEST(Resume, OnlyTheEndIsRead) {
    const UniqueFd fd = file_with("first\nsecond\nthird\n");
    WrittenLines w = WrittenLines::read(fd.get(), 10, [](std::string_view l) { return std::string(l); });
    EXPECT_FALSE(w.take("first"));
    EXPECT_FALSE(w.take("second"));
    EXPECT_TRUE(w.take("third"));
}

}  // namespace
}  // namespace undercoat::outputs
