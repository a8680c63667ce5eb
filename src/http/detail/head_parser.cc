#include "http/detail/head_parser.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <limits>

#include "base/strings.h"
#include "http/detail/syntax.h"
#include "http/url.h"

namespace remit::http::detail {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// What the framing of a body depends on, collected field by field.
struct FramingFields {
  std::uint32_t content_lengths = 0;
  std::uint32_t transfer_encodings = 0;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  std::uint64_t length = 0;
};

std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (!is_digits(text) || text.size() > 18) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : text) length = length * 10 + std::uint64_t(c - '0');
  return length;
}

// An empty result is no objection.
std::string note_framing(FramingFields& fields, beast_http::field field, std::string_view value) {
  if (field == beast_http::field::content_length) {
    const std::optional<std::uint64_t> length = parse_length(value);
    if (!length) return "Content-Length is not one decimal number";
    if (++fields.content_lengths > 1) return "more than one Content-Length";
    fields.length = *length;
  } else if (field == beast_http::field::transfer_encoding) {
    ++fields.transfer_encodings;
    fields.chunked = equals_ignoring_case(value, "chunked");
  } else if (field == beast_http::field::connection) {
    fields.close = fields.close || list_has_token(value, "close");
    fields.keep_alive = fields.keep_alive || list_has_token(value, "keep-alive");
  }
  return {};
}

// Both directions; empty when the framing is beyond doubt.
std::string check_framing(const FramingFields& fields, int minor_version) {
  if (fields.transfer_encodings == 0) return {};
  if (fields.content_lengths > 0) return "Content-Length together with Transfer-Encoding";
  if (minor_version == 0) return "Transfer-Encoding in an HTTP/1.0 message";
  if (fields.transfer_encodings > 1) return "more than one Transfer-Encoding";
  return {};
}

// "HTTP/2.0" and its like at the end of the request line; anything else there is a malformed line.
bool names_other_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos || !head.substr(line.size()).starts_with("\r\n")) return false;
  const std::string_view version = line.substr(space + 1);
  return version.size() == 8 && version.starts_with("HTTP/") && is_digits(version.substr(5, 1)) && version[6] == '.' &&
         is_digits(version.substr(7)) && version != "HTTP/1.0" && version != "HTTP/1.1";
}

// The virtual functions of Beast's parser that a head alone never calls.
template <bool kIsRequest>
class HeadOnly : public beast_http::basic_parser<kIsRequest> {
 protected:
  explicit HeadOnly(std::size_t max_headers) : max_headers_(max_headers) {
    this->eager(false);
    this->body_limit(boost::none);
    this->header_limit(std::numeric_limits<std::uint32_t>::max());
  }
  void on_request_impl(beast_http::verb, boost::beast::string_view, boost::beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) final {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) final {}
  std::size_t on_body_impl(boost::beast::string_view body, error_code&) final { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) final {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body, error_code&) final {
    return body.size();
  }
  void on_finish_impl(error_code&) final {}

  bool note_field(HeaderTable& table, beast_http::field field, boost::beast::string_view name,
                  boost::beast::string_view value, error_code& error) {
    if (table.size() >= max_headers_) too_many_ = true;
    if (!too_many_) objection_ = note_framing(framing_, field, view(value));
    if (too_many_ || !objection_.empty()) {
      error = beast_http::error::bad_field;
      return false;
    }
    table.add(view(name), view(value));
    return true;
  }

  std::size_t max_headers_;
  FramingFields framing_;
  std::string objection_;
  bool too_many_ = false;
};

class RequestParser final : public HeadOnly<true> {
 public:
  RequestParser(std::size_t max_headers, RequestHead& out) : HeadOnly(max_headers), out_(out) {}

  std::optional<Refusal> parse(std::string_view bytes) {
    error_code error;
    put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (too_many_) return Refusal{431, fmt::format("more than {} header fields", max_headers_)};
    if (!objection_.empty()) return Refusal{400, objection_};
    if (error == beast_http::error::bad_version && names_other_version(bytes)) {
      return Refusal{505, "the version is neither HTTP/1.0 nor HTTP/1.1"};
    }
    if (error) return Refusal{400, fmt::format("malformed request head ({})", error.message())};
    if (!is_header_done()) return Refusal{400, "malformed request head"};
    return check();
  }

 private:
  void on_request_impl(beast_http::verb, boost::beast::string_view method, boost::beast::string_view target,
                       int version, error_code&) override {
    out_.method.assign(method.data(), method.size());
    out_.target.assign(target.data(), target.size());
    out_.minor_version = version - 10;
  }
  void on_field_impl(beast_http::field field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& error) override {
    if (!note_field(out_.headers, field, name, value, error)) return;
    if (field == beast_http::field::host) {
      host_ = view(value);
      ++hosts_;
    } else if (field == beast_http::field::expect) {
      expect_ = view(value);
    }
  }

  std::optional<Refusal> check() {
    if (out_.method.size() > kMethodBytes) return Refusal{501, "the method's name is too long"};
    if (std::string objection = check_framing(framing_, out_.minor_version); !objection.empty()) {
      return Refusal{400, std::move(objection)};
    }
    if (framing_.transfer_encodings > 0 && !framing_.chunked) {
      return Refusal{501, "the only transfer coding understood is \"chunked\""};
    }
    if (std::optional<Refusal> refusal = check_host()) return refusal;
    if (!expect_.empty() && !equals_ignoring_case(expect_, "100-continue")) {
      return Refusal{417, "the only expectation understood is \"100-continue\""};
    }
    out_.expects_continue = !expect_.empty() && out_.minor_version == 1;
    out_.keep_alive = !framing_.close && (out_.minor_version == 1 || framing_.keep_alive);
    if (framing_.chunked) {
      out_.body = {Framing::kChunked, 0};
    } else if (framing_.length > 0) {
      out_.body = {Framing::kLength, framing_.length};
    }
    return check_target();
  }

