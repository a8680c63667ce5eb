#include "models/secret.h"

#include <algorithm>

namespace remit::models {
namespace {

constexpr std::size_t kShortestSecretBytes = 8;

// What a well-known key begins with, and how many key characters must follow for it to be one.
struct KeyForm {
  std::string_view prefix;
  std::size_t least;
};
constexpr KeyForm kKeyForms[] = {
    {"sk-", 20},   {"ghp_", 30},  {"gho_", 30}, {"ghs_", 30}, {"github_pat_", 30}, {"glpat-", 20},
    {"xoxb-", 20}, {"xoxp-", 20}, {"AKIA", 16}, {"AIza", 30}, {"hf_", 30},         {"Bearer ", 20},
};

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '/' || c == '+' || c == '=';
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The length of the key at the start of `text`, 0 when there is none. *keep is the length of the prefix, which stays
// readable.
std::size_t key_length(std::string_view text, std::size_t* keep) {
  for (const auto& form : kKeyForms) {
    if (!text.starts_with(form.prefix)) continue;
    std::size_t end = form.prefix.size();
    while (end < text.size() && is_key_character(text[end])) ++end;
    if (end - form.prefix.size() < form.least) continue;
    *keep = form.prefix.size();
    return end;
  }
  return 0;
}

std::string mask_key_forms(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t keep = 0;
    // Inside a word a prefix means nothing: "task-…" holds "sk-".
    const std::size_t length = at == 0 || !is_word_character(text[at - 1]) ? key_length(text.substr(at), &keep) : 0;
    if (length == 0) {
      out += text[at++];
      continue;
    }
    out += text.substr(at, keep);
    out += kMasked;
    at += length;
  }
  return out;
}

std::string mask_private_keys(std::string text) {
  constexpr std::string_view kBegin = "-----BEGIN ", kKey = "PRIVATE KEY-----", kEnd = "-----END ";
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos; at += kBegin.size()) {
    const std::size_t key = text.find(kKey, at);
    if (key == std::string::npos) break;
    if (key - at > 40) continue;
    const std::size_t body = key + kKey.size();
    const std::size_t end = text.find(kEnd, body);
    text.replace(body, end == std::string::npos ? std::string::npos : end - body, kMasked);
  }
  return text;
}

}  // namespace

void SecretMask::add(const Secret& secret) {
  if (secret.reveal().size() < kShortestSecretBytes) return;
  values_.push_back(secret.reveal());
  std::ranges::sort(values_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string SecretMask::operator()(std::string_view text) const {
  std::string out(text);
  for (const auto& value : values_) {
    for (std::size_t at = 0; (at = out.find(value, at)) != std::string::npos; at += kMasked.size()) {
      out.replace(at, value.size(), kMasked);
    }
  }
  return mask_private_keys(mask_key_forms(out));
}

}  // namespace remit::models
