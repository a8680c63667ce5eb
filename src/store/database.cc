#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <list>
#include <unordered_map>

namespace remit::store {
namespace {

Code code_of(int extended) {
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::kUnavailable;
    case SQLITE_FULL: return Code::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return Code::kPermissionDenied;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return Code::kUnavailable;
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM: return Code::kResourceExhausted;
    case SQLITE_CONSTRAINT:
      return extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY
                 ? Code::kAlreadyExists
                 : Code::kFailedPrecondition;
    default: return Code::kInternal;
  }
}

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// A statement goes back to the cache clean, whatever happened to it.
struct ResetStatement {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};
using StatementInUse = std::unique_ptr<sqlite3_stmt, ResetStatement>;

// Null text would bind NULL; an empty string view may have no data.
const char* data_of(std::string_view text) { return text.data() ? text.data() : ""; }

int bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
    int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
    int operator()(std::string_view text) const {
      return sqlite3_bind_text64(statement, index, data_of(text), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(Blob blob) const {
      return sqlite3_bind_blob64(statement, index, data_of(blob.bytes), blob.bytes.size(), SQLITE_STATIC);
    }
  };
  return std::visit(Binder{statement, index}, value.get());
}

}  // namespace

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Row::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Row::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

struct Database::State {
  std::string path;
  std::unique_ptr<sqlite3, CloseDatabase> handle;
  // Most recently used first; at most kStatementCache.
  std::list<std::pair<std::string, Statement>> statements;
  std::unordered_map<std::string_view, std::list<std::pair<std::string, Statement>>::iterator> by_sql;
  bool in_transaction = false;

  Error error(std::string_view what) const {
    const int code = sqlite3_extended_errcode(handle.get());
    const char* advice = "";
    if ((code & 0xff) == SQLITE_FULL) advice = "; free space on the disk";
    if ((code & 0xff) == SQLITE_BUSY) advice = "; another process holds it, try again";
    return {code_of(code), fmt::format("{}: {}: {}{}", path, what, sqlite3_errmsg(handle.get()), advice)};
  }

  Result<StatementInUse> prepare(std::string_view sql) {
    if (const auto found = by_sql.find(sql); found != by_sql.end()) {
      statements.splice(statements.begin(), statements, found->second);
      // In use by a query further up the stack: a statement has one cursor.
      if (!sqlite3_stmt_busy(found->second->second.get())) return StatementInUse(found->second->second.get());
      return fail(internal_error(fmt::format("{}: '{}' is used inside its own query", path, sql)));
    }
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    if (sqlite3_prepare_v3(handle.get(), data_of(sql), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw,
                           &rest) != SQLITE_OK) {
      return fail(error(fmt::format("prepare '{}'", sql)));
    }
    Statement statement(raw);
    if (!statement || rest != data_of(sql) + sql.size()) {
      return fail(internal_error(fmt::format("{}: '{}' is not one statement", path, sql)));
    }
    statements.emplace_front(std::string(sql), std::move(statement));
    by_sql.emplace(statements.front().first, statements.begin());
    evict();
    return StatementInUse(statements.front().second.get());
  }

  void evict() {
    if (statements.size() <= kStatementCache) return;
    for (auto at = std::prev(statements.end()); at != statements.begin(); --at) {
      if (sqlite3_stmt_busy(at->second.get())) continue;
      by_sql.erase(at->first);
      statements.erase(at);
      return;
    }
  }

  Result<StatementInUse> prepare_bound(std::string_view sql, Arguments arguments) {
    REMIT_TRY(StatementInUse statement, prepare(sql));
    if (sqlite3_bind_parameter_count(statement.get()) != static_cast<int>(arguments.size())) {
      return fail(internal_error(fmt::format("{}: '{}' takes {} parameters, not {}", path, sql,
                                             sqlite3_bind_parameter_count(statement.get()), arguments.size())));
    }
    int index = 0;
    for (const SqlValue& argument : arguments) {
      if (bind(statement.get(), ++index, argument) != SQLITE_OK)
        return fail(error(fmt::format("bind {} of '{}'", index, sql)));
    }
    return statement;
  }

