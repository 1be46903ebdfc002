// Puts the tables of all classes together, see catalogue.h.
#include "supervisor/fields/catalogue.h"

#include "supervisor/fields/event_arguments.h"

namespace undercoat::fields {

namespace {

Value static_field(const Access& a) {
    const auto it = a.surroundings.static_fields.find(a.ref.info->name);
    return it == a.surroundings.static_fields.end() ? Value() : Value::text(it->second);
}

}  // namespace

FieldCatalogue::FieldCatalogue(std::span<const std::string> static_fields) {
    for (const std::string& name : static_fields) static_names_.push_back("static." + name);
    for (const auto table : {event_fields(), process_fields(), thread_fields(), user_fields(), fd_fields(), fspath_fields(),
                             fdlist_fields(), container_fields(), own_fields()}) {
        for (const Field& f : table) {
            infos_.push_back(f.info);
            extractors_.push_back(f.extract);
        }
    }
    for (const std::string& name : static_names_) {
        infos_.push_back(Field(name, FieldType::text, static_field, "set in the configuration").info);
        extractors_.push_back(static_field);
    }
    for (unsigned i = 0; i < event::kEventCount; ++i) types_.push_back(event::kEvents[i].name);
}

std::span<const std::string_view> FieldCatalogue::event_arguments() const { return argument_names(); }

Result<FieldRef> FieldCatalogue::resolve(const FieldInfo& info, std::optional<std::string_view> argument) const {
    FieldRef ref;
    ref.info = &info;
    ref.type = info.type;
    ref.is_list = info.is_list;
    ref.mode = argument ? rules::MatchMode::scalar : info.bare_mode;
    ref.field = static_cast<uint32_t>(&info - infos_.data());
    if (!argument) return ref;
    int64_t number = -1;
    const auto [end, error] = std::from_chars(argument->data(), argument->data() + argument->size(), number);
    const bool is_number = error == std::errc{} && end == argument->data() + argument->size() && number >= 0;
    if (info.dotted_argument) {
        if (is_number) {
            ref.index = -1 - number;
            return ref;
        }
        const auto name = argument_number(*argument);
        if (!name) return Error{"unknown event argument '" + std::string(*argument) + "'"};
        ref.index = *name;
        if (info.type == FieldType::dynamic) ref.type = raw_argument_type(*name);
        return ref;
    }
    if (is_number && info.argument_index)
        ref.index = number;
    else
        ref.key = *argument;
    return ref;
}

}  // namespace undercoat::fields
