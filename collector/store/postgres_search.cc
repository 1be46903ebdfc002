// Searching all files, newest first, see postgres_store.h.
#include "collector/store/postgres_store.h"

#include "collector/query/words.h"
#include "collector/store/counting.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

constexpr int64_t kMinute = 60'000'000'000;
constexpr int64_t kRows = 500;            // at a time
constexpr int64_t kFirstSpan = 1 << 18;   // ids that the first question is about
constexpr int64_t kWalked = 1 << 11;      // newest rows that are looked at before the index is asked
constexpr int64_t kNarrow = 8;            // parts of a file's ids, of which a narrow span is one at most
constexpr int64_t kBegin = 16;            // parts of a file's ids, of which the first span in it is one at most
constexpr size_t kMostWords = 32;
constexpr const char* kColumns = "SELECT file, id, time, received, severity, rule, source, hostname, agent, message, tags, fields, context ";

int64_t minute_of(int64_t ns) { return ns == INT64_MIN ? INT64_MIN : ns / kMinute; }
int64_t minute_after(int64_t ns) { return ns == INT64_MAX ? INT64_MAX : ns / kMinute + (ns % kMinute != 0 ? 1 : 0); }

AlertRecord read(const Rows& rows, int i) {
    AlertRecord r;
    r.id = {static_cast<uint32_t>(rows.number(i, 0)), rows.number(i, 1)};
    r.time_ns = rows.number(i, 2), r.received_ns = rows.number(i, 3), r.severity = static_cast<unsigned>(rows.number(i, 4));
    r.rule = rows.text(i, 5), r.source = rows.text(i, 6), r.hostname = rows.text(i, 7), r.agent = rows.text(i, 8);
    r.message = rows.text(i, 9), r.tags = rows.text(i, 10), r.fields = rows.text(i, 11), r.context = rows.text(i, 12);
    return r;
}

// Filter::needed_terms() in the language of tsquery: terms are 't' and hexadecimal digits.
std::string terms_query(const std::string& terms) {
    std::string out;
    for (size_t at = 0; at < terms.size();) {
        const size_t end = std::min(terms.find_first_of(" ()", at), terms.size());
        const std::string word = terms.substr(at, end - at);
        if (word == "AND") out += " & ";
        else if (word == "OR") out += " | ";
        else if (!word.empty()) out += "'=" + word + "'";
        if (end < terms.size() && terms[end] != ' ') out += terms[end];
        at = end + 1;
    }
    return out;
}

// What the index is asked for; empty: it is not asked.
std::string query_of(const Search& search) {
    std::string out;
    for (Word& w : words_of(search.words, kMostWords)) {
        std::string quoted;
        for (const char c : cut_word(std::move(w.text))) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
        out.append(out.empty() ? "'" : " & '").append(quoted).append(w.begins ? "':*" : "'");
    }
    const auto need = [&out](const std::string& terms) { out.append(out.empty() ? "(" : " & (").append(terms_query(terms)).append(")"); };
    if (search.filter && !search.filter->needed_terms().empty()) need(search.filter->needed_terms());
    if (search.least_severity && *search.least_severity < 7) need(terms_of_severity(*search.least_severity));
    return out;
}

// How the rows of a span of ids are found. Statistics lag behind what is stored, and of the newest file there are none at first: a planner that
// has the choice then sorts a whole file for its newest rows, or looks at each of its rows for a rare word. So it has none, by subqueries that
// are planned for themselves (OFFSET 0), by Planned, and by naming the file's table, where ids alone are in no index.
enum class Way {
    all,     // no index of words and terms is of help
    walk,    // each row is looked at, newest first
    narrow,  // by the index, together with the ids
    wide     // by the index alone: the span is much of the file
};