  Result<> script(std::string_view sql) {
    if (sqlite3_exec(handle.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return fail(error(fmt::format("run '{}'", sql.substr(0, 60))));
  }

  void rollback() {
    // SQLite may have rolled back by itself, after a full disk for one.
    if (sqlite3_get_autocommit(handle.get()) == 0) (void)script("ROLLBACK");
  }
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

Result<Database> Database::open(const std::string& path, std::span<const std::string_view> migrations,
                                DatabaseOptions options) {
  auto state = std::make_unique<State>();
  state->path = path;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  state->handle.reset(raw);
  if (opened != SQLITE_OK) return fail(state->error("open"));
  using std::chrono::milliseconds;
  sqlite3_busy_timeout(raw, static_cast<int>(std::chrono::duration_cast<milliseconds>(options.busy_timeout).count()));
  if (!options.read_only) REMIT_CHECK_OK(state->script("PRAGMA journal_mode=WAL"));
  REMIT_CHECK_OK(state->script("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF"));
  Database database(std::move(state));
  REMIT_CHECK_OK(database.migrate(migrations, options.read_only));
  return database;
}

Result<Database> Database::open_in_memory(std::span<const std::string_view> migrations) {
  return open(":memory:", migrations);
}

Result<> Database::migrate(std::span<const std::string_view> migrations, bool read_only) {
  for (;;) {
    REMIT_TRY(const auto version, query_integer("PRAGMA user_version"));
    const auto known = static_cast<std::int64_t>(migrations.size());
    if (*version > known || *version < 0) {
      return fail(
          Code::kFailedPrecondition,
          fmt::format(
              "{} has schema version {}, and this Remit knows versions up to {}; use the newer Remit that wrote it",
              state_->path, *version, known));
    }
    if (*version == known) return {};
    if (read_only) {
      return fail(Code::kFailedPrecondition,
                  fmt::format("{} has the older schema version {}; open it once for writing to migrate it",
                              state_->path, *version));
    }
    auto migrated = transaction([&]() -> Result<> {
      // Another process may have been faster.
      REMIT_TRY(const auto current, query_integer("PRAGMA user_version"));
      if (*current != *version) return {};
      REMIT_CHECK_OK(state_->script(migrations[static_cast<std::size_t>(*version)]));
      return state_->script(fmt::format("PRAGMA user_version={}", *version + 1));
    });
    if (!migrated)
      return fail(migrated.error().wrap(fmt::format("migrate from version {} to {}", *version, *version + 1)));
  }
}

Result<std::int64_t> Database::execute(std::string_view sql, Arguments arguments) {
  REMIT_TRY(const StatementInUse statement, state_->prepare_bound(sql, arguments));
  const int result = sqlite3_step(statement.get());
  if (result == SQLITE_ROW)
    return fail(internal_error(fmt::format("{}: '{}' returns rows; use query()", state_->path, sql)));
  if (result != SQLITE_DONE) return fail(state_->error(fmt::format("run '{}'", sql)));
  return sqlite3_changes64(state_->handle.get());
}

Result<> Database::query(std::string_view sql, Arguments arguments, const std::function<Result<>(const Row&)>& each) {
  REMIT_TRY(const StatementInUse statement, state_->prepare_bound(sql, arguments));
  for (;;) {
    const int result = sqlite3_step(statement.get());
    if (result == SQLITE_DONE) return {};
    if (result != SQLITE_ROW) return fail(state_->error(fmt::format("run '{}'", sql)));
    REMIT_CHECK_OK(each(Row(statement.get())));
  }
}

Result<std::optional<std::int64_t>> Database::query_integer(std::string_view sql, Arguments arguments) {
  std::optional<std::int64_t> value;
  bool first = true;
  REMIT_CHECK_OK(query(sql, arguments, [&](const Row& row) -> Result<> {
    if (std::exchange(first, false) && !row.is_null(0)) value = row.integer(0);
    return {};
  }));
  return value;
}

Result<std::optional<std::string>> Database::query_text(std::string_view sql, Arguments arguments) {
  std::optional<std::string> value;
  bool first = true;
  REMIT_CHECK_OK(query(sql, arguments, [&](const Row& row) -> Result<> {
    if (std::exchange(first, false) && !row.is_null(0)) value = std::string(row.text(0));
    return {};
  }));
  return value;
}

Result<> Database::execute_script(std::string_view sql) { return state_->script(sql); }

Result<> Database::transaction(const std::function<Result<>()>& body) {
  if (state_->in_transaction) return fail(internal_error(state_->path + ": a transaction inside a transaction"));
  REMIT_CHECK_OK(execute("BEGIN IMMEDIATE"));
  state_->in_transaction = true;
  Result<> result = body();
  state_->in_transaction = false;
  if (result) {
    if (auto committed = execute("COMMIT"); !committed) result = fail(std::move(committed).error());
  }
  if (!result) state_->rollback();
  return result;
}

std::int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(state_->handle.get()); }

}  // namespace remit::store
