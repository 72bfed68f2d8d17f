#include "bench_output.hpp"

#include <fmt/format.h>

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

Json class_json(const generate::OpClass& op, const MachinePeaks& peaks) {
  return {{"op", op.name},
          {"calls", op.calls},
          {"ms", op.seconds * 1e3},
          {"gb_s", op.bytes / op.seconds / 1e9},
          {"gop_s", op.operations / op.seconds / 1e9},
          {"bound", op.memory_bound(peaks) ? "memory" : "compute"},
          {"fraction", op.fraction(peaks)}};
}

Json roofline_json(const generate::Roofline& roofline) {
  const MachinePeaks& peaks = roofline.peaks;
  Json steps = Json::array();
  for (const generate::StepRoofline& step : roofline.steps) {
    Json classes = Json::array();
    for (const generate::OpClass& op : step.classes) classes.push_back(class_json(op, peaks));
    steps.push_back({{"kind", step.kind},
                     {"batch", step.batch},
                     {"context", step.context},
                     {"ms", step.seconds() * 1e3},
                     {"bytes", step.bytes()},
                     {"classes", classes}});
  }
  return {{"peaks",
           {{"read_gb_s", peaks.read_bytes_s / 1e9},
            {"fp32_gflop_s", peaks.fp32_flop_s / 1e9},
            {"int16_gop_s", peaks.int16_op_s / 1e9}}},
          {"steps", steps}};
}

std::string roofline_text(const generate::Roofline& roofline) {
  const MachinePeaks& peaks = roofline.peaks;
  std::string text = fmt::format(
      "\nthis machine reads {:.1f} GB/s, multiplies and adds {:.0f} GFLOP/s in float32 and {:.0f} Gop/s in "
      "16-bit integers\n",
      peaks.read_bytes_s / 1e9, peaks.fp32_flop_s / 1e9, peaks.int16_op_s / 1e9);
  for (const generate::StepRoofline& step : roofline.steps) {
    const double seconds = step.seconds();
    text +=
        fmt::format("\n{}, batch {}, context {}: {:.2f} ms in ops, {:.1f} MB, {:.0f} % of the read rate\n",
                    step.kind, step.batch, step.context, seconds * 1e3, step.bytes() / 1e6,
                    100 * step.bytes() / seconds / peaks.read_bytes_s);
    text += fmt::format("{:<44} {:>5} {:>10} {:>6} {:>8} {:>8}  {}\n", "", "calls", "ms", "share", "GB/s",
                        "Gop/s", "of its roof");
    for (const generate::OpClass& op : step.classes) {
      text += fmt::format("{:<44} {:>5} {:>10.3f} {:>4.0f} % {:>8.1f} {:>8.1f}  {:.0f} % ({})\n", op.name,
                          op.calls, op.seconds * 1e3, 100 * op.seconds / seconds, op.bytes / op.seconds / 1e9,
                          op.operations / op.seconds / 1e9, 100 * op.fraction(peaks),
                          op.memory_bound(peaks) ? "memory" : "compute");
    }
  }
  return text;
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

}  // namespace

nlohmann::ordered_json bench_json(const generate::BenchReport& r) {
  Json results = Json::array();
  for (const generate::BenchResult& row : r.results) {
    results.push_back({{"kind", row.kind},
                       {"batch", row.batch},
                       {"prompt", row.prompt},
                       {"context", row.context},
                       {"tok_s", row.tok_s.median},
                       {"tok_s_min", row.tok_s.min},
                       {"tok_s_max", row.tok_s.max},
                       {"ms", row.ms.median},
                       {"ms_min", row.ms.min},
                       {"ms_max", row.ms.max},
                       {"repeats", row.repeats}});
  }
  Json json = {{"model", r.model},
               {"adapter", r.adapter},
               {"device", r.device},
               {"engine", r.engine},
               {"precision", r.precision},
               {"mesh", r.mesh},
               {"copies", r.copies},
               {"threads", r.threads},
               {"isa", r.isa},
               {"async", r.async},
               {"trace", r.trace},
               {"load_s", r.load_s},
               {"ttft_ms", r.ttft_ms},
               {"memory",
                {{"weights_bytes", r.weights_bytes},
                 {"kv_bytes", r.kv_bytes},
                 {"peak_bytes", r.peak_bytes},
                 {"host_peak_bytes", r.host_peak_bytes}}},
               {"results", results}};
  if (r.roofline) json["roofline"] = roofline_json(*r.roofline);
  return json;
}

std::string bench_text(const generate::BenchReport& r) {
  const std::string mesh = r.mesh.empty()
                               ? ""
                               : fmt::format(" (mesh {}, {} of the model)", r.mesh,
                                             r.copies == 1 ? "one copy" : fmt::format("{} copies", r.copies));
  const std::string model = r.adapter.empty() ? r.model : r.model + " with " + r.adapter;
  std::string text = fmt::format("{} on {}{}: {} engine, {} precision, {} threads, {}, {}, {}\n\n", model,
                                 r.device, mesh, r.engine, r.precision, r.threads, r.isa,
                                 r.trace ? "traced" : "eager", r.async ? "asynchronous" : "at once");
  text += fmt::format("{:<8} {:>5} {:>6} {:>7} {:>10} {:>21} {:>10}\n", "", "batch", "prompt", "context",
                      "tok/s", "(min - max)", "ms");
  for (const generate::BenchResult& row : r.results) {
    const std::string range = fmt::format("({:.1f} - {:.1f})", row.tok_s.min, row.tok_s.max);
    text += fmt::format("{:<8} {:>5} {:>6} {:>7} {:>10.1f} {:>21} {:>10.2f}\n", row.kind, row.batch,
                        row.prompt, row.context, row.tok_s.median, range, row.ms.median);
  }
  text += fmt::format(
      "\nfirst token {:.1f} ms, loading {:.2f} s; weights {:.1f} MB, KV cache {:.1f} MB, peak "
      "{:.1f} MB, process {:.1f} MB\n",
      r.ttft_ms, r.load_s, megabytes(r.weights_bytes), megabytes(r.kv_bytes), megabytes(r.peak_bytes),
      megabytes(r.host_peak_bytes));
  if (r.roofline) text += roofline_text(*r.roofline);
  return text;
}

}  // namespace tessera::cli
