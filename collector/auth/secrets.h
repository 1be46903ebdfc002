// Random secrets, their hashes, and comparing them.
//
// Must stay true: of a secret only its hash is stored; comparing takes the same time wherever the difference is. Access keys
// and session tokens have 160 random bits, so one round of SHA-256 hides them; passwords are chosen by people and go through
// scrypt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace undercoat::collector {

// Lower-case letters and digits without those that look alike; 5 bits each. Throws if the system gives no randomness.
std::string random_text(size_t characters);
std::string sha256_hex(std::string_view text);
// "scrypt$SALT$HASH". Takes some 50 ms and 16 MiB.
std::string hash_password(std::string_view password);
bool password_fits(std::string_view password, std::string_view stored);
bool equal_secrets(std::string_view a, std::string_view b);
// Standard alphabet; what is no base64 ends it.
std::string base64_decoded(std::string_view text);

}  // namespace undercoat::collector
