// Conditions as filters of alerts; the index's terms never hide an alert that a condition matches.
#include "collector/query/filter.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace undercoat::collector {
namespace {

AlertRecord sample() {
    AlertRecord r;
    r.severity = 4;
    r.rule = "Read sensitive file";
    r.source = "syscall";
    r.hostname = "web-1";
    r.agent = "0a";
    r.message = "a file was read";
    r.tags = R"(["T1555","filesystem"])";
    r.fields =
        R"({"proc.name":"cat","proc.pid":4711,"fd.name":"/etc/shadow","fd.sip":"10.1.2.3","proc.aname[2]":"bash","user.uid":0,"x.null":null,"b.flag":true})";
    r.context = R"({"proc.exepath":"/bin/cat","proc.name":"other"})";
    return r;
}

bool matches(const std::string& condition, const AlertRecord& r = sample()) {
    auto f = Filter::compile(condition);
    if (auto* e = std::get_if<FilterError>(&f)) {
        ADD_FAILURE() << condition << ": " << e->message;
        return false;
    }
    return FilterRun(std::get<0>(f)).matches(r);
}

TEST(Filter, LooksAtFieldsContextAndTheAlertItself) {
    EXPECT_TRUE(matches("proc.name = cat"));
    EXPECT_FALSE(matches("proc.name = other")) << "the output's fields come first";
    EXPECT_TRUE(matches("proc.exepath startswith /bin"));
    EXPECT_TRUE(matches("alert.rule = \"Read sensitive file\" and alert.priority = Warning and alert.severity <= 4"));
    EXPECT_TRUE(matches("alert.hostname glob web-* and alert.output contains read"));
    EXPECT_TRUE(matches("not proc.name in (sh, bash)"));
}

TEST(Filter, NumbersCompareAsTextAndInOrder) {
    EXPECT_TRUE(matches("proc.pid = 4711"));
    EXPECT_TRUE(matches("proc.pid > 4000 and proc.pid < 5000"));
    EXPECT_FALSE(matches("proc.pid >= 4712"));
    EXPECT_TRUE(matches("user.uid = 0 and b.flag = true"));
}

TEST(Filter, TagsAncestorsAndNetworks) {
    EXPECT_TRUE(matches("alert.tags = T1555"));
    EXPECT_TRUE(matches("alert.tags in (T1, filesystem)"));
    EXPECT_FALSE(matches("alert.tags = T1"));
    EXPECT_TRUE(matches("proc.aname[2] = bash and proc.aname = bash"));
    EXPECT_TRUE(matches("fd.snet in (10.0.0.0/8)"));
    EXPECT_FALSE(matches("fd.snet in (192.168.0.0/16)"));
}

TEST(Filter, AFieldThatIsMissingMakesEveryComparisonFalse) {
    EXPECT_FALSE(matches("nothing.like.it = 1"));
    EXPECT_TRUE(matches("not nothing.like.it exists and proc.name exists"));
    EXPECT_FALSE(matches("x.null exists"));
}

TEST(Filter, SaysWhatIsWrongAndWhere) {
    auto f = Filter::compile("proc.name = ");
    ASSERT_TRUE(std::holds_alternative<FilterError>(f));
    EXPECT_GE(std::get<FilterError>(f).offset, 10U);
    EXPECT_TRUE(std::holds_alternative<FilterError>(Filter::compile("no_such_macro and proc.name = a")));
    EXPECT_TRUE(std::holds_alternative<FilterError>(Filter::compile(std::string(9000, 'a'))));
    EXPECT_TRUE(std::holds_alternative<FilterError>(Filter::compile(std::string(4000, '('))));
}

// A needed expression evaluated on the alert's terms, as FTS5 does it: terms joined by AND, OR and parentheses.
class Expression {
public:
    Expression(std::string text, std::set<std::string> terms) : text_(std::move(text)), terms_(std::move(terms)) {}
    bool value() { return any(); }

private:
    bool any() {
        bool v = all();
        while (word("OR")) v |= all();
        return v;
    }
    bool all() {
        bool v = one();
        while (word("AND")) v &= one();
        return v;
    }
    bool one() {
        blanks();
        if (text_[at_] == '(') {
            ++at_;
            const bool v = any();
            blanks();
            ++at_;
            return v;
        }
        const size_t end = std::min(text_.find_first_of(" )", at_), text_.size());
        const std::string term = text_.substr(at_, end - at_);
        at_ = end;
        return terms_.contains(term);
    }
    bool word(const std::string& w) {
        blanks();
        if (text_.compare(at_, w.size(), w) != 0) return false;
        at_ += w.size();
        return true;
    }
    void blanks() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    std::string text_;
    std::set<std::string> terms_;
    size_t at_ = 0;
};

TEST(Filter, NeededTermsAreThoseOfEveryMatch) {
    std::istringstream all(terms_of(sample()));
    const std::set<std::string> terms{std::istream_iterator<std::string>(all), {}};
    const char* conditions[] = {"proc.name = cat",
                                "proc.name in (sh, cat)",
                                "proc.name = cat and proc.pid = 4711",
                                "proc.name = sh or fd.name = /etc/shadow",
                                "(proc.name = sh or fd.name = /etc/shadow) and alert.tags = T1555",
                                "proc.aname = bash",
                                "proc.aname[2] = bash",
                                "alert.priority = Warning",
                                "alert.rule = \"Read sensitive file\"",
                                "not proc.name = sh",
                                "proc.name = cat and not fd.name = x",
                                "b.flag = true",
                                "proc.exepath = /bin/cat"};
    for (const char* c : conditions) {
        const auto f = std::get<0>(Filter::compile(c));
        ASSERT_TRUE(FilterRun(f).matches(sample())) << c;
        if (!f->needed_terms().empty()) {
            EXPECT_TRUE(Expression(f->needed_terms(), terms).value()) << c << ": " << f->needed_terms();
        }
    }
    EXPECT_TRUE(std::get<0>(Filter::compile("not proc.name = sh"))->needed_terms().empty());
    EXPECT_TRUE(std::get<0>(Filter::compile("proc.name = sh or proc.name contains a"))->needed_terms().empty());
    EXPECT_TRUE(std::get<0>(Filter::compile("proc.pid = 5 and proc.pid > 3"))->needed_terms().empty());
    const auto miss = std::get<0>(Filter::compile("proc.name = sh"));
    EXPECT_FALSE(Expression(miss->needed_terms(), terms).value());
}

TEST(Filter, TermsOfASeverityAreThoseOfItAndOfWorse) {
    for (unsigned severity = 0; severity < 8; ++severity) {
        AlertRecord record = sample();
        record.severity = severity;
        std::istringstream all(terms_of(record));
        const std::set<std::string> terms{std::istream_iterator<std::string>(all), {}};
        for (unsigned least = 0; least < 8; ++least)
            EXPECT_EQ(severity <= least, Expression(terms_of_severity(least), terms).value()) << severity << " " << least;
    }
}

TEST(Filter, EachTermIsKeptOnce) {
    AlertRecord record = sample();
    record.context = record.fields;
    std::istringstream all(terms_of(record));
    const std::vector<std::string> terms{std::istream_iterator<std::string>(all), {}};
    EXPECT_EQ(terms.size(), std::set<std::string>(terms.begin(), terms.end()).size());
}

}  // namespace
}  // namespace undercoat::collector
