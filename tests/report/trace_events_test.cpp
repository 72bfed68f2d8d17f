#include "report/trace_events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sample_report.hpp"

namespace tessera::report::test {
namespace {

TEST(TraceEvents, AreWhatPerfettoReads) {
  const auto json = nlohmann::json::parse(trace_event_json(sample_report().timeline));
  const auto& events = json.at("traceEvents");
  ASSERT_EQ(events.size(), 4u);  // two commands, and the names of two queues
  EXPECT_EQ(events[0], nlohmann::json::parse(R"({"name": "linear", "cat": "device", "ph": "X", "ts": 500.0,
    "dur": 1250.0, "pid": 0, "tid": 0, "args": {"path": "layers.0.mlp"}})"));
  EXPECT_EQ(events[1].at("tid"), 1);
  EXPECT_EQ(events[3], nlohmann::json::parse(R"({"name": "thread_name", "ph": "M", "pid": 0, "tid": 1,
    "args": {"name": "command queue 1"}})"));
}

TEST(TraceEvents, NamesThatAreNotUtf8AreReplaced) {
  const auto json = nlohmann::json::parse(trace_event_json({{0, "\xFF", "a\"b", 0, 1}}));
  EXPECT_EQ(json.at("traceEvents")[0].at("name"), "\uFFFD");
  EXPECT_EQ(json.at("traceEvents")[0].at("args").at("path"), "a\"b");
}

TEST(TraceEvents, AnEmptyTimelineIsADocumentToo) {
  EXPECT_TRUE(nlohmann::json::parse(trace_event_json({})).at("traceEvents").empty());
}

}  // namespace
}  // namespace tessera::report::test
