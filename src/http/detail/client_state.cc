#include "http/detail/client_state.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

namespace remit::http::detail {

ClientState::ClientState(asio::any_io_executor executor_in, ClientOptions options_in, Clock& clock)
    : executor(std::move(executor_in)),
      options(std::move(options_in)),
      deadlines(std::make_shared<Deadlines>(executor, clock)) {}

Result<Pool*> ClientState::pool_of(const std::string& key) {
  if (const auto found = pools.find(key); found != pools.end()) return &found->second;
  if (pools.size() >= kOrigins) {
    std::erase_if(pools, [this](const auto& entry) {
      const bool unused = entry.second.active == 0 && entry.second.waiters.empty();
      if (unused) stats.idle -= entry.second.idle.size();
      return unused;
    });
  }
  if (pools.size() >= kOrigins) {
    return fail(Code::kResourceExhausted,
                fmt::format("HTTP client: calls to {} servers are in progress, the limit kOrigins", kOrigins));
  }
  return &pools[key];
}

std::unique_ptr<Connection> ClientState::take_idle(Pool& pool) {
  while (!pool.idle.empty()) {
    // The one used last is the least likely to be stale.
    std::unique_ptr<Connection> connection = std::move(pool.idle.back());
    pool.idle.pop_back();
    --stats.idle;
    connection->end_idle();
    if (!connection->wire.is_open() || connection->wire.is_stale()) continue;
    connection->reused = true;
    return connection;
  }
  return nullptr;
}

void ClientState::close_idle() {
  for (auto& [key, pool] : pools) pool.idle.clear();
  stats.idle = 0;
}

Result<std::shared_ptr<asio::ssl::context>> ClientState::tls_context() {
  if (tls) return tls;
  try {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    context->set_verify_mode(asio::ssl::verify_peer);
    context->set_default_verify_paths();
    if (!options.ca_file.empty()) context->load_verify_file(options.ca_file);
    tls = std::move(context);
    return tls;
  } catch (const boost::system::system_error& error) {
    return fail(Code::kFailedPrecondition,
                fmt::format("TLS: cannot load the certificate authorities{}: {}",
                            options.ca_file.empty() ? "" : " in " + options.ca_file, error.code().message()));
  }
}

Lease::Lease(std::shared_ptr<ClientState> state, std::string key) : state_(std::move(state)), key_(std::move(key)) {
  ++state_->pools[key_].active;
  ++state_->stats.active;
}

Lease& Lease::operator=(Lease&& other) noexcept {
  release();
  connection = std::move(other.connection);
  state_ = std::move(other.state_);
  key_ = std::move(other.key_);
  return *this;
}

void Lease::keep() { free_place(std::move(connection)); }

void Lease::release() {
  connection.reset();
  free_place(nullptr);
}

void Lease::free_place(std::unique_ptr<Connection> kept) {
  const std::shared_ptr<ClientState> state = std::exchange(state_, nullptr);
  if (!state) return;
  Pool& pool = state->pools[key_];
  --pool.active;
  --state->stats.active;
  if (kept && !state->closing && pool.idle.size() < state->options.idle_per_origin) {
    kept->start_idle(state->options.idle_timeout);
    pool.idle.push_back(std::move(kept));
    ++state->stats.idle;
  }
  if (!pool.waiters.empty()) {
    pool.waiters.front()->notify();
    pool.waiters.pop_front();
  }
}

}  // namespace remit::http::detail
