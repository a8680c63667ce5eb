// Leaf<T>: how a value that is no struct and no list stands in JSON. read() gets only what validation has passed.
#pragma once

#include <map>
#include <string>

#include "core/money.h"
#include "resource/quantity.h"
#include "resource/schema/schema.h"
#include "resource/schema/words.h"

namespace remit::resource {

template <typename T>
struct Leaf {};

inline std::string_view text_of(const json::value& value) {
  const auto* text = value.if_string();
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

template <>
struct Leaf<std::string> {
  static constexpr FieldType kType = FieldType::kString;
  static json::value write(const std::string& value) { return json::string(jsv(value)); }
  static void read(const json::value& from, std::string& to) { to = text_of(from); }
  static bool is_empty(const std::string& value) { return value.empty(); }
};

template <>
struct Leaf<bool> {
  static constexpr FieldType kType = FieldType::kBool;
  static json::value write(bool value) { return value; }
  static void read(const json::value& from, bool& to) { to = from.is_bool() && from.get_bool(); }
  static bool is_empty(bool) { return false; }
};

template <>
struct Leaf<std::int64_t> {
  static constexpr FieldType kType = FieldType::kInt;
  static json::value write(std::int64_t value) { return value; }
  static void read(const json::value& from, std::int64_t& to) {
    to = from.is_int64() ? from.get_int64() : from.is_uint64() ? static_cast<std::int64_t>(from.get_uint64()) : 0;
  }
  static bool is_empty(std::int64_t) { return false; }
};

template <HasWords E>
struct Leaf<E> {
  static constexpr FieldType kType = FieldType::kEnum;
  static json::value write(E value) { return json::string(jsv(word_of(value))); }
  static void read(const json::value& from, E& to) {
    for (std::size_t i = 0; i < Words<E>::kList.size(); ++i) {
      if (Words<E>::kList[i] == text_of(from)) to = static_cast<E>(i);
    }
  }
  static bool is_empty(E) { return false; }
};

template <>
struct Leaf<Duration> {
  static constexpr FieldType kType = FieldType::kDuration;
  static json::value write(Duration value) { return json::string(format_duration(value)); }
  static void read(const json::value& from, Duration& to) { to = parse_duration(text_of(from)).value_or(Duration(0)); }
  static bool is_empty(Duration) { return false; }
};

// A quantity may be written as a plain number too: cpu: 2.
inline std::string quantity_text(const json::value& value) {
  return value.is_int64() ? std::to_string(value.get_int64()) : std::string(text_of(value));
}

template <>
struct Leaf<ByteSize> {
  static constexpr FieldType kType = FieldType::kBytes;
  static json::value write(ByteSize value) { return json::string(format_bytes(value)); }
  static void read(const json::value& from, ByteSize& to) {
    to = parse_bytes(quantity_text(from)).value_or(ByteSize());
  }
  static bool is_empty(ByteSize) { return false; }
};

template <>
struct Leaf<CpuAmount> {
  static constexpr FieldType kType = FieldType::kCpu;
  static json::value write(CpuAmount value) { return json::string(format_cpu(value)); }
  static void read(const json::value& from, CpuAmount& to) {
    to = parse_cpu(quantity_text(from)).value_or(CpuAmount());
  }
  static bool is_empty(CpuAmount) { return false; }
};

template <>
struct Leaf<MicroUsd> {
  static constexpr FieldType kType = FieldType::kMoney;
  static json::value write(MicroUsd value) { return json::string(to_usd(value)); }
  static void read(const json::value& from, MicroUsd& to) { to = parse_usd(text_of(from)).value_or(MicroUsd()); }
  static bool is_empty(MicroUsd) { return false; }
};

template <>
struct Leaf<std::map<std::string, std::string>> {
  static constexpr FieldType kType = FieldType::kMap;
  static json::value write(const std::map<std::string, std::string>& value) {
    json::object out;
    for (const auto& [key, text] : value) out[jsv(key)] = json::string(jsv(text));
    return out;
  }
  static void read(const json::value& from, std::map<std::string, std::string>& to) {
    if (!from.is_object()) return;
    for (const auto& member : from.get_object()) to[std::string(member.key())] = text_of(member.value());
  }
  static bool is_empty(const std::map<std::string, std::string>& value) { return value.empty(); }
};

template <>
struct Leaf<json::object> {
  static constexpr FieldType kType = FieldType::kFreeForm;
  static json::value write(const json::object& value) { return value; }
  static void read(const json::value& from, json::object& to) {
    if (from.is_object()) to = from.get_object();
  }
  static bool is_empty(const json::object& value) { return value.empty(); }
};

template <typename T>
concept IsLeaf = requires { Leaf<T>::kType; };

}  // namespace remit::resource
