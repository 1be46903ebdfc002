// A client's TLS context. Included by the Beast files of this folder only.
#pragma once

#include "base/result.h"
#include "net/client.h"

#include <boost/asio/ssl/context.hpp>

namespace undercoat::net {

// Error: a file cannot be read; a sentence that names it.
Status configure(boost::asio::ssl::context& context, const ClientTls& settings);

}  // namespace undercoat::net
