// See tls.h.
#include "net/tls.h"

#include <cstdlib>
#include <unistd.h>

namespace undercoat::net {
namespace {

namespace ssl = boost::asio::ssl;

// Where distributions keep the authorities that they trust; one is enough.
constexpr const char* kSystemBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"};

Status trust(ssl::context& context, const ClientTls& s) {
    boost::system::error_code error;
    for (const std::string& file : s.ca_files) {
        context.load_verify_file(file, error);
        if (error) return Error{"The certificate authority " + file + " cannot be read: " + error.message() + "."};
    }
    if (!s.ca_path.empty()) context.add_verify_path(s.ca_path, error);
    if (!s.ca_files.empty() && !s.system_too) return Unit{};
    if (const char* file = std::getenv("SSL_CERT_FILE"); file && *file) context.load_verify_file(file, error);
    for (const char* file : kSystemBundles)
        if (::access(file, R_OK) == 0) {
            context.load_verify_file(file, error);
            break;
        }
    return Unit{};
}

}  // namespace

Status configure(ssl::context& context, const ClientTls& s) {
    boost::system::error_code error;
    ::SSL_CTX_set_min_proto_version(context.native_handle(), s.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    ::SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    if (s.insecure) {
        context.set_verify_mode(ssl::verify_none, error);
    } else {
        context.set_verify_mode(ssl::verify_peer, error);
        if (Status trusted = trust(context, s); !trusted) return trusted;
    }
    if (s.certificate.empty()) return Unit{};
    context.use_certificate_chain_file(s.certificate, error);
    if (error) return Error{"The client certificate " + s.certificate + " cannot be read: " + error.message() + "."};
    context.use_private_key_file(s.key, ssl::context::pem, error);
    if (error) return Error{"The client key " + s.key + " cannot be read: " + error.message() + "."};
    return Unit{};
}

}  // namespace undercoat::net
