// JSON string escapes, see json_text.h.
#include "supervisor/outputs/json_text.h"

#include "base/utf8.h"

namespace undercoat::outputs {
namespace {

void append_control(char c, std::string& out) {
    static constexpr char kDigits[] = "0123456789abcdef";
    switch (c) {
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default:
            out += "\\u00";
            out += kDigits[static_cast<unsigned char>(c) >> 4];
            out += kDigits[c & 0xf];
    }
}

}  // namespace

void append_escaped(std::string_view text, std::string& out) {
    size_t plain = 0;  // start of what needs no change
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        const size_t n = utf8_length(text, at);
        if (n > 1 || (n == 1 && c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20)) {
            at += n;
            continue;
        }
        out.append(text.substr(plain, at - plain));
        if (n == 0)
            out.append(kReplacement);
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            append_control(c, out);
        plain = ++at;
    }
    out.append(text.substr(plain));
}

}  // namespace undercoat::outputs
