// A server's own certificate, made at the first start.
#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace undercoat::collector {

struct Certificate {
    std::string certificate, key;  // PEM
    std::string fingerprint;       // SHA-256, hexadecimal
};

// Reads NAME.crt and NAME.key of the directory; makes them if neither is there: a key on P-256, a certificate of its
// own for these names and addresses and for localhost, valid for ten years. Agents trust it by UNDERCOAT_CA_CERT.
Result<Certificate> own_certificate(const std::string& directory, const std::string& name, const std::vector<std::string>& names);
// Reads a given pair.
Result<Certificate> read_certificate(const std::string& certificate_file, const std::string& key_file);

}  // namespace undercoat::collector
