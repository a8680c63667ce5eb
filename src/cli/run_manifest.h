// What `remit run FILE` takes from its file, whoever drives the run.
#pragma once

#include <string>
#include <vector>

#include "cli/run_command.h"
#include "resource/manifest.h"
#include "serve/run_view.h"

namespace remit::cli {

struct RunManifest {
  resource::LoadedObject mission;
  std::vector<resource::LoadedObject> others;
  std::string recording;  // Where recorded answers come from; "" for a live model.
};

// Takes the one mission out of the objects, with --budget taken in.
Result<RunManifest> run_manifest_of(std::vector<resource::LoadedObject> objects, const RunFlags& flags);
Result<RunManifest> load_run_manifest(const RunFlags& flags);
int exit_code_of(const serve::RunView& view);

}  // namespace remit::cli
