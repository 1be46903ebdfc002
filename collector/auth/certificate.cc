// See certificate.h.
#include "collector/auth/certificate.h"

#include "rules/ip_address.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <fstream>
#include <memory>
#include <sstream>

namespace undercoat::collector {
namespace {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Freer<X509_free>>;
using BioPointer = std::unique_ptr<BIO, Freer<BIO_free_all>>;

std::string content_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
}

std::string alternative_names(const std::vector<std::string>& names) {
    std::string out = "DNS:localhost,IP:127.0.0.1,IP:::1";
    for (const std::string& name : names) {
        // What would end the entry in OpenSSL's little language is no name.
        if (name.empty() || name.find_first_of(",:;\n ") != name.npos) {
            if (!rules::IpAddress::parse(name)) continue;
        }
        out += (rules::IpAddress::parse(name) ? ",IP:" : ",DNS:") + name;
    }
    return out;
}

bool add_extension(X509* x, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    if (!e) return false;
    const bool done = X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return done;
}

Result<Certificate> make(const std::vector<std::string>& names) {
    const Error failed{"A certificate could not be made."};
    Key key(EVP_EC_gen("P-256"));
    X509Pointer x(X509_new());
    if (!key || !x) return failed;
    unsigned char serial[16];
    if (RAND_bytes(serial, sizeof serial) != 1) return failed;
    serial[0] &= 0x7f;
    BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x.get()));
    BN_free(number);
    X509_set_version(x.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 10L * 365 * 86400);
    X509_set_pubkey(x.get(), key.get());
    X509_NAME* name = X509_get_subject_name(x.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Undercoat collector"),
                               -1, -1, 0);
    X509_set_issuer_name(x.get(), name);
    if (!add_extension(x.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(x.get(), NID_subject_key_identifier, "hash") ||
        !add_extension(x.get(), NID_ext_key_usage, "serverAuth") ||
        !add_extension(x.get(), NID_subject_alt_name, alternative_names(names).c_str()))
        return failed;
    if (X509_sign(x.get(), key.get(), EVP_sha256()) == 0) return failed;
    BioPointer certificate(BIO_new(BIO_s_mem())), private_key(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_X509(certificate.get(), x.get()) != 1 ||
        PEM_write_bio_PrivateKey(private_key.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return failed;
    return Certificate{content_of(certificate.get()), content_of(private_key.get()), ""};
}

Status write_file(const std::string& path, const std::string& content, mode_t mode) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    const bool written = fd >= 0 &&
                         ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                         ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    if (!written || ::rename(fresh.c_str(), path.c_str()) != 0)
        return Error{"The file " + path + " cannot be written."};
    return Unit{};
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    return in ? content.str() : "";
}

std::string fingerprint(const std::string& pem) {
    BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    X509Pointer x(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!x || X509_digest(x.get(), EVP_sha256(), digest, &size) != 1) return "";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += "0123456789ABCDEF"[digest[i] >> 4];
        out += "0123456789ABCDEF"[digest[i] & 15];
        if (i + 1 < size) out += ':';
    }
    return out;
}

}  // namespace

Result<Certificate> read_certificate(const std::string& certificate_file, const std::string& key_file) {
    Certificate c{read_file(certificate_file), read_file(key_file), ""};
    if (c.certificate.empty()) return Error{"The certificate " + certificate_file + " cannot be read."};
    if (c.key.empty()) return Error{"The key " + key_file + " cannot be read."};
    c.fingerprint = fingerprint(c.certificate);
    if (c.fingerprint.empty()) return Error{"The file " + certificate_file + " holds no certificate in PEM form."};
    return c;
}

Result<Certificate> own_certificate(const std::string& directory, const std::string& name, const std::vector<std::string>& names) {
    const std::string base = directory + "/" + name, certificate = base + ".crt", key = base + ".key";
    if (::access(certificate.c_str(), F_OK) != 0 || ::access(key.c_str(), F_OK) != 0) {
        // One without the other is of no use: a kill came between. The certificate goes first, lest it stays beside a new key.
        auto made = make(names);
        if (!made) return made;
        ::unlink(certificate.c_str());
        if (Status s = write_file(key, made->key, 0600); !s) return Error{s.error()};
        if (Status s = write_file(certificate, made->certificate, 0644); !s) return Error{s.error()};
    }
    return read_certificate(certificate, key);
}

}  // namespace undercoat::collector
