#pragma once
// An op as data, apart from its inputs: what a file needs to keep of it, and how to run one again under
// another ComputeKernelConfig. Ops with arithmetic of their own; moves, caches and collectives have none.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ops/operation.hpp"

namespace tessera {

using OpAttribute = std::variant<bool, double, std::string, std::vector<float>>;

struct OpCall {
  std::string name;                               // Operation::name()
  std::map<std::string, OpAttribute> attributes;  // by TT-NN's names, floats without loss
  OpOptions options;                              // but memory_config
};

/// nullopt for an op that is no such one.
std::optional<OpCall> describe_call(const Operation& op);

/// The op of a description; `inputs`: which tensors it is to get are there. Throws UserError for a name that
/// it does not know, an attribute that is missing, unknown or of another kind, and for inputs too few, too
/// many or absent where one is needed: what validate() takes for granted.
std::shared_ptr<const Operation> make_operation(const OpCall& call, const std::vector<bool>& inputs);

}  // namespace tessera
