// The declarations of the built-in tools. Their schemas are what models read, so the descriptions are written for them.
#include "mesh/catalogue.h"

namespace remit::mesh {

namespace {

json::object schema(std::initializer_list<std::pair<json::string_view, json::value_ref>> properties,
                    std::initializer_list<json::value_ref> required) {
  return {{"type", "object"},
          {"properties", json::object(properties)},
          {"required", json::array(required)},
          {"additionalProperties", false}};
}

Tool files_list() {
  return {.name = "files.list",
          .description = "Lists a folder of the workspace. Folders end in '/'.",
          .input_schema = schema(
              {{"path", {{"type", "string"}, {"description", "Folder, relative to the workspace."}, {"default", "."}}},
               {"recursive", {{"type", "boolean"}, {"default", false}}}},
              {}),
          .effect = Effect::kReadOnly,
          .idempotent = true,
          .timeout = std::chrono::seconds(30)};
}

Tool files_read() {
  return {
      .name = "files.read",
      .description = "Reads a file of the workspace. Bytes that are not UTF-8 are shown as the replacement character.",
      .input_schema = schema(
          {{"path", {{"type", "string"}}},
           {"offset", {{"type", "integer"}, {"minimum", 0}, {"default", 0}, {"description", "First byte to return."}}},
           {"max_bytes", {{"type", "integer"}, {"minimum", 1}, {"maximum", 262144}, {"default", 65536}}}},
          {"path"}),
      .effect = Effect::kReadOnly,
      .idempotent = true,
      .timeout = std::chrono::seconds(30)};
}

Tool files_write() {
  return {
      .name = "files.write",
      .description =
          "Creates or replaces a file of the workspace. Only paths that the mission lets you write are accepted.",
      .input_schema = schema({{"path", {{"type", "string"}}}, {"content", {{"type", "string"}}}}, {"path", "content"}),
      .effect = Effect::kWrite,
      .idempotent = true,
      .timeout = std::chrono::seconds(30)};
}

Tool shell_run() {
  return {
      .name = "shell.run",
      .description =
          "Runs a command with /bin/sh in a throw-away sandbox whose current folder is the workspace: no network, "
          "nothing kept "
          "but changes to files that the mission lets you write. python3 and sqlite3 are there.",
      .input_schema = schema({{"command", {{"type", "string"}, {"maxLength", 65536}}},
                              {"timeout_s", {{"type", "integer"}, {"minimum", 1}, {"maximum", 3600}, {"default", 30}}}},
                             {"command"}),
      .effect = Effect::kWrite,
      .idempotent = false,
      .timeout = std::chrono::hours(1),
      .kind = ActionKind::kCommand};
}

Tool http_request() {
  return {.name = "http.request",
          .description = "Sends an HTTP request to an address that the mission's egress names; all others are refused.",
          .input_schema = schema(
              {{"method",
                {{"type", "string"}, {"enum", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}}, {"default", "GET"}}},
               {"url", {{"type", "string"}, {"maxLength", 8192}}},
               {"headers", {{"type", "object"}, {"default", json::object()}}},
               {"body", {{"type", "string"}, {"maxLength", 1048576}, {"default", ""}}}},
              {"url"}),
          .effect = Effect::kIrreversible,
          .idempotent = false,
          .timeout = std::chrono::minutes(2),
          .kind = ActionKind::kHttpEgress};
}

}  // namespace

std::vector<Tool> built_in_tools() { return {files_list(), files_read(), files_write(), shell_run(), http_request()}; }

}  // namespace remit::mesh
