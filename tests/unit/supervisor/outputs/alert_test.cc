// Alert lines, byte by byte.
#include "supervisor/outputs/alert.h"

#include "supervisor/outputs/json_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace undercoat::outputs {
namespace {

using rules::Value;

class AlertTest : public ::testing::Test {
protected:
    void SetUp() override {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
        alert.rule = "Say \"hi\"";
        alert.priority = "Warning";
        alert.tags = tags;
        alert.ts = 1700000000123456789;
    }
    std::vector<std::string> tags{"a", "b"};
    Alert alert;
};

TEST_F(AlertTest, TextIsEscapedLikeJson) {
    alert.message = "file=/a\"b\\c\nd \xff <x> \u00fc";
    std::string line;
    append_text_line(alert, line);
    EXPECT_EQ(line, "22:13:20.123456789: Warning file=/a\\\"b\\\\c\\nd \ufffd <x> \u00fc\n");
}

TEST_F(AlertTest, JsonHasFalcosKeysInOrder) {
    alert.message = "m";
    const std::vector<AlertField> fields{{"evt.type", Value::text("open")},
                                         {"fd.num", Value::i64(-1)},
                                         {"fd.sip", Value()},
                                         {"proc.is_exe_upper_layer", Value::boolean(true)},
                                         {"user.uid", Value::u64(0)}};
    alert.fields = fields;
    std::string line;
    append_json_line(alert, "box", line);
    EXPECT_EQ(line, R"({"hostname":"box","output":"22:13:20.123456789: Warning m","output_fields":{"evt.time":1700000000123456789,)"
                    R"("evt.type":"open","fd.num":-1,"fd.sip":null,"proc.is_exe_upper_layer":true,"user.uid":0},)"
                    R"("priority":"Warning","rule":"Say \"hi\"","source":"syscall","tags":["a","b"],)"
                    R"("time":"2023-11-14T22:13:20.123456789Z"})"
                    "\n");
}

TEST_F(AlertTest, FieldsAreNeverEmptyAndTimeIsANumber) {
    const std::vector<AlertField> fields{{"evt.time", Value::text("22:13:20")}};
    alert.fields = fields;
    std::string line;
    append_json_line(alert, "box", line);
    EXPECT_NE(line.find(R"("output_fields":{"evt.time":1700000000123456789})"), line.npos) << line;
    line.clear();
    alert.fields = {};
    append_json_line(alert, "box", line);
    EXPECT_NE(line.find(R"("output_fields":{"evt.time":1700000000123456789})"), line.npos) << line;
}

TEST(Escapes, ControlBytes) {
    std::string out;
    append_escaped(std::string_view("\x00\x1f\x7f\t", 4), out);
    EXPECT_EQ(out, "\\u0000\\u001f\x7f\\t");
}

}  // namespace
}  // namespace undercoat::outputs
