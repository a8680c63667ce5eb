// From a URL to a connected (and for https: verified) connection.
#pragma once

#include <memory>
#include <string>

#include "http/detail/client_state.h"
#include "http/url.h"

namespace remit::http::detail {

Task<Result<std::unique_ptr<Connection>>> connect(std::shared_ptr<ClientState> state, Url url, std::string unix_socket,
                                                  SteadyTime until);

}  // namespace remit::http::detail
