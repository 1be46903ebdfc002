// Times, and event content made harmless.
#include "supervisor/fields/render.h"

#include "base/utf8.h"

#include <gtest/gtest.h>

namespace undercoat::fields {
namespace {

std::string harmless(std::string_view text) {
    rules::Arena arena;
    return std::string(sanitized(text, arena));
}

TEST(Sanitized, ReplacesEachBadByte) {
    EXPECT_EQ(harmless("new\nline"), "new\ufffdline");
    EXPECT_EQ(harmless("bad\xff\xfe" "byte"), "bad\ufffd\ufffdbyte");
    EXPECT_EQ(harmless("nul\x01\x7f" "ctl"), "nul\ufffd\ufffdctl");
    EXPECT_EQ(harmless("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // a surrogate
    EXPECT_EQ(harmless("\xc0\xaf"), "\ufffd\ufffd");            // overlong
    EXPECT_EQ(harmless("\xf0\x9f\x98"), "\ufffd\ufffd\ufffd");  // cut short
}

TEST(Sanitized, KeepsValidText) {
    const std::string_view text = "\u00fcml\u00e4ut \u4e2d \U0001f600 <b>\"\\";
    rules::Arena arena;
    EXPECT_EQ(sanitized(text, arena).data(), text.data());
}

TEST(Time, Forms) {
    const uint64_t ts = 1700000000123456789;
    EXPECT_EQ(time_string(ts, TimeForm::iso8601_utc), "2023-11-14T22:13:20.123456789");
    rules::Arena arena;
    EXPECT_EQ(time_text(ts, TimeForm::iso8601_utc, arena), "2023-11-14T22:13:20.123456789+0000");
    EXPECT_EQ(time_string(1000000000, TimeForm::time).substr(8), ".000000000");
}

TEST(Printable, DotsForTheRest) {
    rules::Arena arena;
    EXPECT_EQ(printable(std::string_view("a\0b\xff~", 5), arena), "a.b.~");
}

}  // namespace
}  // namespace undercoat::fields