std::string rows_statement(Way way, int64_t file) {
    const std::string here = "file = $1 AND ", span = "id >= $2 AND id < $3", fits = " AND severity <= $4 AND time >= $5 AND time < $6",
                      newest = " ORDER BY id DESC LIMIT $7", query = " AND search @@ $8::text::tsquery", columns = kColumns;
    if (way == Way::all) return columns + "FROM alerts WHERE " + here + span + fits + newest;
    if (way == Way::walk)
        return columns + "FROM (SELECT * FROM alerts WHERE " + here + span + " ORDER BY id DESC OFFSET 0) AS a WHERE true" + fits + query + newest;
    const std::string from = way == Way::narrow ? "alerts WHERE " + here : "alerts_" + std::to_string(file) + " WHERE ";
    return columns + "FROM (SELECT * FROM alerts WHERE file = $1 AND id = ANY(ARRAY(SELECT id FROM (SELECT id FROM " + from + span + fits + query +
           " OFFSET 0) AS a" + newest + ")) OFFSET 0) AS b ORDER BY id DESC";
}

// While this is there, rows come in the order of the primary key wherever that is possible, and are not sorted; and what the index finds in
// half a million rows is held as rows, not as pages of which each row is looked at again.
class Planned {
public:
    Planned(Postgres& db, Deadline deadline) : db_(db) { db_.script("SET enable_sort = off; SET work_mem = '16MB'", deadline); }
    ~Planned() {
        try {
            if (!db_.broken()) db_.script("RESET enable_sort; RESET work_mem", std::chrono::steady_clock::now() + std::chrono::seconds(1));
        } catch (const PostgresError&) {
            // it is broken, and nobody uses it again
        }
    }
    Planned(const Planned&) = delete;
    Planned& operator=(const Planned&) = delete;

private:
    Postgres& db_;
};

// As many ids as `wanted` rows will probably need: what is frequent is found in few, which are read quickly, what is rare in many.
// `asked` ids of the last span have brought `found` rows.
int64_t next_span(int64_t span, int64_t asked, int64_t found, int64_t wanted) {
    constexpr int64_t kLeast = 256, kMost = int64_t{1} << 60, kGrowth = 16;
    const int64_t largest = std::min(std::max(span, kWalked), kMost / kGrowth) * kGrowth;
    if (found == 0) return largest;
    const double needed = 1.5 * static_cast<double>(asked) * static_cast<double>(wanted) / static_cast<double>(found);
    return needed >= static_cast<double>(largest) ? largest : std::max(static_cast<int64_t>(needed), kLeast);
}

// The id of the last of the newest kWalked rows.
int64_t walked_to(Postgres& db, int64_t file, int64_t first, int64_t end, Deadline deadline) {
    const Rows row = db.run("SELECT id FROM alerts WHERE file = $1 AND id >= $2 AND id < $3 ORDER BY id DESC OFFSET $4 LIMIT 1",
                            Params().add(file).add(first).add(end).add(kWalked - 1), deadline);
    return row.size() ? row.number(0, 0) : first;
}

struct Range {
    int64_t file = 0, first = 0, last = 0;  // ids
};

// Where alerts of that time are, newest first.
std::vector<Range> ranges(Postgres& db, const Search& s) {
    const int64_t newest = s.before ? s.before->file : INT64_MAX;
    const bool timed = s.from_ns != INT64_MIN || s.to_ns != INT64_MAX;
    const Rows rows =
        timed ? db.run("SELECT file, min(first), max(last) FROM minutes WHERE file <= $1 AND minute >= $2 AND minute < $3 GROUP BY 1 ORDER BY 1 DESC",
                       Params().add(newest).add(minute_of(s.from_ns)).add(minute_after(s.to_ns)), s.deadline)
              : db.run("SELECT file, min(first), max(last) FROM facts WHERE file <= $1 GROUP BY 1 ORDER BY 1 DESC", Params().add(newest), s.deadline);
    std::vector<Range> out;
    for (int i = 0; i < rows.size(); ++i) out.push_back({rows.number(i, 0), rows.number(i, 1), rows.number(i, 2)});
    return out;
}

