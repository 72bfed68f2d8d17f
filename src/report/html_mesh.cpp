// Several chips: what each way of sharing the work gives, costs and holds, against one device.
#include <fmt/format.h>

#include "report/figures.hpp"
#include "report/html_sections.hpp"

namespace tessera::report {
namespace {

std::string rate_text(double rate, double one) {
  if (one <= 0) return figure_text(rate);
  return fmt::format("{} ({:.2f}x)", figure_text(rate), rate / one);
}

std::string share_text(std::int64_t bytes, std::int64_t one) {
  if (one <= 0) return bytes_text(bytes);
  return fmt::format("{} ({:.0f} %)", bytes_text(bytes),
                     100.0 * static_cast<double>(bytes) / static_cast<double>(one));
}

void way_row(Html& html, const MeshWay& w, const MeshWay& one) {
  const auto line = html.open("tr");
  html.element("td", w.name);
  html.element("td", pcc_text(w.pcc), {{"class", "n"}});
  html.element("td", fmt::format("{} of {}", w.equal_users, w.users), {{"class", "n"}});
  html.element("td", w.equal_users < w.users ? figure_text(w.margin) : "", {{"class", "n"}});
  html.element("td", rate_text(w.prefill_tok_s, one.prefill_tok_s), {{"class", "n"}});
  html.element("td", rate_text(w.decode_tok_s, one.decode_tok_s), {{"class", "n"}});
  html.element("td", share_text(w.weights_bytes, one.weights_bytes), {{"class", "n"}});
  html.element("td", share_text(w.kv_bytes, one.kv_bytes), {{"class", "n"}});
  html.element("td", w.as_planned ? "to the byte" : "no", {{"class", "n"}});
  const auto cell = html.open("td");
  status_mark(html, w.pass);
}

}  // namespace

void mesh_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "mesh"}});
  html.element("h2", "Several chips");
  if (r.mesh.ways.empty()) return not_run(html, "comparison of a mesh with one device", 7);
  html.element("p",
               fmt::format("A mesh of {} chips ({}). Every way does the same work as one device. Speeds are "
                           "this machine's: its cores are shared by all chips.",
                           r.mesh.shape, r.mesh.transport));
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  table_head(html, {"way", "logits PCC", "equal texts", "margin", "prefill tok/s", "decode tok/s",
                    "weights a chip", "KV a chip", "as counted", ""});
  const auto body = html.open("tbody");
  for (const MeshWay& w : r.mesh.ways) way_row(html, w, r.mesh.ways.front());
  for (const LeftOutWay& w : r.mesh.left_out) {
    const auto line = html.open("tr");
    html.element("td", w.name);
    html.element("td", "left out: " + w.reason, {{"colspan", "9"}});
  }
}

}  // namespace tessera::report
