#include "verify/thresholds.hpp"

#include <gtest/gtest.h>

#include "util/error.hpp"

namespace tessera::verify {
namespace {

TEST(Thresholds, EachIsListedAndSetByItsName) {
  Thresholds changed;
  for (const auto& [name, value] : list_thresholds({})) {
    set_threshold(changed, name + "=0.25");
    EXPECT_NE(value, 0.25) << name;
  }
  EXPECT_EQ(changed.layer, 0.25);
  EXPECT_EQ(changed.baseline_margin, 0.25);
  for (const auto& [name, value] : list_thresholds(changed)) EXPECT_EQ(value, 0.25) << name;
  set_threshold(changed, "top1=100");
  EXPECT_EQ(changed.top1, 100);
  EXPECT_EQ(changed.top5, 0.25);
}

TEST(Thresholds, TheCardsBarsAreItsVendors) {
  const Thresholds accuracy = card_thresholds(models::parse_precision("accuracy"));
  const Thresholds performance = card_thresholds(models::parse_precision("performance"));
  EXPECT_EQ(accuracy.model, 0.94);
  EXPECT_EQ(accuracy.top1, 86.5);
  EXPECT_EQ(performance.model, 0.86);
  EXPECT_EQ(performance.top1, 78.5);
  // No preset of the vendor's.
  EXPECT_EQ(list_thresholds(card_thresholds(models::parse_precision("bf16"))), list_thresholds({}));
}

TEST(Thresholds, WhatIsNoThreshold) {
  const auto refused = [](const char* text, const char* part) {
    Thresholds t;
    try {
      set_threshold(t, text);
      ADD_FAILURE() << text;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  for (const char* text : {"", "op", "=1", "ops=0.9", "0.9", "OP=0.9"})
    refused(text, "op, module, layer, model");
  for (const char* text : {"op=", "op=x", "op=0.9x", "op=1.5", "op=-2", "op=nan", "op= 0.9"})
    refused(text, "from -1 to 1");
  for (const char* text : {"top1=101", "top5=-1"}) refused(text, "from 0 to 100");
  for (const char* text : {"baseline_margin=-1", "baseline_relative=inf"}) refused(text, "of 0 or more");
}

}  // namespace
}  // namespace tessera::verify
