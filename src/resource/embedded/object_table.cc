#include "resource/embedded/object_table.h"

#include <array>

#include "base/json.h"

namespace remit::resource {

static constexpr std::array<std::string_view, 1> kMigrations = {R"(
CREATE TABLE objects(
  kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
  version INTEGER NOT NULL, content TEXT NOT NULL);
CREATE UNIQUE INDEX objects_by_key ON objects(kind, ns, name);
CREATE TABLE events(
  version INTEGER PRIMARY KEY, type INTEGER NOT NULL, kind TEXT NOT NULL,
  content TEXT NOT NULL, labels_before TEXT NOT NULL);
CREATE TABLE versions(id INTEGER PRIMARY KEY CHECK(id = 1), current INTEGER NOT NULL, compacted INTEGER NOT NULL);
INSERT INTO versions(id, current, compacted) VALUES(1, 1, 0);
)"};

Result<ObjectTable> ObjectTable::open(const std::string& path) {
  REMIT_TRY(auto database, store::Database::open(path, kMigrations));
  return ObjectTable(std::move(database));
}

static Result<Object> object_from(std::string_view text) {
  auto content = parse_json_object(text);
  if (!content) return fail(Error(Code::kDataLoss, "a stored object cannot be read", content.error()));
  return Object(std::move(*content));
}

Result<std::optional<Object>> ObjectTable::find(const Key& key) {
  REMIT_TRY(const auto text, database_.query_text("SELECT content FROM objects WHERE kind=? AND ns=? AND name=?",
                                                  {key.kind, key.ns, key.name}));
  if (!text) return std::nullopt;
  REMIT_TRY(auto object, object_from(*text));
  return std::optional(std::move(object));
}

Result<> ObjectTable::scan(std::string_view kind, std::string_view ns, std::string_view after_ns,
                           std::string_view after_name, const std::function<Result<bool>(Object)>& each) {
  bool go_on = true;
  const auto row = [&](const store::Row& columns) -> Result<> {
    if (!go_on) return {};
    REMIT_TRY(auto object, object_from(columns.text(0)));
    REMIT_TRY(go_on, each(std::move(object)));
    // The only way to end a query early; taken back below.
    if (!go_on) return fail(Code::kCancelled, "enough");
    return {};
  };
  const auto done =
      ns.empty()
          ? database_.query("SELECT content FROM objects WHERE kind=?1 AND (ns, name) > (?2, ?3) ORDER BY ns, name",
                            {kind, after_ns, after_name}, row)
          : database_.query(
                "SELECT content FROM objects WHERE kind=?1 AND ns=?2 AND (?3 < ns OR (?3 = ns AND name > ?4)) "
                "ORDER BY name",
                {kind, ns, after_ns, after_name}, row);
  if (!done && go_on) return done;
  return {};
}

Result<> ObjectTable::insert(const Object& object, std::int64_t version) {
  const auto done = database_.execute("INSERT INTO objects(kind, ns, name, version, content) VALUES(?, ?, ?, ?, ?)",
                                      {object.kind(), object.ns(), object.name(), version, to_json(object.content())});
  if (!done) return fail(done.error());
  return {};
}

Result<> ObjectTable::replace(const Object& object, std::int64_t version) {
  const auto done = database_.execute("UPDATE objects SET version=?, content=? WHERE kind=? AND ns=? AND name=?",
                                      {version, to_json(object.content()), object.kind(), object.ns(), object.name()});
  if (!done) return fail(done.error());
  return {};
}

Result<> ObjectTable::erase(const Key& key) {
  const auto done =
      database_.execute("DELETE FROM objects WHERE kind=? AND ns=? AND name=?", {key.kind, key.ns, key.name});
  if (!done) return fail(done.error());
  return {};
}

Result<std::int64_t> ObjectTable::current_version() {
  REMIT_TRY(const auto version, database_.query_integer("SELECT current FROM versions"));
  return version.value_or(0);
}

Result<std::int64_t> ObjectTable::compacted_version() {
  REMIT_TRY(const auto version, database_.query_integer("SELECT compacted FROM versions"));
  return version.value_or(0);
}

Result<std::int64_t> ObjectTable::next_version() {
  REMIT_CHECK_OK(database_.execute("UPDATE versions SET current=current+1"));
  return current_version();
}

Result<> ObjectTable::add_event(std::int64_t version, WatchEventType type, const Object& object, const Object* before) {
  json::object labels;
  if (before) {
    for (const auto& [key, value] : before->labels()) labels[jsv(key)] = json::string(jsv(value));
  }
  const auto done =
      database_.execute("INSERT INTO events(version, type, kind, content, labels_before) VALUES(?, ?, ?, ?, ?)",
                        {version, static_cast<int>(type), object.kind(), to_json(object.content()), to_json(labels)});
  if (!done) return fail(done.error());
  return {};
}

Result<> ObjectTable::trim_events(std::int64_t keep) {
  REMIT_TRY(const auto current, current_version());
  const std::int64_t last_gone = current - keep;
  REMIT_TRY(const auto compacted, compacted_version());
  if (last_gone <= compacted) return {};
  REMIT_CHECK_OK(database_.execute("DELETE FROM events WHERE version<=?", {last_gone}));
  REMIT_CHECK_OK(database_.execute("UPDATE versions SET compacted=?", {last_gone}));
  return {};
}

Result<> ObjectTable::events_after(std::int64_t version, std::string_view kind,
                                   const std::function<Result<>(StoredEvent)>& each) {
  return database_.query(
      "SELECT version, type, content, labels_before FROM events WHERE version>?1 AND (?2='' OR kind=?2) ORDER BY "
      "version",
      {version, kind}, [&](const store::Row& row) -> Result<> {
        StoredEvent event;
        event.version = row.integer(0);
        event.type = static_cast<WatchEventType>(row.integer(1));
        REMIT_TRY(event.object, object_from(row.text(2)));
        REMIT_TRY(const auto labels, parse_json_object(row.text(3)));
        for (const auto& member : labels) {
          if (member.value().is_string()) event.labels_before[member.key()] = member.value().get_string();
        }
        return each(std::move(event));
      });
}

}  // namespace remit::resource
