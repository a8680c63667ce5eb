#include "mesh/http_executor.h"

#include <arpa/inet.h>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/strings.h"
#include "core/event_channel.h"

namespace remit::mesh {

namespace {

constexpr std::size_t kKeptBodyBytes =
    limits::kToolOutputBytes - 1024;  // Room for the status line and a replacement character.

struct Block {
  const char* network;
  int bits;
};

// RFC 6890 and its updates: what is not reachable from the whole Internet.
constexpr Block kSpecialV4[] = {{"0.0.0.0", 8},      {"10.0.0.0", 8},     {"100.64.0.0", 10}, {"127.0.0.0", 8},
                                {"169.254.0.0", 16}, {"172.16.0.0", 12},  {"192.0.0.0", 24},  {"192.0.2.0", 24},
                                {"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
                                {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4}};

bool is_special_v4(std::uint32_t address) {
  for (const auto& block : kSpecialV4) {
    in_addr network{};
    inet_pton(AF_INET, block.network, &network);
    if ((address ^ ntohl(network.s_addr)) >> (32 - block.bits) == 0) return true;
  }
  return false;
}

std::uint32_t v4_at(const in6_addr& address, int offset) {
  const auto* b = address.s6_addr + offset;
  return std::uint32_t(b[0]) << 24 | std::uint32_t(b[1]) << 16 | std::uint32_t(b[2]) << 8 | b[3];
}

bool is_special_v6(const in6_addr& address) {
  const auto* b = address.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return is_special_v4(v4_at(address, 12));
  if (b[0] == 0x20 && b[1] == 0x02) return is_special_v4(v4_at(address, 2));                                   // 6to4
  if (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b) return is_special_v4(v4_at(address, 12));  // NAT64
  const bool documentation = b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8;
  return (b[0] & 0xe0) != 0x20 || documentation;  // Only 2000::/3 is global unicast.
}

Result<http::Request> request_of(const Action& action, const CallContext& context) {
  http::Request request;
  request.method = get_string(action.args, "method", "GET");
  request.url = get_string(action.args, "url");
  request.body = get_string(action.args, "body");
  if (const auto* headers = find_object(action.args, "headers")) {
    for (const auto& header : *headers) {
      if (!header.value().is_string()) return fail(invalid_argument("http_request: headers: values must be strings"));
      request.headers.add(header.key(), header.value().get_string());
    }
  }
  if (request.headers.get("traceparent").empty()) request.headers.add("traceparent", context.traceparent());
  return request;
}

Outcome outcome_of(int status, std::string_view body) {
  Outcome outcome;
  outcome.ok = status < 400;
  // A byte that is not UTF-8 becomes three.
  std::string text = to_valid_utf8(body.substr(0, limits::kToolOutputBytes));
  if (text.size() > kKeptBodyBytes) text = to_valid_utf8(std::string_view(text).substr(0, kKeptBodyBytes - 2));
  outcome.truncated_bytes = static_cast<std::int64_t>(body.size() - std::min(body.size(), text.size()));
  outcome.text = fmt::format("HTTP {}\n{}", status, text);
  outcome.structured = {{"status", status}};
  if (!outcome.ok) outcome.error = Error(Code::kUnavailable, fmt::format("the server answered {}", status));
  return outcome;
}

Task<Outcome> exchange(http::Client* client, http::Request request, http::CallOptions options) {
  auto opened = co_await client->open(std::move(request), options);
  if (!opened) co_return failed_outcome(opened.error());
  auto body = co_await (*opened)->read_all(kMaxHttpToolBody);
  if (!body) co_return failed_outcome(body.error().wrap("the answer could not be read"));
  co_return outcome_of((*opened)->status(), *body);
}

Task<Outcome> perform(http::Client* client, std::shared_ptr<Permit> permit, CallContext context,
                      std::shared_ptr<EventSink> sink) {
  auto request = request_of(permit->action(), context);
  if (!request) co_return failed_outcome(request.error());
  http::CallOptions options;
  options.total = std::chrono::minutes(2);
  options.deadline = context.deadline;
  options.max_body = kMaxHttpToolBody;
  // The exchange is a coroutine of its own, so that a cancel ends it wherever it waits, also before the head of the
  // answer has come.
  const auto stop = std::make_shared<asio::cancellation_signal>();
  sink->on_cancel([stop](CancelReason) { stop->emit(asio::cancellation_type::terminal); });
  if (sink->cancelled())
    co_return failed_outcome(Error(Code::kCancelled, "the request was cancelled before it was sent"));
  auto executor = co_await asio::this_coro::executor;
  auto [thrown, outcome] =
      co_await asio::co_spawn(executor, exchange(client, std::move(*request), options),
                              asio::bind_cancellation_slot(stop->slot(), asio::as_tuple(asio::use_awaitable)));
  if (sink->cancelled() && (thrown || !outcome.ok)) {
    co_return failed_outcome(Error(Code::kCancelled, "the request was cancelled; it may have reached the server"));
  }
  if (thrown) co_return failed_outcome(internal_error("the request ended without a result"));
  co_return std::move(outcome);
}

}  // namespace

HttpExecutor::HttpExecutor(asio::any_io_executor executor, http::ClientOptions options)
    : executor_(executor), client_(executor, std::move(options)) {}

std::unique_ptr<Call> HttpExecutor::start(Permit&& permit, CallContext context) {
  auto shared = std::make_shared<Permit>(std::move(permit));
  return make_call(executor_, [this, shared, context](std::shared_ptr<EventSink> sink) {
    return perform(&client_, shared, context, std::move(sink));
  });
}

Result<> check_public_address(const std::string& address, std::uint16_t port) {
  in_addr v4{};
  in6_addr v6{};
  const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4) == 1;
  const bool is_v6 = !is_v4 && inet_pton(AF_INET6, address.c_str(), &v6) == 1;
  if ((is_v4 && !is_special_v4(ntohl(v4.s_addr))) || (is_v6 && !is_special_v6(v6))) return {};
  return fail(Code::kPermissionDenied,
              fmt::format("{} port {} is not a public address; name it literally in permissions.egress to allow it",
                          address, port));
}

}  // namespace remit::mesh