  std::optional<Refusal> check_host() const {
    if (hosts_ > 1) return Refusal{400, "more than one Host"};
    if (hosts_ == 0) {
      if (out_.minor_version == 1) return Refusal{400, "Host is missing"};
      return std::nullopt;
    }
    // An empty Host is what a client sends for a URI without authority.
    if (!host_.empty() && !parse_authority(host_)) return Refusal{400, "Host is no host[:port]"};
    return std::nullopt;
  }

  // Absolute form (RFC 9112, section 3.2.2) is brought to origin form; its authority must be what Host says.
  std::optional<Refusal> check_target() {
    if (out_.method == "CONNECT") return Refusal{501, "CONNECT is not served here"};
    if (!is_target(out_.target)) return Refusal{400, "the request target has a character that must be percent-encoded"};
    if (out_.target[0] == '/') return std::nullopt;
    if (out_.target == "*") {
      if (out_.method == "OPTIONS") return std::nullopt;
      return Refusal{400, "the target \"*\" is for OPTIONS only"};
    }
    const Result<Url> url = parse_url(out_.target);
    if (!url) return Refusal{400, "the request target is neither a path nor an http URL"};
    const Result<Authority> host = parse_authority(host_);
    const std::uint16_t default_port = url->is_tls() ? 443 : 80;
    if (!host || host->host != url->host || (host->port == 0 ? default_port : host->port) != url->port) {
      return Refusal{400, "Host and the request target name different servers"};
    }
    out_.target = url->target;
    return std::nullopt;
  }

  RequestHead& out_;
  std::string_view host_;
  std::string_view expect_;
  int hosts_ = 0;
};

class ResponseParser final : public HeadOnly<false> {
 public:
  explicit ResponseParser(std::size_t max_headers) : HeadOnly(max_headers) {}

  Result<ResponseHead> parse(std::string_view bytes, bool to_head_request) {
    error_code error;
    put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (too_many_)
      return fail(Code::kResourceExhausted, fmt::format("the answer has more than {} header fields", max_headers_));
    if (!objection_.empty()) return fail(Code::kDataLoss, "the answer is ambiguous: " + objection_);
    if (error) return fail(Code::kDataLoss, fmt::format("the answer is not valid HTTP/1.1 ({})", error.message()));
    if (!is_header_done()) return fail(Code::kDataLoss, "the answer is not valid HTTP/1.1");
    if (std::string objection = check_framing(framing_, out_.minor_version); !objection.empty()) {
      return fail(Code::kDataLoss, "the answer is ambiguous: " + objection);
    }
    if (framing_.transfer_encodings > 0 && !framing_.chunked) {
      return fail(Code::kDataLoss, "the answer has a transfer coding other than \"chunked\"");
    }
    if (out_.status < 100 || out_.status > 599) {
      return fail(Code::kDataLoss, fmt::format("the answer has the status {}", out_.status));
    }
    out_.keep_alive = !framing_.close && (out_.minor_version == 1 || framing_.keep_alive);
    out_.body = frame(to_head_request);
    if (out_.body.framing == Framing::kUntilClose) out_.keep_alive = false;
    return std::move(out_);
  }

 private:
  void on_response_impl(int status, boost::beast::string_view, int version, error_code&) override {
    out_.status = status;
    out_.minor_version = version - 10;
  }
  void on_field_impl(beast_http::field field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& error) override {
    note_field(out_.headers, field, name, value, error);
  }
  // RFC 9112, section 6.3.
  BodyFrame frame(bool to_head_request) const {
    if (to_head_request || out_.status < 200 || out_.status == 204 || out_.status == 304) return {};
    if (framing_.chunked) return {Framing::kChunked, 0};
    if (framing_.content_lengths == 0) return {Framing::kUntilClose, 0};
    if (framing_.length == 0) return {};
    return {Framing::kLength, framing_.length};
  }

  ResponseHead out_;
};

}  // namespace

Result<std::optional<std::size_t>> HeadScanner::scan(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    // The byte after a line's end decides whether that line was folded.
    if (scanned_ == line_at_ && line_at_ > 0 && (bytes[scanned_] == ' ' || bytes[scanned_] == '\t')) {
      return fail(Code::kInvalidArgument, "a folded header line");
    }
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) {
      scanned_ = bytes.size();
      break;
    }
    const std::size_t at = std::size_t(static_cast<const char*>(found) - bytes.data());
    if (at == line_at_ || bytes[at - 1] != '\r') return fail(Code::kInvalidArgument, "a line that ends with a bare LF");
    const bool is_empty = at - 1 == line_at_;
    line_at_ = scanned_ = at + 1;
    if (is_empty) return std::optional(at + 1);
  }
  return std::optional<std::size_t>();
}

void RequestHead::clear() {
  method.clear(), target.clear(), headers.clear();
  minor_version = 1;
  body = {};
  keep_alive = true;
  expects_continue = false;
}

std::optional<Refusal> parse_request_head(std::string_view bytes, std::size_t max_headers, RequestHead& out) {
  return RequestParser(max_headers, out).parse(bytes);
}

Result<ResponseHead> parse_response_head(std::string_view bytes, std::size_t max_headers, bool to_head_request) {
  return ResponseParser(max_headers).parse(bytes, to_head_request);
}

}  // namespace remit::http::detail
