// Fuzzes configuration files: reading ends, what is wrong is named with the file, and the templates in it can be made.
#include "supervisor/fields/catalogue.h"
#include "supervisor/outputs/composer.h"
#include "supervisor/outputs/settings_file.h"

#include <cstdlib>

using namespace undercoat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const fields::FieldCatalogue catalogue;
    auto file = outputs::parse_settings(std::string(reinterpret_cast<const char*>(data), size), "f.yaml");
    if (!file) {
        if (!file.error().starts_with("f.yaml")) std::abort();
        return 0;
    }
    for (const auto* list : {&file->problems, &file->ignored, &file->foreign, &file->absent})
        for (const std::string& message : *list)
            if (!message.starts_with("f.yaml:")) std::abort();
    (void)outputs::Composer(file->outputs.append, catalogue, [](const std::string&) {});
    return 0;
}