// None: the file was deleted meanwhile.
std::optional<Rows> rows_of(Postgres& db, const std::string& sql, const Params& params, Deadline deadline) {
    try {
        return db.run(sql, params, deadline);
    } catch (const PostgresError& e) {
        if (e.state != "42P01") throw;  // undefined_table
        return std::nullopt;
    }
}

Error failed(const PostgresError& e) { return Error{std::string("The search failed: ") + e.what() + "."}; }

}  // namespace

template <class OnAlert>
bool PostgresStore::scan(const Search& search, size_t most, std::optional<AlertId>& reached, OnAlert on_alert) {
    std::optional<FilterRun> filter;
    if (search.filter) filter.emplace(search.filter);
    const std::string query = query_of(search);
    Way way = query.empty() ? Way::all : Way::walk;
    int64_t wanted = static_cast<int64_t>(std::min<size_t>(most, kRows));
    const auto in_time = [&] { return std::chrono::steady_clock::now() <= search.deadline; };
    return pool_.with([&](Postgres& db) {
        try {
            int64_t span = kFirstSpan;
            const std::vector<Range> all = ranges(db, search);
            const Planned planned(db, search.deadline);
            for (const Range& range : all) {
                const bool here = search.before && search.before->file == range.file;
                // What has been rare so far may be frequent in this file.
                if (way != Way::all) span = std::min(span, (range.last - range.first) / kBegin + 1);
                for (int64_t end = here ? std::min(range.last + 1, search.before->row) : range.last + 1; end > range.first;) {
                    reached = AlertId{static_cast<uint32_t>(range.file), end};
                    int64_t from = end - range.first > span ? end - span : range.first;
                    if (way == Way::walk) from = walked_to(db, range.file, range.first, end, search.deadline), span = end - from;
                    else if (way != Way::all) way = end - from > (range.last - range.first) / kNarrow ? Way::wide : Way::narrow;
                    Params p = Params().add(range.file).add(from).add(end).add(static_cast<int64_t>(search.least_severity.value_or(7)));
                    p.add(search.from_ns).add(search.to_ns).add(wanted);
                    if (!query.empty()) p.add(query);
                    const std::optional<Rows> rows = rows_of(db, rows_statement(way, range.file), p, search.deadline);
                    if (!rows) break;
                    for (int i = 0; i < rows->size(); ++i) {
                        AlertRecord record = read(*rows, i);
                        reached = record.id;
                        if (filter && !filter->matches(record)) {
                            if (!in_time()) return false;
                            continue;
                        }
                        if (!on_alert(std::move(record))) return true;
                    }
                    const int64_t asked = end - (rows->size() == wanted ? reached->row : from);
                    end -= asked;
                    reached = AlertId{static_cast<uint32_t>(range.file), end};
                    wanted = std::min(wanted * 2, kRows);  // the filter lets only a part pass
                    if (way == Way::walk) way = Way::narrow;
                    if (way != Way::all) span = next_span(span, asked, rows->size(), wanted);
                    else if (rows->size() < kRows / 4 && span < INT64_MAX / 4) span *= 4;
                    if (!in_time()) return false;
                }
            }
        } catch (const PostgresError& e) {
            if (!e.late) throw;
            return false;
        }
        reached.reset();
        return true;
    });
}

Result<Page> PostgresStore::search(const Search& search) try {
    Page page;
    page.reached = search.before;  // if not even the first question is answered in time
    page.complete = scan(search, search.limit, page.reached, [&](AlertRecord r) {
        page.alerts.push_back(std::move(r));
        return page.alerts.size() < search.limit;
    });
    return page;
} catch (const PostgresError& e) {
    return failed(e);
}

std::optional<AlertRecord> PostgresStore::find(const AlertId& id) {
    return pool_.soon([&](Postgres& db) -> std::optional<AlertRecord> {
        const Rows rows = db.run(std::string(kColumns) + "FROM alerts WHERE file = $1 AND id = $2", Params().add(int64_t{id.file}).add(id.row));
        return rows.size() ? std::optional(read(rows, 0)) : std::nullopt;
    });
}

