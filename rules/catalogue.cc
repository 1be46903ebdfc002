// What every Catalogue shares: splitting a written field into name and argument, and spelling suggestions.
#include "rules/catalogue.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace undercoat::rules {
namespace {

const FieldInfo* field_named(const Catalogue& catalogue, std::string_view name) {
    for (const FieldInfo& f : catalogue.fields())
        if (f.name == name) return &f;
    return nullptr;
}

size_t longest_argument_prefix(const Catalogue& catalogue, std::string_view text) {
    size_t best = 0;
    for (std::string_view name : catalogue.event_arguments())
        if (name.size() > best && text.substr(0, name.size()) == name) best = name.size();
    return best;
}

// The field whose name and a dot start the written name, for the form evt.arg.NAME.
const FieldInfo* dotted_field(const Catalogue& catalogue, std::string_view name) {
    for (const FieldInfo& f : catalogue.fields())
        if (f.dotted_argument && name.size() > f.name.size() + 1 && name.substr(0, f.name.size()) == f.name &&
            name[f.name.size()] == '.')
            return &f;
    return nullptr;
}

std::string quoted(std::string_view s) {
    return "'" + std::string(s) + "'";
}

FieldError unknown_field(const Catalogue& catalogue, std::string_view name) {
    std::vector<std::string_view> names;
    for (const FieldInfo& f : catalogue.fields()) names.push_back(f.name);
    std::string near = nearest_name(name, names);
    return {"filter_check called with nonexistent field " + std::string(name) +
                (near.empty() ? "" : ", did you mean " + quoted(near) + "?"),
            true};
}

FieldError unknown_argument(const Catalogue& catalogue, const FieldInfo& info, std::string_view argument) {
    std::string near = nearest_name(argument, catalogue.event_arguments());
    return {"unknown event argument " + quoted(argument) + " in field " + quoted(info.name) +
                (near.empty() ? "" : ", did you mean " + quoted(near) + "?"),
            true};
}

bool is_index(std::string_view s) {
    uint32_t n = 0;
    auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
    return ec == std::errc{} && end == s.data() + s.size();
}

std::optional<FieldError> check_argument(const FieldInfo& info, std::optional<std::string_view> argument) {
    if (!argument) {
        if (info.argument != ArgumentUse::required) return std::nullopt;
        return FieldError{"field " + quoted(info.name) + " needs an argument, such as " + std::string(info.name) +
                          (info.argument_key ? "[name]" : "[1]")};
    }
    if (info.argument == ArgumentUse::none)
        return FieldError{"field " + quoted(info.name) + " takes no argument, " + quoted(*argument) + " was given"};
    if (!info.argument_key && !is_index(*argument))
        return FieldError{"the argument of field " + quoted(info.name) + " must be a number, " + quoted(*argument) +
                          " was given"};
    if (!info.argument_index && !info.dotted_argument && !info.argument_key)
        return FieldError{"field " + quoted(info.name) + " accepts no argument of this form"};
    return std::nullopt;
}

// Insertions, removals, replacements and exchanges of neighbours that make b of a; more than `limit` where it is more.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
    std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        size_t least = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j - 1] + (a[i - 1] != b[j - 1]), last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
            least = std::min(least, row[j]);
        }
        if (least > limit) return limit + 1;
        std::swap(before, last), std::swap(last, row);
    }
    return last[b.size()];
}

size_t common_prefix(std::string_view a, std::string_view b) {
    const size_t n = std::min(a.size(), b.size());
    return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(n), b.begin()).first - a.begin());
}

// The longest known name that starts the written one, or the shortest that it starts. Short names start too much.
std::string_view related_name(std::string_view written, std::span<const std::string_view> known) {
    std::string_view inside, around;
    for (std::string_view name : known) {
        if (name.size() >= 4 && written.starts_with(name) && name.size() > inside.size()) inside = name;
        if (written.size() >= 4 && name.starts_with(written) && (around.empty() || name.size() < around.size()))
            around = name;
    }
    return inside.empty() ? around : inside;
}

}  // namespace

std::variant<FieldRef, FieldError> find_field(const Catalogue& catalogue, std::string_view name,
                                              std::optional<std::string_view> argument) {
    std::string text(name);
    if (argument) text += "[" + std::string(*argument) + "]";
    const FieldInfo* info = field_named(catalogue, name);
    if (!info) {
        info = dotted_field(catalogue, name);
        if (!info) return unknown_field(catalogue, name);
        std::string_view rest = name.substr(info->name.size() + 1);
        if (argument) return FieldError{"field " + quoted(name) + " takes no second argument"};
        if (longest_argument_prefix(catalogue, rest) != rest.size()) return unknown_argument(catalogue, *info, rest);
        argument = rest;
    } else if (auto error = check_argument(*info, argument)) {
        return *error;
    } else if (info->dotted_argument && argument && !is_index(*argument) &&
               longest_argument_prefix(catalogue, *argument) != argument->size()) {
        return unknown_argument(catalogue, *info, *argument);
    }
    auto ref = catalogue.resolve(*info, argument);
    if (!ref) return FieldError{ref.error()};
    ref->text = std::move(text);
    return std::move(*ref);
}

size_t longest_field_prefix(const Catalogue& catalogue, std::string_view text) {
    size_t best = 0;
    for (const FieldInfo& f : catalogue.fields()) {
        if (text.substr(0, f.name.size()) != f.name) continue;
        size_t length = f.name.size();
        if (f.dotted_argument && text.size() > length && text[length] == '.') {
            size_t argument = longest_argument_prefix(catalogue, text.substr(length + 1));
            if (argument > 0) length += 1 + argument;
        }
        best = std::max(best, length);
    }
    return best;
}

std::optional<EventTypeId> find_event_type(const Catalogue& catalogue, std::string_view name) {
    auto names = catalogue.event_types();
    for (size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<EventTypeId>(i);
    return std::nullopt;
}

std::string nearest_name(std::string_view written, std::span<const std::string_view> known) {
    if (written.empty() || written.size() > 256) return "";
    size_t best_distance = std::max<size_t>(1, written.size() / 4) + 1;
    std::string_view best;
    for (std::string_view name : known) {
        size_t longer = std::max(name.size(), written.size()), shorter = std::min(name.size(), written.size());
        if (longer - shorter > best_distance) continue;
        const size_t distance = edit_distance(written, name, best_distance);
        // Of names that are as near, the one whose beginning was written right.
        const bool better = distance < best_distance ||
                            (!best.empty() && distance == best_distance &&
                             common_prefix(written, name) > common_prefix(written, best));
        if (!better || distance >= written.size()) continue;
        best_distance = distance;
        best = name;
    }
    return std::string(best.empty() ? related_name(written, known) : best);
}

}  // namespace undercoat::rules
