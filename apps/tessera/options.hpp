#pragma once
// Options that several commands share, with one text for each.
#include <CLI/CLI.hpp>
#include <string>

#include "generate/model_session.hpp"
#include "ops/sampling/sampling.hpp"

namespace tessera::cli {

/// The positional MODEL.
CLI::Option* add_model_option(CLI::App& command, std::string& model);
/// --adapter.
void add_adapter_option(CLI::App& command, std::string& adapter);
/// MODEL, --adapter, --device, --engine, --precision, --threads; the defaults are what `choice` holds.
void add_model_choice(CLI::App& command, generate::ModelChoice& choice);
/// --async and --trace, of commands that generate.
void add_run_switches(CLI::App& command, generate::ModelChoice& choice);
/// --mesh.
void add_mesh_option(CLI::App& command, std::string& mesh);
/// --mesh, --tensor-parallel and --data-parallel, of commands that run a model and judge nothing.
void add_sharing_options(CLI::App& command, generate::ModelChoice& choice);
/// --temperature, --top-k, --top-p, --seed.
void add_sampling_options(CLI::App& command, SamplingParams& sampling);
/// --json.
void add_json_flag(CLI::App& command, bool& json);

}  // namespace tessera::cli
