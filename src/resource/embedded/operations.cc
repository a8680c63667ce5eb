#include "resource/embedded/operations.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "resource/embedded/merge_patch.h"
#include "resource/kinds.h"
#include "resource/limits.h"

namespace remit::resource {

namespace {

std::string describe_key(const Key& key) {
  return key.ns.empty() ? fmt::format("{} '{}'", key.kind, key.name)
                        : fmt::format("{} '{}' in namespace '{}'", key.kind, key.name, key.ns);
}

Error missing(const Key& key) { return not_found(printable(describe_key(key), 300) + " is not there"); }

Error conflict(const Key& key) {
  return {Code::kConflict,
          describe_key(key) + " has changed since it was read; read it again and apply the change to what it is now"};
}

// A key as callers give it: an empty namespace means the default one where the kind has namespaces.
Result<Key> complete(Key key) {
  const KindInfo* info = find_kind(key.kind);
  if (!info || info->kind != key.kind)
    return fail(invalid_argument(fmt::format("unknown kind '{}'", printable(key.kind, 60))));
  if (info->namespaced && key.ns.empty()) key.ns = kDefaultNamespace;
  if (!info->namespaced) key.ns.clear();
  return key;
}

Result<> check_valid(Object& object) {
  if (const auto problems = validate(object); !problems.empty()) return fail(to_error(problems));
  return {};
}

bool same(const json::object* a, const json::object* b) {
  if (!a || !b) return a == b;
  return canonical_json(*a) == canonical_json(*b);
}

bool has_finalizers(const Object& object) {
  const auto* metadata = object.find_metadata();
  const auto* finalizers = metadata ? find_array(*metadata, "finalizers") : nullptr;
  return finalizers && !finalizers->empty();
}

// Takes over from `from` what only the store may write.
void copy_system_fields(const Object& from, Object& to) {
  static constexpr std::string_view kFields[] = {
      "name",        "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
      "generateName"};
  for (const auto field : kFields) {
    const auto* value = from.find_metadata() ? find(*from.find_metadata(), field) : nullptr;
    if (value)
      to.metadata()[jsv(field)] = *value;
    else
      to.metadata().erase(jsv(field));
  }
}

// A place in a list, for the next page: "version/ns/name".
struct Position {
  std::int64_t version = 0;
  std::string ns, name;
};

Result<Position> parse_position(std::string_view token) {
  const auto parts = split(token, '/');
  const auto bad = [] { return fail(invalid_argument("the continue token is not one of this store")); };
  if (parts.size() != 3 || parts[0].empty() || parts[0].size() > 18) return bad();
  Position out{0, std::string(parts[1]), std::string(parts[2])};
  for (const char c : parts[0]) {
    if (c < '0' || c > '9') return bad();
    out.version = out.version * 10 + (c - '0');
  }
  return out;
}

}  // namespace

std::string Operations::now() const {
  const std::string micros = to_rfc3339(clock_.wall_now());
  return micros.substr(0, micros.find('.')) + "Z";  // Kubernetes' Time has whole seconds.
}

// A version 4 UUID (RFC 9562).
std::string Operations::make_uid() {
  std::string hex = rng_.hex(16);
  hex[12] = '4';
  hex[16] = "89ab"[rng_.below(4)];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

Result<Object> Operations::get(const Key& wanted) {
  REMIT_TRY(const auto key, complete(wanted));
  REMIT_TRY(auto found, table_.find(key));
  if (!found) return fail(missing(key));
  return std::move(*found);
}

Result<ObjectList> Operations::list(const ListOptions& options) {
  if (const auto* info = find_kind(options.kind); !info || info->kind != options.kind) {
    return fail(invalid_argument(fmt::format("unknown kind '{}'", printable(options.kind, 60))));
  }
  Position from;
  REMIT_TRY(from.version, table_.current_version());
  if (!options.continue_token.empty()) {
    REMIT_TRY(from, parse_position(options.continue_token));
    REMIT_TRY(const auto compacted, table_.compacted_version());
    if (from.version < compacted) return fail(kExpired, "the list was begun too long ago; list again from the start");
  }
  const std::size_t limit = options.limit == 0 ? limits::kListPage : std::min(options.limit, limits::kListPage);
  ObjectList out;
  out.resource_version = std::to_string(from.version);
  std::size_t bytes = 0;
  const auto take = [&](Object object) -> Result<bool> {
    if (!options.name.empty() && object.name() != options.name) return true;
    if (!options.selector.empty() && !options.selector.matches(object.labels())) return true;
    if (out.items.size() >= limit || bytes > limits::kListBytes) {
      const auto& last = out.items.back();
      out.continue_token = fmt::format("{}/{}/{}", from.version, last.ns(), last.name());
      return false;
    }
    bytes += to_json(object.content()).size();
    out.items.push_back(std::move(object));
    return true;
  };
  REMIT_CHECK_OK(table_.scan(options.kind, options.ns, from.ns, from.name, take));
  return out;
}

Result<> Operations::choose_name(Object& object) {
  if (!object.name().empty()) {
    REMIT_TRY(const auto found, table_.find(key_of(object)));
    if (found) return fail(Code::kAlreadyExists, describe_key(key_of(object)) + " exists already");
    return {};
  }
  // Without vowels and look-alikes, as Kubernetes has it: no words, no confusion.
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  const std::string prefix(get_string(*object.find_metadata(), "generateName"));
  for (int i = 0; i < limits::kNameTries; ++i) {
    std::string name = prefix;
    for (int letter = 0; letter < 5; ++letter) name += kLetters[rng_.below(kLetters.size())];
    object.set_name(name);
    REMIT_TRY(const auto found, table_.find(key_of(object)));
    if (!found) return {};
  }
  return fail(Code::kAlreadyExists,
              fmt::format("no free name was found for generateName '{}'; try again", printable(prefix, 100)));
}

Result<Object> Operations::create(Object object) {
  if (!object.resource_version().empty())
    return fail(invalid_argument("metadata.resourceVersion: must be absent in a new object"));
  object.content().erase("status");
  for (const auto* field : {"uid", "generation", "creationTimestamp", "deletionTimestamp", "managedFields", "selfLink"})
    object.metadata().erase(field);
  REMIT_CHECK_OK(check_valid(object));
  REMIT_CHECK_OK(choose_name(object));
  REMIT_CHECK_OK(check_valid(object));  // The completed name too.
  object.metadata()["uid"] = make_uid();
  object.metadata()["generation"] = 1;
  object.metadata()["creationTimestamp"] = now();
  return keep(std::move(object), nullptr, WatchEventType::kAdded);
}

Result<Object> Operations::keep(Object object, const Object* before, WatchEventType type) {
  REMIT_TRY(const auto version, table_.next_version());
  object.set_resource_version(std::to_string(version));
  if (const auto size = to_json(object.content()).size(); size > limits::kObjectBytes) {
    return fail(Code::kResourceExhausted, fmt::format("{} has {} bytes; at most {} are kept",
                                                      describe_key(key_of(object)), size, limits::kObjectBytes));
  }
  if (type == WatchEventType::kAdded) REMIT_CHECK_OK(table_.insert(object, version));
  if (type == WatchEventType::kModified) REMIT_CHECK_OK(table_.replace(object, version));
  if (type == WatchEventType::kDeleted) REMIT_CHECK_OK(table_.erase(key_of(object)));
  REMIT_CHECK_OK(table_.add_event(version, type, object, before));
  REMIT_CHECK_OK(table_.trim_events(event_history_));
  return object;
}

Result<Object> Operations::erase(Object object) {
  const Object before = object;
  return keep(std::move(object), &before, WatchEventType::kDeleted);
}

Result<Object> Operations::update(Object object) {
  REMIT_TRY(const auto key, complete(key_of(object)));
  REMIT_TRY(const auto current, get(key));
  if (object.resource_version().empty()) {
    return fail(invalid_argument("metadata.resourceVersion: missing; an update needs the version that was read"));
  }
  if (object.resource_version() != current.resource_version()) return fail(conflict(key));
  if (!object.uid().empty() && object.uid() != current.uid()) return fail(conflict(key));
  return replace_spec(current, std::move(object));
}

Result<Object> Operations::replace_spec(const Object& current, Object wanted) {
  copy_system_fields(current, wanted);
  wanted.metadata().erase("managedFields");
  wanted.content().erase("status");
  REMIT_CHECK_OK(check_valid(wanted));
  if (const auto problems = validate_update(current, wanted); !problems.empty()) return fail(to_error(problems));
  if (current.find_status()) wanted.content()["status"] = *current.find_status();
  if (same(&current.content(), &wanted.content())) return current;
  if (wanted.is_deleting() && !has_finalizers(wanted)) return erase(std::move(wanted));
  if (!same(current.find_spec(), wanted.find_spec())) wanted.metadata()["generation"] = current.generation() + 1;
  return keep(std::move(wanted), &current, WatchEventType::kModified);
}

Result<Object> Operations::update_status(Object object) {
  REMIT_TRY(const auto key, complete(key_of(object)));
  REMIT_TRY(const auto current, get(key));
  if (object.resource_version().empty()) {
    return fail(invalid_argument("metadata.resourceVersion: missing; an update needs the version that was read"));
  }
  if (object.resource_version() != current.resource_version()) return fail(conflict(key));
  if (!object.uid().empty() && object.uid() != current.uid()) return fail(conflict(key));
  return replace_status(current, object);
}

Result<Object> Operations::replace_status(const Object& current, const Object& wanted) {
  Object changed = current;
  if (wanted.find_status()) {
    changed.content()["status"] = *wanted.find_status();
  } else {
    changed.content().erase("status");
  }
  REMIT_CHECK_OK(check_valid(changed));
  if (same(&current.content(), &changed.content())) return current;
  return keep(std::move(changed), &current, WatchEventType::kModified);
}

Result<Object> Operations::patch(const Key& wanted, const json::value& merge, PatchTarget target) {
  REMIT_TRY(const auto key, complete(wanted));
  REMIT_TRY(const auto current, get(key));
  if (!merge.is_object()) return fail(invalid_argument("a merge patch must be a JSON object"));
  json::value merged = current.content();
  apply_merge_patch(merged, merge);
  Object changed(std::move(merged.get_object()));
  if (!changed.content().contains("metadata") || changed.kind() != key.kind || changed.name() != key.name ||
      changed.ns() != key.ns) {
    return fail(invalid_argument("a patch cannot change kind, name or namespace"));
  }
  if (changed.resource_version() != current.resource_version() || changed.uid() != current.uid())
    return fail(conflict(key));
  return target == PatchTarget::kStatus ? replace_status(current, changed) : replace_spec(current, std::move(changed));
}

Result<Object> Operations::remove(const Key& wanted, const Preconditions& preconditions) {
  REMIT_TRY(const auto key, complete(wanted));
  REMIT_TRY(auto current, get(key));
  const bool other_uid = !preconditions.uid.empty() && preconditions.uid != current.uid();
  const bool other_version =
      !preconditions.resource_version.empty() && preconditions.resource_version != current.resource_version();
  if (other_uid || other_version) return fail(conflict(key));
  if (!has_finalizers(current)) return erase(std::move(current));
  if (current.is_deleting()) return current;
  Object marked = current;
  marked.metadata()["deletionTimestamp"] = now();
  marked.metadata()["generation"] = current.generation() + 1;
  return keep(std::move(marked), &current, WatchEventType::kModified);
}

}  // namespace remit::resource
