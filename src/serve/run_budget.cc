// Where a run stands in the tree of missions and accounts: namespace → Budget → run → run of a child mission.
#include <fmt/format.h>

#include "base/log.h"
#include "resource/budget.h"
#include "serve/run.h"

namespace remit::serve {

namespace {

constexpr std::string_view kDefaultBudget = "default";

std::string run_account(const std::string& run) { return "run/" + run; }

resource::SourceMap source_of(const resource::Object& object) {
  const auto map = parse_json_object(object.annotation(kSourceMapAnnotation));
  return map ? resource::SourceMap::from_json(*map) : resource::SourceMap();
}

}  // namespace

Task<Result<>> Run::find_ancestors() {
  auto ref = mission_.spec.parent_ref;
  while (ref) {
    if (ancestors_.size() >= kMissionDepth) {
      co_return fail(
          Code::kFailedPrecondition,
          fmt::format("missions may be nested {} deep; spec.parentRef leads further, or in a circle", kMissionDepth));
    }
    auto object =
        co_await runtime_.store().get({std::string(resource::Mission::kKind), mission_.metadata.ns, ref->name});
    if (!object) co_return fail(object.error().wrap(fmt::format("spec.parentRef names the mission '{}'", ref->name)));
    REMIT_CO_TRY(auto parent, resource::from_object<resource::Mission>(*object));
    ref = parent.spec.parent_ref;
    ancestors_.push_back({std::move(parent), source_of(*object)});
  }
  co_return Result<>{};
}

Result<std::shared_ptr<const policy::Permissions>> Run::compile_permissions() const {
  std::shared_ptr<const policy::Permissions> above;
  for (auto ancestor = ancestors_.rbegin(); ancestor != ancestors_.rend(); ++ancestor) {
    auto compiled = policy::Permissions::compile(permissions_of(ancestor->mission, ancestor->source), above);
    if (!compiled)
      return fail(compiled.error().wrap(fmt::format("mission {}, above this one", ancestor->mission.metadata.name)));
    above = std::move(*compiled);
  }
  return policy::Permissions::compile(permissions_of(mission_, source_), std::move(above));
}

// The account of the Budget that pays, brought to the limits that the object has now.
Task<Result<std::string>> Run::budget_account() {
  auto& authority = runtime_.authority();
  const std::string ns_account = "namespace/" + mission_.metadata.ns;
  const auto& ref = mission_.spec.budget.budget_ref;
  const std::string name = ref ? ref->name : std::string(kDefaultBudget);
  auto object = co_await runtime_.store().get({std::string(resource::Budget::kKind), mission_.metadata.ns, name});
  if (!object && (ref || object.error().code() != Code::kNotFound)) {
    co_return fail(object.error().wrap(fmt::format("the Budget '{}' that pays for this mission", name)));
  }
  Amounts limit;
  if (object) {
    REMIT_CO_TRY(const auto budget, resource::from_object<resource::Budget>(*object));
    limit = limits_of(budget.spec.limits).amounts;
    budget_name_ = name;
  }
  if (name == kDefaultBudget) {
    REMIT_CO_CHECK_OK(authority.put_account(ns_account, "", limit));
    co_return ns_account;
  }
  // Another Budget is a part of the namespace's.
  REMIT_CO_TRY(const auto whole, authority.account(ns_account));
  if (!whole) REMIT_CO_CHECK_OK(authority.put_account(ns_account, "", {}));
  const std::string account = fmt::format("budget/{}/{}", mission_.metadata.ns, name);
  REMIT_CO_CHECK_OK(authority.put_account(account, ns_account, limit));
  co_return account;
}

// Each run has its mission's whole budget, so it has an account of its own; what its child missions spend counts there
// too.
Task<Result<>> Run::open_accounts() {
  auto& authority = runtime_.authority();
  REMIT_CO_TRY(budget_account_, co_await budget_account());
  account_ = run_account(id_.to_string());
  REMIT_CO_TRY(const auto known, authority.account(account_));
  if (known) co_return Result<>{};  // A resume; its limit may have been raised since.
  std::string parent = budget_account_;
  if (!ancestors_.empty()) {
    const auto& above = ancestors_.front().mission;
    parent = run_account(above.status.run_id);
    REMIT_CO_TRY(const auto exists, authority.account(parent));
    if (!exists)
      co_return fail(Code::kFailedPrecondition,
                     fmt::format("the mission '{}' above this one has no run; start it first", above.metadata.name));
  }
  co_return authority.put_account(account_, parent, limits_of(mission_.spec.budget.limits).amounts);
}

Result<> Run::raise_account(const Amounts& limit) {
  REMIT_TRY(const auto known, runtime_.authority().account(account_));
  if (!known) return fail(not_found("there is no account " + account_));
  return runtime_.authority().put_account(account_, known->parent, limit);
}

Task<> Run::publish_budget() {
  if (budget_name_.empty()) co_return;
  const auto account = runtime_.authority().account(budget_account_);
  if (!account || !*account) co_return;
  const auto amounts = [](const Amounts& of) {
    return json::object{{"costMicroUSD", of.cost.value}, {"tokens", of.tokens}, {"calls", of.calls}};
  };
  const auto &charged = (*account)->charged, &spent = (*account)->spent;
  const Amounts reserved{charged.cost - spent.cost, charged.tokens - spent.tokens, charged.calls - spent.calls};
  auto patched = co_await runtime_.store().patch(
      {std::string(resource::Budget::kKind), mission_.metadata.ns, budget_name_},
      json::object{{"status", {{"spent", amounts(spent)}, {"reserved", amounts(reserved)}}}},
      resource::PatchTarget::kStatus);
  if (!patched && patched.error().code() != Code::kNotFound) {
    log::warn("the status of Budget {} could not be written: {}", budget_name_, patched.error().to_string());
  }
}

}  // namespace remit::serve
