#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "commands.hpp"
#include "generate/conversation.hpp"
#include "line_reader.hpp"
#include "options.hpp"
#include "output.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace tessera::cli {
namespace {

struct Options {
  generate::ModelChoice choice;
  generate::ConversationOptions conversation;
  int context = 4096;
};

// The next message; nothing at the end. Of several chips one reads it and tells the others, which take the
// same steps.
std::optional<std::string> next_message(const generate::Replica& replica, LineReader& lines) {
  std::optional<std::string> line = replica.speaks() ? lines.next() : std::nullopt;
  if (!replica.mesh) return line;
  comm::Group& mesh = *replica.mesh;
  std::int64_t size = line ? static_cast<std::int64_t>(line->size()) : -1;
  const double limit = mesh.timeout();
  mesh.set_timeout(0);  // people think for longer than a step takes
  mesh.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
  mesh.set_timeout(limit);
  if (size < 0) return std::nullopt;
  std::string text = line.value_or(std::string(static_cast<std::size_t>(size), ' '));
  if (!text.empty()) mesh.broadcast(std::as_writable_bytes(std::span(text)), 0);
  return text;
}

// `stops`: Ctrl-C stops the answer only; elsewhere the next step ends the program.
void answer(generate::Conversation& chat, const std::string& message, bool speaks, bool stops) {
  try {
    chat.reply(message, [&](const std::string& text) {
      if (speaks) write_out(text);
      return !stops || !interrupted();
    });
    if (speaks) write_out("\n");
  } catch (const Interrupted&) {
    if (!stops) throw;
    write_out("\n");
  } catch (const UserError& error) {
    if (speaks) fmt::print(stderr, "tessera: {}\n", error.what());
  }
  if (stops) clear_interrupt();
}

void talk(const Options& o, const generate::ModelSession& session, const generate::Replica& replica) {
  const bool terminal = isatty(STDIN_FILENO) != 0 && replica.speaks();
  // The chips of a mesh would not stop at the same token: Ctrl-C ends them all.
  const bool stops = terminal && !replica.mesh;
  generate::Generator generator(replica.model, {.users = 1, .trace = o.choice.trace});
  generate::Conversation chat(generator, session.tokenizer(), session.files(), o.conversation);
  if (terminal)
    fmt::print(stderr, "{}: /reset begins anew, /exit leaves, Ctrl-C stops {}\n", o.choice.model,
               stops ? "an answer" : "the program");
  LineReader lines(STDIN_FILENO);
  while (true) {
    if (terminal) write_out("> ");
    const auto line = next_message(replica, lines);
    if (!line) break;
    if (*line == "/exit") return;
    if (*line == "/reset") {
      chat.reset();
    } else if (!line->empty()) {
      answer(chat, *line, replica.speaks(), stops);
    }
  }
  if (terminal) write_out("\n");
  if (!stops) check_interrupt();
}

void run(Options& o) {
  generate::ModelSession session(o.choice);
  o.conversation.stop_ids = session.stop_ids();
  session.run(o.context, [&](const generate::Replica& replica) { talk(o, session, replica); });
}

}  // namespace

void add_chat(CLI::App& app) {
  auto* command = app.add_subcommand("chat", "Talk with a model; from a pipe, one message a line");
  command->footer(
      "Examples:\n  tessera chat smollm2-135m\n"
      "  tessera chat smollm2-135m --system \"You answer in one sentence.\" --temperature 0.7\n"
      "  printf 'My name is Ada.\\nWhat is my name?\\n' | tessera chat smollm2-135m\n"
      "A line /reset begins anew, /exit leaves. On a terminal Ctrl-C stops the answer; at the prompt it "
      "leaves.");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_run_switches(*command, o->choice);
  add_mesh_option(*command, o->choice.mesh);
  command->add_option("--system", o->conversation.system, "The system message");
  command->add_option("-n,--tokens", o->conversation.max_new_tokens, "Tokens of an answer at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--context", o->context,
                   "Positions of the whole conversation; the model's limit bounds it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_sampling_options(*command, o->conversation.sampling);
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
