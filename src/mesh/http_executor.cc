#include "mesh/http_executor.h"

#include <arpa/inet.h>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/strings.h"
#include "core/event_channel.h"

namespace remit::mesh {

namespace {

struct Block {
  const char* network;
  int bits;
};

// RFC 6890 and its updates: what is not reachable from the whole Internet.
constexpr Block kSpecialV4[] = {{"0.0.0.0", 8},       {"10.0.0.0", 8},     {"100.64.0.0", 10},  {"127.0.0.0", 8},    {"169.254.0.0", 16},
                                {"172.16.0.0", 12},   {"192.0.0.0", 24},   {"192.0.2.0", 24},   {"192.88.99.0", 24}, {"192.168.0.0", 16},
                                {"198.18.0.0", 15},   {"198.51.100.0", 24}, {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4}};

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
  if (b[0] == 0x20 && b[1] == 0x02) return is_special_v4(v4_at(address, 2));                                 // 6to4
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

Task<Outcome> perform(http::Client* client, Permit permit, CallContext context, std::shared_ptr<EventSink> sink) {
  auto request = request_of(permit.action(), context);
  if (!request) co_return failed_outcome(request.error());
  http::CallOptions options;
  options.total = std::chrono::minutes(2);
  options.deadline = context.deadline;
  options.max_body = kMaxHttpToolBody;
  auto opened = co_await client->open(std::move(*request), options);
  if (!opened) co_return failed_outcome(opened.error());
  auto* stream = opened->get();
  sink->on_cancel([stream](CancelReason) { stream->cancel(); });
  auto body = co_await stream->read_all(kMaxHttpToolBody);
  sink->on_cancel(nullptr);
  if (!body) co_return failed_outcome(body.error().wrap("the answer could not be read"));
  Outcome outcome;
  outcome.ok = stream->status() < 400;
  const std::size_t kept = std::min(body->size(), limits::kToolOutputBytes - 1024);
  outcome.truncated_bytes = static_cast<std::int64_t>(body->size() - kept);
  outcome.text = fmt::format("HTTP {}\n{}", stream->status(), to_valid_utf8(std::string_view(*body).substr(0, kept)));
  outcome.structured = {{"status", stream->status()}};
  if (!outcome.ok) outcome.error = Error(Code::kUnavailable, fmt::format("the server answered {}", stream->status()));
  co_return outcome;
}

}  // namespace

HttpExecutor::HttpExecutor(asio::any_io_executor executor, http::ClientOptions options)
    : executor_(executor), client_(executor, std::move(options)) {}

std::unique_ptr<Call> HttpExecutor::start(Permit&& permit, CallContext context) {
  auto shared = std::make_shared<Permit>(std::move(permit));
  return make_call(executor_, [this, shared, context](std::shared_ptr<EventSink> sink) {
    return perform(&client_, std::move(*shared), context, std::move(sink));
  });
}

Result<> check_public_address(const std::string& address, std::uint16_t port) {
  in_addr v4{};
  in6_addr v6{};
  const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4) == 1;
  const bool is_v6 = !is_v4 && inet_pton(AF_INET6, address.c_str(), &v6) == 1;
  if ((is_v4 && !is_special_v4(ntohl(v4.s_addr))) || (is_v6 && !is_special_v6(v6))) return {};
  return fail(Code::kPermissionDenied, fmt::format("{} port {} is not a public address; name it literally in permissions.egress to allow it", address, port));
}

}  // namespace remit::mesh
