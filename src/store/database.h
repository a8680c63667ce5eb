// Database: SQLite behind Results. WAL, synchronous=FULL: when transaction() has returned, its writes survive the loss
// of power.
//
// Promises: one Database belongs to one thread at a time; several Databases, in several processes too, may share one
// file and wait for each other up to `busy_timeout`. Statements are prepared once and kept. The schema's version is
// `PRAGMA user_version`; migrations run in order, each in a transaction of its own; a file of a newer version is
// refused with kFailedPrecondition. Codes: kUnavailable busy, kResourceExhausted disk full, kDataLoss damaged file,
// kAlreadyExists unique key, kFailedPrecondition other constraint.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"

struct sqlite3_stmt;

namespace remit::store {

inline constexpr std::size_t kStatementCache = 128;
inline constexpr Duration kDatabaseBusyTimeout = std::chrono::seconds(5);

struct Blob {
  std::string_view bytes;
};

// A bound parameter. Text and blobs are only looked at during the call.
class SqlValue {
 public:
  SqlValue(std::nullptr_t) : value_(nullptr) {}
  SqlValue(bool value) : value_(std::int64_t{value}) {}
  template <std::integral T>
  SqlValue(T value) : value_(static_cast<std::int64_t>(value)) {}
  SqlValue(double value) : value_(value) {}
  SqlValue(std::string_view text) : value_(text) {}
  SqlValue(const std::string& text) : value_(std::string_view(text)) {}
  SqlValue(const char* text) : value_(std::string_view(text)) {}
  SqlValue(Blob blob) : value_(blob) {}

  using Variant = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;
  const Variant& get() const { return value_; }

 private:
  Variant value_;
};

// One row of a result, valid inside the callback only.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // Also for blobs.

 private:
  sqlite3_stmt* statement_;
};

struct DatabaseOptions {
  Duration busy_timeout = kDatabaseBusyTimeout;
  bool read_only = false;
};

class Database {
 public:
  // `migrations[i]` is the SQL that takes version i to version i+1; it may hold several statements.
  static Result<Database> open(const std::string& path, std::span<const std::string_view> migrations,
                               DatabaseOptions options = {});
  static Result<Database> open_in_memory(std::span<const std::string_view> migrations);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  using Arguments = std::initializer_list<SqlValue>;
  // Runs one statement that returns no rows; returns how many rows it changed.
  Result<std::int64_t> execute(std::string_view sql, Arguments arguments = {});
  // Calls `each` for every row; an error of `each` ends the query and is returned.
  Result<> query(std::string_view sql, Arguments arguments, const std::function<Result<>(const Row&)>& each);
  // The first column of the first row; nothing when there is no row or it is NULL.
  Result<std::optional<std::int64_t>> query_integer(std::string_view sql, Arguments arguments = {});
  Result<std::optional<std::string>> query_text(std::string_view sql, Arguments arguments = {});
  // Several statements without parameters.
  Result<> execute_script(std::string_view sql);

  // Commits when `body` succeeds and rolls back when it fails. Takes the write lock at the start (BEGIN IMMEDIATE), so
  // that what `body` read cannot have changed when it writes. Not nested.
  Result<> transaction(const std::function<Result<>()>& body);

  std::int64_t last_insert_rowid() const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  Result<> migrate(std::span<const std::string_view> migrations, bool read_only);
  std::unique_ptr<State> state_;
};

}  // namespace remit::store
