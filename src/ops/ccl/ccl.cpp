#include "ops/ccl/ccl.hpp"

#include "ops/ccl/ccl_op.hpp"
#include "ops/checks.hpp"
#include "ops/dispatch.hpp"

namespace tessera {
namespace {

int axis(int dim, const Shape& shape) {
  return dim < 0 ? dim + shape.rank() : dim;
}

void check_dim(std::string_view op, const Tensor& x, int dim) {
  const int d = axis(dim, x.logical_shape());
  check(d >= 0 && d < x.logical_shape().rank(), "[{}] dim {} of {}: give one of its dimensions", op, dim,
        to_string(x.spec()));
}

double bytes(const Tensor& x) {
  return static_cast<double>(x.spec().packed_bytes());
}

}  // namespace

std::string_view to_string(Topology topology) {
  switch (topology) {
    case Topology::Direct:
      return "direct";
    case Topology::Linear:
      return "linear";
    case Topology::Ring:
      break;
  }
  return "ring";
}

Topology usual_topology(const Device& device, int ranks) {
  if (device.sheet().name == "cpu") return Topology::Direct;
  return ranks >= 8 ? Topology::Ring : Topology::Linear;
}

double busiest_link_bytes(Topology topology, int ranks, double part) {
  const int parts = topology == Topology::Ring ? ranks / 2 : ranks - 1;
  return parts * part;
}

std::string Collective::attributes() const {
  return fmt::format("ranks={} topology={}", group->size(), to_string(topology));
}

void Collective::validate(Inputs in) const {
  check(group != nullptr, "[{}] no group: give the ranks that take part", name());
  check_float_rows(name(), in[0]);
}

std::string AllGather::attributes() const {
  return fmt::format("dim={} {}", dim, Collective::attributes());
}

void AllGather::validate(Inputs in) const {
  Collective::validate(in);
  check_dim(name(), in[0], dim);
}

std::vector<OutputSpec> AllGather::output_specs(Inputs in) const {
  Shape shape = in[0].logical_shape();
  shape[axis(dim, shape)] *= group->size();
  return {like(in[0], shape, {})};
}

double AllGather::link_bytes(Inputs in, Outputs) const {
  return busiest_link_bytes(topology, group->size(), bytes(in[0]));
}

std::string ReduceScatter::attributes() const {
  return fmt::format("dim={} {}", dim, Collective::attributes());
}

void ReduceScatter::validate(Inputs in) const {
  Collective::validate(in);
  check_dim(name(), in[0], dim);
  const Shape& shape = in[0].logical_shape();
  check(shape[axis(dim, shape)] % group->size() == 0,
        "[reduce_scatter] dim {} of {} over {} ranks: a multiple expected: pad it", dim,
        to_string(in[0].spec()), group->size());
}

std::vector<OutputSpec> ReduceScatter::output_specs(Inputs in) const {
  Shape shape = in[0].logical_shape();
  shape[axis(dim, shape)] /= group->size();
  return {like(in[0], shape, {})};
}

double ReduceScatter::link_bytes(Inputs, Outputs out) const {
  return busiest_link_bytes(topology, group->size(), bytes(out[0]));
}

std::vector<OutputSpec> AllReduce::output_specs(Inputs in) const {
  return {same_as(in[0], {})};
}

double AllReduce::link_bytes(Inputs in, Outputs) const {
  // A reduce_scatter and an all_gather of the parts.
  return 2 * busiest_link_bytes(topology, group->size(), bytes(in[0]) / group->size());
}

Tensor all_gather(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group, Topology topology) {
  return dispatch(AllGather(dim, group, topology), {x})[0];
}

Tensor reduce_scatter(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group,
                      Topology topology) {
  return dispatch(ReduceScatter(dim, group, topology), {x})[0];
}

Tensor all_reduce(const Tensor& x, const std::shared_ptr<comm::Group>& group, Topology topology) {
  return dispatch(AllReduce(group, topology), {x})[0];
}

}  // namespace tessera
