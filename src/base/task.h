// Task<T>: a coroutine on an Asio executor. It stays on the thread of the io_context that it was spawned on.
//
// Rules: parameters by value; never make a coroutine of a lambda that captures (an error of clang-tidy, and a double
// free with g++ 12).
#pragma once

#include <boost/asio/awaitable.hpp>

namespace remit {

namespace asio = boost::asio;

template <typename T = void>
using Task = asio::awaitable<T>;

}  // namespace remit
