#include "http/header_table.h"

#include <algorithm>

#include "base/strings.h"

namespace remit::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

}  // namespace

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                   [](char a, char b) { return a == b || lower(a) == lower(b); });
}

bool list_has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

HeaderTable::HeaderTable(std::initializer_list<Field> fields) {
  for (const Field& field : fields) add(field.name, field.value);
}

void HeaderTable::add(std::string_view name, std::string_view value) {
  entries_.push_back({std::uint32_t(bytes_.size()), std::uint32_t(name.size()), std::uint32_t(value.size())});
  bytes_.append(name).append(value);
}

void HeaderTable::set(std::string_view name, std::string_view value) {
  // The arguments may be views into this table.
  const std::string kept_name(name), kept_value(value);
  remove(kept_name);
  add(kept_name, kept_value);
}

// Their bytes stay behind until clear(): tables are short-lived.
void HeaderTable::remove(std::string_view name) {
  std::erase_if(entries_, [this, name](const Entry& entry) {
    return equals_ignoring_case({bytes_.data() + entry.name_at, entry.name_size}, name);
  });
}

void HeaderTable::clear() {
  bytes_.clear();
  entries_.clear();
}

std::size_t HeaderTable::index_of(std::string_view name, std::size_t from) const {
  for (std::size_t i = from; i < entries_.size(); ++i) {
    if (entries_[i].name_size == name.size() &&
        equals_ignoring_case({bytes_.data() + entries_[i].name_at, name.size()}, name)) {
      return i;
    }
  }
  return entries_.size();
}

std::string_view HeaderTable::get(std::string_view name) const { return find(name).value_or(std::string_view()); }

std::optional<std::string_view> HeaderTable::find(std::string_view name) const {
  const std::size_t index = index_of(name, 0);
  if (index == entries_.size()) return std::nullopt;
  return (*this)[index].value;
}

std::size_t HeaderTable::count(std::string_view name) const {
  std::size_t found = 0;
  for (std::size_t i = index_of(name, 0); i < entries_.size(); i = index_of(name, i + 1)) ++found;
  return found;
}

std::string HeaderTable::joined(std::string_view name) const {
  std::string all;
  for (std::size_t i = index_of(name, 0); i < entries_.size(); i = index_of(name, i + 1)) {
    if (!all.empty()) all += ", ";
    all += (*this)[i].value;
  }
  return all;
}

}  // namespace remit::http
