#include "gateway/mcp_decode.h"

#include "base/strings.h"

namespace remit::gateway {
namespace {

bool is_shown(const Corridor& corridor, const mesh::Tool& tool) {
  return !corridor.may_allow || corridor.may_allow(tool.name);
}

}  // namespace

std::vector<mcp::ToolDescription> describe_tools(const Corridor& corridor) {
  std::vector<mcp::ToolDescription> described;
  for (const auto& [name, tool] : corridor.catalogue.tools()) {
    if (!is_shown(corridor, tool)) continue;
    auto spec = corridor.catalogue.spec(tool);
    mcp::ToolDescription out;
    out.name = std::move(spec.name);
    out.description = std::move(spec.description);
    out.input_schema = std::move(spec.input_schema);
    out.read_only = tool.effect == Effect::kReadOnly;
    out.destructive = tool.effect == Effect::kIrreversible;
    out.idempotent = tool.idempotent;
    out.open_world = tool.kind == ActionKind::kHttpEgress;
    described.push_back(std::move(out));
  }
  return described;
}

std::expected<Action, ToolFault> decode_tool_call(const Corridor& corridor, const mcp::step::CallTool& call) {
  if (!corridor.catalogue.find(call.name)) {
    std::vector<std::string> shown;
    for (const auto& known : describe_tools(corridor)) shown.push_back(known.name);
    const std::vector<std::string_view> names(shown.begin(), shown.end());
    const auto near = nearest(call.name, names);
    const auto what = fmt::format("Unknown tool: {}{}", printable(call.name, 100),
                                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
    return std::unexpected(mcp::RpcError{mcp::kInvalidParams, what, nullptr});
  }
  auto action = corridor.catalogue.decode(call.name, call.arguments, "mcp");
  if (!action) return std::unexpected(mcp::ToolResult{action.error().to_string(), true, {}});
  return std::move(*action);
}

}  // namespace remit::gateway
