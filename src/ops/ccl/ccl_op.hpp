#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "ops/ccl/ccl.hpp"

namespace tessera {

std::string_view to_string(Topology topology);

/// Bytes over the busiest link in its busier direction when each of n ranks hands `part` bytes to all others.
/// A line's last link carries all parts but one, as a rank's own does when all are reached directly; on a
/// ring parts go both ways round.
double busiest_link_bytes(Topology topology, int ranks, double part);

/// What the three have in common. All engines move the same bytes.
struct Collective : Operation {
  std::shared_ptr<comm::Group> group;
  Topology topology;

  Collective(std::shared_ptr<comm::Group> g, Topology t) : group(std::move(g)), topology(t) {}
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  void run_fast(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
  void run_exact(Inputs inputs, Outputs outputs) const override { run_ref(inputs, outputs); }
};

/// Input: x.
struct AllGather final : Collective {
  int dim;

  AllGather(int d, std::shared_ptr<comm::Group> g, Topology t) : Collective(std::move(g), t), dim(d) {}
  std::string_view name() const override { return "all_gather"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  double link_bytes(Inputs inputs, Outputs outputs) const override;
};

/// Input: x.
struct ReduceScatter final : Collective {
  int dim;

  ReduceScatter(int d, std::shared_ptr<comm::Group> g, Topology t) : Collective(std::move(g), t), dim(d) {}
  std::string_view name() const override { return "reduce_scatter"; }
  std::string attributes() const override;
  void validate(Inputs inputs) const override;
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  double link_bytes(Inputs inputs, Outputs outputs) const override;
};

/// Input: x.
struct AllReduce final : Collective {
  using Collective::Collective;
  std::string_view name() const override { return "all_reduce"; }
  std::vector<OutputSpec> output_specs(Inputs inputs) const override;
  void run_ref(Inputs inputs, Outputs outputs) const override;
  double link_bytes(Inputs inputs, Outputs outputs) const override;
};

}  // namespace tessera
