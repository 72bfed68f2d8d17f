#include "generate/model_session.hpp"

#include "comm/mpi/mpi_world.hpp"
#include "comm/replicas.hpp"
#include "io/catalogue.hpp"
#include "models/load_model.hpp"
#include "models/tensor_plan.hpp"
#include "util/error.hpp"

namespace tessera::generate {
namespace {

std::string default_precision(Engine engine) {
  return engine == Engine::Ref ? "fp32" : "accuracy";
}

}  // namespace

std::shared_ptr<comm::MeshDevice> open_mesh(const std::string& mesh, const std::string& sheet, Engine engine,
                                            const DeviceOptions& options) {
  const SpecSheet& chips = find_sheet(sheet);
  const std::shared_ptr<comm::Group> processes = comm::mpi_world();
  if (mesh.empty() && !processes && chips.chips == 1) return nullptr;
  const comm::MeshShape shape = !mesh.empty() ? comm::parse_mesh(mesh)
                                : processes   ? comm::MeshShape{1, processes->size()}
                                              : comm::MeshShape{chips.mesh_rows, chips.mesh_cols};
  if (processes) return comm::MeshDevice::open(shape, sheet, engine, processes, options);
  return comm::MeshDevice::open(shape, sheet, engine, options);
}

ModelSession::ModelSession(const ModelChoice& choice) {
  const Engine engine = parse_engine(choice.engine);
  check(engine != Engine::Meta, "engine meta: it computes shapes only: use fast, exact or ref");
  if (!choice.alone) mesh_ = open_mesh(choice.mesh, choice.device, engine, {.async = choice.async});
  data_parallel_ = choice.data_parallel;
  const comm::MeshShape copy =
      comm::replica_shape(mesh_ ? mesh_->shape() : comm::MeshShape{}, data_parallel_);
  if (!choice.tensor_parallel.empty()) tensor_ = nn::parse_tensor_plan(choice.tensor_parallel, copy);
  device_ = mesh_ ? mesh_->device(mesh_->local_ranks().front()).shared_from_this()
                  : Device::open(choice.device, engine, {.async = choice.async});
  precision_ = choice.precision.empty() ? default_precision(engine) : choice.precision;
  models::parse_precision(precision_);  // a wrong name is told before a model is fetched
  checkpoint_ = models::open_checkpoint(io::resolve_model(choice.model), choice.adapter);
  if (choice.tensor_parallel.empty()) tensor_ = models::usual_tensor_plan(config(), copy.chips());
  files_ = checkpoint_->tokenizer();
  tokenizer_ = std::make_unique<text::Tokenizer>(files_);
}

void ModelSession::load(int context) {
  model_ = models::load_model(*device_, *checkpoint_,
                              {.precision = models::parse_precision(precision_), .max_seq = context});
}

void ModelSession::run(int context, const std::function<void(const Replica&)>& body) {
  if (!mesh_) {
    load(context);
    return body({*model_, *device_});
  }
  mesh_->run([&](const comm::Chip& chip) {
    const comm::ReplicaGroup replica = comm::replica_of(chip, mesh_->shape(), data_parallel_);
    const auto model = models::load_model(chip.device, *checkpoint_,
                                          {.precision = models::parse_precision(precision_),
                                           .max_seq = context,
                                           .group = replica.chips,
                                           .tensor = tensor_});
    chip.mesh->barrier_after_loading();
    body({*model, chip.device, replica.index, data_parallel_, chip.rank, chip.mesh});
  });
}

std::vector<std::int32_t> ModelSession::stop_ids() const {
  const auto& ids = config().eos_token_ids;
  return {ids.begin(), ids.end()};
}

}  // namespace tessera::generate
