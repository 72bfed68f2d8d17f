#include "plan/layouts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tessera::plan {
std::vector<int> possible_degrees(const SpecSheet& sheet) {
  std::vector<int> degrees;
  for (const int degree : {1, 2, 4, 8, sheet.chips}) {
    if (sheet.chips % degree == 0 && std::ranges::find(degrees, degree) == degrees.end())
      degrees.push_back(degree);
  }
  return degrees;
}

std::string describe(const Layout& l) {
  const bool tensor = l.tensor_parallel > 1, data = l.copies > 1;
  if (!tensor && !data) return "one chip";
  const int columns = l.plan.columns;
  const std::string chips = !tensor       ? "one chip"
                            : columns > 1 ? fmt::format("{}x{} chips", l.tensor_parallel / columns, columns)
                                          : fmt::format("{} chips", l.tensor_parallel);
  if (!data) return chips + ", tensor parallel";
  return fmt::format("{} copies of {}, {}data parallel", l.copies, chips, tensor ? "tensor and " : "");
}

Layout lay_out(const Plan& plan, int tensor_parallel, std::vector<OpWork>* decode,
               std::vector<OpWork>* prefill) {
  const PlanRequest& r = plan.request;
  const SpecSheet& chip = chip_sheet(*plan.sheet);
  const ChipPart part = chip_part(plan.facts, tensor_parallel);
  Layout layout;
  layout.tensor_parallel = tensor_parallel;
  layout.plan = part.plan;
  layout.copies = plan.sheet->chips / tensor_parallel;
  layout.capacity = chip_capacity(chip);
  layout.memory = run_memory(plan.facts, part, plan.precision, chip,
                             {.batch = r.batch, .context = r.context, .chunk = r.chunk});
  if (!plan.has_speed()) return layout;

  layout.speed = predict_speed(plan.facts, part, plan.speed_precision, *plan.sheet,
                               {r.batch, r.context, r.prompt, r.chunk, layout.copies}, decode, prefill);
  return layout;
}

}  // namespace tessera::plan
