#include "sandbox/files_executor.h"

#include <fmt/format.h>

#include "base/blocking.h"
#include "base/limits.h"
#include "base/strings.h"
#include "core/event_channel.h"

namespace remit::sandbox {

Action file_change_action(const FileChange& change) {
  Action action;
  action.kind = ActionKind::kFileChange;
  action.channel = "sandbox";
  action.tool = "workspace.write";
  action.resource = change.path;
  action.args = {{"path", change.path}, {"kind", jsv(to_string(change.kind))}, {"size", change.size}};
  action.effect = Effect::kWrite;
  action.idempotent = true;
  return action;
}

std::unique_ptr<Call> FilesExecutor::start(Permit&& permit, CallContext context) {
  auto shared = std::make_shared<Permit>(std::move(permit));
  return make_call(executor_, [this, shared, context](std::shared_ptr<EventSink>) { return run(shared, context); });
}

Task<Outcome> FilesExecutor::run(std::shared_ptr<Permit> permit, CallContext context) {
  const Action& action = permit->action();
  if (action.tool == "files.list") co_return co_await list(action);
  if (action.tool == "files.read") co_return co_await read(action);
  if (action.tool == "files.write") co_return co_await write(action, context);
  co_return failed_outcome(not_found(fmt::format("there is no tool {}", action.tool)));
}

static std::string render(const Listing& listing) {
  std::string text;
  for (const auto& entry : listing.entries) {
    if (text.size() > remit::limits::kToolOutputBytes - 8192) break;
    switch (entry.type) {
      case WorkspaceEntry::Type::kFolder: text += entry.path + "/\n"; break;
      case WorkspaceEntry::Type::kSymlink:
        text += fmt::format("{} -> {}\n", entry.path, printable(entry.target, 200));
        break;
      case WorkspaceEntry::Type::kFile: text += fmt::format("{}  {} bytes\n", entry.path, entry.size); break;
      case WorkspaceEntry::Type::kOther: text += entry.path + "  (not a regular file)\n"; break;
    }
  }
  if (listing.entries.empty()) text = "(empty)\n";
  if (listing.truncated) text += fmt::format("(only the first {} entries)\n", listing.entries.size());
  return text;
}

Task<Outcome> FilesExecutor::list(const Action& action) {
  const std::string path(get_string(action.args, "path", "."));
  const ListLimits bounds{kListToolEntries, get_bool(action.args, "recursive") ? kListToolDepth : 1};
  auto listing = co_await run_blocking(
      file_pool_, [&workspace = workspace_, path, bounds] { return workspace.list(path, bounds); });
  if (!listing) co_return failed_outcome(listing.error());
  Outcome outcome;
  outcome.ok = true;
  outcome.text = render(*listing);
  co_return outcome;
}

Task<Outcome> FilesExecutor::read(const Action& action) {
  const std::string path(get_string(action.args, "path"));
  const auto offset = static_cast<std::size_t>(get_int(action.args, "offset"));
  const auto wanted =
      std::min(static_cast<std::size_t>(get_int(action.args, "max_bytes", 65536)), remit::limits::kToolOutputBytes / 2);
  const auto end = std::min(offset + wanted, kMaxFileToolBytes);
  auto content =
      co_await run_blocking(file_pool_, [&workspace = workspace_, path, end] { return workspace.read(path, end); });
  if (!content) co_return failed_outcome(content.error());
  Outcome outcome;
  outcome.ok = true;
  outcome.text = to_valid_utf8(std::string_view(content->bytes).substr(std::min(offset, content->bytes.size())));
  // A byte that is not UTF-8 becomes three. The cut may not leave half a character: a model's provider and the run log
  // take valid UTF-8 only.
  if (outcome.text.size() > remit::limits::kToolOutputBytes) {
    outcome.text = to_valid_utf8(std::string_view(outcome.text).substr(0, remit::limits::kToolOutputBytes - 8));
  }
  const auto shown = static_cast<std::int64_t>(std::min(end, content->bytes.size()));
  if (content->size > shown) {
    outcome.truncated_bytes = content->size - shown;
    outcome.structured = {{"size", content->size}, {"nextOffset", shown}};
    outcome.text +=
        fmt::format("\n(the file goes on: {} of {} bytes shown; read on with offset {})", shown, content->size, shown);
  }
  co_return outcome;
}

Task<Outcome> FilesExecutor::write(const Action& action, CallContext context) {
  const std::string path(get_string(action.args, "path"));
  const std::string content(get_string(action.args, "content"));
  FileChange intended{path, FileChange::Kind::kModified, static_cast<std::int64_t>(content.size())};
  auto permitted = co_await governor_->permit_nested(file_change_action(intended), context);
  if (!permitted) {
    co_return failed_outcome(
        Error(Code::kPermissionDenied, explain_to_agent(permitted.error(), "workspace.write", path)));
  }
  auto change = co_await run_blocking(
      file_pool_, [&workspace = workspace_, path, content] { return workspace.write(path, content); });
  if (!change) co_return failed_outcome(change.error());
  Outcome outcome;
  outcome.ok = true;
  outcome.text = fmt::format("{} {} ({} bytes)", change->kind == FileChange::Kind::kAdded ? "created" : "wrote", path,
                             content.size());
  outcome.changes.push_back(std::move(*change));
  co_return outcome;
}

}  // namespace remit::sandbox
