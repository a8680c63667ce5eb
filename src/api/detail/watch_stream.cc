// A watch of the store as a stream of JSON lines.
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>

#include "api/detail/handler.h"

namespace remit::api::detail {

namespace {

std::string line_of(const resource::WatchEvent& event) {
  return to_json(json::object{{"type", jsv(resource::to_string(event.type))}, {"object", event.object.content()}}) +
         "\n";
}

}  // namespace

Task<> Handler::watch(http::ServerRequest& request, http::ResponseWriter& response, Target target, Query query) {
  const StatusDetails details{target.name, std::string(target.kind->plural)};
  if (watches_ >= options_.watch_streams || closing_) {
    co_await send(response,
                  refuse({429, "TooManyRequests",
                          fmt::format("{} watches are open already (kWatchStreams); close one", watches_), details}));
    co_return;
  }
  resource::WatchOptions options;
  options.kind = target.kind->kind;
  options.ns = target.ns.empty() ? query.ns : target.ns;
  options.name = target.name.empty() ? query.name : target.name;
  options.selector = query.selector;
  options.resource_version = query.resource_version;
  auto opened = co_await parts_.store.watch(std::move(options));
  if (!opened) {
    co_await send(response, refuse(status_of(opened.error(), details)));
    co_return;
  }
  const std::shared_ptr<resource::Watch> events = std::move(*opened);
  const Stream stream(*this, watches_, [events] { events->close(); });
  request.on_disconnect([events] { events->close(); });
  asio::steady_timer limit(parts_.executor,
                           std::min(query.timeout.value_or(options_.watch_longest), options_.watch_longest));
  limit.async_wait([weak = std::weak_ptr(events)](boost::system::error_code error) {
    if (const auto still = weak.lock(); still && !error) still->close();
  });
  if (!co_await response.begin(200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}})) co_return;
  for (;;) {
    auto event = co_await events->next();
    if (!event) {
      if (event.error().code() != Code::kCancelled) {
        const json::object ended{{"type", "ERROR"}, {"object", to_json_object(status_of(event.error()))}};
        if (!co_await response.write(to_json(ended) + "\n")) co_return;
      }
      break;
    }
    if (event->type == resource::WatchEventType::kBookmark && !query.bookmarks) continue;
    if (!co_await response.write(line_of(*event))) co_return;
  }
  (void)co_await response.finish();
}

}  // namespace remit::api::detail
