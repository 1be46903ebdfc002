// See composer.h.
#include "supervisor/outputs/composer.h"

#include <algorithm>
#include <optional>

namespace undercoat::outputs {
namespace {

// What the container plugin suggests to append to every rule of the source syscall.
constexpr std::string_view kSuggested =
    "container_id=%container.id container_name=%container.name "
    "container_image_repository=%container.image.repository container_image_tag=%container.image.tag "
    "k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name";

std::optional<rules::OutputTemplate> parse(const std::string& text, const rules::Catalogue& catalogue,
                                           const Composer::Warn& warn) {
    auto parsed = rules::OutputTemplate::parse("*" + text, catalogue);
    if (const auto* e = std::get_if<rules::OutputError>(&parsed)) {
        warn("append_output: '" + text + "' is left out: " + e->message);
        return std::nullopt;
    }
    return std::move(std::get<rules::OutputTemplate>(parsed));
}

}  // namespace

Composer::Composer(const std::vector<AppendedOutput>& append, const rules::Catalogue& catalogue, const Warn& warn) {
    for (const AppendedOutput& a : append) {
        Extra extra{a, {}, {}, {}};
        if (!a.extra_output.empty())
            if (auto t = parse(" " + a.extra_output, catalogue, warn)) extra.texts.push_back(std::move(*t));
        if (a.suggested)
            if (auto t = parse(" " + std::string(kSuggested), catalogue, warn)) extra.texts.push_back(std::move(*t));
        for (const auto& [key, format] : a.extra_fields) {
            auto t = parse(format.empty() ? "%" + key : format, catalogue, warn);
            if (!t) continue;
            if (format.empty()) extra.plain_fields.push_back(std::move(*t));
            else extra.formatted.emplace_back(key, std::move(*t));
        }
        extras_.push_back(std::move(extra));
    }
}

bool Composer::reads(std::string_view field) const {
    const auto in = [&](const rules::OutputTemplate& t) {
        return std::any_of(t.field_refs().begin(), t.field_refs().end(), [&](const auto& f) { return f.info->name == field; });
    };
    return std::any_of(extras_.begin(), extras_.end(), [&](const Extra& e) {
        return std::any_of(e.texts.begin(), e.texts.end(), in) || std::any_of(e.plain_fields.begin(), e.plain_fields.end(), in) ||
               std::any_of(e.formatted.begin(), e.formatted.end(), [&](const auto& f) { return in(f.second); });
    });
}

bool Composer::fits(const AppendedOutput& a, const rules::Rule& rule) {
    if (!a.source.empty() && a.source != rule.source) return false;
    if (!a.rule.empty() && a.rule != rule.name) return false;
    return std::all_of(a.tags.begin(), a.tags.end(), [&](const std::string& tag) {
        return std::find(rule.tags.begin(), rule.tags.end(), tag) != rule.tags.end();
    });
}

void Composer::compose(const rules::Rule& rule, rules::EventView& event, rules::Arena& arena, std::string& message,
                       std::vector<AlertField>& fields) {
    auto [it, is_new] = by_rule_.try_emplace(&rule);
    if (is_new)
        for (const Extra& e : extras_)
            if (fits(e.what, rule)) it->second.push_back(&e);
    const auto take = [&](const rules::OutputTemplate& t) {
        for (auto& f : t.fields(event, arena)) fields.push_back({std::move(f.key), f.value});
    };
    message = rule.output.render(event).text;
    fields.clear();
    take(rule.output);
    for (const Extra* e : it->second) {
        for (const auto& t : e->texts) message += t.render(event).text, take(t);
        for (const auto& t : e->plain_fields) take(t);
        for (const auto& [key, t] : e->formatted)
            fields.push_back({key, rules::Value::text(arena.copy(t.render(event).text))});
    }
    const auto by_key = [](const AlertField& a, const AlertField& b) { return a.key < b.key; };
    std::stable_sort(fields.begin(), fields.end(), by_key);
    fields.erase(std::unique(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.key == b.key; }),
                 fields.end());
}

}  // namespace undercoat::outputs
