// Ops run on devices: a host tensor must be moved there by name, so that the copy is seen.
#include "ops/dispatch.hpp"
#include "tensor/host_tensor.hpp"

std::vector<tessera::Tensor> run(const std::shared_ptr<const tessera::Operation>& op,
                                 const tessera::HostTensor& host, tessera::Device& device) {
#ifdef WRONG
  (void)device;
  return tessera::dispatch(op, {host});
#else
  return tessera::dispatch(op, {tessera::to_device(device, host.to_vector(), host.spec())});
#endif
}
