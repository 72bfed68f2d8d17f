#include "nn/parallel.hpp"

#include <array>
#include <utility>
#include <vector>

#include "ops/ccl/ccl.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::nn {
namespace {

constexpr std::array<std::pair<TensorForm, std::string_view>, 3> kForms{{
    {TensorForm::Replicated, "replicated"},
    {TensorForm::Fractured, "fractured"},
    {TensorForm::Grid, "2d"},
}};

// A ring of the cards' Ethernet links.
constexpr int kRing = 8;

std::shared_ptr<comm::Group> if_several(std::shared_ptr<comm::Group> group) {
  return group && group->size() > 1 ? std::move(group) : nullptr;
}

// The ranks' channels side by side, without the padding at the end.
Tensor gathered(const Tensor& x, const std::shared_ptr<comm::Group>& group, std::int64_t width) {
  Tensor all = all_gather(x, -1, group, usual_topology(x.device(), group->size()));
  Shape end = all.logical_shape();
  if (end[-1] == width) return all;
  end[-1] = width;
  const std::vector<std::int64_t> begin(end.dims().size(), 0);
  return slice(all, begin, end.dims());
}

}  // namespace

std::string_view to_string(TensorForm form) {
  return kForms[static_cast<std::size_t>(form)].second;
}

TensorForm parse_tensor_form(std::string_view name) {
  for (const auto& [form, text] : kForms) {
    if (name == text) return form;
  }
  fail_user("tensor parallel \"{}\": use replicated, fractured or 2d", name);
}

int parts_of(const TensorPlan& plan, int chips) {
  return plan.form == TensorForm::Grid ? chips / plan.columns : chips;
}

int hidden_parts_of(const TensorPlan& plan, int chips) {
  if (plan.form == TensorForm::Grid) return plan.columns;
  return plan.form == TensorForm::Fractured ? chips : 1;
}

TensorPlan usual_tensor_plan(int chips) {
  if (chips <= kRing || chips % kRing != 0) return {};
  return {TensorForm::Grid, chips / kRing};
}

TensorPlan parse_tensor_plan(std::string_view name, const comm::MeshShape& chips) {
  const TensorForm form = parse_tensor_form(name);
  return {form, form == TensorForm::Grid ? chips.cols : 1};
}

std::string describe(const TensorPlan& plan, int chips) {
  if (plan.form == TensorForm::Grid)
    return fmt::format("tensor parallel {}x{}", chips / plan.columns, plan.columns);
  return fmt::format("tensor parallel {}{}", chips, plan.form == TensorForm::Fractured ? ", fractured" : "");
}

Tensor Parallel::join(Tensor y) const {
  if (sum) {
    const Topology topology = usual_topology(y.device(), sum->size());
    y = scatter ? reduce_scatter(y, -1, sum, topology) : all_reduce(y, sum, topology);
  }
  return gather ? gathered(y, gather, width) : y;
}

Tensor distributed_rms_norm(const Tensor& x, float epsilon, const Tensor& weight,
                            const NormParallel& parallel) {
  const Tensor mine = rms_norm_pre_all_gather(x);
  const Tensor stats =
      all_gather(mine, -1, parallel.group, usual_topology(x.device(), parallel.group->size()));
  Tensor y = rms_norm_post_all_gather(x, stats, epsilon, weight, {}, parallel.width);
  return parallel.gather ? gathered(y, parallel.group, parallel.width) : y;
}

TensorParallel::TensorParallel(std::shared_ptr<comm::Group> group, const TensorPlan& plan) : plan_(plan) {
  if (!if_several(group)) return;
  if (plan.form != TensorForm::Grid) {
    parts_ = group;
    if (plan.form == TensorForm::Fractured) hidden_ = std::move(group);
    return;
  }
  const int columns = plan.columns, rank = group->rank();
  check(columns >= 1 && group->size() % columns == 0,
        "tensor parallel 2d: {} chips in rows of {}: whole rows expected", group->size(), columns);
  std::vector<int> row, column;
  row.reserve(static_cast<std::size_t>(columns));
  column.reserve(static_cast<std::size_t>(group->size() / columns));
  for (int c = 0; c < columns; ++c) row.push_back(rank / columns * columns + c);
  for (int r = rank % columns; r < group->size(); r += columns) column.push_back(r);
  parts_ = if_several(group->subgroup(column));
  hidden_ = if_several(group->subgroup(row));
}

Parallel TensorParallel::behind_columns() const {
  return form() == TensorForm::Grid ? Parallel{.sum = hidden_} : Parallel{};
}

Parallel TensorParallel::behind_rows() const {
  return {.sum = parts_, .scatter = form() == TensorForm::Fractured};
}

Parallel TensorParallel::behind_head(std::int64_t vocabulary) const {
  Parallel parallel = behind_columns();
  parallel.gather = parts_;
  parallel.width = vocabulary;
  return parallel;
}

NormParallel TensorParallel::norm(std::int64_t hidden) const {
  return {hidden_, form() == TensorForm::Fractured, hidden};
}

NormParallel TensorParallel::output_norm(std::int64_t hidden) const {
  return {hidden_, false, hidden};
}

}  // namespace tessera::nn
