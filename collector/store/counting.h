// How often values occur, for stores of every kind.
#pragma once

#include "collector/query/alert_view.h"
#include "collector/store/store.h"
#include "rules/arena.h"

#include <map>
#include <optional>

namespace undercoat::collector {

// What counts are kept of as alerts are stored, beside the severity.
enum class Counted : uint8_t { rule, host, tag };
std::optional<Counted> counted(const std::string& field);
// Whether those counts answer it.
bool about_all(const Search& search);

// How often each value came. Must stay true: it is bounded whatever the values are.
class ValueCounts {
public:
    void add(std::string value, uint64_t n);
    Top most_frequent(size_t count) const;

private:
    std::map<std::string, uint64_t> counts_;
    uint64_t beyond_ = 0;  // of values beyond the limit
};

// The value of one field, by way of the rule language's view.
class FieldReader {
public:
    explicit FieldReader(const std::string& field) {
        info_.name = field;
        ref_.info = &info_;
        ref_.key = field;
        if (field == "alert.tags") ref_.mode = rules::MatchMode::any_of;
    }
    template <class OnValue>
    void read(const AlertRecord& record, OnValue on_value) {
        arena_.reset();
        view_.set(record);
        const rules::Value v = view_.extract(ref_, arena_);
        if (v.kind() == rules::Value::Kind::text) on_value(std::string(v.text()));
        else if (v.kind() == rules::Value::Kind::i64) on_value(std::to_string(v.i64()));
        else if (v.kind() == rules::Value::Kind::list)
            for (const rules::Value& item : v.list())
                if (item.kind() == rules::Value::Kind::text) on_value(std::string(item.text()));
    }

private:
    rules::FieldInfo info_;
    rules::FieldRef ref_;
    rules::Arena arena_;
    AlertView view_;
};

}  // namespace undercoat::collector
