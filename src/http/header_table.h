// HeaderTable: the header fields of one message, in order, in one flat piece of memory. Looking up a name ignores case
// (RFC 9110, section 5.1). Adding costs no allocation once the table has grown; clear() keeps the memory. Views that it
// hands out end with the next change. One thread.
//
// A table may hold anything; what cannot stand in a message (a name that is no token, a value with CR, LF or NUL) is
// refused when it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::http {

// ASCII only.
bool equals_ignoring_case(std::string_view left, std::string_view right);
// Whether a comma-separated list names `token` (any case): the Connection field and its like.
bool list_has_token(std::string_view list, std::string_view token);

class HeaderTable {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  HeaderTable() = default;
  HeaderTable(std::initializer_list<Field> fields);

  void add(std::string_view name, std::string_view value);
  // Replaces all fields of this name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();

  // The value of the first field of this name; "" when there is none (has() tells an empty one from none).
  std::string_view get(std::string_view name) const;
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return index_of(name, 0) < entries_.size(); }
  std::size_t count(std::string_view name) const;
  // Every value of a list-like field, joined by ", ".
  std::string joined(std::string_view name) const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Field operator[](std::size_t index) const {
    const Entry& entry = entries_[index];
    const char* base = bytes_.data() + entry.name_at;
    return {{base, entry.name_size}, {base + entry.name_size, entry.value_size}};
  }

  class Iterator {
   public:
    Iterator(const HeaderTable* table, std::size_t index) : table_(table), index_(index) {}
    Field operator*() const { return (*table_)[index_]; }
    Iterator& operator++() { return ++index_, *this; }
    friend bool operator==(const Iterator& left, const Iterator& right) { return left.index_ == right.index_; }

   private:
    const HeaderTable* table_;
    std::size_t index_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_size;  // The value follows the name.
  };
  std::size_t index_of(std::string_view name, std::size_t from) const;

  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace remit::http
