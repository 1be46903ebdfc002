// Reading a file of alerts, see partition.h.
#include "collector/store/partition.h"

#include "collector/query/words.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

constexpr int64_t kMinute = 60'000'000'000;
constexpr const char* kColumns =
    "a.id, a.time, a.received, a.severity, a.rule, a.source, a.hostname, a.agent, a.message, a.tags, a.fields, "
    "a.context";

int64_t minute_after(int64_t ns) {
    if (ns == INT64_MAX) return INT64_MAX;
    return ns / kMinute + (ns % kMinute != 0 ? 1 : 0);
}
int64_t minute_of(int64_t ns) { return ns == INT64_MIN ? INT64_MIN : ns / kMinute; }

}  // namespace

std::string words_expression(std::string_view words) {
    constexpr size_t kMostWords = 32;
    std::string out;
    for (const Word& w : words_of(words, kMostWords))
        out += (out.empty() ? "\"" : " AND \"") + w.text + (w.begins ? "\"*" : "\"");
    return out;
}

PartitionReader::PartitionReader(const PartitionFacts& facts)
    : number_(facts.number), db_(facts.path, Database::Use::read) {}

AlertRecord PartitionReader::read(Statement& row) const {
    AlertRecord r;
    r.id = {number_, row.number(0)};
    r.time_ns = row.number(1);
    r.received_ns = row.number(2);
    r.severity = static_cast<unsigned>(row.number(3));
    r.rule = row.text(4), r.source = row.text(5), r.hostname = row.text(6), r.agent = row.text(7),
    r.message = row.text(8);
    r.tags = row.text(9), r.fields = row.text(10), r.context = row.text(11);
    return r;
}

// `match` keeps the bound text alive.
Statement PartitionReader::select(const Search& search, int64_t before_row, std::string& match) {
    const std::string words = words_expression(search.words);
    if (!words.empty()) match = "words : (" + words + ")";
    if (search.filter && !search.filter->needed_terms().empty())
        match += (match.empty() ? "" : " AND ") + std::string("terms : (") + search.filter->needed_terms() + ")";
    if (search.least_severity && *search.least_severity < 7)
        match += (match.empty() ? "" : " AND ") + std::string("terms : (") + terms_of_severity(*search.least_severity) + ")";
    int64_t first = INT64_MIN;
    if (search.from_ns != INT64_MIN || search.to_ns != INT64_MAX) {
        Statement range(
            db_,
            "SELECT coalesce(min(first), 0), coalesce(max(last), -1) FROM minutes WHERE minute >= ? AND minute < ?");
        range.bind(1, minute_of(search.from_ns)).bind(2, minute_after(search.to_ns));
        if (range.step()) {
            first = range.number(0);
            before_row = std::min(before_row, range.number(1) + 1);
        }
    }
    const std::string sql =
        match.empty()
            ? std::string("SELECT ") + kColumns + " FROM alerts a WHERE a.id < ?1 AND a.id >= ?2 ORDER BY a.id DESC"
            : std::string("SELECT ") + kColumns +
                  " FROM search s CROSS JOIN alerts a ON a.id = s.rowid"
                  " WHERE s.search MATCH ?3 AND s.rowid < ?1 AND s.rowid >= ?2 ORDER BY s.rowid DESC";
    Statement statement(db_, sql);
    statement.bind(1, before_row).bind(2, first);
    if (!match.empty()) statement.bind(3, match);
    return statement;
}

std::optional<AlertRecord> PartitionReader::find(int64_t row) {
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM alerts a WHERE a.id = ?");
    s.bind(1, row);
    if (!s.step()) return std::nullopt;
    return read(s);
}

bool PartitionReader::add_counts(const Search& search, int64_t step_ns, std::vector<HistogramBar>& bars) {
    return until_deadline(search, [&] {
        Statement s(db_,
                    "SELECT minute, severity, sum(n) FROM counts WHERE minute >= ? AND minute < ? AND severity <= ? GROUP BY 1, 2");
        s.bind(1, minute_of(search.from_ns)).bind(2, minute_after(search.to_ns));
        s.bind(3, static_cast<int64_t>(search.least_severity.value_or(7)));
        while (s.step()) {
            const int64_t offset = s.number(0) * kMinute - search.from_ns;
            const auto bar = static_cast<size_t>(std::max<int64_t>(offset, 0) / step_ns);
            if (bar < bars.size()) bars[bar].by_severity[s.number(1) & 7] += static_cast<uint64_t>(s.number(2));
        }
        return true;
    });
}

bool PartitionReader::add_top(const Search& search, Counted what, ValueCounts& values) {
    const std::string from = what == Counted::rule   ? "rule, sum(n) FROM counts"
                             : what == Counted::host ? "host, sum(n) FROM counts"
                                                     : "tag, sum(n) FROM tag_counts";
    return until_deadline(search, [&] {
        Statement s(db_, "SELECT " + from + " WHERE minute >= ? AND minute < ? AND severity <= ? GROUP BY 1");
        s.bind(1, minute_of(search.from_ns)).bind(2, minute_after(search.to_ns));
        s.bind(3, static_cast<int64_t>(search.least_severity.value_or(7)));
        while (s.step()) values.add(s.text(0), static_cast<uint64_t>(s.number(1)));
        return true;
    });
}

}  // namespace undercoat::collector
