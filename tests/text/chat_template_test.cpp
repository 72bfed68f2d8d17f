#include <gtest/gtest.h>

#include <ctime>

#include "text_data.hpp"

namespace tessera::text::test {
namespace {

std::string render(const std::string& source, const std::vector<Message>& messages = {}, bool prompt = true) {
  return ChatTemplate(source, "<s>", "</s>").render(messages, prompt);
}

const std::vector<Message> kTalk = {
    {"system", "Be brief."}, {"user", " Hi \"you\" <b> "}, {"assistant", "Hello"}};

TEST(ChatTemplate, ChatMlWithADefaultSystemMessage) {
  const std::string source =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
      "'<|im_start|>system\n"
      "Default<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
      "'<|im_end|>'"
      " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  EXPECT_EQ(render(source, {{"user", "Hi"}}),
            "<|im_start|>system\nDefault<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render(source, {kTalk[0]}, false), "<|im_start|>system\nBe brief.<|im_end|>\n");
}

TEST(ChatTemplate, PythonsMethodsNamespacesAndLoopControls) {
  const std::string source = R"({{- bos_token }}
{%- set ns = namespace(count=0) %}
{% for message in messages if message.role != 'system' %}
    {% set ns.count = ns.count + 1 %}
    {% if ns.count > 1 %}
        {% break %}
    {% endif %}
    {{- message.content.strip().upper() + eos_token -}}
{% endfor %}
{{ ns.count }}{{ messages[1:] | length }}{{ messages[-1].role }}{% if tools is not none %}tools{% endif %})";
  EXPECT_EQ(render(source, kTalk), "<s>HI \"YOU\" <B></s>22assistant");
}

TEST(ChatTemplate, BlocksLeaveNoBlankLines) {
  EXPECT_EQ(render("{% if true %}\n  a\n  {% if true %}\n  b\n  {% endif %}\n{% endif %}\nc"), "  a\n  b\nc");
}

TEST(ChatTemplate, ToJsonIsPythons) {
  EXPECT_EQ(render("{{ messages | tojson }}", {kTalk[1]}),
            R"([{"role": "user", "content": " Hi \"you\" <b> "}])");
  EXPECT_EQ(render("{{ {'a': [1, 2.5, none, true, []], 'é': {}} | tojson }}"),
            R"({"a": [1, 2.5, null, true, []], "é": {}})");
  EXPECT_EQ(render("{{ {'a': [1]} | tojson(indent=2) }}"), "{\n  \"a\": [\n    1\n  ]\n}");
}

TEST(ChatTemplate, HuggingFacesGenerationBlock) {
  EXPECT_EQ(render("a {%- generation -%} b{% set x = 1 %} {% endgeneration %}\n{{ x }}c"), "ab c");
  EXPECT_EQ(render("{{ '{% generation' }} {% if 1 %}generation{% endif %}"), "{% generation generation");
}

TEST(ChatTemplate, TestsAreJinja2s) {
  EXPECT_EQ(render("{{ tools is iterable }} {{ 'a' is iterable }} {{ [] is iterable }} {{ 1 is iterable }}"),
            "False True True False");
  EXPECT_EQ(render("{{ 'a' is sequence }} {{ {} is sequence }} {{ [1] is sequence }} {{ none is sequence }}"),
            "True True True False");
}

TEST(ChatTemplate, StrftimeNowIsTheLocalDate) {
  char year[8];
  const std::time_t now = std::time(nullptr);
  std::strftime(year, sizeof year, "%Y", std::localtime(&now));
  EXPECT_EQ(render("{{ strftime_now('%Y') }}"), year);
  EXPECT_EQ(render("{{ strftime_now('') }}"), "");
}

TEST(ChatTemplate, RefusalCarriesTheTemplatesMessage) {
  const std::string error = user_error([] {
    render("{% if messages[0].role != 'user' %}{{ raise_exception('Roles must alternate') }}{% endif %}",
           kTalk);
  });
  EXPECT_TRUE(error.starts_with("chat template: ")) << error;
  EXPECT_NE(error.find("Roles must alternate"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_NE(user_error([] { render("{{ messages[0].no.such }}", kTalk); }).find("undefined"),
            std::string::npos);
}

TEST(ChatTemplate, RefusesASourceThatDoesNotParse) {
  EXPECT_NE(user_error([] { ChatTemplate("{% for x in %}", "", ""); }).find("syntax error"),
            std::string::npos);
  EXPECT_NE(user_error([] { ChatTemplate("\xFF", "", ""); }).find("not UTF-8"), std::string::npos);
  EXPECT_NE(user_error([] { render("a", {{"user", "\xFF"}}); }).find("not UTF-8"), std::string::npos);
  EXPECT_NE(user_error([] { render(""); }).find("has none"), std::string::npos);
}

TEST(ChatTemplate, EndlessWorkIsStopped) {
  EXPECT_NE(user_error([] {
              render("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}");
            }),
            "");
  EXPECT_NE(user_error([] { render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"); }), "");
  EXPECT_NE(user_error([] { render("{{ 'a' * 90000000 }}"); }).find("64 MiB"), std::string::npos);
  EXPECT_NE(user_error([] { render("{{" + std::string(100'000, '(')); }), "");
  EXPECT_NE(user_error([] { render("{{" + std::string(100'000, '[') + "}}"); }), "");
}

TEST(ChatTemplate, MemoryIsLimited) {
  const auto refused = [](const std::string& source) { return user_error([&] { render(source); }); };
  EXPECT_NE(refused(R"({{ "a\nb"|indent(100000000000000) }})").find("more than 256 MiB of memory"),
            std::string::npos);
  EXPECT_NE(refused("{{ [1]|batch(100000000000) }}").find("more than 256 MiB of memory"), std::string::npos);
  // Texts and lists that double; the sum of what they hold stays below what a process may.
  EXPECT_NE(refused("{% set ns = namespace(s='aaaa') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s "
                    "%}{% endfor %}")
                .find("more than 256 MiB of memory"),
            std::string::npos);
  EXPECT_NE(refused("{% set ns = namespace(s=[1]) %}{% for i in range(64) %}"
                    "{% set ns.s = [ns.s|tojson, ns.s|tojson] %}{% endfor %}"),
            "");
  EXPECT_EQ(render("{{ 'as before' }}"), "as before");
}

TEST(ChatTemplate, DeepValuesDoNotUseUpTheStack) {
  const std::string nested = std::string(20, '[') + "ns.s" + std::string(20, ']');
  for (const int rounds : {36'000, 39'000}) {  // just enough steps, and too few: 700 thousand levels
    for (const char* last : {"", "{{ ns.s }}", "{{ ns.s|tojson }}", "{{ ns.s == [ns.s] }}"}) {
      const std::string source = "{% set ns = namespace(s=[]) %}{% for a in range(" + std::to_string(rounds) +
                                 ") %}{% set ns.s = " + nested + " %}{% endfor %}" + last;
      const std::string error = user_error([&] { render(source); });
      EXPECT_EQ(error.empty(), rounds == 36'000) << error;
    }
  }
}

}  // namespace
}  // namespace tessera::text::test
