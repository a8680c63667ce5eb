// The log of a mission's run as a stream of JSON lines, one record each.
#include <fmt/format.h>

#include "api/detail/handler.h"
#include "base/blocking.h"
#include "store/log_reader.h"

namespace remit::api::detail {

namespace {

struct Piece {
  std::string lines;
  bool ended = false;  // The run's last record is in it.
};

bool is_last(const std::string& payload) {
  if (payload.find("RunEnded") == std::string::npos) return false;  // Spares reading most records.
  const auto record = parse_json_object(payload);
  return record && get_string(*record, "type") == "RunEnded";
}

// What is whole of the log, at most about kLogPieceBytes of it.
Result<Piece> read_piece(store::LogReader& reader) {
  Piece piece;
  while (piece.lines.size() < kLogPieceBytes) {
    REMIT_TRY(auto record, reader.next());
    if (!record) break;
    piece.ended = piece.ended || is_last(record->payload);
    piece.lines += record->payload;
    piece.lines += '\n';
  }
  return piece;
}

}  // namespace

Task<> Handler::stream_log(http::ServerRequest& request, http::ResponseWriter& response, Target target, Query query) {
  const StatusDetails details{target.name, std::string(target.kind->plural)};
  std::string id = query.run;
  if (id.empty()) {
    auto object = co_await parts_.store.get({std::string(target.kind->kind), target.ns, target.name});
    if (!object) {
      co_await send(response, refuse(status_of(object.error(), details)));
      co_return;
    }
    const auto* status = object->find_status();
    id = status ? get_string(*status, "runId") : "";
  }
  const auto run = Ulid::parse(id);
  if (!run) {
    co_await send(
        response,
        refuse(id.empty() ? status_of(not_found(fmt::format("mission {} has no run yet", target.name)), details)
                          : bad_request("run must be the id of a run, 26 characters")));
    co_return;
  }
  if (logs_ >= options_.log_streams || closing_) {
    co_await send(response, refuse({429, "TooManyRequests",
                                    fmt::format("{} logs are being read already (kLogStreams)", logs_), details}));
    co_return;
  }
  co_await follow_log(request, response, *run, query.follow);
}

Task<> Handler::follow_log(http::ServerRequest& request, http::ResponseWriter& response, Ulid run, bool follow) {
  // Shared, because a read on the pool may outlast this coroutine.
  auto reader = co_await run_blocking(parts_.pool, [this, run]() -> Result<std::shared_ptr<store::LogReader>> {
    REMIT_TRY(auto opened, store::LogReader::open(parts_.files, parts_.folder.run_log_path(run)));
    return std::make_shared<store::LogReader>(std::move(opened));
  });
  if (!reader) {
    co_await send(response, refuse(status_of(reader.error())));
    co_return;
  }
  auto gone = std::make_shared<bool>(false);
  const Stream stream(*this, logs_, [gone] { *gone = true; });
  request.on_disconnect([gone] { *gone = true; });
  if (!co_await response.begin(200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}})) co_return;
  bool last_look = false;
  while (!*gone) {
    auto piece = co_await run_blocking(parts_.pool, [reader = *reader] { return read_piece(*reader); });
    if (!piece) co_return response.abort();  // A cut stream and not a short one: the log is damaged.
    if (!piece->lines.empty() && !co_await response.write(piece->lines)) co_return;
    if (piece->ended) break;
    if (!piece->lines.empty()) continue;
    if (!follow || last_look) break;
    // A run that nobody drives will not end by itself; what it wrote before it went is read once more.
    const auto driver = parts_.folder.run_pid(run);
    last_look = driver && !*driver;
    if (!last_look) co_await parts_.clock.sleep_for(store::kLogFollowInterval);
  }
  (void)co_await response.finish();
}

}  // namespace remit::api::detail
