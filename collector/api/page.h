// The web page's files, built into the program from collector/page/dist.
#pragma once

#include "net/http.h"

#include <span>
#include <string_view>

namespace undercoat::collector {

struct PageFile {
    std::string_view path, type, content;
};
std::span<const PageFile> page_files();

// The file of that path; "/" and addresses of the page without a dot in them give index.html. 404: there is none.
net::Response page_answer(std::string_view path);
// Puts on every answer what keeps a browser from being used against its user.
void harden(net::Response& response);

}  // namespace undercoat::collector
