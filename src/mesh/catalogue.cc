#include "mesh/catalogue.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "http/url.h"
#include "mesh/arguments.h"

namespace remit::mesh {

std::string model_name(std::string_view tool) {
  std::string name(tool);
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

Result<> Catalogue::add(Tool tool) {
  if (tools_.size() >= kMaxTools)
    return fail(Code::kResourceExhausted, fmt::format("a mission has at most {} tools", kMaxTools));
  const std::string alias = model_name(tool.name);
  if (tools_.contains(tool.name) || by_model_name_.contains(alias)) {
    return fail(Code::kAlreadyExists, fmt::format("tool {} is declared twice", tool.name));
  }
  by_model_name_.emplace(alias, tool.name);
  std::string name = tool.name;
  tools_.emplace(std::move(name), std::move(tool));
  return {};
}

const Tool* Catalogue::find(std::string_view name) const {
  if (const auto alias = by_model_name_.find(name); alias != by_model_name_.end()) name = alias->second;
  const auto found = tools_.find(name);
  return found == tools_.end() ? nullptr : &found->second;
}

ToolSpec Catalogue::spec(const Tool& tool) const {
  ToolSpec spec{model_name(tool.name), tool.description, tool.input_schema};
  if (!spec.input_schema.contains("type")) spec.input_schema["type"] = "object";
  auto& properties = spec.input_schema["properties"];
  if (!properties.is_object()) properties = json::object();
  if (!properties.get_object().contains("why")) {
    properties.get_object()["why"] = {{"type", "string"},
                                      {"description", "In one sentence: how this call serves the goal."}};
  }
  return spec;
}

std::vector<ToolSpec> Catalogue::specs(const std::function<bool(std::string_view)>& shown) const {
  std::vector<ToolSpec> specs;
  for (const auto& [name, tool] : tools_) {
    if (!shown || shown(name)) specs.push_back(spec(tool));
  }
  return specs;
}

Result<Action> Catalogue::decode(std::string_view name, std::string_view arguments, std::string channel) const {
  if (arguments.size() > kMaxArgumentBytes) {
    return fail(Code::kResourceExhausted, fmt::format("{}: {} bytes of arguments are over the limit of {}", name,
                                                      arguments.size(), kMaxArgumentBytes));
  }
  // A call without arguments comes as empty text from some models.
  auto object = trim(arguments).empty() ? Result<json::object>(json::object()) : parse_json_object(arguments);
  if (!object)
    return fail(object.error().wrap(fmt::format("the arguments of {} could not be read", printable(name, 100))));
  return decode(name, std::move(*object), std::move(channel));
}

Result<Action> Catalogue::decode(std::string_view name, json::object arguments, std::string channel) const {
  const Tool* tool = find(name);
  if (!tool) {
    std::vector<std::string_view> known;
    for (const auto& [alias, unused] : by_model_name_) known.push_back(alias);
    const auto near = nearest(name, known);
    return fail(not_found(fmt::format("there is no tool '{}'{}", printable(name, 100),
                                      near.empty() ? "" : fmt::format("; did you mean {}?", near))));
  }
  Action action;
  if (!tool->input_schema.contains("properties") ||
      !find_object(*find_object(tool->input_schema, "properties"), "why")) {
    action.justification = to_valid_utf8(std::string(get_string(arguments, "why")).substr(0, kMaxWhyBytes));
    arguments.erase("why");
  }
  auto checked = check_arguments(tool->input_schema, std::move(arguments));
  if (!checked) return fail(checked.error().wrap(fmt::format("{}: wrong arguments", model_name(tool->name))));
  action.kind = tool->kind;
  action.channel = std::move(channel);
  action.tool = tool->name;
  action.effect = tool->effect;
  action.idempotent = tool->idempotent;
  action.args = std::move(*checked);
  REMIT_CHECK_OK(normalise(action));
  return action;
}

Result<> Catalogue::normalise(Action& action) const {
  if (const auto* path = action.args.if_contains("path");
      path && path->is_string() && action.tool.starts_with("files.")) {
    auto normal = normalise_path_(path->get_string());
    if (!normal) return fail(normal.error().wrap(fmt::format("{}: path", model_name(action.tool))));
    action.args["path"] = *normal;
    action.resource = *normal;
  } else if (const auto* url = action.args.if_contains("url");
             url && url->is_string() && action.tool == "http.request") {
    auto parsed = http::parse_url(url->get_string());
    if (!parsed) return fail(parsed.error().wrap("http_request: url"));
    action.args["url"] = parsed->to_string();
    action.args["host"] = parsed->host;
    action.args["port"] = parsed->port;
    const auto method = get_string(action.args, "method", "GET");
    action.resource = fmt::format("{} {}:{}", method, parsed->host, parsed->port);
    action.effect = method == "GET" || method == "HEAD" ? Effect::kReadOnly : Effect::kIrreversible;
    action.idempotent = action.effect == Effect::kReadOnly;
  } else if (const auto* command = action.args.if_contains("command"); command && command->is_string()) {
    const std::string_view text = command->get_string();
    action.resource = printable(text.substr(0, text.find('\n')), 200);
  }
  return {};
}

}  // namespace remit::mesh
