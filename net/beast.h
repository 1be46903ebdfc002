// Names of Boost's that the Beast files of this folder share. Included by nobody else: compiling it is slow.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>

namespace undercoat::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
namespace websocket = beast::websocket;
using asio::use_awaitable;
using asio::ip::tcp;

// One kind of stream for ports and unix sockets, so that everything above is compiled once.
using Plain = beast::basic_stream<asio::generic::stream_protocol>;
using Secure = beast::ssl_stream<Plain>;

inline Plain& lowest(Plain& s) { return s; }
inline Plain& lowest(Secure& s) { return s.next_layer(); }

}  // namespace undercoat::net
