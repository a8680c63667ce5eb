// How a Run is put together: each open_…() makes one part from the mission.
#include <fmt/format.h>

#include "base/strings.h"
#include "serve/approval_book.h"
#include "serve/run.h"

namespace remit::serve {

namespace {

ledger::OnExhausted on_exhausted_of(resource::OnExhausted policy) {
  switch (policy) {
    case resource::OnExhausted::kReturnPartial: return ledger::OnExhausted::kReturnPartial;
    case resource::OnExhausted::kPause: return ledger::OnExhausted::kPause;
    case resource::OnExhausted::kKill: return ledger::OnExhausted::kKill;
  }
  return ledger::OnExhausted::kKill;
}

// What only a mission's own egress rules name literally may be dialled although it is not public.
http::AddressCheck address_check(const resource::Permissions& permissions) {
  std::vector<std::string> literal;
  for (const auto& rule : permissions.egress) literal.push_back(rule.host);
  return [literal](const std::string& address, std::uint16_t port) -> Result<> {
    if (std::find(literal.begin(), literal.end(), address) != literal.end()) return {};
    return mesh::check_public_address(address, port);
  };
}

}  // namespace

Result<> Run::open_log(Observer observer, const std::vector<RunRecord>& past) {
  REMIT_TRY(auto log, store::Log::open(runtime_.files(), runtime_.folder().run_log_path(id_), runtime_.rng()));
  log_ = std::make_unique<action::StoreRunLog>(runtime_.clock(), std::move(log));
  log_->observe([this](const RunRecord& record) { view_.add(record); });
  // What waits for a call to end looks again.
  log_->observe([this](const RunRecord& record) {
    const auto* judged = std::get_if<Judged>(&record.body);
    if (std::holds_alternative<Settled>(record.body) || (judged && !judged->verdict.allows())) wake();
  });
  if (observer) log_->observe(std::move(observer));
  for (const auto& record : past) log_->replay(record);
  return {};
}

Result<> Run::open_workspace() {
  sandbox::WorkspaceOptions options;
  const auto& directory = mission_.spec.workspace.directory;
  options.folder = resolve_path(directory ? directory->path : ".", base_folder_);
  while (options.folder.size() > 1 && options.folder.ends_with('/')) options.folder.pop_back();
  options.run_folder = runtime_.folder().run_path(id_);
  options.hide = mission_.spec.workspace.hide;
  REMIT_TRY(workspace_, sandbox::Workspace::open(std::move(options)));
  return {};
}

Result<> Run::open_ledger() {
  const auto& budget = mission_.spec.budget;
  auto& authority = runtime_.authority();
  ledger::LeafConfig config;
  config.run = id_;
  config.account = account_;
  config.limits = limits_of(budget.limits);
  const auto policy = on_exhausted_of(budget.on_exhausted);
  if (policy == ledger::OnExhausted::kReturnPartial)
    config.return_reserve = ledger::default_return_reserve(config.limits.amounts);
  config.prices = prices_;
  config.dialect = dialect_;
  leaf_ = std::make_unique<ledger::Leaf>(std::move(config), runtime_.clock(), &authority);
  return {};
}

Result<> Run::open_policy() {
  REMIT_TRY(permissions_, compile_permissions());
  permission_stage_ = std::make_unique<policy::PermissionStage>(permissions_, [this] { return leaf_->view(); });
  approvals_ = std::make_unique<StoreApprovalBook>(runtime_.store(), mission_.metadata.ns, mission_.metadata.name);
  approval_stage_ = std::make_unique<policy::ApprovalStage>(*approvals_, options_.on_ask);
  return {};
}

void Run::open_pipeline() {
  const auto executor = runtime_.executor();
  catalogue_.emplace([](std::string_view path) { return sandbox::Workspace::normalise(path); });
  for (auto& tool : mesh::built_in_tools()) (void)catalogue_->add(std::move(tool));
  files_ = std::make_unique<sandbox::FilesExecutor>(executor, runtime_.file_pool(), *workspace_);
  shell_ = std::make_unique<sandbox::ShellExecutor>(sandbox::ShellExecutor::Parts{
      executor, runtime_.file_pool(), *workspace_, *launcher_, sandbox_limits_of(mission_.spec.isolation)});
  http::ClientOptions client;
  client.address_check = address_check(mission_.spec.permissions);
  http_ = std::make_unique<mesh::HttpExecutor>(executor, std::move(client));
  executors_.add("model.call", *models_);
  executors_.add("files.", *files_);
  executors_.add("shell.run", *shell_);
  executors_.add("http.request", *http_);
  std::vector<Stage*> before_budget{permission_stage_.get()};
  if (is_command()) {
    command_stage_ = std::make_unique<agent::CommandAgentStage>(agent::CommandAgentStage::Parts{
        [this] { return hold_command(); }, [this] { return pipeline_->open_calls(); }, no_model_});
    before_budget.insert(before_budget.begin(), command_stage_.get());
  }
  pipeline_ = std::make_unique<action::Pipeline>(action::PipelineParts{
      executor, id_, runtime_.clock(), *log_, *leaf_, executors_, std::move(before_budget), {approval_stage_.get()}});
  files_->set_governor(*pipeline_);
  shell_->set_governor(*pipeline_);
}

// What the schema knows and this version cannot do is refused, never passed over: its author counts on it.
static Result<> refuse_unsupported(const resource::MissionSpec& spec, const resource::SourceMap& source) {
  const auto refuse = [&](const char* field, const char* what) {
    const auto place = source.place(fmt::format("spec.{}", field));
    return fail(Code::kFailedPrecondition,
                fmt::format("{}{}spec.{}: {}; remove it", place, place.empty() ? "" : ": ", field, what));
  };
  if (!spec.tool_server_refs.empty()) {
    return refuse("toolServerRefs", "this version offers the built-in tools only and cannot connect tool servers");
  }
  if (spec.class_ref) return refuse("classRef", "this version does not enforce the ceilings of a MissionClass");
  return {};
}

Task<Result<>> Run::prepare(resource::Object object, Observer observer, std::vector<RunRecord> past) {
  object_ = std::move(object);
  base_folder_ = manifest_folder_of(object_);
  if (const auto text = object_.annotation(kSourceMapAnnotation); !text.empty()) {
    if (auto map = parse_json_object(text)) source_ = resource::SourceMap::from_json(*map);
  }
  REMIT_CO_TRY(mission_, resource::from_object<resource::Mission>(object_));
  REMIT_CO_CHECK_OK(refuse_unsupported(mission_.spec, source_));
  const auto limits = sandbox_limits_of(mission_.spec.isolation);
  REMIT_CO_TRY(launcher_, co_await runtime_.launcher(tier_of(mission_.spec.isolation.minimum_tier), limits.mode));
  REMIT_CO_TRY(lock_, runtime_.folder().lock_run(id_));
  REMIT_CO_CHECK_OK(open_log(std::move(observer), past));
  REMIT_CO_CHECK_OK(open_workspace());
  const std::string checks_folder = runtime_.folder().run_path(id_) + "/checks";
  REMIT_CO_TRY(checks_,
               agent::Checks::pin(checks_of(mission_.spec), workspace_->folder(), checks_folder, past.empty()));
  REMIT_CO_CHECK_OK(co_await open_models());
  REMIT_CO_CHECK_OK(co_await find_ancestors());
  REMIT_CO_CHECK_OK(co_await open_accounts());
  REMIT_CO_CHECK_OK(open_ledger());
  for (const auto& record : past) {
    leaf_->replay(record);
    if (const auto* changed = std::get_if<BudgetChanged>(&record.body))
      mission_.spec.budget.limits = limits_from(*changed);
  }
  REMIT_CO_CHECK_OK(open_policy());
  open_pipeline();
  REMIT_CO_CHECK_OK(open_agent(past));
  co_return Result<>{};
}

}  // namespace remit::serve
