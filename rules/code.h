// The codes of errors and warnings about rules. Their names are Falco's.
#pragma once

#include <cstdint>
#include <string_view>

namespace undercoat::rules {

enum class Code : uint8_t {
    err_file_read,
    err_yaml_parse,
    err_yaml_validate,
    err_compile_condition,
    err_compile_output,
    err_validate,
    err_extension,
    unknown_source,
    unsafe_na_check,
    no_evttype,
    unknown_filter,
    unused_macro,
    unused_list,
    unknown_item,
    deprecated_item,
    warning_extension,
    append_no_values,
    exception_name_not_unique,
    invalid_macro_name,
    invalid_list_name,
    compile_condition,
    unknown_key,
};

std::string_view name_of(Code code);         // LOAD_...
std::string_view description_of(Code code);  // a few words
bool is_error(Code code);

}  // namespace undercoat::rules