void PostgresStore::each(uint32_t file, int64_t first, int64_t last, const std::function<void(std::vector<AlertRecord>&&)>& use) {
    while (first <= last) {
        std::vector<AlertRecord> part;
        pool_.soon([&](Postgres& db) {
            const Rows rows = db.run(std::string(kColumns) + "FROM alerts WHERE file = $1 AND id >= $2 AND id <= $3 ORDER BY id LIMIT $4",
                                     Params().add(int64_t{file}).add(first).add(last).add(kRows));
            for (int i = 0; i < rows.size(); ++i) part.push_back(read(rows, i));
        });
        if (part.empty()) return;
        first = part.back().id.row + 1;
        use(std::move(part));
    }
}

Result<Histogram> PostgresStore::histogram(const Search& search, int64_t step_ns) try {
    Histogram h;
    for (int64_t at = search.from_ns; at < search.to_ns; at += step_ns) h.bars.push_back({at, {}});
    if (!about_all(search)) {
        std::optional<AlertId> reached;
        h.complete = scan(search, SIZE_MAX, reached, [&](const AlertRecord& r) {
            ++h.bars[static_cast<size_t>((r.time_ns - search.from_ns) / step_ns)].by_severity[r.severity & 7];
            return true;
        });
        return h;
    }
    pool_.with([&](Postgres& db) {
        const Rows rows = db.run("SELECT minute, severity, sum(n) FROM counts WHERE minute >= $1 AND minute < $2 AND severity <= $3 GROUP BY 1, 2",
                                 Params().add(minute_of(search.from_ns)).add(minute_after(search.to_ns))
                                     .add(static_cast<int64_t>(search.least_severity.value_or(7))), search.deadline);
        for (int i = 0; i < rows.size(); ++i) {
            const int64_t offset = rows.number(i, 0) * kMinute - search.from_ns;
            const auto bar = static_cast<size_t>(std::max<int64_t>(offset, 0) / step_ns);
            if (bar < h.bars.size()) h.bars[bar].by_severity[rows.number(i, 1) & 7] += static_cast<uint64_t>(rows.number(i, 2));
        }
    });
    return h;
} catch (const PostgresError& e) {
    if (e.late) return Histogram{{}, false};
    return failed(e);
}

Result<Top> PostgresStore::top(const Search& search, const std::string& field, size_t count) try {
    ValueCounts counts;
    Top top;
    if (const auto what = counted(field); what && about_all(search)) {
        const char* from = *what == Counted::rule ? "rule, sum(n) FROM counts" : *what == Counted::host ? "host, sum(n) FROM counts" : "tag, sum(n) FROM tag_counts";
        pool_.with([&](Postgres& db) {
            const Rows rows = db.run(std::string("SELECT ") + from + " WHERE minute >= $1 AND minute < $2 AND severity <= $3 GROUP BY 1 ORDER BY 2 DESC, 1",
                                     Params().add(minute_of(search.from_ns)).add(minute_after(search.to_ns))
                                         .add(static_cast<int64_t>(search.least_severity.value_or(7))), search.deadline);
            for (int i = 0; i < rows.size(); ++i) counts.add(rows.text(i, 0), static_cast<uint64_t>(rows.number(i, 1)));
        });
        return counts.most_frequent(count);
    }
    FieldReader reader(field);
    std::optional<AlertId> reached;
    const bool complete = scan(search, SIZE_MAX, reached, [&](const AlertRecord& r) {
        reader.read(r, [&](std::string value) { counts.add(std::move(value), 1); });
        return true;
    });
    top = counts.most_frequent(count);
    top.complete = complete;
    return top;
} catch (const PostgresError& e) {
    if (!e.late) return failed(e);
    Top none;
    none.complete = false;
    return none;
}

}  // namespace undercoat::collector
