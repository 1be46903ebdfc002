// See secrets.h.
#include "collector/auth/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdexcept>

namespace undercoat::collector {
namespace {

std::string hex(const unsigned char* bytes, size_t size) {
    std::string out;
    for (size_t i = 0; i < size; ++i)
        out.append(1, "0123456789abcdef"[bytes[i] >> 4]).append(1, "0123456789abcdef"[bytes[i] & 15]);
    return out;
}

std::string scrypt_hex(std::string_view password, std::string_view salt) {
    unsigned char out[32];
    constexpr uint64_t n = 1 << 14, r = 8, p = 1, memory = 64 << 20;
    if (EVP_PBE_scrypt(password.data(), password.size(), reinterpret_cast<const unsigned char*>(salt.data()),
                       salt.size(), n, r, p, memory, out, sizeof out) != 1)
        throw std::runtime_error("scrypt failed");
    return hex(out, sizeof out);
}

}  // namespace

std::string random_text(size_t characters) {
    static constexpr char kAlphabet[] = "abcdefghjkmnpqrstuvwxyz023456789";
    static_assert(sizeof kAlphabet - 1 == 32);
    std::string bytes(characters, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(characters)) != 1)
        throw std::runtime_error("there is no randomness");
    for (char& c : bytes) c = kAlphabet[static_cast<unsigned char>(c) & 31];
    return bytes;
}

std::string sha256_hex(std::string_view text) {
    unsigned char out[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out);
    return hex(out, sizeof out);
}

std::string hash_password(std::string_view password) {
    const std::string salt = random_text(26);
    return "scrypt$" + salt + "$" + scrypt_hex(password, salt);
}

bool password_fits(std::string_view password, std::string_view stored) {
    if (!stored.starts_with("scrypt$")) return false;
    stored.remove_prefix(7);
    const size_t dollar = stored.find('$');
    if (dollar == stored.npos) return false;
    return equal_secrets(scrypt_hex(password, stored.substr(0, dollar)), stored.substr(dollar + 1));
}

bool equal_secrets(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64_decoded(std::string_view text) {
    std::string out;
    unsigned bits = 0, collected = 0;
    for (const char c : text) {
        int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
        if (v < 0) break;
        bits = bits << 6 | static_cast<unsigned>(v);
        collected += 6;
        if (collected < 8) continue;
        collected -= 8;
        out += static_cast<char>(bits >> collected & 0xff);
    }
    return out;
}

}  // namespace undercoat::collector
