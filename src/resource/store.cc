#include "resource/store.h"

#include <fmt/format.h>

#include <iterator>

namespace remit::resource {

Key key_of(const Object& object) {
  return {std::string(object.kind()), std::string(object.ns()), std::string(object.name())};
}

std::string_view to_string(WatchEventType type) {
  switch (type) {
    case WatchEventType::kAdded: return "ADDED";
    case WatchEventType::kModified: return "MODIFIED";
    case WatchEventType::kDeleted: return "DELETED";
    case WatchEventType::kBookmark: return "BOOKMARK";
  }
  return "";
}

Task<Result<ObjectList>> list_all(Store& store, ListOptions options, std::size_t most) {
  ObjectList all;
  for (;;) {
    REMIT_CO_TRY(auto page, co_await store.list(options));
    if (all.items.size() + page.items.size() > most) {
      co_return fail(Code::kResourceExhausted,
                     fmt::format("more than {} objects of kind {}; narrow the list", most, options.kind));
    }
    if (all.resource_version.empty()) all.resource_version = page.resource_version;
    all.items.insert(all.items.end(), std::make_move_iterator(page.items.begin()),
                     std::make_move_iterator(page.items.end()));
    if (page.continue_token.empty()) co_return all;
    options.continue_token = std::move(page.continue_token);
  }
}

}  // namespace remit::resource
